"""What HLS segments may be: MPEG-TS, CMAF, byte ranges, encrypted, raw AAC, sound in a playlist of its own."""

from __future__ import annotations

import gc
from itertools import pairwise
from pathlib import Path

import pytest
from Crypto.Cipher import AES

from core.errors import BadMedia
from core.times import ns
from daemon.ingest.api import Ended
from daemon.ingest.hls.demux import demux, packed_audio_ticks
from daemon.ingest.reader import BOTH
from daemon.ingest.sniff import sniff
from tests.fakes import RecordingSink
from tests.media import media
from tests.unit.ingest.hls_watch import END, FMP4, HEAD, Watch, entries
from tests.unit.ingest.stage import AAC, SOUND, Origin, Studio, open_containers


async def test_a_quality_that_changes_inside_the_playlist_opens_an_epoch(watch: Watch, studio: Studio) -> None:
    """Another picture size without a discontinuity: a muxer could not go on, so a new epoch begins, nothing between."""
    long = str(studio.folder / "long.mp4")
    small = studio.make("small.mp4", "-i", long, "-t", "4", "-s", "160x90", "-g", "30", *AAC)
    other = studio.hls("small", small)
    watch.origin.folder("/o", other)
    text = HEAD + entries(0, 0) + "#EXTINF:2,\n/o/i1.ts\n" + END
    await watch.plays(text)
    assert [e.reason for e in watch.sink.epochs] == ["start", "tracks_changed"]
    assert [tracks[0].width for tracks in watch.sink.tracks] == [320, 160]
    assert watch.sink.epochs[1].start_ns == pytest.approx(ns(2), abs=ns(0.05))


async def test_fragmented_mp4_is_read_with_its_initialisation(watch: Watch, studio: Studio) -> None:
    """CMAF: EXT-X-MAP before each fragment; the map is fetched once."""
    folder = studio.hls("cmaf", studio.folder / "long.mp4", *FMP4)
    watch.origin.folder("/c", folder)
    text = HEAD + '#EXT-X-MAP:URI="/c/init.mp4"\n' + entries(0, 6, prefix="/c/i", suffix="m4s") + END
    await watch.plays(text)
    assert watch.seconds == 14
    assert len(watch.sink.epochs) == 1
    assert watch.sink.gaps == []
    assert watch.origin.seen.count("/c/init.mp4") == 1
    assert watch.sink.tracks[0][0].extradata


async def test_byte_ranges_of_one_file_are_segments(watch: Watch, studio: Studio) -> None:
    """A single file cut by ranges."""
    folder = studio.hls("single", studio.folder / "long.mp4", "-hls_flags", "single_file")
    watch.origin.folder("", folder)
    assert await watch.run("/i.m3u8") == Ended("endlist")
    assert watch.seconds == 14


async def test_encrypted_segments_are_decrypted(watch: Watch, segments: Path) -> None:
    """AES-128 with an IV, and without one (the sequence number is it); the key is fetched once."""
    key, text = bytes(range(16)), HEAD + "#EXT-X-MEDIA-SEQUENCE:0\n"
    watch.origin.body("/key", key)
    for n in range(4):
        iv = bytes([7]) * 16 if n < 2 else n.to_bytes(16, "big")
        data = (segments / f"i{n}.ts").read_bytes()
        pad = 16 - len(data) % 16
        watch.origin.body(f"/e{n}.ts", AES.new(key, AES.MODE_CBC, iv).encrypt(data + bytes([pad]) * pad))
        tag = f'#EXT-X-KEY:METHOD=AES-128,URI="/key"{",IV=0x" + iv.hex() if n < 2 else ""}\n'
        text += f"{tag}#EXTINF:2,\n/e{n}.ts\n"
    await watch.plays(text + END)
    assert watch.seconds == 8
    assert watch.origin.seen.count("/key") == 1
    watch.origin.body("/key", b"wrong key, 16 b.")
    watch.sink = RecordingSink()
    assert (await watch.fails(text + END)).code == "bad_encryption"


def id3(ticks: int) -> bytes:
    """An ID3 tag with Apple's timestamp."""
    frame = b"com.apple.streaming.transportStreamTimestamp\0" + ticks.to_bytes(8, "big")
    tag = b"PRIV" + len(frame).to_bytes(4, "big") + b"\0\0" + frame
    return b"ID3\x04\0\0" + bytes([0, 0, 0, len(tag)]) + tag


