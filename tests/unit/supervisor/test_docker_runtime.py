"""What a worker's container is allowed, as values; and engines that are away, slow, or talk nonsense."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest

from core.errors import UsageError
from core.times import NS_PER_S
from supervisor.runtimes.api import Found, Limits, RuntimeAway
from supervisor.runtimes.container import CREATED_S, Site, description, found, mounts, readable, wall_ns
from supervisor.runtimes.docker import MAX_SPEC, START_S, DockerRuntime
from supervisor.runtimes.fence import Fence, name_servers
from telemetry import SystemClock
from tests.fakes import FakeClock
from tests.runtimes import SECRET, order

IMAGE = "sha256:" + "a" * 64
CALL_S = 0.4


def site(data: Path) -> Site:
    return Site(installation="here", data=data, image=IMAGE, network="clipd", user=(1000, 1000))


def test_a_container_is_described_with_every_lock_on(tmp_path: Path) -> None:
    """Read-only, no capability, no new privileges, not root, never restarted, bounded in all that counts."""
    limits = Limits(memory_bytes=1 << 30, cpus=1.5, pids=100, files=500, gpu=True)
    body = description(order("run", tmp_path, limits=limits), site(tmp_path))
    host = body["HostConfig"]
    assert body["User"] == "1000:1000"
    assert (body["Image"], body["Cmd"]) == (IMAGE, ["worker", "--spec", "0"])
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["Privileged"]) == (True, ["ALL"], False)
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["RestartPolicy"] == {"Name": "no"}
    assert host["Memory"] == host["MemorySwap"] == 1 << 30
    assert (host["NanoCpus"], host["PidsLimit"]) == (1_500_000_000, 100)
    assert {"Name": "nofile", "Soft": 500, "Hard": 500} in host["Ulimits"]
    assert host["DeviceRequests"][0]["Capabilities"][0][0] == "gpu"
    assert host["LogConfig"]["Config"] == {"max-size": "1m", "max-file": "2"}
    assert {"noexec", "nosuid", "nodev"} <= set(host["Tmpfs"]["/tmp"].split(","))
    assert SECRET not in json.dumps(body)


def test_no_gpu_is_asked_for_unless_the_job_needs_it(tmp_path: Path) -> None:
    """Nor is a limit set that nobody named."""
    host = description(order("run", tmp_path), site(tmp_path))["HostConfig"]
    assert not {"DeviceRequests", "Memory", "NanoCpus"} & host.keys()


def test_only_what_a_worker_needs_of_data_is_mounted(tmp_path: Path) -> None:
    """Its session to write, models to read, uploads and media that its order names to read; nothing of others."""
    upload = tmp_path / "data" / "uploads" / "u1" / "a.mp4"
    chat = tmp_path / "chat.jsonl"
    other = tmp_path / "data" / "sessions" / "s-two" / "session.db"
    for path in (upload, chat, other):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    data, out = tmp_path / "data", tmp_path / "out"
    wanted = order(str(upload), data, chat=str(chat), out_dir=str(out))
    session, models = data / "sessions" / "s-one", data / "models"
    assert mounts(wanted.spec, data) == [(session, True), (models, False), (out, True), (upload, False), (chat, False)]
    for source in (other, data, data / "sessions", data / "catalog.db"):
        named = replace(wanted.spec, source=str(source), chat=None, out_dir=str(session / "clips"))
        assert mounts(named, data) == [(session, True), (models, False)]


@pytest.mark.parametrize("path", ["/", "/etc/passwd", "/proc/1/environ", "/root/.ssh", "/run/docker.sock", "/dev/sda"])
def test_nothing_of_the_machine_is_mounted(path: str, tmp_path: Path) -> None:
    """Nor through a link, nor through dots; nor a folder that DATA lies in."""
    data = tmp_path / "data"
    data.mkdir()
    link = tmp_path / "link"
    link.symlink_to(path)
    assert not readable(Path(path), data)
    assert not readable(link, data)
    assert not readable(tmp_path / ".." / ".." / ".." / ".." / ".." / ".." / path[1:], data)
    assert not readable(tmp_path, data)
    assert readable(tmp_path / "media" / "a.mp4", data)


def inspected(status: str, **state: Any) -> dict[str, Any]:
    began = "2026-11-22T03:00:00.5Z"
    fields = {"Status": status, "Running": False, "StartedAt": began, "ExitCode": 0, "OOMKilled": False, "Pid": 0}
    labels = {"clipd.worker": "w-ann-1", "clipd.stream": "ann", "maintainer": "somebody"}
    return {"State": fields | state, "Created": began, "Config": {"Labels": labels}}


@pytest.mark.parametrize(
    ("status", "state", "wanted"),
    [
        ("running", {"Running": True, "Pid": 9}, ("running", None, False)),
        ("paused", {"Running": True, "Pid": 9}, ("running", None, False)),
        ("exited", {"ExitCode": 64}, ("exited", 64, False)),
        ("exited", {"ExitCode": 137, "OOMKilled": True}, ("exited", 137, True)),
        ("exited", {"ExitCode": 70, "OOMKilled": True}, ("exited", 70, False)),  # a child of it was, not the worker
        ("dead", {"ExitCode": 137}, ("exited", 137, False)),
        ("created", {"StartedAt": "0001-01-01T00:00:00Z"}, ("unknown", None, False)),
        ("restarting", {}, ("unknown", None, False)),
        ("removing", {}, ("unknown", None, False)),
        ("frozen in time", {}, ("unknown", None, False)),
    ],
)
def test_an_engines_words_are_read_as_three_values(status: str, state: dict[str, Any], wanted: object) -> None:
    """What it does not say plainly is unknown; only our own labels come back."""
    now_ns = wall_ns("2026-11-22T03:00:10.5Z")
    seen = found(inspected(status, **state), now_ns=now_ns, boottime_ns=100 * NS_PER_S)
    assert (seen.life, seen.code, seen.oom) == wanted
    assert (seen.name, seen.labels) == ("w-ann-1", {"stream": "ann"})
    if seen.life == "running":
        assert seen.started_ns == 90 * NS_PER_S


def test_a_container_that_nobody_started_is_given_up() -> None:
    """Its maker died between the two calls."""
    now_ns = wall_ns("2026-11-22T03:00:00.5Z") + int((CREATED_S + 1) * NS_PER_S)
    seen = found(inspected("created"), now_ns=now_ns, boottime_ns=10**15)
    assert (seen.life, seen.code) == ("exited", 137)


def test_the_engines_times_are_read_to_the_nanosecond() -> None:
    """With any number of decimals."""
    assert wall_ns("1970-01-01T00:00:01Z") == NS_PER_S
    assert wall_ns("1970-01-01T00:00:01.000000005Z") == NS_PER_S + 5
    assert wall_ns("1970-01-01T00:00:01.25Z") == NS_PER_S + NS_PER_S // 4


def test_the_fence_opens_the_control_address_and_what_is_allowed() -> None:
    """In order: answers, control, names; metadata never; then what is allowed; private never; all else is public."""
    fence = Fence(
        bridge="clipd0",
        control=((IPv4Address("172.30.0.1"), 8080),),
        names=(IPv4Address("10.0.0.2"),),
        allow=(IPv4Network("192.168.1.0/24"),),
    )
    rules = [line.removeprefix("-A CLIPD-F-clipd0 ") for line in fence.table().splitlines() if "-A CLIPD-F" in line]
    assert rules[1] == "-p tcp -d 172.30.0.1 --dport 8080 -j RETURN"
    assert rules.index("-d 169.254.169.254/32 -j REJECT") < rules.index("-d 192.168.1.0/24 -j RETURN")
    assert rules.index("-d 192.168.1.0/24 -j RETURN") < rules.index("-d 192.168.0.0/16 -j REJECT")
    assert rules[-1] == "-j RETURN"
    own = [line for line in fence.table().splitlines() if "-A CLIPD-I" in line]
    assert own[-1] == "-A CLIPD-I-clipd0 -j REJECT"


def test_name_servers_are_those_that_a_container_can_ask(tmp_path: Path) -> None:
    """Not on loopback, not IPv6, not what is no address."""
    conf = tmp_path / "resolv.conf"
    conf.write_text(
        "search x\nnameserver 127.0.0.53\nnameserver 10.0.0.2\nnameserver fd00::1\nnameserver x\nnameserver\n"
    )
    assert name_servers(conf) == (IPv4Address("10.0.0.2"),)


# Engines that break. Each answers every connection in its own way.
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the request and never answers."""
    await reader.read()


