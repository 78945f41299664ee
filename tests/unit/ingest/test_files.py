"""Files as sources: every kind of media, their tracks, pace, resume, and cutting from them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from core.errors import BadMedia, CutRefused
from core.media import Epoch, Packet
from core.times import Ns, ns, to_s
from daemon.avopen import open_media
from daemon.ingest.api import Resume
from daemon.ingest.files import FileSource, scan_footage
from daemon.ingest.footage import FileFootage, file_hash
from tests.fakes import FakeClock, RecordingSink
from tests.synthetic_streams import make_media
from tests.unit.ingest.stage import AAC, H264, PICTURE, SOUND, Studio


async def replay(
    path: Path, *, speed: float | None = None, resume: Resume | None = None
) -> tuple[RecordingSink, FileSource]:
    sink = RecordingSink()
    source = FileSource(path, clock=FakeClock(), speed=speed, resume=resume)
    ended = await source.run(sink)
    assert ended.reason == "eof"
    return sink, source


@pytest.mark.parametrize(
    ("kind", "codecs"),
    [
        ("h264_aac", ["h264", "aac"]),
        ("h264_aac_ts", ["h264", "aac"]),
        ("h264_aac_mkv", ["h264", "aac"]),
        ("hevc", ["hevc", "aac"]),
        ("vp9_opus", ["vp9", "opus"]),
        ("av1_opus", ["av1", "opus"]),
        ("surround", ["h264", "aac"]),
        ("mono_44k", ["h264", "aac"]),
        ("open_gop", ["h264", "aac"]),
        ("vfr", ["h264", "aac"]),
        ("pts_wrap", ["h264", "aac"]),
        ("video_only", ["h264"]),
        ("audio_only", ["aac"]),
    ],
)
async def test_every_kind_of_media_is_placed_without_gaps(studio: Studio, kind: str, codecs: list[str]) -> None:
    """Four seconds in one epoch, from 0, decode times rising in the order they come, PTS never before DTS."""
    sink, source = await replay(make_media(kind, studio.folder))
    assert [track.codec for track in sink.tracks[0]] == codecs
    assert [(e.number, e.start_ns) for e in sink.epochs] == [(0, 0)]
    assert sink.gaps == []
    assert sink.warnings == []
    packets = sink.packets()
    assert min(p.pts_ns for p in packets) == 0
    assert source.footage.span()[1] == pytest.approx(ns(4), abs=ns(0.15))
    assert all(a.dts_ns <= b.dts_ns for a, b in pairwise(packets))
    for kind_of in ("video", "audio"):
        assert all(a.dts_ns < b.dts_ns for a, b in pairwise(sink.packets(kind_of)))
    assert all(p.dts_ns <= p.pts_ns < p.end_ns for p in packets)
    assert not source.info.unstoppable


async def test_tracks_say_what_the_media_is(studio: Studio) -> None:
    """Size, rate, channels, frame rate, and a template that a muxer can take."""
    sink, _ = await replay(make_media("surround", studio.folder))
    video, audio = sink.tracks[0]
    assert (video.width, video.height, video.fps) == (320, 180, 30.0)
    assert (audio.rate, audio.channels) == (48_000, 6)
    assert video.template is not None
    assert video.extradata


async def test_a_portrait_recording_carries_its_rotation(studio: Studio) -> None:
    """ffmpeg's `-display_rotation 90` turns anticlockwise, so a player turns by 270 degrees clockwise."""
    sink, _ = await replay(make_media("rotated", studio.folder))
    assert sink.tracks[0][0].rotation == 270


async def test_cover_pictures_and_other_streams_are_ignored(studio: Studio, plain: Path) -> None:
    """A song with its cover is audio only; subtitles and chapters are not read."""
    cover = studio.make("cover.jpg", *PICTURE, "-frames:v", "1")
    song = studio.make(
        "song.m4a", *SOUND, "-i", str(cover), "-t", "3", "-map", "0", "-map", "1", *AAC, "-c:v", "mjpeg",
        "-disposition:v:0", "attached_pic",
    )  # fmt: skip
    sink, _ = await replay(song)
    assert [track.kind for track in sink.tracks[0]] == ["audio"]
    subtitles = studio.folder / "s.srt"
    subtitles.write_text("1\n00:00:00,000 --> 00:00:02,000\nhello\n")
    mkv = studio.make("subs.mkv", "-i", str(plain), "-i", str(subtitles), "-map", "0", "-map", "1", "-c", "copy")
    sink, _ = await replay(mkv)
    assert [track.kind for track in sink.tracks[0]] == ["video", "audio"]


