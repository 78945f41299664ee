"""Damaged files as sources: each gives what is in it, or says what is wrong with it; none crashes, none hangs."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from core.errors import BadMedia
from core.media import Epoch
from core.times import NS_PER_S, Ns
from daemon.ingest.decode import AudioDecoder, KeyframeDecoder
from daemon.ingest.files import FileSource
from tests.fakes import FakeClock, RecordingSink
from tests.media import media
from tests.synthetic_streams import make_media

EPOCH = Epoch(number=0, start_ns=Ns(0), reason="start", by="start")


async def replay(path: Path) -> RecordingSink:
    sink = RecordingSink()
    await FileSource(path, clock=FakeClock(), speed=None).run(sink)
    return sink


def decode(sink: RecordingSink) -> tuple[int, int, int]:
    """(keyframe pictures, audio samples, errors)."""
    images = samples = errors = 0
    for track in sink.tracks[0]:
        if track.kind == "video":
            pictures = KeyframeDecoder(track, EPOCH)
            images += sum(len(pictures.push(p)) for p in sink.packets("video"))
            errors += pictures.errors
        else:
            sound = AudioDecoder(track, EPOCH)
            blocks = [b for p in sink.packets("audio") for b in sound.push(p)] + sound.flush()
            samples += sum(len(b.samples) for b in blocks)
            errors += sound.errors
    return images, samples, errors


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("bad.wav", "damaged"),
        ("evil.wav", "damaged"),
        ("chunk_out_of_range.mp4", "damaged"),
        ("null.wav", "no_media"),
        ("invalid_userdata.mp4", "no_media"),
        ("zero_empty_stsc.mp4", "no_media"),
        ("SOURCE.txt", "not_media"),
    ],
)
async def test_a_file_beyond_use_is_refused_by_name(name: str, code: str) -> None:
    """What cannot be opened, and what opens but holds nothing, is BadMedia with a remedy."""
    with pytest.raises(BadMedia) as refused:
        await replay(media("fx-broken") / name)
    assert refused.value.code == code
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("name", "seconds", "pictures"),
    [
        ("corrupted.mp4", 5.0, 1),
        ("no_timescale.mp4", 6.04, 7),
        ("video_with_failing_audio.mp4", 11.23, 3),
        ("no_duration.webm", 4.94, 1),
        ("minimal.mp4", 0.04, 1),
        ("test_case_1185230.mp4", 0.02, 0),
        ("awful.wav", 0.0, 0),
    ],
)
async def test_a_damaged_file_gives_what_is_in_it(name: str, seconds: float, pictures: int) -> None:
    """Media time is as long as what could be placed; decoders count what they cannot use."""
    sink = await replay(media("fx-broken") / name)
    assert max(p.end_ns for p in sink.packets()) / NS_PER_S == pytest.approx(seconds, abs=0.01)
    assert decode(sink)[0] == pictures


async def test_a_playlist_in_disguise_is_not_followed(tmp_path: Path) -> None:
    """A `.ts` whose bytes are a playlist is refused, never opened: the bytes it names stay unread."""
    path = tmp_path / "x.ts"
    path.write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n")
    with pytest.raises(BadMedia) as refused:
        await replay(path)
    assert refused.value.code == "not_media"


@pytest.mark.parametrize("kind", ["h264_aac_ts", "h264_aac", "h264_aac_mkv", "vp9_opus"])
async def test_no_damage_crashes_or_hangs(kind: str, tmp_path: Path) -> None:
    """Twelve mutilations of each container: bytes flipped, cut out, doubled, the end missing. Every one is placed in
    part or refused; decode times rise, and the decoders never raise."""
    whole = make_media(kind, tmp_path).read_bytes()
    source = random.Random(kind)
    for n in range(12):
        data = bytearray(whole)
        for _ in range(source.randint(1, 40)):
            at = source.randrange(len(data))
            data[at] = source.randrange(256)
        cut = source.randrange(len(data))
        data[cut : cut + source.choice((0, 0, 100, 5_000))] = data[: source.choice((0, 188, 1_000))]
        path = tmp_path / f"broken-{n}"
        path.write_bytes(data[: source.choice((len(data), len(data) // 2))])
        try:
            sink = await replay(path)
        except BadMedia:
            continue
        decode(sink)
        assert sink.packets()
