"""Adds events up to a moment's log-odds and says it in words. Pure; knows no detector, only families and kinds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from core.moments import Event, Family
from core.times import Ns, to_s
from detectors.options import FusionOptions, Weights

_PLACES: Final = frozenset(family.value for family in Family if family is not Family.CHAT)
_MUSIC: Final = "music"  # the penalty
_MEANT: Final = frozenset({"phrase", "punchline"})  # speech that counts for what is said, not for how loud it is
SAME_TIME_S: Final = 0.5  # nobody notices that two things are this far apart


class Score(NamedTuple):
    """The logit, and what each family, the agreement, the penalties and the prior gave of it."""

    logit: float
    parts: dict[str, float]


def logit(p: float) -> float:
    """Probability to logit."""
    return math.log(p / (1.0 - p))


def weight_of(event: Event, weights: Weights) -> float:
    """What this kind of evidence counts; plain loudness is told apart from what the sound is."""
    if event.family is Family.AUDIO:
        return weights.audio_dynamics if event.kind == "loud" else weights.audio_class
    return float(getattr(weights, event.family.value))


def strength(event: Event, weights: Weights, cap: float) -> float:
    """The logit one event brings by itself; negative ones are penalties and count as they are."""
    if event.llr <= 0:
        return event.llr
    return weight_of(event, weights) * min(event.llr, cap) * event.quality


def score(events: Iterable[Event], weights: Weights, options: FusionOptions) -> Score:
    """log-odds = bias + per family (strongest kind + a share of the other kinds) + agreement - penalties.

    A family that is missing brings nothing and costs nothing. A penalty speaks about one sound and counts when that is
    the strongest in this moment; a moment has one burst of chat, whichever side of it is explained. Music explains a
    sound when nobody calls out in it. Of chat that nothing heard, said or seen goes with little counts beyond even
    odds: its place is a guess.
    """
    by_family: dict[Family, list[Event]] = {}
    parts: dict[str, float] = {"prior": options.bias}
    for event in events:
        by_family.setdefault(event.family, []).append(event)
    for family, members in by_family.items():
        _add(parts, family, members, weights, options)
    if parts.get(Family.SPEECH.value, 0.0) >= options.agrees:
        parts.pop(_MUSIC, None)
    agreeing = {family for family in by_family if parts.get(family.value, 0.0) >= options.agrees}
    if set(parts).isdisjoint(_PLACES) and Family.CHAT.value in parts:
        over = max(parts[Family.CHAT.value] + options.bias, 0.0)  # even odds
        parts[Family.CHAT.value] -= (1.0 - options.unplaced) * over
    if len(agreeing - ({Family.AUDIO} if _one_witness(by_family) else set())) >= 2:
        parts["agree"] = options.agree
    return Score(sum(parts.values()), parts)


def _add(
    parts: dict[str, float], family: Family, members: Sequence[Event], weights: Weights, options: FusionOptions
) -> None:
    """One family's evidence and its penalties."""
    kinds: dict[str, float] = {}
    for event in members:
        kinds[event.kind] = max(kinds.get(event.kind, 0.0), strength(event, weights, options.cap))
    best = max(kinds.values())
    if best > 0:
        parts[family.value] = best + options.rest * (sum(kinds.values()) - best)
    strongest = max(members, key=lambda event: strength(event, weights, options.cap))
    for event in members:
        if event.llr < 0 and (family is Family.CHAT or event.start_ns == strongest.start_ns):
            parts[event.kind] = min(parts.get(event.kind, 0.0), event.llr)


def _one_witness(by_family: Mapping[Family, Sequence[Event]]) -> bool:
    """Whether all that was heard is that somebody got louder: plain loudness and an outburst are the same sound."""
    heard, said = ({e.kind for e in by_family.get(f, ()) if e.llr > 0} for f in (Family.AUDIO, Family.SPEECH))
    return heard == {"loud"} and "outburst" in said and said.isdisjoint(_MEANT)


def explain(events: Sequence[Event], anchor_ns: Ns, weights: Weights, cap: float) -> tuple[str, ...]:
    """The events' phrases, strongest first, penalties last; each with how much it came before or after the anchor.

    Of one family's events on the same stretch only the strongest speaks, since they describe the same thing.
    """
    ordered = sorted(events, key=lambda event: -strength(event, weights, cap))
    said: list[str] = []
    seen: set[tuple[Family, Ns]] = set()
    for event in ordered:
        value = strength(event, weights, cap)
        if value == 0 or (value > 0 and (event.family, event.start_ns) in seen):
            continue
        seen.add((event.family, event.start_ns))
        said.append(f"{event.why}{_when(event, anchor_ns)}" if value > 0 else f"{event.why} ({value:.1f})")
    return tuple(said)


def _when(event: Event, anchor_ns: Ns) -> str:
    """Relative to the anchor, on the times at which things really came: chat lags behind, an order looks back."""
    later_s = event.values.get("onset_s", to_s(event.start_ns)) - to_s(anchor_ns)
    if abs(later_s) < SAME_TIME_S:
        return ""
    amount = f"{abs(later_s):.0f}" if abs(later_s) >= 5 else f"{abs(later_s):.1f}"
    return f" {amount} s {'later' if later_s > 0 else 'before'}"
