"""Sound and pictures for analysis: on media time, without holes, whatever the source does."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from core.media import AUDIO_RATE, AudioBlock, Epoch, Packet, Track
from core.times import Ns, ns, to_s
from daemon.ingest.decode import LONGEST_SIDE, AudioDecoder, KeyframeDecoder
from daemon.ingest.files import FileSource
from tests.fakes import FakeClock, RecordingSink
from tests.synthetic_streams import make_media
from tests.unit.ingest.stage import AAC, Studio

EPOCH = Epoch(number=0, start_ns=Ns(0), reason="start", by="start")
CLICKS = "aevalsrc='if(lt(mod(t,1),0.01),0.9,0)':s={rate}:c={layout}"


async def placed(path: Path) -> RecordingSink:
    sink = RecordingSink()
    await FileSource(path, clock=FakeClock(), speed=None).run(sink)
    return sink


def track_of(sink: RecordingSink, kind: str) -> Track:
    return next(track for track in sink.tracks[0] if track.kind == kind)


def heard(decoder: AudioDecoder, packets: list[Packet]) -> list[AudioBlock]:
    blocks = [block for packet in packets for block in decoder.push(packet)]
    return blocks + decoder.flush()


def joined(blocks: list[AudioBlock]) -> np.ndarray:
    """All samples, after checking that each block follows the one before without a hole or an overlap."""
    for one, two in pairwise(blocks):
        assert one.end_ns == two.start_ns
    return np.concatenate([block.samples for block in blocks])


def clicks(samples: np.ndarray) -> list[float]:
    """Where a click begins, in seconds."""
    loud = np.flatnonzero(np.abs(samples) > 0.2)
    starts = loud[np.diff(loud, prepend=-AUDIO_RATE) > AUDIO_RATE // 4]
    return [round(float(s) / AUDIO_RATE, 3) for s in starts]


@pytest.mark.parametrize(
    ("rate", "layout", "suffix", "codec"),
    [
        (48_000, "stereo", "mp4", AAC),
        (44_100, "mono", "m4a", AAC),
        (48_000, "5.1", "mp4", AAC),
        (48_000, "mono", "mkv", ("-c:a", "libopus")),
        (22_050, "mono", "mp3", ("-c:a", "libmp3lame")),
        (44_100, "stereo", "flac", ()),
        (48_000, "stereo", "wav", ()),
        (44_100, "stereo", "ogg", ("-c:a", "libvorbis")),
        (48_000, "stereo", "ts", ("-c:a", "ac3")),
    ],
)
async def test_every_sound_becomes_16_khz_mono_at_its_own_time(
    studio: Studio, rate: int, layout: str, suffix: str, codec: tuple[str, ...]
) -> None:
    """A click on every full second is heard within 30 ms of it at every rate and layout: codecs delay by up to a frame,
    and LAME begins with 1105 samples of priming that MP3 has no timestamps to hide."""
    source = CLICKS.format(rate=rate, layout="mono")
    path = studio.make(
        f"clicks-{rate}-{layout}.{suffix}", "-f", "lavfi", "-i", source, "-t", "4",
        "-af", f"aformat=channel_layouts={layout}", *codec,
    )  # fmt: skip
    sink = await placed(path)
    blocks = heard(AudioDecoder(track_of(sink, "audio"), EPOCH), sink.packets("audio"))
    found = clicks(joined(blocks))
    assert blocks[0].samples.dtype == np.float32
    assert len(found) >= 4
    offsets = [min(abs(t - n) for n in range(5)) for t in found]
    assert max(offsets) <= (0.051 if suffix == "mp3" else 0.03), found


async def test_a_hole_is_filled_with_silence_of_its_length(plain: Path) -> None:
    """Two seconds of packets taken out: the samples after them are where they belong, the hole is zeros."""
    sink = await placed(plain)
    packets = [p for p in sink.packets("audio") if not ns(2) <= p.pts_ns < ns(4)]
    decoder = AudioDecoder(track_of(sink, "audio"), EPOCH)
    samples = joined(heard(decoder, packets))
    assert len(samples) / AUDIO_RATE == pytest.approx(6, abs=0.05)
    assert not samples[round(2.1 * AUDIO_RATE) : round(3.9 * AUDIO_RATE)].any()
    assert np.abs(samples[round(4.1 * AUDIO_RATE) :]).mean() > 0.01
    assert to_s(decoder.filled_ns) == pytest.approx(2, abs=0.05)
    assert decoder.end_ns == pytest.approx(ns(6), abs=ns(0.05))


async def test_a_long_hole_comes_in_small_blocks(plain: Path) -> None:
    """A minute without sound beside a running picture is sixty blocks, not one of four megabytes."""
    sink = await placed(plain)
    first, *rest = sink.packets("audio")
    late = [replace(p, pts_ns=Ns(p.pts_ns + ns(60)), dts_ns=Ns(p.dts_ns + ns(60))) for p in rest]
    blocks = heard(AudioDecoder(track_of(sink, "audio"), EPOCH), [first, *late])
    assert max(len(block.samples) for block in blocks) <= AUDIO_RATE
    assert len(joined(blocks)) / AUDIO_RATE == pytest.approx(66, abs=0.05)


async def test_timestamps_that_jitter_change_nothing(plain: Path) -> None:
    """Millisecond containers round: within 20 ms the samples follow each other without clicks."""
    sink = await placed(plain)
    packets = sink.packets("audio")
    jittered = [replace(p, pts_ns=Ns(p.pts_ns + (i % 3) * 3_000_000)) for i, p in enumerate(packets)]
    decoder = AudioDecoder(track_of(sink, "audio"), EPOCH)
    plain_samples = joined(heard(AudioDecoder(track_of(sink, "audio"), EPOCH), packets))
    assert np.array_equal(joined(heard(decoder, jittered)), plain_samples)


async def test_a_clock_that_drifts_is_followed(plain: Path) -> None:
    """Timestamps that run 2 % fast: the samples never come to lie more than 20 ms from them."""
    sink = await placed(plain)
    packets = [replace(p, pts_ns=Ns(round(p.pts_ns * 1.02))) for p in sink.packets("audio")]
    samples = joined(heard(AudioDecoder(track_of(sink, "audio"), EPOCH), packets))
    assert len(samples) / AUDIO_RATE == pytest.approx(6 * 1.02, abs=0.05)


async def test_timestamps_that_run_slow_lose_the_overlap(plain: Path) -> None:
    """Timestamps 2 % slow: sound that would be heard twice is cut, time stays right."""
    sink = await placed(plain)
    packets = [replace(p, pts_ns=Ns(round(p.pts_ns * 0.98))) for p in sink.packets("audio")]
    samples = joined(heard(AudioDecoder(track_of(sink, "audio"), EPOCH), packets))
    assert len(samples) / AUDIO_RATE == pytest.approx(6 * 0.98, abs=0.06)


async def test_a_rate_that_changes_inside_a_stream_is_followed(studio: Studio) -> None:
    """AAC in MPEG-TS may go from 48 to 44.1 kHz and from one channel to two; the clicks stay on the second."""
    parts = []
    for n, (rate, layout) in enumerate(((48_000, "mono"), (44_100, "stereo"))):
        parts.append(
            studio.make(
                f"part-{n}.ts", "-f", "lavfi", "-i", CLICKS.format(rate=rate, layout="mono"), "-t", "3",
                "-af", f"aformat=channel_layouts={layout}", *AAC, "-output_ts_offset", str(3 * n),
            )
        )  # fmt: skip
    one, two = [await placed(part) for part in parts]
    later = [replace(p, pts_ns=Ns(p.pts_ns + ns(3))) for p in two.packets("audio")]
    track = replace(track_of(one, "audio"), extradata=b"")
    samples = joined(heard(AudioDecoder(track, EPOCH), [*one.packets("audio"), *later]))
    assert max(min(abs(t - n) for n in range(7)) for t in clicks(samples)) <= 0.03


async def test_damaged_sound_is_counted_and_becomes_silence(plain: Path) -> None:
    """Packets of noise are errors, not exceptions; time goes on."""
    sink = await placed(plain)
    packets = [
        replace(p, data=b"\xff" * 20) if ns(2) <= p.pts_ns < ns(3) else p for p in sink.packets("audio")
    ]  # fmt: skip
    decoder = AudioDecoder(track_of(sink, "audio"), EPOCH)
    samples = joined(heard(decoder, packets))
    assert decoder.errors > 10
    assert len(samples) / AUDIO_RATE == pytest.approx(6, abs=0.05)


async def test_a_damaged_flush_or_nothing_at_all_is_no_error(plain: Path) -> None:
    """A decoder that was never fed flushes to nothing."""
    sink = await placed(plain)
    decoder = AudioDecoder(track_of(sink, "audio"), EPOCH)
    assert decoder.flush() == []
    assert decoder.end_ns == 0


@pytest.mark.parametrize("kind", ["h264_bframes", "hevc", "vp9_opus", "av1_opus", "open_gop"])
async def test_keyframes_become_small_grey_pictures_at_once(studio: Studio, kind: str) -> None:
    """Each keyframe gives its picture with its own time, without waiting for later frames; others give nothing."""
    sink = await placed(make_media(kind, studio.folder))
    decoder = KeyframeDecoder(track_of(sink, "video"), EPOCH)
    video = sink.packets("video")
    images = [image for packet in video for image in decoder.push(packet)]
    assert [image.t_ns for image in images] == [p.pts_ns for p in video if p.is_keyframe]
    assert decoder.errors == 0
    for image in images:
        assert image.grey.dtype == np.uint8
        assert max(image.grey.shape) == LONGEST_SIDE
        assert image.grey.std() > 20


async def test_a_damaged_keyframe_is_counted_and_the_next_one_is_fine(plain: Path) -> None:
    """Nothing carries over from one keyframe to the next."""
    sink = await placed(plain)
    keys = [p for p in sink.packets("video") if p.is_keyframe]
    keys[1] = replace(keys[1], data=b"\0\0\0\x01" + b"\xff" * 50)
    decoder = KeyframeDecoder(track_of(sink, "video"), EPOCH)
    images = [image for packet in keys for image in decoder.push(packet)]
    assert len(images) == len(keys) - 1
    assert decoder.errors == 1
