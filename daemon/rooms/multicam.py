"""A take's conformed files as timelines for editors: one track a person's picture, the mix below, all in step. Pure but
for looking at the pictures' sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from daemon.handoff import Clip, Media, Picture, Rate, Sound, Timeline, Track
from daemon.handoff.fcpxml import fcpxml
from daemon.handoff.otio import otio
from daemon.rooms.cover import Piece, Span
from daemon.rooms.layouts import FPS
from daemon.rooms.picturing import picture_size
from daemon.rooms.take import Take
from recorder.align import RATE

MIX: Final = "mix.wav"
NAMES: Final = {"multicam.fcpxml": fcpxml, "multicam.otio": otio}


def timelines(take: Take, tracks: Sequence[Mapping[str, Any]], span: Span, *, mix: bool) -> dict[str, bytes]:
    """By file name; {} where nothing was made. The story is the mix, every person a lane of their own above it."""
    rate = Rate(Fraction(FPS))
    length = max(1, round((span[1] - span[0]) * FPS / 1000))
    lanes = [_lane("Mix", Media(path=MIX, length=length, sound=Sound(rate=RATE, channels=1)))] if mix else []
    for row in tracks:
        person = take.people.get(row["pid"])
        name = f"{person.name if person else row['pid']} ({row['track']})"
        if row["mp4"]:
            size = _size(take.folder / row["mp4"], span)
            picture = Picture(width=size[0], height=size[1])
            heard = None if mix else Sound(rate=RATE, channels=2)  # the same voice as in the mix: it would sound twice
            lanes.append(_lane(name, Media(path=row["mp4"], length=length, picture=picture, sound=heard)))
        elif row["wav"]:
            lanes.append(_lane(name, Media(path=row["wav"], length=length, sound=Sound(rate=RATE, channels=1))))
    if not lanes:
        return {}
    timeline = Timeline(name=f"{take.room} {take.id}", rate=rate, tracks=tuple(lanes))
    quiet = [timeline.tracks[0], *(_off(track) if mix and not _seen(track) else track for track in timeline.tracks[1:])]
    whole = replace(timeline, tracks=tuple(quiet))
    return {name: write(whole).encode() for name, write in NAMES.items()}


def _lane(name: str, media: Media) -> Track:
    return Track(name=name, items=(Clip(name=name, media=media, source=0, length=media.length),))


def _off(track: Track) -> Track:
    """Switched off: what is in the mix already would sound twice."""
    return replace(track, items=tuple(replace(item, enabled=False) for item in track.items if isinstance(item, Clip)))


def _seen(track: Track) -> bool:
    return track.has("video")


def _size(path: Path, span: Span) -> tuple[int, int]:
    return picture_size([Piece(from_ms=span[0], to_ms=span[1], path=path, demuxer="mov", origin="local")])
