"""Clips in a real Chromium: they start at once, on a picture, with sound and picture together, to their end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from core.edits import RenderSpec
from core.times import ns
from daemon.clips import ClipContext, FinishedClip, make_clip
from daemon.ingest.files import scan_footage
from tests.media import media
from tests.unit.clips.conftest import decide
from tests.unit.clips.footage import MEDIA, encode, open_footage

# what Debian's Chromium has decoders for: no HEVC, no AC-3
PLAYABLE = ["h264", "open_gop", "vp9_opus", "av1_opus", "vp8_vorbis", "h264_pcm", "surround", "mono_44k", "mp3", "flac"]
REAL = ["fx-video/bigbuckbunny.mp4", "fx-video/bikes.mp4", "fx-video/example.mp4", "fx-game/fx_ministream.mp4"]

WATCH = """
async (url) => {
  const video = document.createElement("video");
  video.muted = true;
  const frames = new Promise((resolve) => video.requestVideoFrameCallback((_, about) => resolve(about.mediaTime)));
  video.src = url;
  document.body.append(video);
  const once = (name) => new Promise((resolve, reject) => {
    video.addEventListener(name, resolve, {once: true});
    video.addEventListener("error", () => reject(new Error(video.error.message)), {once: true});
  });
  await once("loadeddata");
  const firstTime = await frames;  // it is paused: the first frame, however late it is painted
  const canvas = document.createElement("canvas");
  canvas.width = 64; canvas.height = 36;
  const brush = canvas.getContext("2d");
  const luma = () => {
    brush.drawImage(video, 0, 0, 64, 36);
    const data = brush.getImageData(0, 0, 64, 36).data;
    const values = [];
    for (let i = 0; i < data.length; i += 4) values.push((data[i] + data[i + 1] + data[i + 2]) / 3);
    const mean = values.reduce((a, b) => a + b) / values.length;
    return {mean, spread: Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length)};
  };
  let first = luma();  // a busy machine paints the first frame a little after its data is there; it stays while paused
  for (let tries = 0; first.spread === 0 && tries < 60; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    first = luma();
  }
  video.playbackRate = 4;
  await video.play();
  await once("ended");
  return {first, firstTime, end: video.currentTime, duration: video.duration, width: video.videoWidth,
          height: video.videoHeight, dropped: video.getVideoPlaybackQuality().corruptedVideoFrames || 0};
}
"""

SEEK = """
async ([url, times]) => {
  const video = document.createElement("video");
  video.muted = true;
  video.src = url;
  document.body.append(video);
  const failed = new Promise((_, reject) => video.addEventListener("error", () => reject(video.error.message)));
  const next = (name) => Promise.race([new Promise((ok) => video.addEventListener(name, ok, {once: true})), failed]);
  await next("loadeddata");
  const canvas = document.createElement("canvas");
  canvas.width = 64; canvas.height = 36;
  const brush = canvas.getContext("2d");
  const seen = [];
  for (const wanted of times) {
    const sought = next("seeked");
    video.currentTime = wanted;
    await sought;
    brush.drawImage(video, 0, 0, 64, 36);
    const data = brush.getImageData(0, 0, 64, 36).data;
    const values = Array.from({length: 64 * 36}, (_, i) => data[4 * i]);
    const mean = values.reduce((a, b) => a + b) / values.length;
    const spread = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
    seen.push({wanted, at: video.currentTime, spread});
  }
  return seen;
}
"""


@pytest.mark.parametrize("name", PLAYABLE)
def test_a_clip_of_every_kind_plays_from_its_first_frame_to_its_end(
    page: Page, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, serve: Callable[[Path], str], name: str
) -> None:
    """Over HTTP: the first frame shows a picture at 0, time advances to the file's own length, nothing fails."""
    suffix, arguments = MEDIA[name]
    source = encode(tmp_path_factory.getbasetemp() / f"{name}{suffix}", arguments)
    clip = make_clip(open_footage(source), decide(5.1, 7.0), RenderSpec(), tmp_path, ClipContext(source="s"))
    _plays(page, clip, serve(clip.folder))


@pytest.mark.parametrize("name", REAL)
def test_a_clip_of_real_media_plays(page: Page, tmp_path: Path, serve: Callable[[Path], str], name: str) -> None:
    """Cut out of real files with the footage of a replay."""
    footage = scan_footage(media(name))
    end_s = min(9.0, footage.span()[1] / 1e9 - 0.5)
    clip = make_clip(footage, decide(end_s / 2, end_s), RenderSpec(), tmp_path, ClipContext(source="s"))
    assert abs(clip.cut.av_head_ms or 0) <= 40
    assert abs(clip.cut.av_tail_ms or 0) <= 40
    _plays(page, clip, serve(clip.folder))


# no HEVC in Debian's Chromium; ffmpeg's strict decode stands for it (tests/unit/clips/test_exact.py)
@pytest.mark.parametrize("name", ["h264", "open_gop", "vp9_opus", "av1_opus"])
def test_an_exact_clip_plays_over_every_joint(
    page: Page, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, serve: Callable[[Path], str], name: str
) -> None:
    """Two ranges: head, copied packets and tail of each, and the joint between them; a seek behind each joint works."""
    suffix, arguments = MEDIA[name]
    source = encode(tmp_path_factory.getbasetemp() / f"{name}{suffix}", arguments)
    decision = decide(3.21, 8.47, drop=((ns(5.5), ns(6.4)),))
    exact = RenderSpec(cut="exact")
    clip = make_clip(open_footage(source), decision, exact, tmp_path, ClipContext(source="s"))
    url = serve(clip.folder)
    _plays(page, clip, url)
    sought = page.evaluate(SEEK, [f"{url}/master.mp4", [0.4, 1.0, 2.2, 2.4, 3.4, 4.3]])
    assert all(seen["spread"] > 4 and abs(seen["at"] - seen["wanted"]) < 0.001 for seen in sought)


def test_sound_alone_plays(
    page: Page, tmp_path: Path, serve: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """An audio-only master has its length and plays to its end."""
    source = encode(tmp_path_factory.getbasetemp() / "audio_only.ts", MEDIA["audio_only"][1])
    clip = make_clip(open_footage(source), decide(3, 5), RenderSpec(), tmp_path, ClipContext(source="s"))
    url = serve(clip.folder)
    page.goto(f"{url}/clip.json")
    ended = page.evaluate(
        """async (url) => { const a = new Audio(url); a.muted = true; a.playbackRate = 4; await a.play();
        await new Promise((r) => a.addEventListener("ended", r)); return a.currentTime; }""",
        f"{url}/master.mp4",
    )
    assert ended == pytest.approx(clip.cut.duration_s, abs=0.05)


def _plays(page: Page, clip: FinishedClip, url: str) -> None:
    page.goto(f"{url}/clip.json")
    seen: dict[str, Any] = page.evaluate(WATCH, f"{url}/master.mp4")
    assert seen["first"]["mean"] > 10  # not black
    assert seen["first"]["spread"] > 4  # not grey
    assert seen["firstTime"] == pytest.approx(0, abs=0.05)
    assert seen["end"] == pytest.approx(clip.cut.duration_s, abs=0.06)
    assert seen["duration"] == pytest.approx(clip.cut.duration_s, abs=0.06)
