"""The DVR list in a real Chromium with hls.js: it plays, it can be scrubbed, it goes on while the ring records."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue

import pytest
from aiohttp import web
from playwright.sync_api import Page

from core.times import ns
from ringbuffer import Ring, RingOptions
from tests.unit.ringbuffer.kit import MemoryLog, Stream, encode, epoch, load

ASSETS = Path(__file__).with_name("assets")
OPTIONS = RingOptions()
GOOD = {"h264_aac": "TS", "h264_opus": "fragmented MP4", "vp9_opus": "fragmented MP4", "av1_opus": "fragmented MP4"}

PLAYER = """
async (url) => {
  const video = document.createElement("video");
  video.muted = true;
  document.body.append(video);
  const hls = new Hls({liveSyncDurationCount: 1, liveDurationInfinity: false});
  window.hls = hls; window.video = video; window.failed = [];
  hls.on(Hls.Events.ERROR, (_, data) => { if (data.fatal) window.failed.push(data.details); });
  hls.loadSource(url);
  hls.attachMedia(video);
  await new Promise((done) => {
    hls.on(Hls.Events.FRAG_BUFFERED, done);
    hls.on(Hls.Events.ERROR, (_, data) => { if (data.fatal) done(); });
  });
}
"""
SEEK = """
async (at) => {
  const until = performance.now() + 60000;
  window.video.currentTime = at;
  await new Promise((done) => {
    const look = () => {
      if (performance.now() > until) window.failed.push("too slow");
      if (window.failed.length || (!window.video.seeking && window.video.readyState >= 2)) done();
      else setTimeout(look, 20);
    };
    look();
  });
  return [window.failed.join(), window.video.videoWidth];
}
"""
DURATION = "() => window.video.duration"
SHOWN = """
async () => {
  const video = window.video;
  const buffered = [...Array(video.buffered.length).keys()];
  const at = video.currentTime;
  return buffered.some((n) => video.buffered.start(n) <= at && at < video.buffered.end(n)) ? at : null;
}
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder with a page that has hls.js, and its URL; parts of files are given as by any web server."""
    (tmp_path / "hls.js").write_bytes((ASSETS / "hls.light.min.js").read_bytes())
    (tmp_path / "index.html").write_text('<link rel="icon" href="data:,"><script src="hls.js"></script>')
    (tmp_path / "ring").mkdir()
    started: Queue[tuple[int, Callable[[], object]]] = Queue()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(tmp_path, started)))
    thread.start()
    port, stop = started.get(timeout=60)
    yield tmp_path, f"http://127.0.0.1:{port}"
    stop()
    thread.join()


async def _serve(folder: Path, started: Queue[tuple[int, Callable[[], object]]]) -> None:
    """Until `stop` is called; playwright has the main thread's loop."""
    app, loop, ended = web.Application(), asyncio.get_running_loop(), asyncio.Event()
    app.router.add_static("/", folder)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    started.put((runner.addresses[0][1], lambda: loop.call_soon_threadsafe(ended.set)))
    await ended.wait()
    await runner.cleanup()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dvr-media")


def add(ring: Ring, stream: Stream, number: int) -> None:
    ring.begin_epoch(epoch(number, stream.packets[0].dts_ns), stream.tracks)
    for packet in stream.packets:
        ring.append(packet)


@pytest.mark.parametrize("recipe", GOOD, ids=GOOD.get)
def test_a_finished_ring_plays_and_scrubs(recipe: str, made: Path, page: Page, site: tuple[Path, str]) -> None:
    """Two epochs with a hole between: every second of both can be gone to."""
    folder, url = site
    stream = load(encode(made, recipe))
    ring = Ring.open(folder / "ring", MemoryLog(), OPTIONS, attempt=1)
    add(ring, stream, 0)
    add(ring, stream.moved(stream.end_ns + ns(5)), 1)
    ring.close()
    page.goto(f"{url}/index.html")
    page.evaluate(PLAYER, f"{url}/ring/playlist.m3u8")
    assert page.evaluate(DURATION) == pytest.approx(16.0, abs=0.3)
    for at in (1.2, 14.5, 6.6, 9.1, 0.2):
        assert page.evaluate(SEEK, at) == ["", 320]


def test_a_stream_with_a_keyframe_every_ten_seconds_scrubs_everywhere(
    made: Path, page: Page, site: tuple[Path, str]
) -> None:
    """Encoders left to themselves do that. Each entry begins with a keyframe, so a player finds every second: it shows
    a picture of the time it was sent to, and doesn't leap to the next keyframe."""
    folder, url = site
    stream, log = load(encode(made, "h264_slow", 28.0)), MemoryLog()
    ring = Ring.open(folder / "ring", log, OPTIONS, attempt=1)
    add(ring, stream, 0)
    ring.close()
    assert [row.keyframes_ns for row in log.segments()] == [(at,) for at in stream.keyframes()]
    assert stream.keyframes() == pytest.approx([0, ns(10), ns(20)], abs=2)
    page.goto(f"{url}/index.html")
    page.evaluate(PLAYER, f"{url}/ring/playlist.m3u8")
    for at in (25.5, 14.5, 19.7, 3.2, 8.8, 21.0):
        assert page.evaluate(SEEK, at) == ["", 320]
        assert page.evaluate(SHOWN) == pytest.approx(at, abs=0.1)


def test_a_player_follows_a_ring_that_records(made: Path, page: Page, site: tuple[Path, str]) -> None:
    """While segments come and the oldest go, the player that is open sees the newest, without an error."""
    folder, url = site
    stream = load(encode(made, "h264_aac"))
    ring = Ring.open(folder / "ring", MemoryLog(), RingOptions(minutes=12 / 60), attempt=1)
    add(ring, stream, 0)
    page.goto(f"{url}/index.html")
    page.evaluate(PLAYER, f"{url}/ring/playlist.m3u8")
    for number in (1, 2):
        add(ring, stream.moved(number * stream.end_ns), number)
        page.wait_for_function(f"window.hls.levels[0].details.endSN >= {number * 3}", timeout=60_000)
    ring.close()
    page.wait_for_function("window.hls.levels[0].details.live === false", timeout=60_000)
    first, last = page.evaluate("[window.hls.levels[0].details.startSN, window.hls.levels[0].details.endSN]")
    assert 0 < first < last
    end = page.evaluate(DURATION)
    assert page.evaluate(SEEK, end - 1) == ["", 320]