async def test_of_several_sounds_the_default_one_is_taken(studio: Studio) -> None:
    """The second track is marked as default, and is the one with a single channel."""
    path = studio.make(
        "two-sounds.mkv", *PICTURE, *SOUND, *SOUND, "-t", "2", "-map", "0", "-map", "1", "-map", "2", *H264, *AAC,
        "-ac:a:0", "2", "-ac:a:1", "1", "-disposition:a:0", "0", "-disposition:a:1", "default",
    )  # fmt: skip
    sink, _ = await replay(path)
    assert sink.tracks[0][1].channels == 1


async def test_a_file_cut_off_says_so_and_gives_what_is_there(studio: Studio) -> None:
    """The index promises four seconds; the warning names both lengths."""
    sink, _ = await replay(make_media("truncated", studio.folder))
    assert sink.packets("video")
    end_s = to_s(max(p.end_ns for p in sink.packets()))
    assert 1.5 < end_s < 4
    assert sink.warnings == ["truncated"]


@pytest.mark.parametrize("speed", [1.0, 4.0])
async def test_a_paced_replay_takes_its_time(plain: Path, speed: float) -> None:
    """Six seconds at 4x sleep for a bit under 1.5 s in all, a quarter of a second of media at a time."""
    clock, sink = FakeClock(), RecordingSink()
    await FileSource(plain, clock=clock, speed=speed).run(sink)
    slept_s = sum(clock.slept_ns) / 1e9
    assert slept_s == pytest.approx(6 / speed, abs=0.6 / speed)
    assert max(clock.slept_ns) <= ns(0.6 / speed)


async def test_a_resumed_replay_delivers_only_what_is_new(plain: Path) -> None:
    """Media time stays the same; the epoch is announced again, with its own number."""
    whole, _ = await replay(plain)
    again, _ = await replay(plain, resume=Resume(ns(3), 1))
    assert again.packets() == [p for p in whole.packets() if p.end_ns > ns(3)]
    assert [(e.number, e.start_ns) for e in again.epochs] == [(0, 0)]


@pytest.mark.parametrize("name", ["none.mp4", "."])
def test_a_path_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    """Missing, or a folder."""
    with pytest.raises(BadMedia) as refused:
        FileSource(tmp_path / name, clock=FakeClock(), speed=None)
    assert refused.value.code == "unreadable"


def test_a_format_is_never_guessed(plain: Path) -> None:
    """A container is opened as what it was found to be, or not at all; only known formats may be asked for."""
    with pytest.raises(BadMedia):
        open_media(plain, "matroska")
    with pytest.raises(ValueError, match="hls"):
        open_media(plain, "hls")


async def test_media_that_starts_again_is_a_new_epoch_without_a_pause(studio: Studio) -> None:
    """Two recordings joined in one transport stream: the second begins where the first ended."""
    one = make_media("h264_aac_ts", studio.folder)
    twice = studio.folder / "twice.ts"
    twice.write_bytes(one.read_bytes() * 2)
    sink, source = await replay(twice)
    assert [(e.number, e.reason, e.by) for e in sink.epochs] == [(0, "start", "start"), (1, "jump", "source")]
    assert source.footage.span()[1] == pytest.approx(ns(8), abs=ns(0.2))


# -- footage


def wanted(packets: list[Packet], key_ns: int, end_ns: int) -> set[tuple[str, int, int, bytes]]:
    """What reading from a keyframe on has to give."""
    dts_ns = next(p.dts_ns for p in packets if p.kind == "video" and p.pts_ns == key_ns)
    return {
        (p.kind, p.pts_ns, p.dts_ns, p.data)
        for p in packets
        if p.dts_ns < end_ns and p.pts_ns >= key_ns and (p.kind == "audio" or p.dts_ns >= dts_ns)
    }


def got(packets: Iterator[Packet]) -> set[tuple[str, int, int, bytes]]:
    return {(p.kind, p.pts_ns, p.dts_ns, p.data) for p in packets}


@pytest.mark.parametrize(
    "kind", ["h264_aac", "h264_aac_ts", "h264_aac_mkv", "h264_bframes", "open_gop", "vfr", "pts_wrap", "vp9_opus"]
)
async def test_a_file_gives_back_exactly_what_the_replay_placed(studio: Studio, kind: str) -> None:
    """From every keyframe: the same packets at the same nanoseconds, sound included; also across a timestamp wrap.
    Frames of an open GOP that show before its keyframe lean on the GOP before, so reading does not begin with them."""
    sink, source = await replay(make_media(kind, studio.folder))
    footage = source.footage
    start_ns, end_ns = footage.span()
    keys = footage.keyframes(start_ns, end_ns)
    assert keys == [p.pts_ns for p in sink.packets("video") if p.is_keyframe]
    for key_ns in keys:
        cut_ns = Ns(min(key_ns + ns(1), end_ns))
        assert got(footage.read(Ns(key_ns + 1), cut_ns)) == wanted(sink.packets(), key_ns, cut_ns)


