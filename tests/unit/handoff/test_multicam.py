"""A multicam clip of FCPXML: an angle a track, one of them seen and one heard."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.handoff import Media, Picture, Rate, Sound, Timeline
from daemon.handoff.fcpxml import multicam
from daemon.handoff.model import Clip, Space, Track
from tests.unit.handoff.made import HOSTILE, RATES
from tests.unit.handoff.read_fcpxml import Document, Edit
from tests.unit.handoff.test_rates import of

SOUND = Sound(rate=48_000, channels=1)
PICTURE = Picture(width=1280, height=720)


def angle(name: str, media: Media, *, late: int = 0) -> Track:
    clip = Clip(name=name, media=media, source=0, length=media.length)
    return Track(name=name, items=(Space(late), clip) if late else (clip,))


def interview(rate: Rate, name: str = "Ada") -> Timeline:
    """A mix, one with picture and voice who comes late, one with a voice alone."""
    ten = rate.frames(10_000_000_000)
    mix = Media(path="mix.wav", length=ten, sound=SOUND)
    seen = Media(path="p1/cam/conformed.mp4", length=ten - 7, picture=PICTURE, sound=SOUND)
    heard = Media(path="p2/mic/conformed.wav", length=ten, sound=SOUND)
    tracks = (angle("Mix", mix), angle(name, seen, late=7), angle("Bo", heard))
    return Timeline(name="take", rate=rate, tracks=tracks, start=rate.count("01:00:00:00"))


@pytest.mark.parametrize("rate", RATES, ids=of)
def test_every_track_is_an_angle(rate: Rate) -> None:
    """Each begins where it lies on the timeline; the first picture is shown, the first sound is heard."""
    document = Document(multicam(interview(rate)))
    ten = rate.frames(10_000_000_000)
    assert document.edits == []
    assert document.angles == {
        "a1": [Edit("./mix.wav", 0, 0, ten, 0, enabled=True)],
        "a2": [Edit("./p1/cam/conformed.mp4", 7, 0, ten - 7, 0, enabled=True)],
        "a3": [Edit("./p2/mic/conformed.wav", 0, 0, ten, 0, enabled=True)],
    }
    assert document.on == {"a2": "video", "a1": "audio"}
    [clip] = document.root.iter("mc-clip")
    [media] = document.root.iter("media")
    assert clip.get("ref") == media.get("id")
    assert document.frames(clip, "start") == document.start
    assert document.frames(clip, "duration") == ten


def test_an_angle_alone_is_seen_and_heard() -> None:
    """Or only heard, where nobody has a picture."""
    whole = interview(RATES[0])
    one = replace(whole, tracks=whole.tracks[1:2])
    assert Document(multicam(one)).on == {"a1": "all"}
    assert Document(multicam(replace(whole, tracks=whole.tracks[2:]))).on == {"a1": "audio"}


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_names_are_text(name: str) -> None:
    """Whatever guests call themselves: the document stays one, with a name for each angle."""
    document = Document(multicam(interview(RATES[0], name)))
    assert all(angle.attrib["name"].strip() for angle in document.root.iter("mc-angle"))
    assert len(document.angles) == 3
