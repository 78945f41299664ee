"""The DVR list: what a player finds while a ring records, forgets, restarts and ends."""

from __future__ import annotations

import re
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import imageio_ffmpeg
import pytest
from aiohttp import web

from configs.ingest import IngestOptions
from core.media import Epoch
from core.netpolicy import AddressPolicy
from core.protocols import SegmentRow
from core.times import NS_PER_S, Ns, ns
from daemon.ingest.hls.loop import open_hls
from daemon.ingest.hls.playlist import MediaPlaylist, parse
from daemon.ingest.request import Request
from ringbuffer import Ring, RingOptions
from ringbuffer.playlist import MAX_LISTED, DvrPlaylist, Numbers
from tests.fakes import FakeClock, RecordingSink
from tests.unit.ingest.stage import Origin
from tests.unit.ringbuffer.kit import MemoryLog, Stream, encode, epoch, load

OPTIONS = RingOptions(segment_s=1.0, flush_s=0.4)
WALL_NS = 1_700_000_000 * NS_PER_S


def record(
    folder: Path, log: MemoryLog, stream: Stream, *, attempt: int = 1, number: int = 0, options: RingOptions = OPTIONS
) -> Ring:
    """An epoch into an open ring, dated."""
    ring = Ring.open(folder, log, options, attempt=attempt, epochs=[dated(n) for n in range(number)])
    add(ring, stream, number)
    return ring


def add(ring: Ring, stream: Stream, number: int) -> None:
    ring.begin_epoch(dated(number, stream.packets[0].dts_ns), stream.tracks)
    for packet in stream.packets:
        ring.append(packet)


def dated(number: int, start_ns: int = 0) -> Epoch:
    return replace(epoch(number, start_ns), wall_ns=WALL_NS + start_ns)


def listed(folder: Path) -> MediaPlaylist:
    """The list as our own reader takes it."""
    found = parse((folder / "playlist.m3u8").read_bytes(), "http://h/ring/playlist.m3u8")
    assert isinstance(found, MediaPlaylist)
    return found


def names(folder: Path) -> list[str]:
    return [segment.uri.rpartition("/")[2] for segment in listed(folder).segments]


def numbered(folder: Path) -> dict[int, str]:
    return {segment.seq: segment.uri for segment in listed(folder).segments}


