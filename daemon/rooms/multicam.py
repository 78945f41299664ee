"""A take's conformed files as timelines for editors: everybody's picture and voice and the mix, all in step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from core.errors import BadMedia
from daemon.handoff import Clip, Media, Rate, Timeline, Track
from daemon.handoff.fcpxml import multicam
from daemon.handoff.otio import otio
from daemon.handoff.probe import media_facts
from daemon.rooms.cover import Span
from daemon.rooms.layouts import FPS
from daemon.rooms.take import Take

MIX: Final = "mix.wav"
_MIX: Final = "Mix"  # people's tracks have names with brackets
FCPXML: Final = "multicam.fcpxml"
OTIO: Final = "multicam.otio"


def timelines(take: Take, tracks: Sequence[Mapping[str, Any]], span: Span, *, mix: bool) -> dict[str, bytes]:
    """By file name; {} where nothing was made. In FCPXML a multicam clip, an angle for each; in OTIO, which knows none,
    the mix is the story and everybody a track of their own above it. A file that cannot be read is left out."""
    length = max(1, round((span[1] - span[0]) * FPS / 1000))
    files = [(_MIX, MIX)] if mix else []
    for row in tracks:
        person = take.people.get(row["pid"])
        name = f"{person.name if person else row['pid']} ({row['track']})"
        if file := row["mp4"] or row["wav"]:
            files.append((name, file))
    found = [track for name, file in files if (track := _track(name, take.folder, file, length)) is not None]
    if not found:
        return {}
    angles = Timeline(name=f"{take.room} {take.id}", rate=Rate(Fraction(FPS)), tracks=tuple(found))
    story = replace(angles, tracks=tuple(one if one.name == _MIX else _quiet(one) for one in found)) if mix else angles
    return {FCPXML: multicam(angles).encode(), OTIO: otio(story).encode()}


def _track(name: str, folder: Path, file: str, length: int) -> Track | None:
    """A whole file; None for one that no editor could read either: the take's other files are good without it."""
    try:
        facts = media_facts(folder / file, "wav" if file.endswith(".wav") else "mov")
    except BadMedia:
        return None
    if facts.picture is None and facts.sound is None:
        return None
    media = Media(path=file, length=length, picture=facts.picture, sound=facts.sound)
    return Track(name=name, items=(Clip(name=name, media=media, source=0, length=length),))


def _quiet(track: Track) -> Track:
    """Pictures without their sound, sound switched off: it is in the mix, and would be heard twice."""
    clips = [clip for _, clip in track.placed()]
    return replace(
        track,
        items=tuple(
            replace(clip, media=replace(clip.media, sound=None)) if clip.media.picture else replace(clip, enabled=False)
            for clip in clips
        ),
    )