def demuxed_streams(origin: Origin, studio: Studio, kind: str) -> str:
    """A master with sound in a playlist of its own, as fMP4, MPEG-TS or raw AAC; returns its path."""
    source = studio.folder / "long.mp4"
    picture = studio.hls(f"dv-{kind}", source, "-an", *(FMP4 if kind == "fmp4" else ()))
    if kind == "aac":
        sound = studio.folder / "da-aac"
        if not sound.exists():
            sound.mkdir()
            lines = [HEAD + "#EXT-X-MEDIA-SEQUENCE:0\n"]
            for n in range(7):
                part = studio.make(f"aac-{n}.aac", "-ss", str(2 * n), "-i", str(source), "-t", "2", "-vn", *AAC)
                (sound / f"{n}.aac").write_bytes(id3(132_000 + 180_000 * n) + part.read_bytes())
                lines.append(f"#EXTINF:2,\n{n}.aac\n")
            (sound / "i.m3u8").write_text("".join(lines) + END)
    else:
        sound = studio.hls(f"da-{kind}", source, "-vn", "-hls_time", "3", *(() if kind == "ts" else FMP4))
    origin.folder("/v", picture)
    origin.folder("/a", sound)
    origin.body(
        "/master.m3u8",
        '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="g",NAME="en",DEFAULT=YES,URI="/a/i.m3u8"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=9000000,CODECS="avc1.640028,mp4a.40.2",AUDIO="g"\n/v/i.m3u8\n',
    )
    return "/master.m3u8"


@pytest.mark.parametrize("kind", ["fmp4", "ts", "aac", "mixed"])
async def test_sound_from_a_playlist_of_its_own_is_interleaved(watch: Watch, studio: Studio, kind: str) -> None:
    """Picture and sound in one epoch and one order, within a frame of each other at the start, nothing lost; also with
    raw AAC dated by its ID3 tag, and with MP4 sound beside an MPEG-TS picture."""
    ended = await watch.run(demuxed_streams(watch.origin, studio, kind))
    assert ended == Ended("endlist")
    packets, sound = watch.sink.packets(), watch.sink.packets("audio")
    assert all(a.dts_ns <= b.dts_ns for a, b in pairwise(packets))
    assert watch.seconds == 14
    muxer_s = 1.4 if kind == "mixed" else 0  # ffmpeg starts MPEG-TS at 1.4 s and MP4 at 0: that much sound lies before
    assert sum(p.end_ns - p.pts_ns for p in sound) == pytest.approx(ns(14 - muxer_s), abs=ns(0.2))
    assert abs(sound[0].pts_ns) <= ns(0.05)
    assert len(watch.sink.epochs) == 1
    assert [track.kind for track in watch.sink.tracks[0]] == ["video", "audio"]


async def test_sound_that_fails_does_not_stop_the_picture(watch: Watch, studio: Studio) -> None:
    """A rendition whose segments are all gone: the picture goes on without it."""
    path = demuxed_streams(watch.origin, studio, "ts")
    for name in list(watch.origin.handlers):
        if name.startswith("/a/") and name.endswith(".ts"):
            del watch.origin.handlers[name]
    assert await watch.run(path) == Ended("endlist")
    assert watch.seconds == 14
    assert watch.sink.packets("audio") == []


async def test_a_break_in_both_playlists_is_one_epoch(watch: Watch, studio: Studio) -> None:
    """Picture and sound each announce the discontinuity: one new epoch, both tracks in it."""
    demuxed_streams(watch.origin, studio, "ts")
    cut = "#EXT-X-DISCONTINUITY\n"
    video = HEAD + "".join(f"{d}#EXTINF:2,\n/v/i{n}.ts\n" for n, d in ((0, ""), (1, ""), (0, cut), (1, "")))
    sound = HEAD + "".join(f"{d}#EXTINF:3,\n/a/i{n}.ts\n" for n, d in ((0, ""), (0, cut)))
    watch.origin.body("/v/i.m3u8", video + END)
    watch.origin.body("/a/i.m3u8", sound + END)
    await watch.run("/master.m3u8")
    assert [e.reason for e in watch.sink.epochs] == ["start", "discontinuity"]
    assert watch.sink.epochs[1].start_ns == pytest.approx(ns(4), abs=ns(0.1))
    assert watch.seconds == 8
    after = [p for p in watch.sink.packets("audio") if p.pts_ns >= watch.sink.epochs[1].start_ns]
    assert sum(p.end_ns - p.pts_ns for p in after) == pytest.approx(ns(3), abs=ns(0.1))


