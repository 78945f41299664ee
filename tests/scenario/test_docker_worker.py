"""Workers in containers of a real engine: what they cannot reach, how they die, and a session recorded in one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import docker
import pytest
from aiohttp import web

from core.errors import UsageError
from core.spec import WorkerSpec
from supervisor.runtimes.api import Found, Limits, Order, Runtime
from supervisor.runtimes.container import NOBODY
from supervisor.runtimes.docker import DockerRuntime
from supervisor.runtimes.pids import process
from supervisor.runtimes.process import ProcessRuntime
from telemetry import SystemClock
from tests.docker_engine import NETWORK, Engine, build, docker_engine
from tests.needs import require_root
from tests.runtimes import SECRET, found, order, program, until
from tests.scenario.worker import spec_for
from tests.synthetic_streams.broken.media import make_plain

NAME = "w-ann-1"
PROBE = """
import errno, json, os, socket, sys
spec = json.load(sys.stdin)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
def trying(act):
    try:
        return act() or "done"
    except OSError as err:
        return errno.errorcode.get(err.errno, str(err))
def reach(place):
    host, port = place.rsplit(":", 1)
    return trying(lambda: socket.create_connection((host, int(port)), 30).close())
def put(path):
    with open(path, "w") as file:
        file.write("#!/bin/sh\\n")
    os.chmod(path, 0o755)
own = os.path.join(spec["data_dir"], "sessions", spec["session"])
answers = {name: status[name].strip() for name in ("CapEff", "CapPrm", "CapBnd", "NoNewPrivs", "Seccomp", "Uid", "Gid")}
answers["root"] = trying(lambda: put("/probe"))
answers["code"] = trying(lambda: put("/opt/app/probe"))
answers["tmp"] = trying(lambda: put("/tmp/probe"))
answers["tmp exec"] = trying(lambda: os.execv("/tmp/probe", ["probe"]))
answers["own"] = trying(lambda: put(own + "/probe"))
answers["models"] = trying(lambda: put(os.path.join(spec["data_dir"], "models", "probe")))
answers["sessions"] = os.listdir(os.path.join(spec["data_dir"], "sessions"))
answers["data"] = sorted(os.listdir(spec["data_dir"]))
answers["mount"] = trying(lambda: os.chroot("/tmp"))
answers["engine"] = [path for path in ("/var/run/docker.sock", "/run/docker.sock") if os.path.exists(path)]
answers["interfaces"] = sorted(name for _, name in socket.if_nameindex())
answers["reach"] = {place: reach(place) for place in json.loads(spec["source"])}
print("probe", json.dumps(answers), file=sys.stderr, flush=True)
"""


@dataclass
class Stage:
    """A runtime over a DATA folder of its own; what a test starts is gone after it."""

    engine: Engine
    data: Path

    def runtime(self, command: list[str] | None = None, **changes: Any) -> DockerRuntime:
        fields: dict[str, Any] = {"image": self.engine.image, "host": self.engine.host, "network": NETWORK}
        return DockerRuntime(self.data, "stage", SystemClock(), command=command, **(fields | changes))

    def order(self, does: str, **changes: Any) -> Order:
        return order(does, self.data, installation="stage", **changes)

    @contextlib.contextmanager
    def api(self) -> Iterator[docker.APIClient]:
        with contextlib.closing(docker.APIClient(self.engine.host, version="auto", timeout=60)) as api:
            yield api


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    require_root()
    made = Stage(docker_engine(), tmp_path / "data")
    made.data.mkdir()
    yield made
    with made.api() as api:
        for each in api.containers(all=True, filters={"label": "clipd.installation=stage"}):
            await asyncio.to_thread(api.remove_container, each["Id"], force=True, v=True)


async def pause() -> None:
    await asyncio.sleep(0.05)


async def ended(runtime: Runtime, name: str = NAME) -> Found:
    last = await until(lambda: found(runtime, name), lambda now: now is not None and now.life == "exited", pause)
    assert last is not None
    return last


async def probe(stage: Stage, *places: str, **changes: Any) -> dict[str, Any]:
    """What a program finds inside a worker's container, with places it tries to connect to."""
    runtime = stage.runtime([stage.engine.python, "-I", "-S", "-c", PROBE], **changes)
    await runtime.start(stage.order(json.dumps(places)))
    last = await ended(runtime)
    said = await runtime.logs(NAME)
    await runtime.remove(NAME)
    await runtime.close()
    assert last.code == 0, said
    answers = json.loads(said.rpartition("probe ")[2])
    assert isinstance(answers, dict)
    return answers


