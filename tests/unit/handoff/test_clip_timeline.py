"""From files to a timeline: what is read of them, and what an editor is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from core.errors import BadMedia
from core.times import Ns, ns
from core.words import Word
from daemon.handoff import Footage, MediaFacts, Picture, Sound, Spot, clip_timeline, media_facts
from daemon.handoff.files import NAMES, timeline_files, transcript_files
from tests.unit.clips.footage import encode
from tests.unit.handoff.made import HOSTILE, NTSC_30
from tests.unit.handoff.read_fcpxml import Document

MADE = {
    "ntsc": "-f lavfi -i testsrc2=s=64x36:r=30000/1001:d=4 -f lavfi -i sine=r=44100:d=4 -timecode 01:02:03;04",
    "film": "-f lavfi -i testsrc2=s=64x36:r=24000/1001:d=4 -timecode 10:00:00:00",
    "fifty": "-f lavfi -i testsrc2=s=36x64:r=50:d=2",
    "wide": "-f lavfi -i testsrc2=s=64x36:r=25:d=1 -vf setsar=4/3",
    "varies": "-f lavfi -i testsrc2=s=64x36:r=60:d=6 -vf select=gt(mod(n\\,7)\\,1)*gt(mod(n\\,90)\\,20) -fps_mode vfr",
    "sound": "-f lavfi -i sine=r=48000:d=3 -ac 2",
}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("handoff")
    codecs = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac"
    return lambda name: encode(folder / f"{name}.mp4", f"{MADE[name]} {codecs}")


def word(text: str, start_s: float, end_s: float) -> Word:
    return Word(text=text, start_ns=ns(start_s), end_ns=ns(end_s), prob=0.9, vad=1.0, epoch=0)


def facts(fps: Fraction, length_s: float, timecode: str | None = None) -> MediaFacts:
    picture, sound = Picture(width=1280, height=720), Sound(rate=48_000, channels=2)
    return MediaFacts(length_ns=ns(length_s), fps=fps, picture=picture, sound=sound, timecode=timecode)


@pytest.mark.parametrize(
    ("name", "fps", "drop", "start"),
    [
        ("ntsc", NTSC_30, True, "01:02:03;04"),
        ("film", Fraction(24000, 1001), False, "10:00:00:00"),
        ("fifty", Fraction(50), False, "00:00:00:00"),
    ],
)
def test_rate_and_start_timecode_come_from_the_file(
    file: Callable[[str], Path], name: str, fps: Fraction, drop: bool, start: str
) -> None:
    """Edits count from the timecode embedded in the file, not from 0."""
    found = media_facts(file(name))
    timeline = clip_timeline("A clip", Footage(path="master.mp4", facts=found, begin_ns=Ns(0)))
    assert (timeline.rate.fps, timeline.rate.drop) == (fps, drop)
    assert timeline.rate.timecode(timeline.media[0].start) == start
    assert timeline.length == round(fps * (2 if name == "fifty" else 4))
    assert timeline.note == ""
    [edit] = Document(timeline_files(timeline)["fcpxml"].decode()).edits
    assert edit.start == timeline.rate.count(start)


def test_footage_of_a_variable_rate_gets_the_next_faster_one_and_a_note(file: Callable[[str], Path]) -> None:
    found = media_facts(file("varies"))
    assert not found.constant
    timeline = clip_timeline("A clip", Footage(path="master.mp4", facts=found, begin_ns=Ns(0)))
    assert timeline.rate.fps >= found.fps
    assert timeline.note.startswith("The footage has a variable rate, ")
    assert f"{float(found.fps):.6g}" in timeline.note
    files = timeline_files(timeline)
    assert timeline.note.encode() in files["fcpxml"]
    assert timeline.note in json.loads(files["otio"])["metadata"]["clipd"]["note"]


def test_sound_alone(file: Callable[[str], Path]) -> None:
    found = media_facts(file("sound"))
    assert (found.picture, found.sound) == (None, Sound(rate=48_000, channels=2))
    timeline = clip_timeline("Radio", Footage(path="master.mp4", facts=found, begin_ns=Ns(0)))
    assert (timeline.rate.fps, timeline.length) == (Fraction(30), 90)
    assert timeline.note.startswith("Sound alone")


def test_sizes_are_those_a_player_shows(file: Callable[[str], Path]) -> None:
    """Pixels made square, portrait left portrait."""
    assert media_facts(file("fifty")).picture == Picture(width=36, height=64)
    assert media_facts(file("wide")).picture == Picture(width=85, height=36)


def test_a_damaged_file_is_said_to_be_that(tmp_path: Path) -> None:
    (tmp_path / "master.mp4").write_bytes(b"not a film")
    with pytest.raises(BadMedia):
        media_facts(tmp_path / "master.mp4")


def test_the_source_lies_above_the_master_with_its_handles_switched_off() -> None:
    """The clip begins 95 s into a source of 10 minutes: both ends can be drawn out."""
    source = Footage(path="../source/media.mp4", facts=facts(NTSC_30, 600, "00:59:50;00"), begin_ns=ns(5))
    master = Footage(path="master.mp4", facts=facts(NTSC_30, 20), begin_ns=ns(100))
    timeline = clip_timeline("A clip", master, source=source)
    story, above = Document(timeline_files(timeline)["fcpxml"].decode()).edits
    rate = timeline.rate
    assert (story.src, story.start, story.length, story.enabled) == ("./master.mp4", 0, rate.frames(ns(20)), True)
    assert (above.src, above.length, above.enabled) == ("../source/media.mp4", story.length, False)
    assert above.start == rate.count("00:59:50;00") + rate.frames(ns(95))


def test_a_source_of_another_size_keeps_its_own() -> None:
    """The clip was cut out of a larger picture; both are of the timeline's rate."""
    big = replace(facts(Fraction(25), 60), picture=Picture(width=3840, height=2160))
    master = Footage(path="master.mp4", facts=facts(Fraction(25), 5), begin_ns=ns(30))
    source = Footage(path="source.mp4", facts=big, begin_ns=Ns(0))
    document = Document(timeline_files(clip_timeline("A clip", master, source=source))["fcpxml"].decode())
    assert document.sizes == {"./master.mp4": (1280, 720), "./source.mp4": (3840, 2160)}