async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As an engine that is being restarted."""


async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Not even HTTP."""
    writer.write(b"\x00\xff" * 2000)
    await writer.drain()


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A byte at a time, each in time for the socket's own deadline."""
    with contextlib.suppress(ConnectionError):
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b" " * 1000:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(CALL_S / 4)
            if writer.is_closing():
                return


def saying(status: int, body: object) -> Answer:
    """HTTP with this to every request."""
    text = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n".encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(head + text)
                await writer.drain()

    return answer


BROKEN = {
    "silent": silent,
    "closing": closing,
    "garbage": garbage,
    "error 500": saying(500, {"message": "no"}),
    "a list": saying(200, [1, 2]),
    "a number": saying(200, 5),
    "nothing known": saying(200, {"ApiVersion": "1.41"}),
    "odd rows": saying(200, {"ApiVersion": "1.41", "State": 1, "Config": None, "IPAM": {"Config": []}}),
}


@contextlib.asynccontextmanager
async def engine_that(answers: Answer, folder: Path) -> AsyncIterator[str]:
    """Its address."""
    open_ends: set[asyncio.StreamWriter] = set()
    serving: set[asyncio.Task[Any] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ends.add(writer)
        serving.add(asyncio.current_task())
        await answers(reader, writer)
        writer.close()

    server = await asyncio.start_unix_server(serve, folder / "engine.sock")
    yield f"unix://{folder}/engine.sock"
    server.close()
    for writer in open_ends:
        writer.close()
    await asyncio.gather(*(each for each in serving if each is not None), return_exceptions=True)


def docker_at(host: str, data: Path, call_s: float = CALL_S) -> DockerRuntime:
    return DockerRuntime(data, "here", SystemClock(), image=IMAGE, host=host, firewall=False, call_s=call_s)


async def all_calls(runtime: DockerRuntime, data: Path, *, but_kill: bool = False) -> None:
    """Every call is RuntimeAway. `but_kill`: it is an order whose answer says nothing."""
    calls: list[Callable[[], Awaitable[object]]] = [
        runtime.list,
        runtime.gateway,
        lambda: runtime.start(order("run", data)),
        lambda: runtime.stop("w-ann-1", grace_s=1),
        lambda: runtime.remove("w-ann-1"),
    ]
    if not but_kill:
        calls.append(lambda: runtime.kill("w-ann-1"))
    for call in calls:
        with pytest.raises(RuntimeAway):
            await call()


@pytest.mark.parametrize("how", BROKEN)
async def test_an_engine_that_breaks_is_away_and_nobody_waits_for_it(how: str, tmp_path: Path) -> None:
    """It has not said that a worker is gone."""
    async with engine_that(BROKEN[how], tmp_path) as host:
        runtime = docker_at(host, tmp_path)
        began_ns = SystemClock().boottime_ns()
        await all_calls(runtime, tmp_path, but_kill=how in ("nothing known", "odd rows"))
        assert SystemClock().boottime_ns() - began_ns < START_S * NS_PER_S
        await runtime.close()


async def test_an_engine_that_answers_by_drops_is_away_after_the_call_s_own_deadline(tmp_path: Path) -> None:
    """Each byte is in time for its socket's."""
    async with engine_that(dripping, tmp_path) as host:
        runtime = docker_at(host, tmp_path, 2.0)
        began_ns = SystemClock().boottime_ns()
        with pytest.raises(RuntimeAway, match="did not answer within"):
            await runtime.list()
        assert SystemClock().boottime_ns() - began_ns < 20 * NS_PER_S
        await runtime.close()


async def test_an_engine_that_is_down_is_away(tmp_path: Path) -> None:
    """No socket, or nobody behind it."""
    runtime = docker_at(f"unix://{tmp_path}/none.sock", tmp_path)
    await all_calls(runtime, tmp_path)
    await runtime.close()


async def test_an_order_that_cannot_be_is_refused_before_the_engine_is_asked(tmp_path: Path) -> None:
    """Another DATA, or a spec that no socket holds."""
    runtime = docker_at(f"unix://{tmp_path}/none.sock", tmp_path)
    with pytest.raises(UsageError) as refused:
        await runtime.start(order("run", tmp_path / "other"))
    assert refused.value.code == "data_dir"
    with pytest.raises(UsageError) as refused:
        await runtime.start(order("x" * MAX_SPEC, tmp_path))
    assert refused.value.code == "spec_too_long"
    await runtime.close()


def test_a_found_worker_says_when_it_started_on_the_boot_clock() -> None:
    """So that its age is the same for every supervisor of the machine."""
    clock = FakeClock()
    began = "2023-11-14T22:13:15Z"  # 5 s before the clock's wall time
    seen: Found = found(
        inspected("running", Running=True, StartedAt=began), now_ns=clock.wall_ns(), boottime_ns=clock.boottime_ns()
    )
    assert clock.boottime_ns() - seen.started_ns == 5 * NS_PER_S