def decoded(folder: Path) -> tuple[float, float]:
    """Seconds of picture and sound that ffmpeg gets out of the list, from its first entry on."""
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-nostdin",
        "-v",
        "error",
        "-xerror",
        "-protocol_whitelist",
        "file,crypto",
    ]
    command += ["-allowed_extensions", "ALL", "-extension_picky", "0", "-live_start_index", "0"]
    command += ["-i", str(folder / "playlist.m3u8"), "-map", "0:v?", "-map", "0:a?", "-f", "framecrc", "-"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stderr == ""
    frames = [line.split(",") for line in ran.stdout.splitlines() if line and not line.startswith("#")]
    pictures = sum(1 for frame in frames if frame[0].strip() == "0")
    samples = sum(int(frame[3]) for frame in frames if frame[0].strip() == "1")
    return pictures / 30, samples / 48_000


def test_a_recorded_ring_plays_from_its_list(talk: Stream, tmp_path: Path) -> None:
    """ffmpeg decodes every frame that went in, in one go; lengths add up, dates follow the epoch's."""
    record(tmp_path, MemoryLog(), talk).close()
    found = listed(tmp_path)
    assert not found.live
    assert sum(s.duration_ns for s in found.segments) == pytest.approx(talk.end_ns, abs=ns(0.1))
    assert found.segments[0].pdt_ns == pytest.approx(WALL_NS, abs=ns(0.1))
    assert all(b.pdt_ns - a.pdt_ns == pytest.approx(a.duration_ns, abs=ns(0.002)) for a, b in pairwise(found.segments))  # type: ignore[operator]
    assert not any(s.discontinuity for s in found.segments)
    picture_s, sound_s = decoded(tmp_path)
    assert picture_s == pytest.approx(8.0, abs=0.01)
    assert sound_s == pytest.approx(8.0, abs=0.1)


def test_a_ring_in_fragmented_mp4_names_its_header_once(ring_media: Path, tmp_path: Path) -> None:
    """Opus is not for MPEG-TS: the segments are byte ranges behind one shared initialisation section."""
    stream = load(encode(ring_media, "h264_opus"))
    record(tmp_path, MemoryLog(), stream).close()
    text = (tmp_path / "playlist.m3u8").read_text()
    assert text.count("#EXT-X-MAP") == len(list(tmp_path.glob("init-*.mp4"))) == 1
    assert text.count("#EXT-X-BYTERANGE") == len(names(tmp_path)) == 4
    picture_s, sound_s = decoded(tmp_path)
    assert picture_s == pytest.approx(8.0, abs=0.01)
    assert sound_s == pytest.approx(8.0, abs=0.1)


def test_matroska_has_no_list(ring_media: Path, tmp_path: Path) -> None:
    """VP8 fits no container that HLS knows."""
    record(tmp_path, MemoryLog(), load(encode(ring_media, "vp8_opus"))).close()
    assert [path.name for path in tmp_path.iterdir()] == ["main"]


def test_the_list_grows_while_the_ring_records(talk: Stream, tmp_path: Path) -> None:
    """A segment is in it as soon as it is closed; only the end of the session ends it, and every state is whole."""
    log = MemoryLog()
    ring = Ring.open(tmp_path, log, OPTIONS, attempt=1)
    ring.begin_epoch(dated(0), talk.tracks)
    seen: list[int] = []
    for packet in talk.packets:
        ring.append(packet)
        if log.rows:
            found = listed(tmp_path)
            assert found.live
            assert len(found.segments) == len(log.rows)
            seen.append(len(found.segments))
    assert sorted(set(seen)) == list(range(1, max(seen) + 1))
    ring.close()
    assert not listed(tmp_path).live


def test_forgotten_segments_leave_at_the_front_and_numbers_stay(talk: Stream, tmp_path: Path) -> None:
    """A player that holds an older copy finds the same file under the same number, and no entry without its file."""
    options = RingOptions(segment_s=1.0, flush_s=0.4, minutes=3 / 60)
    ring = Ring.open(tmp_path, MemoryLog(), options, attempt=1)
    ring.begin_epoch(dated(0), talk.tracks)
    held: dict[int, str] = {}
    for packet in talk.packets:
        ring.append(packet)
        if (tmp_path / "playlist.m3u8").exists():
            now = numbered(tmp_path)
            assert all(held[number] == uri for number, uri in now.items() if number in held)
            assert all((tmp_path / "main" / name).exists() for name in names(tmp_path))
            held |= now
    ring.close()
    assert min(numbered(tmp_path)) > 2
    assert sorted(held) == list(range(max(held) + 1))


def test_a_pinned_segment_does_not_tear_the_list(talk: Stream, tmp_path: Path) -> None:
    """Entries leave at the front only: what a clip keeps behind a hole is not listed, though it is there."""
    options = RingOptions(segment_s=1.0, flush_s=0.4, minutes=3 / 60)
    ring = Ring.open(tmp_path, log := MemoryLog(), options, attempt=1)
    ring.pin("clip", Ns(0), ns(0.5))
    add(ring, talk, 0)
    ring.close()
    assert sorted(log.rows)[0] == "1-00000000.ts"
    assert names(tmp_path) == sorted(log.rows)[1:]


def test_numbers_breaks_and_dates_go_on_after_a_restart(talk: Stream, tmp_path: Path) -> None:
    """The next attempt continues the list of the one that was killed: same numbers, a discontinuity, no end between."""
    log = MemoryLog()
    record(tmp_path, log, talk).close()
    before, text = numbered(tmp_path), (tmp_path / "playlist.m3u8").read_text()
    later = talk.moved(talk.end_ns + ns(5))
    ring = record(tmp_path, log, later, attempt=2, number=1)
    assert listed(tmp_path).live
    ring.close()
    after = listed(tmp_path)
    assert {seq: uri for seq, uri in numbered(tmp_path).items() if seq in before} == before
    assert [s.seq for s in after.segments if s.discontinuity] == [max(before) + 1]
    assert after.segments[max(before) + 1].pdt_ns == pytest.approx(WALL_NS + later.packets[0].pts_ns, abs=ns(0.2))
    assert (tmp_path / "playlist.m3u8").read_text().startswith(text.removesuffix("#EXT-X-ENDLIST\n"))
    assert decoded(tmp_path)[0] == pytest.approx(16.0, abs=0.01)


def test_opening_a_finished_ring_for_one_more_clip_leaves_its_list_alone(talk: Stream, tmp_path: Path) -> None:
    """Not a byte, not even with other settings."""
    log = MemoryLog()
    record(tmp_path, log, talk).close()
    before = (tmp_path / "playlist.m3u8").stat()
    Ring.open(tmp_path, log, RingOptions(), attempt=2).close()
    after = (tmp_path / "playlist.m3u8").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_lost_file_moves_the_start_of_the_list_behind_it(talk: Stream, tmp_path: Path) -> None:
    """After a crash took a segment, the list goes on behind the hole, under the numbers it had."""
    log = MemoryLog()
    record(tmp_path, log, talk).close()
    before = numbered(tmp_path)
    (tmp_path / "main" / names(tmp_path)[2]).unlink()
    Ring.open(tmp_path, log, OPTIONS, attempt=2).close()
    assert numbered(tmp_path) == {seq: uri for seq, uri in before.items() if seq > 2}


def test_a_list_that_cannot_be_written_costs_no_footage(talk: Stream, tmp_path: Path) -> None:
    """Here a folder stands in its place; the ring records all the same."""
    (tmp_path / "playlist.m3u8").mkdir()
    log = MemoryLog()
    record(tmp_path, log, talk).close()
    assert max(row.end_ns for row in log.segments()) == pytest.approx(talk.end_ns, abs=2)


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    served = Origin()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", served.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    served.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield served
    await runner.cleanup()


@pytest.mark.parametrize("recipe", ["h264_aac", "h264_opus"])
async def test_our_own_reader_plays_the_list(recipe: str, ring_media: Path, tmp_path: Path, origin: Origin) -> None:
    """What a ring wrote is a source like any other: two epochs, every frame, the hole between them by its dates."""
    stream, log, options = load(encode(ring_media, recipe)), MemoryLog(), RingOptions(segment_s=2.5)  # a GOP each
    later = stream.moved(stream.end_ns + ns(5))
    record(tmp_path, log, stream, options=options).close()
    record(tmp_path, log, later, attempt=2, number=1, options=options).close()
    for path in ("playlist.m3u8", *(p.name for p in tmp_path.glob("init-*"))):
        origin.at(f"/r/{path}", Origin._file(tmp_path / path))
    origin.folder("/r/main", tmp_path / "main")
    url, sink = origin.url + "/r/playlist.m3u8", RecordingSink()
    request = Request(url=url, policy=AddressPolicy.for_source(url, "cli"), options=IngestOptions(timeout_s=30),
                      live=True, speed=None)  # fmt: skip
    await (await open_hls(request, FakeClock())).run(sink)
    assert len(sink.packets("video")) == 2 * len(stream.of("video"))
    assert [e.reason for e in sink.epochs] == ["start", "discontinuity"]


# -- the text


def row(seq: int, start_s: float, end_s: float, *, number: int = 0, suffix: str = "ts") -> SegmentRow:
    return SegmentRow(track="main", attempt=1, seq=seq, suffix=suffix, epoch=number, start_ns=ns(start_s),
                      end_ns=ns(end_s), keyframes_ns=(), bytes=1000, crc32=0)  # fmt: skip


def test_discontinuities_that_were_forgotten_are_counted() -> None:
    """RFC 8216 6.2.2: a player has to know which break it is at."""
    found = DvrPlaylist(target_s=3)
    for seq in range(6):
        found.add(row(seq, 2 * seq, 2 * seq + 2, number=seq // 2), wall_ns=None)
    assert found.text(ended=False).count("#EXT-X-DISCONTINUITY\n") == 2
    found.remove(frozenset({"1-00000002.ts"}))
    text = found.text(ended=False)
    assert "#EXT-X-MEDIA-SEQUENCE:3\n#EXT-X-DISCONTINUITY-SEQUENCE:1\n" in text
    assert text.count("#EXT-X-DISCONTINUITY\n") == 1


def test_an_emptied_list_and_another_container_keep_counting() -> None:
    """What follows has the next number and begins with a break."""
    found = DvrPlaylist(target_s=3)
    found.add(row(0, 0, 2), wall_ns=None)
    found.remove(frozenset({"1-00000000.ts"}))
    found.add(row(1, 2, 4), wall_ns=None)
    assert "SEQUENCE:1\n" in found.text(ended=False)
    found.add(row(2, 4, 6, number=1, suffix="m4s"), wall_ns=None)
    text = found.text(ended=False)
    assert re.findall(r"main/.*", text) == ["main/1-00000002.m4s"]
    assert "#EXT-X-MEDIA-SEQUENCE:2\n" in text


def test_the_list_is_bounded_and_survives_dates_no_calendar_has() -> None:
    """A week of footage is not loaded again every two seconds; a stranger's dates are not believed."""
    found = DvrPlaylist(target_s=3)
    for seq in range(MAX_LISTED + 10):
        found.add(row(seq, 2 * seq, 2 * seq + 2), wall_ns=10**30 if seq % 2 else -(10**30))
    assert len(found) == MAX_LISTED
    assert len(found.text(ended=True)) < 300_000
    assert "PROGRAM-DATE" not in found.text(ended=True)


@pytest.mark.parametrize("text", ["", "#EXTM3U", "\0\xff" * 50, "#EXT-X-MEDIA-SEQUENCE:-1\n" + "9" * 5000])
def test_a_spoiled_list_is_begun_anew(text: str) -> None:
    """It is a help for players, not a record of ours."""
    numbers = Numbers.read(text)
    found = DvrPlaylist(target_s=3, numbers=numbers)
    found.add(row(0, 0, 2), wall_ns=None)
    assert "main/1-00000000.ts" in found.text(ended=False)