async def test_a_fragmented_file_without_an_index_is_read_too(studio: Studio, plain: Path) -> None:
    """Where a seek lands wrong, the file is read from its start: slower, never wrong."""
    path = studio.copy("fragments.mp4", plain, "-movflags", "frag_keyframe+empty_moov")
    sink, source = await replay(path)
    key_ns = source.footage.keyframes(*source.footage.span())[3]
    assert got(source.footage.read(key_ns, ns(5))) == wanted(sink.packets(), key_ns, ns(5))


async def test_epochs_with_the_same_timestamps_are_told_apart(studio: Studio) -> None:
    """The second half of a doubled recording is read from the second half."""
    one = make_media("h264_aac_ts", studio.folder)
    twice = studio.folder / "doubled.ts"
    twice.write_bytes(one.read_bytes() * 2)
    sink, source = await replay(twice)
    second = source.footage.epoch_span(ns(6))[0]
    later = [p for p in sink.packets() if p.offset >= one.stat().st_size]
    assert got(source.footage.read(second, Ns(second + ns(1)))) == wanted(later, second, second + ns(1))
    first = list(source.footage.read(Ns(0), ns(8)))
    assert max(p.offset for p in first) < one.stat().st_size


async def test_an_audio_file_is_entered_at_any_second(studio: Studio) -> None:
    """Without keyframes, reading starts at most a second before the wanted time."""
    sink, source = await replay(make_media("audio_only", studio.folder))
    packets = list(source.footage.read(ns(2.5), ns(3)))
    assert ns(1.4) <= packets[0].pts_ns <= ns(2.5)
    assert packets == [p for p in sink.packets() if packets[0].pts_ns <= p.pts_ns < ns(3)]
    assert source.footage.keyframes(Ns(0), ns(4)) == []


async def test_a_scan_finds_what_the_replay_found(studio: Studio) -> None:
    """A finished session is cut from without replaying it."""
    path = make_media("pts_wrap", studio.folder)
    _, source = await replay(path)
    scanned = scan_footage(path)
    span = scanned.span()
    assert span == source.footage.span()
    assert scanned.keyframes(*span) == source.footage.keyframes(*span)
    assert list(scanned.read(ns(1), ns(2))) == list(source.footage.read(ns(1), ns(2)))
    assert [t.codec for t in scanned.tracks(Ns(0))] == ["h264", "aac"]


async def test_a_range_without_media_is_refused(plain: Path) -> None:
    """Behind the end, or before anything has been played."""
    _, source = await replay(plain)
    with pytest.raises(CutRefused, match="no media"):
        source.footage.read(ns(60), ns(70))
    with pytest.raises(CutRefused):
        FileFootage(plain, "mov").read(Ns(0), ns(1))
    assert FileFootage(plain, "mov").span() == (0, 0)


async def test_the_source_is_known_by_its_hash(plain: Path, tmp_path: Path) -> None:
    """A user's file is referenced by path; a fetched one is linked into the clip's folder."""
    footage = scan_footage(plain)
    [ref] = footage.link_source(Ns(0), ns(2), tmp_path)
    assert (ref.path, ref.sampled) == (str(plain), False)
    assert ref.sha256 == hashlib.sha256(plain.read_bytes()).hexdigest()
    assert list(tmp_path.iterdir()) == []
    [linked] = scan_footage(plain, fetched=True).link_source(Ns(0), ns(2), tmp_path)
    assert (tmp_path / linked.path).samefile(plain)


def test_a_big_file_is_known_by_a_sample(tmp_path: Path) -> None:
    """Hashing 16 MiB of a large file is enough to notice another one, and a change in its last byte."""
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.truncate(100 << 20)
    first = file_hash(path)
    assert first[1:] == (100 << 20, True)
    with path.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"x")
    assert file_hash(path)[0] != first[0]


def test_an_epoch_that_is_open_can_be_asked_for(plain: Path) -> None:
    """The footage grows while the replay runs: its span is what has been placed so far."""
    whole = scan_footage(plain)
    growing = FileFootage(plain, "mov")
    start = Epoch(number=0, start_ns=Ns(0), reason="start", by="start")
    growing.epoch_opened(start, whole.tracks(Ns(0)), whole._stretches[0].epoch_map)
    growing.packets_placed([p for p in whole.read(Ns(0), ns(2)) if p.end_ns <= ns(2)])
    assert growing.span()[1] == pytest.approx(ns(2), abs=ns(0.1))
    assert growing.keyframes(Ns(0), ns(9)) == whole.keyframes(Ns(0), ns(1.9))