async def test_a_timestamp_wrap_between_segments_is_invisible(watch: Watch, studio: Studio) -> None:
    """Each segment is opened on its own; 2^33 lies in the middle of the third."""
    folder = studio.hls("wrap", studio.folder / "long.mp4", "-output_ts_offset", str(2**33 / 90_000 - 6.4))
    watch.origin.folder("/w", folder)
    await watch.plays(HEAD + entries(0, 6, prefix="/w/i") + END)
    assert len(watch.sink.epochs) == 1
    assert watch.sink.gaps == []
    assert watch.seconds == 14
    assert max(p.end_ns for p in watch.sink.packets()) == pytest.approx(ns(14), abs=ns(0.05))


# -- segments on their own


def test_every_real_segment_of_the_collection_is_demuxed() -> None:
    """25 segments of two projects: H.264 with AAC, MP3 or no sound, ID3, captions, both ends of 33 bits."""
    found = {}
    for file in sorted(media("fx-hls").rglob("*")):
        if file.suffix in (".ts", ".aac") and file.name != "encrypted.ts":
            segment = demux(file.read_bytes(), b"", BOTH, 0)
            found[file.name] = len(segment.packets)
            assert {p.kind for p in segment.packets} <= {track.kind for track in segment.tracks}
            assert all(len(p.data) > 0 for p in segment.packets)
    assert len(found) == 25
    assert (found["oneSecond.ts"], found["aacWithId3.aac"], found["videoDiffPtsDts.ts"]) == (52, 47, 40)


def test_raw_audio_is_dated_by_its_tag_or_by_the_playlist() -> None:
    """With Apple's timestamp its 33 bits count; without it, the place in the playlist."""
    data = (media("fx-hls") / "videojs/segments/aacWithId3.aac").read_bytes()
    raw = data[data.index(b"\xff\xf1") :]
    assert packed_audio_ticks(data) is None
    assert demux(data, b"", BOTH, ns(99)).packets[0].pts == 99 * 90_000
    tagged = demux(id3(1 << 34 | 12_345) + raw, b"", BOTH, ns(99))
    assert tagged.packets[0].pts == 12_345
    assert tagged.wraps
    assert tagged.tracks[0].time_base == tagged.packets[0].time_base


@pytest.mark.parametrize("data", [b"", b"<html>", b"#EXTM3U\n", b"\x47" + b"\0" * 1879])
def test_a_segment_without_media_is_bad_media(data: bytes) -> None:
    """Nothing, a page, a playlist in disguise, empty packets."""
    with pytest.raises(BadMedia):
        demux(data, b"", BOTH, 0)


def test_an_encrypted_segment_without_its_key_is_no_media() -> None:
    """What is not decrypted has no signature."""
    assert sniff((media("fx-hls") / "videojs/segments/encrypted.ts").read_bytes()[:4096]) == "unknown"


@pytest.mark.parametrize("kind", ["ts", "aac"])
def test_a_segment_like_the_one_before_leaves_nothing_open(kind: str, studio: Studio, segments: Path) -> None:
    """It shares the templates of the first. Nothing waits for Python's collector of cycles, which cannot see that libav
    holds a megabyte for each open segment; a segment of other tracks stays open as the template of its own."""
    file = segments / "i1.ts" if kind == "ts" else studio.make("open.aac", *SOUND, "-t", "2", *AAC)
    data, other = file.read_bytes(), studio.av("open-other.ts", 2, "-s", "160x90").read_bytes()
    first = demux(data, b"", BOTH, 0)
    gc.collect()
    gc.disable()
    try:
        before = open_containers()
        same = [demux(data, b"", BOTH, 0, known=[first.tracks]) for _ in range(3)]
        assert open_containers() == before
        changed = demux(other, b"", BOTH, 0, known=[first.tracks])
        assert open_containers() == before + 1
    finally:
        gc.enable()
    templates = {id(track.template) for track in first.tracks}
    assert all({id(track.template) for track in one.tracks} == templates for one in same)
    assert all(one.packets == first.packets for one in same)
    assert not templates & {id(track.template) for track in changed.tracks}
