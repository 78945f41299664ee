"""What is planted when: kinds, levels, and places that keep their distance. Sound may move a plan by a few seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tests.synthetic_streams.planted.library import Library, Piece
from tests.synthetic_streams.planted.traits import LEVELS

CHAT_NEGATIVES: Final = ("raid", "gift_flood", "emote_spam", "copypasta", "bot_flood")
SOUND_NEGATIVES: Final = (
    "music_drop", "advert", "babble", "keyboard_coughs", "door_slam", "gain_step", "cut_montage", "laugh_track",
    "silence",
)  # fmt: skip
NEGATIVE_KINDS: Final = (*SOUND_NEGATIVES, *CHAT_NEGATIVES, "quoted_keyword", "replay", "menu_flash", "static_scene")
_LENGTHS_S: Final = {
    "raid": (20, 45), "gift_flood": (15, 40), "emote_spam": (10, 25), "copypasta": (15, 40), "bot_flood": (20, 60),
    "quoted_keyword": (20, 20), "menu_flash": (6, 16), "static_scene": (60, 150),
}  # fmt: skip
_SEVERAL: Final = (
    (("audio", "chat"), 0.25),
    (("audio", "speech"), 0.12),
    (("chat", "speech"), 0.13),
    (("audio", "chat", "speech"), 0.22),
    (("chat", "speech", "command"), 0.12),
    (("audio", "chat", "speech", "command"), 0.16),
)
_SINGLE_SHARE: Final = 1 / 3  # the brief: about a third
_SLACK_S: Final = 6.0  # by which the sound of a plan may come late
PLANT_GAP_S: Final = 90.0  # detection.md section 5
CLEAR_S: Final = 20.0  # the brief: negatives from plants, and here from one another
CLEAR_CHAT_S: Final = 75.0  # the brief: a burst decays
_FIRST_S: Final = 90.0  # a stream settles first ...
_LAST_S: Final = 120.0  # ... and a moment's chat is still heard
_REPLAY_AFTER_S: Final = 120.0
_TRIES: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Something to be placed, from `at_s` on for `length_s`. Negatives have no families; `source` is replayed."""

    kind: str
    at_s: float
    length_s: float
    families: tuple[str, ...] = ()
    level: str = ""
    piece: Piece | None = None
    source: Plan | None = None

    @property
    def end_s(self) -> float:
        """Where it ends."""
        return self.at_s + self.length_s


def plants(rng: np.random.Generator, library: Library, seconds: float, count: int, *, has_chat: bool) -> list[Plan]:
    """Moments at random places, PLANT_GAP_S apart; a third is weak, a third has one kind of evidence."""
    singles = round(count * _SINGLE_SHARE)
    kinds = ("audio", "chat", "speech") if has_chat else ("audio", "speech")
    first = int(rng.integers(len(kinds)))
    chosen: list[tuple[str, ...]] = [(kinds[(first + i) % len(kinds)],) for i in range(singles)]
    several = rng.choice(len(_SEVERAL), count - singles, p=[weight for _, weight in _SEVERAL])
    chosen += [tuple(f for f in _SEVERAL[i][0] if has_chat or f != "chat") for i in several.tolist()]
    levels = [LEVELS[i % 3] for i in range(count)]
    order = rng.permutation(count)
    plans = [
        _plant(rng, library, chosen[i], str(level)) for i, level in zip(order, rng.permutation(levels), strict=True)
    ]
    starts = _spread(rng, [plan.length_s for plan in plans], seconds)
    return [replace(plan, at_s=at) for plan, at in zip(plans, starts, strict=True)]


def _plant(rng: np.random.Generator, library: Library, families: tuple[str, ...], level: str) -> Plan:
    sound = "+".join(family for family in families if family in {"audio", "speech"})
    piece = _take(rng, library, sound, level) if sound else None
    length = piece.event[1] - piece.event[0] if piece and piece.event else float(rng.uniform(3, 8))
    return Plan(kind="+".join(families), at_s=0.0, length_s=length, families=families, level=level, piece=piece)


def _take(rng: np.random.Generator, library: Library, kind: str, level: str) -> Piece:
    takes = library.snippets[kind, level]
    return takes[int(rng.integers(len(takes)))]


def _spread(rng: np.random.Generator, lengths: Sequence[float], seconds: float) -> list[float]:
    """Starts at random with the gap between them; ValueError when they do not fit."""
    if not lengths:
        return []
    first = min(_FIRST_S, 0.1 * seconds)
    gap = PLANT_GAP_S + _SLACK_S
    free = seconds - first - min(_LAST_S, 0.15 * seconds) - sum(lengths) - gap * (len(lengths) - 1)
    if free < 0:
        raise ValueError(f"{len(lengths)} moments do not fit into {seconds:.0f} s")
    before = np.cumsum([0.0, *lengths[:-1]]) + gap * np.arange(len(lengths))
    return [float(x) for x in first + np.sort(rng.uniform(0, free, len(lengths))) + before]


def negatives(
    rng: np.random.Generator, library: Library, seconds: float, count: int, moments: Sequence[Plan], *, has_chat: bool
) -> list[Plan]:
    """Hard negatives of all kinds in turn, clear of moments and of one another; fewer if there is no room."""
    kinds = [kind for kind in NEGATIVE_KINDS if has_chat or kind not in CHAT_NEGATIVES]
    if not any(moment.piece for moment in moments):
        kinds.remove("replay")
    deck: list[str] = []
    while len(deck) < count:
        deck += [str(kind) for kind in rng.permutation(kinds)]
    drafts = [_negative(rng, library, kind, moments) for kind in deck[:count]]
    placed: list[Plan] = []
    for draft in sorted(drafts, key=lambda plan: -plan.length_s):
        found = _place(rng, draft, seconds, moments, placed)
        if found is not None:
            placed.append(found)
    return sorted(placed, key=lambda plan: plan.at_s)


def _negative(rng: np.random.Generator, library: Library, kind: str, moments: Sequence[Plan]) -> Plan:
    if kind == "replay":
        heard = [moment for moment in moments if moment.piece]
        source = heard[int(rng.integers((len(heard) + 1) // 2))]  # an early one, so that there is room after it
        return Plan(kind=kind, at_s=0.0, length_s=source.length_s, piece=source.piece, source=source)
    if kind in SOUND_NEGATIVES:
        piece = _take(rng, library, kind, "")
        assert piece.event is not None
        return Plan(kind=kind, at_s=0.0, length_s=piece.event[1] - piece.event[0], piece=piece)
    return Plan(kind=kind, at_s=0.0, length_s=float(rng.uniform(*_LENGTHS_S[kind])))


def _place(
    rng: np.random.Generator, draft: Plan, seconds: float, moments: Sequence[Plan], placed: Sequence[Plan]
) -> Plan | None:
    first = min(_FIRST_S, 0.1 * seconds)
    last = seconds - first - draft.length_s
    if draft.source is not None:
        first = draft.source.end_s + _REPLAY_AFTER_S
    after = CLEAR_CHAT_S if draft.kind in CHAT_NEGATIVES else CLEAR_S
    for at in rng.uniform(first, last, _TRIES).tolist() if first < last else []:
        plan = replace(draft, at_s=at)
        if all(_clear(plan, m, after) for m in moments) and all(_clear(plan, other, CLEAR_S) for other in placed):
            return plan
    return None


def _clear(plan: Plan, other: Plan, after_s: float) -> bool:
    return plan.end_s + CLEAR_S + _SLACK_S <= other.at_s or plan.at_s >= other.end_s + after_s + _SLACK_S
