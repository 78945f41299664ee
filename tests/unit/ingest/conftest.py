"""Fixtures of ingest's tests; made media lives as long as the test run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from configs.ingest import IngestOptions
from tests.fakes import FakeClock, RecordingSink
from tests.unit.ingest.hls_watch import Watch
from tests.unit.ingest.stage import Origin, Studio


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(tmp_path_factory.mktemp("studio"))


@pytest.fixture(scope="session")
def plain(studio: Studio) -> Path:
    """Six seconds of H.264 with B-frames and AAC in MP4."""
    return studio.av("plain.mp4")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sink() -> RecordingSink:
    return RecordingSink()


@pytest.fixture
def options() -> IngestOptions:
    return IngestOptions(timeout_s=30.0)


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    served = Origin()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", served.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    served.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield served
    await runner.cleanup()


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment that would break every request, were it used."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")


@pytest.fixture(scope="session")
def segments(studio: Studio) -> Path:
    """Fourteen seconds in seven MPEG-TS segments `i0.ts`..."""
    return studio.hls("ts", studio.av("long.mp4", 14))


@pytest.fixture
def watch(origin: Origin, clock: FakeClock, sink: RecordingSink, options: IngestOptions, segments: Path) -> Watch:
    origin.folder("/s", segments)
    return Watch(origin, clock, sink, options)
