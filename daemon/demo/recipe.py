"""What happens in a made-up stream, drawn from a seed: planted moments, hard negatives, speech, chat level. Pure.

Times are seconds of the stream (a recipe is a settings file, and its truth file is in seconds). The sounds are made by
mix.py, the chat by chat.py. Detectors never see a recipe; `truth()` is for scoring and for the demo's summary.

Where the numbers come from: detection.md section 5 (chat: variance/mean 2 and lag-1 0.35 per 10 s on small channels,
bursts x3.6-5.4; reactions at +3/+6/+10 dB; the list of hard negatives). The chat delay of 6-9 s is that of a stream in
low-latency mode; detection.md measured 20-30 s on ordinary delay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from daemon.demo.speech import AFTER, EXCITED, OPENING, PUNCHLINE, SETUP, Utterance, catalogue, fill, place

PlantedKind = Literal["sound_and_chat", "chat_only", "sound_only"]
NegativeKind = Literal["music_drop", "door_slam", "gain_step", "advert", "keyboard", "greeting_flood", "emote_spam"]
Family = Literal["demo", "test"]

DEMO_DURATION_S: Final = 120.0
CLEARANCE_S: Final = 8.0  # a hard negative keeps this far from every planted span
SOUNDS: Final = ("roar", "shouts", "laughter", "cheer")
CHAT_NEGATIVES: Final[tuple[NegativeKind, ...]] = ("greeting_flood", "emote_spam")
SOUND_NEGATIVES: Final[tuple[NegativeKind, ...]] = ("music_drop", "door_slam", "gain_step", "advert")
_LENGTHS_S: Final[dict[NegativeKind, tuple[float, float]]] = {
    "music_drop": (5.0, 6.5),
    "door_slam": (0.5, 0.8),
    "gain_step": (5.5, 7.0),
    "advert": (6.0, 6.6),
    "keyboard": (4.0, 7.0),
    "greeting_flood": (5.0, 6.5),
    "emote_spam": (5.0, 6.5),
}
_QUIET_BEFORE_S: Final = 10.0  # a detector may open a clip this early ...
_QUIET_AFTER_S: Final = 40.0  # ... and chat bursts decay with about this constant (detection.md section 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A moment worth a clip. `level_db` is over the speech level, `chat_x` the peak factor on the chat's rate."""

    kind: PlantedKind
    start_s: float
    end_s: float
    peak_s: float
    sound: str = ""
    level_db: float = 0.0
    chat_x: float = 1.0
    chat_start_s: float = 0.0

    @property
    def families(self) -> list[str]:
        """The families of evidence that can see it, as the truth file names them."""
        return [name for name, there in (("audio", bool(self.sound)), ("chat", self.chat_x > 1)) if there]


@dataclass(frozen=True, slots=True, kw_only=True)
class Negative:
    """Something loud or busy that is not worth a clip."""

    kind: NegativeKind
    start_s: float
    end_s: float
    level_db: float = 0.0
    chat_x: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A whole stream. `chat_per_min` is the calm rate; variance/mean and lag-1 are those of 10 s counts."""

    seed: int
    family: Family
    duration_s: float
    moments: tuple[Planted, ...]
    negatives: tuple[Negative, ...]
    speech: tuple[Utterance, ...]
    chat_per_min: float
    chat_variance_ratio: float = 2.0
    chat_lag1: float = 0.35
    speech_dbfs: float = -25.0
    bed_db: float = -18.0  # of the game's sound, against the speech

    @classmethod
    def from_seed(cls, seed: int, family: Family = "demo") -> Recipe:
        """The demo's stream: two minutes, three moments, three hard negatives."""
        return _two_minutes(seed, family)

    def planted(self) -> list[dict[str, object]]:
        """What a run should have found, as the demo's `truth` line names it: kind, start_s, end_s."""
        return [{"kind": p.kind, **_span(p)} for p in self.moments]

    def truth(self) -> dict[str, object]:
        """The truth file of DESIGN.md section 5, with `planted` (what the demo prints) and `negatives` beside it."""
        return {
            "moments": [
                {**_span(p), "peak_s": round(p.peak_s, 3), "kind": p.kind, "families": p.families} for p in self.moments
            ],
            "quiet": [[round(a, 3), round(b, 3)] for a, b in self.quiet()],
            "planted": self.planted(),
            "negatives": [{"kind": n.kind, **_span(n)} for n in self.negatives],
        }

    def quiet(self) -> list[tuple[float, float]]:
        """Stretches of at least 5 s with no planted moment near and no hard negative: nothing to clip there."""
        busy = [(p.start_s - _QUIET_BEFORE_S, p.end_s + _QUIET_AFTER_S) for p in self.moments]
        busy += [(n.start_s - 5.0, n.end_s + 5.0) for n in self.negatives]
        calm, t = [], 0.0
        for start_s, end_s in [*sorted(busy), (self.duration_s, self.duration_s)]:
            if start_s - t >= 5.0:
                calm.append((t, start_s))
            t = max(t, end_s)
        return calm


