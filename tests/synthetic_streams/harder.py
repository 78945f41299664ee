"""More things that are loud, busy or said and not worth a clip, for rendered streams; the demo has none of them.

babble: several people talk at once. laugh_track: laughter of a watched video, no louder than the talk.
quoted_keyword: a watched video whose speaker cries out, under the talk's level. replay: an earlier moment is played
again, talk and all. silence: the sound is cut off. copypasta: viewers paste one long text. bot_flood: twenty accounts
write five times what the chat usually does (detection.md section 5).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal
from unittest import mock

import numpy as np

from core.media import ChatMessage
from core.times import ns
from daemon.demo import render, synth
from daemon.demo.mix import Mix
from daemon.demo.recipe import Planted, Recipe
from daemon.demo.speech import EXCITED, catalogue, crowd, recording
from daemon.demo.synth import RATE, Audio, db

ExtraKind = Literal["babble", "laugh_track", "quoted_keyword", "replay", "silence", "copypasta", "bot_flood"]
EXTRA_CHAT: Final[tuple[ExtraKind, ...]] = ("copypasta", "bot_flood")
EXTRA_SOUNDS: Final[tuple[ExtraKind, ...]] = ("babble", "laugh_track", "quoted_keyword", "replay", "silence")
EXTRAS: Final = (*EXTRA_SOUNDS, *EXTRA_CHAT)
LENGTHS_S: Final[dict[ExtraKind, tuple[float, float]]] = {
    "babble": (5.0, 8.0),
    "laugh_track": (2.5, 5.0),
    "quoted_keyword": (6.0, 6.0),
    "replay": (6.0, 6.0),
    "silence": (6.0, 12.0),
    "copypasta": (15.0, 25.0),
    "bot_flood": (30.0, 60.0),
}
_LEVELS_DB: Final = {"babble": (1.0, 5.0), "laugh_track": (-4.0, 0.0), "quoted_keyword": (-9.0, -6.0)}
# over the speech, dB, around the design's +3, +6, +10; peak of the chat over its calm, as in the large generator
LEVELS: Final = {
    "weak": ((2.5, 3.5), (2.5, 3.0)),
    "middle": ((5.5, 6.5), (3.6, 4.4)),
    "strong": ((9.5, 10.5), (4.4, 5.4)),
}
_REPLAY_LEAD_S: Final = 2.0  # a replay shows how it came about
_REPLAY_DB: Final = -1.0
_CRIES: Final = (EXCITED, "u13_bm_george")  # the sentences that have a hook phrase in them
_VOICES: Final = 5
_FADE_S: Final = 0.02
_CHAT_X: Final = 5.0
_BOTS: Final = 20
_PASTES: Final = (
    "this is the longest raid song of the evening, sing it with me, copy it and paste it, do not break the chain",
    "dear streamer, my grandfather worked in these mines for forty years and never once did he reload so slowly",
)
_BOT_LINES: Final = ("wow", "nice", "so good", "LUL", "best stream", "hello friends", "KEKW", "check my page", "Pog")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """One of them. `source_s` is where a replay's moment began."""

    kind: ExtraKind
    start_s: float
    end_s: float
    level_db: float = 0.0
    source_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Harder(Recipe):
    """A recipe with them. `levels` are those of its moments: weak, middle or strong."""

    extras: tuple[Extra, ...] = ()
    levels: tuple[str, ...] = ()

    def truth(self) -> dict[str, object]:
        """They count as hard negatives."""
        truth = Recipe.truth(self)
        truth["moments"] = [
            {
                **{"start_s": round(p.start_s, 3), "end_s": round(p.end_s, 3), "peak_s": round(p.peak_s, 3)},
                **{"kind": p.kind, "families": p.families, "level": level},
            }
            for p, level in zip(self.moments, self.levels or ("",) * len(self.moments), strict=True)
        ]
        spans = [(n.start_s, n.end_s, n.kind) for n in self.negatives] + [
            (e.start_s, e.end_s, e.kind) for e in self.extras
        ]
        truth["negatives"] = [
            {"kind": kind, "start_s": round(a, 3), "end_s": round(b, 3)} for a, b, kind in sorted(spans)
        ]
        return truth

    def quiet(self) -> list[tuple[float, float]]:
        """Nor is a stretch quiet that has one of them."""
        out = []
        for a, b in Recipe.quiet(self):
            start = a
            for extra in self.extras:
                if extra.start_s - 5.0 < b and extra.end_s + 5.0 > start:
                    out.append((start, extra.start_s - 5.0))
                    start = extra.end_s + 5.0
            out.append((start, b))
        return [(a, b) for a, b in out if b - a >= 5.0]


def at_level(rng: np.random.Generator, moment: Planted, level: str) -> Planted:
    """The moment as loud and as much talked about as its level says."""
    sound_db, chat_x = LEVELS[level]
    return replace(
        moment,
        level_db=float(rng.uniform(*sound_db)) if moment.sound else 0.0,
        chat_x=float(rng.uniform(*chat_x)) if moment.chat_x > 1 else 1.0,
    )


