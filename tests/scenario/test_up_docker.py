"""`clipd up` with workers in containers of a real engine: recorded, killed, recorded again."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import docker
import pytest

from supervisor.runtimes.docker import NETWORK, DockerRuntime
from telemetry import SystemClock
from tests.docker_engine import Engine, docker_engine
from tests.needs import require_root
from tests.scenario.test_docker_worker import files_at
from tests.scenario.upping import supervisor
from tests.synthetic_streams.broken.media import make_plain

HEALTH = "/api/v1/streams/ann/health"


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """What the test leaves is removed."""
    require_root()
    made = docker_engine()
    yield made
    with api(made) as client:
        for each in client.containers(all=True, filters={"label": "clipd.stream=ann"}):
            await asyncio.to_thread(client.remove_container, each["Id"], force=True, v=True)


@contextlib.contextmanager
def api(engine: Engine) -> Iterator[docker.APIClient]:
    with contextlib.closing(docker.APIClient(engine.host, version="auto", timeout=60)) as client:
        yield client


def running(engine: Engine) -> list[str]:
    """Ids of the stream's containers."""
    with api(engine) as client:
        return [each["Id"] for each in client.containers(filters={"label": "clipd.stream=ann"})]


@pytest.mark.timeout(300)
async def test_a_killed_container_is_recording_again_in_the_same_session(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the API, which containers reach on their own network. The origin is on this machine too: it is named among
    the addresses that the fence lets workers reach."""
    monkeypatch.setenv("DOCKER_HOST", engine.host)
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    make_plain(tmp_path / "made", 120)
    runtime = DockerRuntime(data_dir, "x", SystemClock(), image=engine.image, host=engine.host, network=NETWORK)
    gateway = await runtime.gateway()
    await runtime.close()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with files_at(gateway, tmp_path / "made") as origin:
        settings = f"""
net: {{allow: ["{gateway}/32"]}}
supervisor:
  runtime: docker
  image: "{engine.image}"
  lease_s: 6
  urls: ["http://{gateway}:{port}", "http://{gateway}:{origin}"]
streams:
  - {{name: ann, source: "http://{gateway}:{origin}/i.m3u8", chat: "off"}}
"""
        async with supervisor(data_dir, settings=settings, port=port) as up:
            before = await up.until(lambda it: it["state"] == "running" and it["progress"] >= 2, HEALTH)
            [container] = running(engine)
            with api(engine) as client:
                client.kill(container)
            after = await up.until(lambda it: it["attempt"] > before["attempt"] and it["progress"] >= 1, HEALTH)
            assert after["session"] == before["session"]
            assert len(running(engine)) == 1
            assert await up.end() == 130
        assert not running(engine)