@contextlib.contextmanager
def listening(address: str) -> Iterator[str]:
    """A server of this machine that must not be reached, or must."""
    with socket.create_server((address, 0)) as server:
        yield f"{address}:{server.getsockname()[1]}"


@contextlib.contextmanager
def private_host() -> Iterator[str]:
    """Another host of a private network, behind this machine: a network namespace with a server in it."""
    names = f"clipd{os.getpid() % 100_000}"
    inside = f"{names}b"
    setup = [
        f"ip netns add {names}",
        f"ip link add {names}a type veth peer name {inside}",
        f"ip link set {inside} netns {names}",
        f"ip addr add 10.231.77.1/24 dev {names}a",
        f"ip link set {names}a up",
        f"ip -n {names} addr add 10.231.77.2/24 dev {inside}",
        f"ip -n {names} link set {inside} up",
        f"ip -n {names} route add default via 10.231.77.1",
    ]
    server = None
    try:
        for line in setup:
            subprocess.run(line.split(), check=True, capture_output=True, timeout=60)
        code = (
            "import socket,sys; s=socket.create_server(('10.231.77.2',7000)); print('up',flush=True); sys.stdin.read()"
        )
        command = ["ip", "netns", "exec", names, "python3", "-c", code]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert server.stdout is not None
        assert server.stdout.readline() == b"up\n"
        yield "10.231.77.2:7000"
    finally:
        if server is not None:
            server.communicate(timeout=60)
        subprocess.run(["ip", "netns", "del", names], check=False, timeout=60)


async def test_a_worker_is_shut_in(stage: Stage) -> None:
    """No capability, no way to get one, no file to change but its own session's, nothing of others to see."""
    for other in ("s-two", "s-three"):
        (stage.data / "sessions" / other).mkdir(parents=True)
    (stage.data / "catalog.db").touch()
    seen = await probe(stage)
    assert (seen["CapEff"], seen["CapPrm"], seen["CapBnd"]) == ("0" * 16, "0" * 16, "0" * 16)
    assert (seen["NoNewPrivs"], seen["Seccomp"]) == ("1", "2")
    assert seen["Uid"].split() == [str(NOBODY[0])] * 4
    assert seen["Gid"].split() == [str(NOBODY[1])] * 4
    assert (seen["root"], seen["code"], seen["models"]) == ("EROFS", "EROFS", "EROFS")
    assert (seen["tmp"], seen["tmp exec"], seen["own"]) == ("done", "EACCES", "done")
    assert seen["sessions"] == ["s-one"]
    assert seen["data"] == ["models", "sessions"]
    assert (seen["mount"], seen["engine"]) == ("EPERM", [])
    assert seen["interfaces"] == ["eth0", "lo"]


async def test_a_worker_reaches_the_control_address_and_no_private_network(stage: Stage) -> None:
    """Metadata, this machine's other ports and addresses, hosts behind it: refused; what `net.allow` lists is not."""
    runtime = stage.runtime()
    gateway = str(await runtime.gateway())
    await runtime.close()
    with (
        listening(gateway) as control,
        listening(gateway) as other,
        private_host() as hidden,
        listening("10.231.77.1") as ours,
    ):
        places = [control, other, ours, hidden, "169.254.169.254:80", "100.100.100.200:80"]
        port = int(control.rpartition(":")[2])
        reach = (await probe(stage, *places, control_ports=(port,)))["reach"]
        assert reach == {place: "done" if place == control else "ECONNREFUSED" for place in places}
        allow = (IPv4Network("10.231.77.0/24"),)
        opened = (await probe(stage, hidden, ours, "169.254.169.254:80", allow=allow))["reach"]
        assert opened == {hidden: "done", ours: "ECONNREFUSED", "169.254.169.254:80": "ECONNREFUSED"}
        bare = (await probe(stage, other, firewall=False))["reach"]  # the rules of the last start stand
        assert bare == {other: "ECONNREFUSED"}


