"""How long a worker takes from its order to footage on disk, as a process and as a container of an image that is there.

    python -m benchmarks.spawn --repeat 10 --out docs/results/spawn.json

`running` is when `start` returns; `segment` when the ring has its first bytes of a live HLS stream made here; `CPU`
what the worker has used by then, which other work on the machine changes little.
Targets (reliability.md section 5, R16): first segment within 3 s and 6 s, p95. Needs root, for Docker.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from benchmarks.common import render_table, write_json
from core.ids import SessionId
from core.spec import WorkerSpec
from supervisor.runtimes.api import Limits, Order, Runtime
from supervisor.runtimes.docker import DockerRuntime
from supervisor.runtimes.pids import TICKS_PER_S
from supervisor.runtimes.process import ProcessRuntime
from telemetry import SystemClock
from tests.docker_engine import NETWORK, docker_engine
from tests.runtimes import found, until
from tests.scenario.worker import spec_for
from tests.synthetic_streams.broken.media import make_plain

COLUMNS: Final = (
    "runtime", "runs", "running p50 ms", "running p95 ms", "segment p50 ms", "segment p95 ms", "target ms", "CPU p50 ms"
)  # fmt: skip
TARGETS_MS: Final = {"process": 3000, "docker": 6000}
LIMIT_S: Final = 60.0
INSTALLATION: Final = "bench"


def main() -> None:
    """Print the table and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("docs/results/spawn.json"))
    args = parser.parse_args()
    rows = asyncio.run(_all(args.repeat))
    print(render_table(COLUMNS, [[row[column] for column in COLUMNS] for row in rows]))
    print(f"load average: {os.getloadavg()[0]:.1f}")
    write_json(args.out, rows, load_average=round(os.getloadavg()[0], 1), media="HLS, 2 s segments of 320x180")


async def _all(repeat: int) -> list[dict[str, Any]]:
    engine = docker_engine()
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "data"
        made = Path(name) / "made"
        data.mkdir()
        make_plain(made, 40)
        fields: dict[str, Any] = {"image": engine.image, "host": engine.host, "network": NETWORK}
        asking = DockerRuntime(data, INSTALLATION, SystemClock(), **fields)
        gateway = await asking.gateway()
        await asking.close()
        async with _origin(gateway, made) as port:
            url = f"http://{gateway}:{port}/i.m3u8"
            containers = DockerRuntime(data, INSTALLATION, SystemClock(), control_ports=(port,), **fields)
            processes = ProcessRuntime(data / "run", INSTALLATION, SystemClock())
            return [await measure(each, data, url, gateway, repeat) for each in (processes, containers)]


async def measure(runtime: Runtime, data: Path, url: str, gateway: IPv4Address, repeat: int) -> dict[str, Any]:
    """One worker after the other, each with a session of its own."""
    running: list[float] = []
    segment: list[float] = []
    cpu: list[float] = []
    for number in range(repeat + 1):
        spec = _spec(data, url, gateway, SessionId(f"s-{runtime.name}-{number}"))
        name = f"w-{runtime.name}-{number}"
        limits = Limits(memory_bytes=900 << 20)
        order = Order(name=name, spec=spec, labels={"installation": INSTALLATION}, limits=limits)
        began = time.perf_counter()
        await runtime.start(order)
        started = time.perf_counter()
        await _first_bytes(runtime, name, data / "sessions" / spec.session / "ring", began)
        if number > 0:  # the first one warms the disk's cache
            running.append(1000 * (started - began))
            segment.append(1000 * (time.perf_counter() - began))
            cpu.append(await _cpu_ms(runtime, name))
        await _end(runtime, name)
    await runtime.close()
    figures = [_at(values, share) for values in (running, segment) for share in (0.5, 0.95)]
    return dict(zip(COLUMNS, [runtime.name, repeat, *figures, TARGETS_MS[runtime.name], _at(cpu, 0.5)], strict=True))


def _spec(data: Path, url: str, gateway: IPv4Address, session: SessionId) -> WorkerSpec:
    env = {"CLIPD_SPEECH__ENABLED": "false", "CLIPD_NET__ALLOW": f'["{gateway}/32"]'}
    fields: dict[str, Any] = {"kind": "stream", "origin": "api", "speed": 1.0, "out_dir": None, "chat": "off"}
    return spec_for(url, data, session=session, env=env, **fields)


async def _first_bytes(runtime: Runtime, name: str, ring: Path, began: float) -> None:
    while not any(path.stat().st_size for path in ring.glob("*/*.ts")):
        if time.perf_counter() - began > LIMIT_S:
            raise SystemExit(f"{name} records nothing:\n{await runtime.logs(name)}")
        await asyncio.sleep(0.01)


async def _cpu_ms(runtime: Runtime, name: str) -> float:
    now = await found(runtime, name)
    assert now is not None
    fields = Path(f"/proc/{now.pid}/stat").read_text().rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / TICKS_PER_S


async def _end(runtime: Runtime, name: str) -> None:
    await runtime.kill(name)
    await until(lambda: found(runtime, name), lambda now: now is None or now.life == "exited", _pause)
    await runtime.remove(name)


async def _pause() -> None:
    await asyncio.sleep(0.02)


def _at(values: list[float], share: float) -> int:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))])


@asynccontextmanager
async def _origin(address: IPv4Address, folder: Path) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_static("/", folder)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, str(address), 0).start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    main()
