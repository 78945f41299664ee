"""Local tracks are decoded to their end before a browser may forget them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from daemon.ffmpeg import ffmpeg_path
from daemon.rooms.checking import TrackCheck


@pytest.fixture(scope="module")
def webm(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Two seconds of VP8 and Opus, without duration and cues, as a browser's recorder makes it."""
    path = tmp_path_factory.mktemp("made") / "a.webm"
    source = ["-f", "lavfi", "-i", "testsrc=size=160x120:rate=10", "-f", "lavfi", "-i", "sine=sample_rate=48000"]
    coded = ["-t", "2", "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus", "-live", "1", "-f", "webm"]
    subprocess.run([ffmpeg_path(), "-v", "error", *source, *coded, str(path)], check=True, timeout=60)
    return path.read_bytes()


async def checked(folder: Path, data: bytes, mime: str = "video/webm;codecs=vp8,opus"):  # type: ignore[no-untyped-def]
    (folder / "media").write_bytes(data)
    return await TrackCheck()(folder / "media", mime)


async def test_a_good_track_is_told_how_long_it_is(webm: bytes, tmp_path: Path) -> None:
    found = await checked(tmp_path, webm)
    assert found.reason == ""
    assert found.report["duration_s"] == pytest.approx(2.0, abs=0.1)


async def test_one_that_was_cut_off_is_good_up_to_there(webm: bytes, tmp_path: Path) -> None:
    """A laptop that died."""
    found = await checked(tmp_path, webm[: len(webm) * 2 // 3])
    assert found.reason == ""
    assert 0.5 < found.report["duration_s"] < 2


@pytest.mark.parametrize(
    "data", [b"\x1a\x45\xdf\xa3" + bytes(2000), b"no media at all", b"#EXTM3U\nfile:///etc/passwd\n"]
)
async def test_what_is_no_media_is_undecodable(data: bytes, tmp_path: Path) -> None:
    """Whatever it says that it is: no other format is tried, nothing else is opened."""
    for mime in ("video/webm", "video/mp4"):
        assert (await checked(tmp_path, data, mime)).reason == "undecodable"
