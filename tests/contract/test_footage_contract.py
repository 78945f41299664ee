"""What every FootageSource promises to the cutter: the ring, a clip's linked source, and a local file.

Left open by the contract: the order of packets of different tracks, where reading starts in a hole between two epochs,
and whether a refusal comes with the call or with the first packet.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import CutRefused
from core.media import Kind, Packet
from core.protocols import FootageSource
from core.times import Ns, ns
from daemon.ingest import scan_footage
from ringbuffer import LinkedFootage, Ring, RingOptions
from tests.unit.ringbuffer.kit import MemoryLog, Stream, encode, epoch, load

TICK_NS = 11_112  # of an MPEG-TS clock
Make = Callable[[Path, Path], FootageSource]


def ring(media: Path, folder: Path) -> Ring:
    """A ring whose last segment is open, and flushed as far as it goes."""
    stream = load(media)
    made = Ring.open(folder, MemoryLog(), RingOptions(segment_s=1.0, flush_s=0.02), attempt=1)
    made.begin_epoch(epoch(), stream.tracks)
    for packet in stream.packets:
        made.append(packet)
    return made


def closed_ring(media: Path, folder: Path) -> Ring:
    """A ring after its worker left."""
    made = ring(media, folder)
    made.close()
    return made


def linked(media: Path, folder: Path) -> LinkedFootage:
    """What a clip kept of it."""
    closed_ring(media, folder / "ring").link_source(ns(3), ns(5), folder / "source")
    return LinkedFootage(folder / "source")


def file(media: Path, folder: Path) -> FootageSource:
    """A local file is its own ring."""
    return scan_footage(media)


@pytest.fixture(scope="session")
def contract_media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds; a keyframe every 2.5 s, B-frames."""
    return encode(tmp_path_factory.mktemp("contract"), "h264_aac")


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sound alone."""
    return encode(tmp_path_factory.mktemp("contract"), "aac")


@pytest.fixture(params=[ring, closed_ring, linked, file], ids=lambda make: make.__name__)
def make(request: pytest.FixtureRequest) -> Make:
    made: Make = request.param
    return made


@pytest.fixture
def footage(make: Make, contract_media: Path, tmp_path: Path) -> FootageSource:
    return make(contract_media, tmp_path)


@pytest.fixture
def stream(contract_media: Path) -> Stream:
    return load(contract_media)


def of(packets: list[Packet], kind: Kind) -> list[Packet]:
    """One track."""
    return [packet for packet in packets if packet.kind == kind]


def test_span_is_all_of_the_media(footage: FootageSource, stream: Stream) -> None:
    """From media time 0 to the end of the last packet; the open segment may lag by its last packets."""
    start_ns, end_ns = footage.span()
    assert abs(start_ns) <= ns(0.03)
    assert stream.end_ns - ns(0.15) <= end_ns <= stream.end_ns + TICK_NS
    assert footage.epoch_span(ns(4)) == (start_ns, end_ns)


def test_tracks_say_what_is_in_it(footage: FootageSource) -> None:
    """Kinds, codecs and shapes; the template is what a muxer takes."""
    tracks = {track.kind: track for track in footage.tracks(ns(4))}
    assert (tracks["video"].codec, tracks["video"].width, tracks["video"].height) == ("h264", 320, 180)
    assert (tracks["audio"].codec, tracks["audio"].rate, tracks["audio"].channels) == ("aac", 48_000, 1)
    assert all(track.template is not None for track in tracks.values())


def test_keyframes_are_where_the_stream_has_them(footage: FootageSource, stream: Stream) -> None:
    """Both ends included, in order."""
    wanted = stream.keyframes()
    assert footage.keyframes(ns(-1), ns(9)) == pytest.approx(wanted, abs=TICK_NS)
    first, second, *_ = footage.keyframes(ns(-1), ns(9))
    assert footage.keyframes(first, second) == [first, second]
    assert footage.keyframes(Ns(first + 1), Ns(second - 1)) == []


@pytest.mark.parametrize("start_s", [0.0, 1.0, 2.4, 4.0, 5.1, 7.4])
def test_reading_starts_on_the_keyframe_at_or_before(start_s: float, footage: FootageSource) -> None:
    """Video with that keyframe, sound no earlier than a packet before it and no later than one after."""
    packets = list(footage.read(ns(start_s), ns(start_s + 0.5)))
    [*_, wanted] = footage.keyframes(ns(-1), ns(start_s))
    video, audio = of(packets, "video"), of(packets, "audio")
    assert video[0].is_keyframe
    assert video[0].pts_ns == pytest.approx(wanted, abs=TICK_NS)
    assert wanted - ns(0.03) <= audio[0].pts_ns <= wanted + ns(0.03)


@pytest.mark.parametrize(("start_s", "end_s"), [(0.0, 8.0), (1.0, 2.0), (2.6, 5.4), (4.9, 7.0)])
def test_nothing_of_the_range_is_missing(start_s: float, end_s: float, footage: FootageSource, stream: Stream) -> None:
    """Every packet that is shown or heard in it comes back byte for byte, at its time, in decode order of its track."""
    packets = list(footage.read(ns(start_s), ns(end_s)))
    _, last_ns = footage.span()
    for kind in ("video", "audio"):
        got, put = of(packets, kind), stream.of(kind)
        inside = [p for p in put if ns(start_s) <= p.pts_ns and p.end_ns < min(ns(end_s), last_ns - ns(0.04))]
        back = {p.data: p for p in got}
        assert {p.data for p in inside} <= set(back)
        assert [back[p.data].pts_ns for p in inside] == pytest.approx([p.pts_ns for p in inside], abs=TICK_NS)
        assert [p.dts_ns for p in got] == sorted(p.dts_ns for p in got)


def test_reading_ends_soon_after_the_range(footage: FootageSource) -> None:
    """A short clip of a long stream must not read all of it."""
    assert max(packet.dts_ns for packet in footage.read(ns(1), ns(1.5))) < ns(2)


def test_a_range_past_the_end_ends_with_the_media(footage: FootageSource) -> None:
    """What is there is given."""
    packets = list(footage.read(ns(7), ns(60)))
    assert max(packet.end_ns for packet in packets) == pytest.approx(footage.span()[1], abs=ns(0.05))


@pytest.mark.parametrize(("start_s", "end_s"), [(50, 60), (8.5, 9)])
def test_what_is_not_there_is_refused(start_s: float, end_s: float, footage: FootageSource) -> None:
    """With a remedy."""
    with pytest.raises(CutRefused) as refused:
        list(footage.read(ns(start_s), ns(end_s)))
    assert refused.value.remedy


def test_a_reader_may_stop_early_and_start_again(footage: FootageSource) -> None:
    """Two readers at once, one of them abandoned."""
    first = iter(footage.read(ns(0), ns(8)))
    next(first)
    assert list(footage.read(ns(3), ns(4)))
    del first
    assert list(footage.read(ns(3), ns(4)))


def test_a_source_can_be_linked_and_is_known_by_its_hash(footage: FootageSource, tmp_path: Path) -> None:
    """Every reference names bytes that are there, and all together cover the range."""
    folder = tmp_path / "clip"
    folder.mkdir()
    refs = footage.link_source(ns(3), ns(5), folder)
    assert min(ref.start_ns for ref in refs) <= ns(3)
    assert max(ref.end_ns for ref in refs) >= ns(5)
    for ref in refs:
        assert (folder / ref.path).stat().st_size == ref.bytes
        assert len(ref.sha256) == 64


def test_sound_alone_needs_no_keyframe(make: Make, sound: Path, tmp_path: Path) -> None:
    """Audio-only streams are cut at any packet."""
    footage = make(sound, tmp_path)
    assert footage.keyframes(ns(0), ns(9)) == []
    packets = list(footage.read(ns(3), ns(4)))
    assert ns(1.9) <= packets[0].pts_ns <= ns(3)
    assert packets[-1].end_ns >= ns(3.95)
    assert [track.kind for track in footage.tracks(ns(3))] == ["audio"]