async def test_a_fence_that_somebody_tore_down_stands_again_at_the_next_start(stage: Stage) -> None:
    """A firewall that was reloaded, or an engine that was started anew."""
    gateway = str(await stage.runtime().gateway())
    for chain in ("INPUT", "DOCKER-USER"):
        await asyncio.to_thread(subprocess.run, ["iptables", "-w", "60", "-F", chain], check=True, timeout=60)
    with listening(gateway) as other:
        assert (await probe(stage, other))["reach"] == {other: "ECONNREFUSED"}


async def test_the_spec_is_seen_nowhere(stage: Stage) -> None:
    """Not by `docker inspect`, not in argv or environment of the process, not in its log."""
    runtime = stage.runtime(program(stage.engine.python))
    await runtime.start(stage.order("run"))
    said = await until(lambda: runtime.logs(NAME), lambda text: "read" in text, pause)
    now = await found(runtime)
    assert now is not None
    with stage.api() as api:
        told = json.dumps(await asyncio.to_thread(api.inspect_container, f"clipd-stage-{NAME}"))
    seen = [Path(f"/proc/{now.pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
    assert not any(SECRET.encode() in each for each in [*seen, told.encode(), said.encode()])
    await runtime.close()


async def test_kill_dash_nine_of_a_worker_ends_its_container_and_all_in_it(stage: Stage) -> None:
    """By its pid, from outside: 137, and no process of it is left."""
    runtime = stage.runtime(program(stage.engine.python))
    await runtime.start(stage.order("children"))
    await until(lambda: runtime.logs(NAME), lambda text: "read" in text, pause)
    now = await found(runtime)
    assert now is not None
    assert now.pid is not None
    with stage.api() as api:
        listed = await asyncio.to_thread(api.top, f"clipd-stage-{NAME}")
    family = [process(int(row[listed["Titles"].index("PID")])) for row in listed["Processes"]]
    assert len(family) == 3
    os.kill(now.pid, signal.SIGKILL)
    last = await ended(runtime)
    assert (last.code, last.oom) == (137, False)
    assert [each for each in family if each is not None and each.alive] == []
    await runtime.close()


async def test_a_paused_worker_runs_and_can_be_killed(stage: Stage) -> None:
    """It is not gone: its heartbeats are what tells that it hangs."""
    runtime = stage.runtime(program(stage.engine.python))
    await runtime.start(stage.order("run"))
    with stage.api() as api:
        await asyncio.to_thread(api.pause, f"clipd-stage-{NAME}")
    now = await found(runtime)
    assert now is not None
    assert now.life == "running"
    await runtime.kill(NAME)
    assert (await ended(runtime)).code == 137
    await runtime.close()


async def test_a_container_that_was_made_and_not_started_is_unknown(stage: Stage) -> None:
    """Its maker died between the two: nobody is sure for a while, then it is over and can be removed."""
    runtime = stage.runtime(program(stage.engine.python))
    await runtime.start(stage.order("exit:0", name="w-bob-1"))
    with stage.api() as api:
        body = await asyncio.to_thread(api.inspect_container, "clipd-stage-w-bob-1")
        labels = body["Config"]["Labels"] | {"clipd.worker": NAME}
        await asyncio.to_thread(
            api.create_container, stage.engine.image, name=f"clipd-stage-{NAME}", labels=labels, command=["--help"]
        )
    now = await found(runtime)
    assert now is not None
    assert now.life == "unknown"
    with pytest.raises(ValueError, match="unknown"):
        await runtime.remove(NAME)
    await runtime.close()


async def test_an_image_that_is_not_there_is_named(stage: Stage) -> None:
    """With the command that builds it; nothing is pulled."""
    runtime = stage.runtime(image="clipd-worker:no-such-tag")
    with pytest.raises(UsageError) as refused:
        await runtime.start(stage.order("run"))
    assert refused.value.code == "no_image"
    assert await runtime.list() == []
    await runtime.close()


@contextlib.asynccontextmanager
async def files_at(address: IPv4Address, folder: Path) -> AsyncIterator[int]:
    """A web server for a made stream; gives its port."""
    app = web.Application()
    app.router.add_static("/", folder)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, str(address), 0).start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def stream_from(stage: Stage, url: str, gateway: IPv4Address) -> WorkerSpec:
    """A live stream without speech, whose origin lies in a network that the settings allow."""
    env = {"CLIPD_SPEECH__ENABLED": "false", "CLIPD_NET__ALLOW": f'["{gateway}/32"]'}
    return spec_for(url, stage.data, kind="stream", origin="api", speed=1.0, out_dir=None, chat="off", env=env)


async def recorded(runtime: Runtime, spec: WorkerSpec, limits: Limits) -> Path:
    """Run the real `clipd worker` until it has two segments, ask it to drain; its session's folder."""
    await runtime.start(Order(name=NAME, spec=spec, labels={"installation": "stage"}, limits=limits))
    folder = Path(spec.data_dir) / "sessions" / spec.session

    async def segments() -> list[Path]:
        return [path for path in folder.glob("ring/*/*.ts") if path.stat().st_size > 0]

    try:
        await until(segments, lambda files: len(files) >= 2, pause)
    except AssertionError:
        pytest.fail(await runtime.logs(NAME))
    await runtime.stop(NAME, grace_s=60)
    last = await ended(runtime)
    assert last.code == 0, await runtime.logs(NAME)
    await runtime.remove(NAME)
    assert (folder / "report.html").exists()
    return folder


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["process", "docker"])
async def test_a_session_is_recorded(stage: Stage, tmp_path: Path, kind: str) -> None:
    """Segments in its session's folder, a drain when asked, exit code 0; in a container as the user of no rights."""
    make_plain(tmp_path / "made", 20)
    gateway = await stage.runtime().gateway()
    async with files_at(gateway, tmp_path / "made") as port:
        spec = stream_from(stage, f"http://{gateway}:{port}/i.m3u8", gateway)
        processes = ProcessRuntime(stage.data / "run", "stage", SystemClock())
        runtime: Runtime = stage.runtime(control_ports=(port,)) if kind == "docker" else processes
        folder = await recorded(runtime, spec, Limits(memory_bytes=900 << 20, cpus=2.0))
        await runtime.close()
    assert (folder / "session.db").stat().st_uid == (NOBODY[0] if kind == "docker" else os.geteuid())


@pytest.mark.timeout(900)
async def test_the_dockerfile_builds(stage: Stage, soak: bool) -> None:
    """As users build it, without a registry; by `--soak`, else only its last stage is taken at its word."""
    if not soak:
        assert worker_configuration(stage)["Entrypoint"] == ["clipd"]
        return
    image = await asyncio.to_thread(build, stage.engine.host)
    runtime = stage.runtime([stage.engine.python, "-I", "-S", "-c", PROBE], image=image)
    await runtime.start(stage.order("[]"))
    assert (await ended(runtime)).code == 0, await runtime.logs(NAME)
    await runtime.close()


def worker_configuration(stage: Stage) -> dict[str, Any]:
    """How the image says that it is started."""
    with stage.api() as api:
        told = dict(api.inspect_image(stage.engine.image)["Config"])
    assert told["User"] == f"{NOBODY[0]}:{NOBODY[1]}"
    return told
