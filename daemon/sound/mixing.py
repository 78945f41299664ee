"""Which of a source's audio tracks go into a clip, and how loud, by rule. Pure.

Recording programs write several: OBS, Streamlabs and NVIDIA put everything on track 1 and the parts (microphone, game,
music) on the others. Adding all of them would give everything twice, so the first alone is the default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from core.errors import UsageError
from daemon.sound.model import Role, TrackUse

MAX_TRACKS: Final = 8  # OBS writes six at most
MAX_TRACK_GAIN_DB: Final = 24.0

Rule = Literal["first", "all", "listed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MixRule:
    """`first`: the first track, taken for the full mix. `all`: equal weights. `listed`: those of `tracks`, which count
    from 1 as recording programs do; ones that a source lacks are left out."""

    rule: Rule = "first"
    gains_db: Mapping[int, float] | None = None
    voices: frozenset[int] = frozenset()
    backgrounds: frozenset[int] = frozenset()


def choose_tracks(count: int, rule: MixRule) -> tuple[TrackUse, ...]:
    """The tracks to mix of a source with `count` audio tracks; empty when it has none. Raises UsageError."""
    gains = dict(rule.gains_db or {})
    _check(gains, rule)
    if rule.rule == "first":
        numbers: Sequence[int] = (1,)
    elif rule.rule == "all":
        numbers = range(1, count + 1)
    else:
        numbers = sorted(gains)
    used = [number for number in numbers if number <= count][:MAX_TRACKS]
    if count and not used:  # a rule for recordings with six tracks meets a stream with one
        used = [1]
    return tuple(TrackUse(index=n - 1, gain_db=gains.get(n, 0.0), role=_role(n, rule)) for n in used)


def _role(number: int, rule: MixRule) -> Role:
    if number in rule.voices:
        return "voice"
    return "background" if number in rule.backgrounds else "mix"


def _check(gains: Mapping[int, float], rule: MixRule) -> None:
    named = {*gains, *rule.voices, *rule.backgrounds}
    if any(not 1 <= number <= 16 for number in named):
        raise UsageError("Audio tracks are numbered from 1 to 16", remedy="Correct the numbers in the mix rule.")
    if any(not abs(gain) <= MAX_TRACK_GAIN_DB for gain in gains.values()):
        raise UsageError(
            f"A track's gain is at most {MAX_TRACK_GAIN_DB:.0f} dB either way",
            remedy="Loudness is set for the whole mix afterwards; the gains only weigh tracks against each other.",
        )
    if rule.voices & rule.backgrounds:
        raise UsageError("A track is voice or background, not both", remedy="Name it once in the mix rule.")