def extra(rng: np.random.Generator, kind: ExtraKind, start_s: float, length_s: float) -> Extra:
    """One of a kind at a place; a replay's source is not known here."""
    low, high = _LEVELS_DB.get(kind, (0.0, 0.0))
    return Extra(kind=kind, start_s=start_s, end_s=start_s + length_s, level_db=float(rng.uniform(low, high)))


def replay_of(moment: Planted, start_s: float) -> Extra:
    """An earlier moment again, from shortly before it to its end."""
    source_s = moment.start_s - _REPLAY_LEAD_S
    return Extra(kind="replay", start_s=start_s, end_s=start_s + moment.end_s - source_s, source_s=source_s)


class HarderMix(Mix):
    """A recipe's sound with its extras."""

    def __init__(self, recipe: Harder) -> None:
        super().__init__(recipe)
        self._extras = [e for e in recipe.extras if e.kind in EXTRA_SOUNDS]
        self._speech = db(recipe.speech_dbfs)
        self._seed, self._from = recipe.seed, recipe.family
        self._sounds: dict[Extra, Audio] = {}

    def layers(self, start: int, count: int) -> dict[str, Audio]:
        """The others as they were, but for silence and under a replay."""
        out = super().layers(start, count)
        for extra in self._extras:
            first, last = round(extra.start_s * RATE), round(extra.end_s * RATE)
            low, high = max(start, first), min(start + count, last)
            if low >= high:
                continue
            part = slice(low - start, high - start)
            if extra.kind == "silence":
                for layer in out.values():
                    layer[part] = 0.0
            elif extra.kind == "replay":
                again = super().layers(round(extra.source_s * RATE) + low - first, high - low)
                edge = _edges(low - first, high - low, last - first) * np.float32(db(_REPLAY_DB))
                for name, layer in out.items():
                    layer[part] = again[name] * edge
            else:
                out["negatives"][part] += self._sound_of(extra)[low - first : high - first]
        return out

    def _sound_of(self, extra: Extra) -> Audio:
        if extra not in self._sounds:
            rng = np.random.default_rng([self._seed, 9, round(extra.start_s * 1000)])
            sound = self._made_of(rng, extra)
            level = self._speech * db(extra.level_db) / (synth.active_rms(sound) + 1e-12)
            self._sounds[extra] = (sound * np.float32(level)).astype(np.float32)
        return self._sounds[extra]

    def _made_of(self, rng: np.random.Generator, extra: Extra) -> Audio:
        n = round(extra.end_s * RATE) - round(extra.start_s * RATE)
        talk = crowd(self._from)
        if extra.kind == "laugh_track":
            return _fitted(synth.laughter(rng, n / RATE, synth.PALETTES[self._from], talk), n)
        if extra.kind == "quoted_keyword":
            return _fitted(recording(str(rng.choice(_CRIES))), n)
        names = [str(name) for name in rng.permutation(sorted(catalogue()))[:_VOICES]]
        voices = [_fitted(recording(name), n, int(rng.integers(0, RATE // 2))) for name in names]
        return np.asarray(np.sum(voices, axis=0), dtype=np.float32)


def extra_chat(recipe: Harder) -> list[ChatMessage]:
    """What their chat writes, besides the recipe's own."""
    found: list[ChatMessage] = []
    for number, one in enumerate(recipe.extras):
        if one.kind not in EXTRA_CHAT:
            continue
        rng = np.random.default_rng([recipe.seed, 10, number])
        seconds = one.end_s - one.start_s
        times = np.sort(rng.uniform(one.start_s, one.end_s, rng.poisson(_CHAT_X * recipe.chat_per_min * seconds / 60)))
        if one.kind == "copypasta":
            text = str(rng.choice(_PASTES))
            found += [ChatMessage(t_ns=ns(t), user=f"viewer{rng.integers(60)}", text=text) for t in times.tolist()]
        else:
            lines = [str(line) for line in rng.choice(_BOT_LINES, len(times))]
            found += [
                ChatMessage(t_ns=ns(t), user=f"bot{number}_{rng.integers(_BOTS)}", text=line)
                for t, line in zip(times.tolist(), lines, strict=True)
            ]
    return found


@contextlib.contextmanager
def harder_sound() -> Iterator[None]:
    """Recipes of this kind that are opened or written meanwhile sound like it."""
    with mock.patch.object(render, "Mix", _mix):
        yield


def _mix(recipe: Recipe) -> Mix:
    return HarderMix(recipe) if isinstance(recipe, Harder) else Mix(recipe)


def _fitted(sound: Audio, n: int, at: int = 0) -> Audio:
    """As long as asked, cut off with a fade."""
    out = np.zeros(n, np.float32)
    size = min(len(sound), n - at)
    out[at : at + size] = sound[:size] * _edges(0, size, size)
    return out


def _edges(at: int, count: int, whole: int) -> Audio:
    """Samples `at`.. of a fade in and out over a whole."""
    places = np.arange(at, at + count, dtype=np.float32)
    fade = np.float32(_FADE_S * RATE)
    return np.minimum(1.0, np.minimum(places, whole - 1 - places) / fade).astype(np.float32)


def silent_under(extras: Sequence[Extra]) -> list[Extra]:
    """Those that the talk does not go on under."""
    return [one for one in extras if one.kind in {"replay", "silence", "babble", "quoted_keyword"}]