def _two_minutes(seed: int, family: Family) -> Recipe:
    """The demo.

    The first moment is a joke that only the chat answers; the second has sound and chat, when the burst of the first
    is over; the third is loud and the chat stays calm. A chat negative can only come before the first moment, where no
    burst of a moment is under way.
    """
    rng = np.random.default_rng([seed, 1])
    first, second, third = (at + float(rng.uniform(-3, 3)) for at in (32.0, 77.0, 108.0))
    sounds = [str(s) for s in rng.permutation(SOUNDS)]
    delay_s = float(rng.uniform(6.4, 8.6))
    joke_s = catalogue()[PUNCHLINE].seconds
    planted = (
        plant(rng, "chat_only", first, delay_s=delay_s, length_s=joke_s),
        plant(rng, "sound_and_chat", second, sound=sounds[0], delay_s=delay_s),
        plant(rng, "sound_only", third, sound=sounds[1]),
    )
    negatives = _demo_negatives(rng, planted)
    joke = (place(SETUP, first - catalogue()[SETUP].seconds - 0.4), place(PUNCHLINE, first))
    cry_s = second - catalogue()[EXCITED].seconds + 0.6  # the roar breaks into its last words
    cry = (place(EXCITED, cry_s, level_db=3.0), place(AFTER, planted[1].end_s + 0.3, level_db=1.5))
    return compose(
        rng,
        seed=seed,
        family=family,
        duration_s=DEMO_DURATION_S,
        moments=planted,
        negatives=negatives,
        pinned=(place(OPENING, 0.4), *cry, *joke),
    )


def plant(
    rng: np.random.Generator,
    kind: PlantedKind,
    start_s: float,
    *,
    sound: str = "",
    delay_s: float = 0.0,
    length_s: float | None = None,
) -> Planted:
    """A moment of a kind: sounds last 3-5 s at +6..+10 dB; the chat starts `delay_s` (+/- 0.4 s) after the moment."""
    length = float(rng.uniform(3.0, 5.0)) if length_s is None else length_s
    chat = kind != "sound_only"
    return Planted(
        kind=kind,
        start_s=start_s,
        end_s=start_s + length,
        peak_s=start_s + (min(1.0, length / 3) if sound else length - 0.5),
        sound=sound,
        level_db=float(rng.uniform(6.0, 10.0)) if sound else 0.0,
        chat_x=float(rng.uniform(3.6, 5.4)) if chat else 1.0,
        chat_start_s=start_s + delay_s + float(rng.uniform(-0.4, 0.4)) if chat else 0.0,
    )


def negative(rng: np.random.Generator, kind: NegativeKind, earliest_s: float, latest_end_s: float) -> Negative:
    """A hard negative of a kind somewhere in a free stretch; sounds as loud as the planted ones."""
    length = min(float(rng.uniform(*_LENGTHS_S[kind])), latest_end_s - earliest_s)
    start_s = float(rng.uniform(earliest_s, latest_end_s - length))
    spam = {"greeting_flood": (4.0, 6.0), "emote_spam": (1.8, 2.4)}.get(kind)
    return Negative(
        kind=kind,
        start_s=start_s,
        end_s=start_s + length,
        level_db=0.0 if spam else float(rng.uniform(6.0, 10.0)),
        chat_x=float(rng.uniform(*spam)) if spam else 1.0,
    )


def compose(
    rng: np.random.Generator,
    *,
    seed: int,
    family: Family,
    duration_s: float,
    moments: Sequence[Planted],
    negatives: Sequence[Negative],
    pinned: Sequence[Utterance] = (),
) -> Recipe:
    """Fill a stream with talk around its moments: silent under reactions and adverts, which so keep their level."""
    silent = [(p.start_s - 0.2, p.end_s - 0.3) for p in moments if p.sound]
    silent += [(n.start_s, n.end_s) for n in negatives if n.kind in {"advert", "door_slam"}]
    return Recipe(
        seed=seed,
        family=family,
        duration_s=duration_s,
        moments=tuple(sorted(moments, key=lambda p: p.start_s)),
        negatives=tuple(sorted(negatives, key=lambda n: n.start_s)),
        speech=fill(rng, duration_s, pinned, silent, family=family),
        chat_per_min=float(rng.uniform(20, 40)),
    )


def _demo_negatives(rng: np.random.Generator, planted: Sequence[Planted]) -> tuple[Negative, ...]:
    """One before each moment; the first may be a flood of chat, the others are sounds, no kind twice."""
    kinds = [str(k) for k in rng.permutation(SOUND_NEGATIVES)]
    if rng.random() < 0.5:
        kinds[0] = str(rng.choice(CHAT_NEGATIVES))
    edges = [10.0 - CLEARANCE_S, *(p.end_s for p in planted)]
    return tuple(
        negative(rng, _kind(kind), edge_s + CLEARANCE_S, moment.start_s - CLEARANCE_S)
        for kind, edge_s, moment in zip(kinds[:3], edges, planted, strict=False)
    )


def _kind(text: str) -> NegativeKind:
    return next(kind for kind in _LENGTHS_S if kind == text)


def _span(item: Planted | Negative) -> dict[str, float]:
    return {"start_s": round(item.start_s, 3), "end_s": round(item.end_s, 3)}