def test_a_source_that_ends_early_fills_what_it_has() -> None:
    source = Footage(path="../source/media.mp4", facts=facts(Fraction(25), 105), begin_ns=Ns(0))
    master = Footage(path="master.mp4", facts=facts(Fraction(25), 20), begin_ns=ns(100))
    above = clip_timeline("A clip", master, source=source).tracks[1]
    assert [item.length for item in above.items] == [125, 375]
    gone = clip_timeline("A clip", master, source=Footage(path="s.mp4", facts=facts(Fraction(25), 50), begin_ns=Ns(0)))
    assert len(gone.tracks) == 1


def test_words_and_events_are_markers_and_nothing_lies_outside() -> None:
    master = Footage(path="master.mp4", facts=facts(Fraction(25), 2), begin_ns=Ns(0))
    words = [word("Goal!", 1.0, 1.4), word("late", 2.0, 2.2), word("end", 1.9, 3.0)]
    events = [Spot(start_ns=ns(0.5), end_ns=ns(0.5), text="cheer")]
    timeline = clip_timeline("A clip", master, words=words, events=events)
    assert [(mark.at, mark.length, mark.text, mark.kind) for mark in timeline.markers] == [
        (13, 1, "cheer", "event"),
        (25, 10, "Goal!", "word"),
        (48, 2, "end", "word"),
    ]


def test_hours_of_words_are_limited() -> None:
    master = Footage(path="master.mp4", facts=facts(Fraction(25), 7200), begin_ns=Ns(0))
    words = [word("so", 0.1 * k, 0.1 * k + 0.05) for k in range(60_000)]
    timeline = clip_timeline("A clip", master, words=words)
    assert len(timeline.markers) == 5000
    assert all(len(text) < 3_000_000 for text in timeline_files(timeline).values())


@pytest.mark.parametrize("timecode", ["", "99:99:99:99", "garbage", "01:00:00:00\x00", "00:00:00:29"])
def test_a_timecode_that_cannot_be_is_none(timecode: str) -> None:
    """The file is a stranger's; at 25 frames a second there is no frame 29."""
    master = Footage(path="master.mp4", facts=facts(Fraction(25), 2, timecode), begin_ns=Ns(0))
    assert clip_timeline("A clip", master).media[0].start == 0


def test_transcripts_for_people_and_for_programs() -> None:
    words = [word("What", 0.5, 0.7), word("a", 0.7, 0.8), word("goal!", 0.8, 1.2), word("Wow.", 62.0, 62.4)]
    files = {NAMES[kind]: blob for kind, blob in transcript_files(words, ns(70)).items()}
    assert files["transcript.txt"].decode() == "[0:00:00.500] What a goal!\n[0:01:02.000] Wow.\n"
    document = json.loads(files["transcript.json"])
    assert [sentence["text"] for sentence in document["sentences"]] == ["What a goal!", "Wow."]
    assert document["words"][3] == {"text": "Wow.", "start_s": 62.0, "end_s": 62.4, "prob": 0.9}
    assert transcript_files([], ns(70)) == {}


def test_no_word_breaks_a_transcript() -> None:
    """One line a sentence, whatever is in a word."""
    words = [word(text or "x", index, index + 0.5) for index, text in enumerate(HOSTILE)]
    files = transcript_files(words, ns(60))
    assert len(json.loads(files["transcript_json"])["words"]) == len(HOSTILE)
    assert all(line.startswith("[0:00:") for line in files["transcript_txt"].decode().splitlines())
