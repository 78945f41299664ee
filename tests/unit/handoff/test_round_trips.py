"""What editors would read: every format, at every rate, read back by OpenTimelineIO and by readers of our own."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as Xml

import opentimelineio as otio
import pytest

from daemon.handoff import Media, Rate, Sound, Timeline, timeline_files
from daemon.handoff.model import Clip, Marker, Track
from tests.unit.handoff.made import HOSTILE, NTSC_30, RATES, gapped, sample
from tests.unit.handoff.read_fcpxml import Document, Edit
from tests.unit.handoff.test_rates import of

at_every_rate = pytest.mark.parametrize("rate", RATES, ids=of)


def read(timeline: Timeline, kind: str, adapter: str, **options: Any) -> Any:
    text = timeline_files(timeline)[kind].decode()
    return otio.adapters.read_from_string(text, adapter, **options)


def spans(clips: Any) -> list[tuple[str, int, int]]:
    """(file, first frame, frames) of clips as OpenTimelineIO has them; frames must be whole."""
    found = []
    for clip in clips:
        given = clip.source_range
        assert given.start_time.value == int(given.start_time.value)
        assert given.duration.value == int(given.duration.value)
        found.append((clip.media_reference.target_url, int(given.start_time.value), int(given.duration.value)))
    return found


def ten_s(rate: Rate) -> int:
    return rate.frames(10_000_000_000)


@at_every_rate
def test_otio_round_trip(rate: Rate) -> None:
    """Picture and sound tracks, ranges in the file's own timecode, exact rate, markers, what is off."""
    ten, hour = ten_s(rate), rate.count("01:00:00:00")
    found = read(sample(rate, start=hour), "otio", "otio_json")
    assert found.global_start_time == otio.opentime.RationalTime(hour, float(rate.fps))
    assert [track.kind for track in found.tracks] == ["Video", "Video", "Audio", "Audio"]
    both = [("master.mp4", 2, ten), ("../source/media.mp4", hour + 3 * ten + 1, ten)]
    assert spans(found.find_clips()) == both + both
    assert [clip.enabled for clip in found.find_clips()] == [True, False, True, False]
    assert {clip.source_range.start_time.rate for clip in found.find_clips()} == {float(rate.fps)}
    [_, source, *_] = found.find_clips()
    assert source.media_reference.available_range.start_time.value == hour
    assert source.media_reference.available_range.duration.value == 7 * ten
    marks = [(m.name, m.marked_range.start_time.value, m.marked_range.duration.value) for m in found.tracks.markers]
    assert marks == [("Goal!", 0, 1), ("Goal!", ten // 2, 7), ("Goal!", ten - 1, 1)]
    assert found.metadata["clipd"]["rate"] == f"{rate.fps.numerator}/{rate.fps.denominator}"
    assert found.metadata["clipd"]["drop_frame"] is rate.drop


@at_every_rate
def test_fcpxml_round_trip(rate: Rate) -> None:
    """By a strict reader of our own: OpenTimelineIO's takes 29.97 for 29."""
    ten, hour = ten_s(rate), rate.count("01:00:00:00")
    document = Document(timeline_files(sample(rate, start=hour))["fcpxml"].decode())
    assert document.frame == 1 / rate.fps
    assert document.start == hour
    assert document.sequence.get("tcFormat") == ("DF" if rate.drop else "NDF")
    assert document.edits == [
        Edit("./master.mp4", 0, 2, ten, 0, enabled=True),
        Edit("../source/media.mp4", 0, hour + 3 * ten + 1, ten, 1, enabled=False),
    ]
    assert document.markers == [(0, 1, "Goal!"), (ten // 2, 7, "Goal!"), (ten - 1, 1, "Goal!")]


@pytest.mark.parametrize("rate", [rate for rate in RATES if not rate.ntsc], ids=of)
def test_fcpxml_round_trip_by_opentimelineio(rate: Rate) -> None:
    ten = ten_s(rate)
    [found] = read(sample(rate), "fcpxml", "fcpx_xml")
    assert spans(found.find_clips()) == [
        ("./master.mp4", 2, ten),
        ("../source/media.mp4", rate.count("01:00:00:00") + 3 * ten + 1, ten),
    ]
    [story, _] = found.find_clips()
    assert [mark.name for mark in story.markers] == ["Goal!"] * 3


@at_every_rate
def test_xmeml_round_trip(rate: Rate) -> None:
    """Premiere's XML: one picture track and two channels for each of both files, linked, at the exact rate."""
    ten, hour = ten_s(rate), rate.count("01:00:00:00")
    found = read(sample(rate, start=hour), "xmeml", "fcp_xml")
    assert [track.kind for track in found.tracks] == ["Video"] * 2 + ["Audio"] * 4
    [counted] = {clip.source_range.start_time.rate for clip in found.find_clips()}
    assert counted == pytest.approx(float(rate.fps), rel=1e-9)
    master, source = ("master.mp4", 2, ten), ("../source/media.mp4", hour + 3 * ten + 1, ten)
    assert spans(found.find_clips()) == [master, source, master, master, source, source]
    assert found.global_start_time.value == hour
    marks = [(m.name, m.marked_range.start_time.value) for m in found.tracks.markers]
    assert marks == [("Goal!", 0), ("Goal!", ten // 2), ("Goal!", ten - 1)]


@at_every_rate
def test_xmeml_says_what_premiere_needs(rate: Rate) -> None:
    """Whole rate and NTSC flag everywhere, drop-frame in display and text; links that lead somewhere."""
    root = Xml.fromstring(timeline_files(sample(rate, start=1800))["xmeml"])
    rates = {(r.findtext("timebase"), r.findtext("ntsc")) for r in root.iter("rate")}
    assert rates == {(str(round(rate.fps)), str(rate.fps.denominator == 1001).upper())}
    code = root.find("sequence/timecode")
    assert code is not None
    assert (code.findtext("string"), code.findtext("frame")) == (rate.timecode(1800), "1800")
    assert {element.text for element in root.iter("displayformat")} == {"DF" if rate.drop else "NDF"}
    items = {item.get("id"): item for item in root.iter("clipitem")}
    for item in items.values():
        linked = [items[link.findtext("linkclipref")].findtext("name") for link in item.iter("link")]
        assert len(linked) == 3
    assert {item.findtext("in") for item in root.iter("clipitem")} == {"2", str(3 * ten_s(rate) + 1)}
    assert len([file for file in root.iter("file") if file.find("pathurl") is not None]) == 2


@at_every_rate
def test_edl_round_trip(rate: Rate) -> None:
    """The story alone; source and record times, and markers as locators."""
    ten, hour = ten_s(rate), rate.count("01:00:00:00")
    found = read(sample(rate, start=hour), "edl", "cmx_3600", rate=edl_rate(rate))
    assert found.name == "A moment"
    assert {track.kind for track in found.tracks} == {"Video", "Audio"}
    [video] = [track for track in found.tracks if track.kind == "Video"]
    [clip] = video.find_clips()
    assert (clip.name, clip.source_range.start_time.value, clip.source_range.duration.value) == ("master.mp4", 2, ten)
    if not rate.drop:  # its pattern for locators knows no semicolon; test_every_edl_time reads them
        assert [mark.name for mark in clip.markers] == ["Goal!"] * 3
    text = timeline_files(sample(rate, start=hour))["edl"].decode("ascii")
    assert text.splitlines()[1] == f"FCM: {'DROP' if rate.drop else 'NON-DROP'} FRAME"
    assert (";" in text.splitlines()[3]) is rate.drop


def edl_rate(rate: Rate) -> float:
    """What an importer is asked. OpenTimelineIO counts numbers that are not dropped at the whole rate."""
    return float(rate.fps) if rate.drop else rate.counted


@at_every_rate
def test_every_edl_time_is_the_frame_it_stands_for(rate: Rate) -> None:
    hour = rate.count("01:00:00:00")
    lines = timeline_files(sample(rate, start=hour))["edl"].decode("ascii").splitlines()
    *_, source_in, source_out, record_in, record_out = lines[3].split()
    assert [rate.count(time) for time in (source_in, source_out)] == [2, 2 + ten_s(rate)]
    assert [rate.count(time) for time in (record_in, record_out)] == [hour, hour + ten_s(rate)]
    marks = [rate.count(line.split()[2]) - hour for line in lines if line.startswith("* LOC")]
    assert marks == [marker.at for marker in sample(rate).markers]


@at_every_rate
def test_two_clips_with_a_space_between_them(rate: Rate) -> None:
    """Each format has the second where the first and the space have ended."""
    timeline = gapped(rate)
    document = Document(timeline_files(timeline)["fcpxml"].decode())
    assert [(edit.at, edit.start, edit.length, edit.lane) for edit in document.edits] == [
        (0, 27, 100, 0),
        (110, 17, 30, 1),
        (125, 417, 50, 0),
    ]
    assert document.markers == [(110, 1, "in the space")]
    for found in (read(timeline, "otio", "otio_json"), read(timeline, "xmeml", "fcp_xml")):
        story, above = [track for track in found.tracks if track.kind == "Video"]
        placed = [(int(clip.range_in_parent().start_time.value), clip.name) for clip in story.find_clips()]
        assert placed == [(0, "first"), (125, "second")]
        [over] = above.find_clips()
        assert (over.range_in_parent().start_time.value, over.source_range.duration.value) == (110, 30)
    lines = timeline_files(timeline)["edl"].decode().splitlines()
    assert [rate.count(line.split()[-2]) for line in lines if line.startswith("00")] == [0, 125]
    assert [line.split()[2] for line in lines if line.startswith("00")] == ["B", "B"]


def test_a_clip_of_sound_alone() -> None:
    """No picture anywhere; the timeline counts 30 frames a second."""
    rate = Rate(nominal := RATES[4].fps)
    assert nominal == 30
    media = Media(path="master.mp4", length=300, sound=Sound(rate=44_100, channels=1))
    timeline = Timeline(
        name="Radio",
        rate=rate,
        tracks=(Track(name="clip", items=(Clip(name="Radio", media=media, source=0, length=300),)),),
        markers=(Marker(at=10, length=1, text="Hello", kind="word"),),
    )
    document = Document(timeline_files(timeline)["fcpxml"].decode())
    assert document.sequence.get("audioRate") == "44.1k"
    assert document.assets["r2"].get("hasVideo") is None
    for kind, adapter in (("otio", "otio_json"), ("xmeml", "fcp_xml"), ("edl", "cmx_3600")):
        found = read(timeline, kind, adapter, **({"rate": 30} if kind == "edl" else {}))
        assert [track.kind for track in found.tracks] == ["Audio"]
        [clip] = found.find_clips()
        assert clip.source_range.duration.value == 300


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_title_or_word_breaks_a_file(text: str) -> None:
    """The corpus as title, clip name and marker: every format still reads, with the same edits and none of theirs."""
    rate = Rate(NTSC_30, drop=True)
    timeline, plain = sample(rate, name=text, text=text), sample(rate)
    files, usual = timeline_files(timeline), timeline_files(plain)
    assert Document(files["fcpxml"].decode()).edits == Document(usual["fcpxml"].decode()).edits
    assert len(Document(files["fcpxml"].decode()).markers) == 3
    for kind, adapter in (("otio", "otio_json"), ("xmeml", "fcp_xml")):
        assert spans(read(timeline, kind, adapter).find_clips()) == spans(read(plain, kind, adapter).find_clips())
        assert len(read(timeline, kind, adapter).tracks.markers) == 3
    for kind in ("fcpxml", "xmeml"):
        shapes = [[element.tag for element in Xml.fromstring(each[kind]).iter()] for each in (files, usual)]
        assert shapes[0] == shapes[1]
    edl_lines = files["edl"].decode("ascii").splitlines()
    assert [line[:13] for line in edl_lines if line[:3].isdigit()] == ["001  AX      "[:13]]
    assert [line for line in edl_lines if not line.startswith(("TITLE:", "FCM:", "001", "*"))] in ([""], ["", ""])
    assert len(read(timeline, "edl", "cmx_3600", rate=float(rate.fps)).find_clips()) == 3  # a picture, two channels
    assert all(len(blob) < 20_000 for blob in files.values())


def test_the_same_timeline_gives_the_same_bytes() -> None:
    assert timeline_files(sample(RATES[0])) == timeline_files(sample(RATES[0]))


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../../x", "a/../b", "a b.mp4", "file:///x", "", ".hidden", "-x", "a//b", "c:x"]
)
def test_media_lies_beside_the_timeline_under_a_name_of_ours(path: str) -> None:
    with pytest.raises(ValueError, match="relative path"):
        Media(path=path, length=10, sound=Sound(rate=48_000, channels=2))
