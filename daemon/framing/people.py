"""Who counts in a scene, and who speaks: pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from core.times import NS_PER_S, Ns
from daemon.framing.observations import Observations
from daemon.framing.tracks import Track, make_tracks

MIN_SHARE: Final = 0.25  # of a scene's samples: who is seen less is passing by
MIN_SIGHTINGS: Final = 2
RIVAL: Final = 0.45  # size by the largest: smaller ones stand in the background
SPEAKS: Final = 1.6  # times the mouth motion of the next: clear
CLEAR: Final = 1.2  # grey levels; less is noise of the coding
SWITCH_NS: Final = 2 * NS_PER_S  # a turn has to last so long before the camera follows it
WINDOW_NS: Final = 3 * NS_PER_S // 2

Span = tuple[Ns, Ns]


class Turn(NamedTuple):
    """`who` speaks, as far as one can see, from `start_ns` to `end_ns`."""

    start_ns: Ns
    end_ns: Ns
    who: Track


def people_in(observations: Observations, start_ns: int, end_ns: int) -> list[Track]:
    """Those who count between two times, by importance: how large, how long seen, how central."""
    samples = [sample for sample in observations.samples if start_ns <= sample.t_ns < end_ns]
    tracks = [
        track
        for track in make_tracks(samples)
        if track.share >= MIN_SHARE and (len(track.sightings) >= MIN_SIGHTINGS or len(samples) <= MIN_SIGHTINGS)
    ]
    width = observations.size.width
    return sorted(tracks, key=lambda track: -_weight(track, width))


def rivals(people: Sequence[Track]) -> list[Track]:
    """The first and those who are about as large and nearly as often there."""
    if not people:
        return []
    first = max(people, key=lambda track: track.box.h * track.share)
    return [
        track for track in people if track.box.h >= RIVAL * first.box.h and track.share >= min(0.5, 0.6 * first.share)
    ]


def turns(people: Sequence[Track], start_ns: Ns, end_ns: Ns, speech: Sequence[Span]) -> list[Turn]:
    """Who speaks when; empty when it cannot be seen. A turn lasts SWITCH_NS at least, so the camera doesn't flip.

    Mouths are compared over WINDOW_NS where somebody speaks (`speech` empty: everywhere).
    """
    if len(people) < 2 or end_ns - start_ns < 2 * SWITCH_NS:
        return []
    times = list(range(start_ns, end_ns, NS_PER_S // 2))
    said = [_speaker(people, t_ns, speech) for t_ns in times]
    known = [who for who in said if who is not None]
    if len(known) < 0.4 * len(times):
        return []
    found = [Turn(start_ns, end_ns, known[0])]
    for t_ns, who in zip(times, said, strict=True):
        if who is None or who is found[-1].who:
            continue
        ahead = [other for time, other in zip(times, said, strict=True) if t_ns <= time < t_ns + SWITCH_NS]
        lasts = sum(other is who for other in ahead) >= 0.7 * len(ahead)
        if lasts and t_ns - found[-1].start_ns >= SWITCH_NS and end_ns - t_ns >= SWITCH_NS:
            found[-1] = found[-1]._replace(end_ns=Ns(t_ns))
            found.append(Turn(Ns(t_ns), end_ns, who))
    return found


def _speaker(people: Sequence[Track], t_ns: int, speech: Sequence[Span]) -> Track | None:
    if speech and not any(start - NS_PER_S // 4 <= t_ns <= end + NS_PER_S // 4 for start, end in speech):
        return None
    amounts = [_mouth(track, t_ns) for track in people]
    order = sorted(range(len(people)), key=lambda number: -amounts[number])
    best, second = amounts[order[0]], amounts[order[1]]
    return people[order[0]] if best >= CLEAR and best >= SPEAKS * second else None


def _mouth(track: Track, t_ns: int) -> float:
    near = [
        sighting.face.mouth
        for sighting in track.sightings
        if abs(sighting.t_ns - t_ns) <= WINDOW_NS // 2 and sighting.face.mouth is not None
    ]
    return float(np.mean(near)) if near else 0.0


def _weight(track: Track, width: int) -> float:
    """Height in px, halved towards the sides, by share."""
    aside = abs(track.box.cx / width - 0.5) * 2
    return track.box.h * track.share * (1 - 0.5 * min(1.0, aside))
