"""Workers as containers of a Docker engine on this machine, through its SDK; container.py says what they may do.

The spec goes to the container's stdin before it starts: attached, written and closed, the bytes wait in the engine, so
nothing of them is in argv, environment, labels or a file, and a supervisor that dies on the way leaves a container that
was never started. Every call is made in a thread with a deadline, on a connection of its own: an engine that is down,
slow or talks nonsense ends in RuntimeAway and never in a supervisor that waits.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any, Final

import docker
import requests
import structlog
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from core.errors import UsageError
from core.protocols import Clock
from core.spec import WorkerSpec
from supervisor.runtimes.api import Found, NameTaken, Order, RuntimeAway, RuntimeName
from supervisor.runtimes.calls import Calls
from supervisor.runtimes.container import NOBODY, PREFIX, Site, description, found
from supervisor.runtimes.fence import Fence, name_servers, put_up
from supervisor.runtimes.names import is_worker_name

CALL_S: Final = 5.0
START_S: Final = 20.0  # image present: 0.4 to 1.8 s on a small machine (reliability.md section 5, R16), more under load
MAX_SPEC: Final = 1 << 17  # bytes; they wait in a socket's buffer until the container reads them
NETWORK: Final = "clipd"

log = structlog.get_logger()


class DockerRuntime:
    """A Runtime (api.py).

    `data` is DATA, which the engine has to see at the same path. `image` is a digest or local id; a name is resolved
    once and then stands for that image. `control_ports`: where supervisors listen on the bridge's own address
    (`gateway()`), the only ones of this machine that workers reach. `firewall` False: no rules are set, and workers are
    kept from private networks by their own address policy alone.
    """

    name: RuntimeName = "docker"

    def __init__(
        self,
        data: Path,
        installation: str,
        clock: Clock,
        *,
        image: str,
        host: str | None = None,
        command: Sequence[str] | None = None,
        network: str = NETWORK,
        control_ports: Sequence[int] = (),
        allow: Sequence[IPv4Network] = (),
        firewall: bool = True,
        call_s: float = CALL_S,
    ) -> None:
        self._data, self._installation, self._clock = data, installation, clock
        self._image, self._image_id = image, ""
        self._host = host or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
        self._command, self._network = command, network
        self._control_ports, self._allow, self._firewall = tuple(control_ports), tuple(allow), firewall
        self._call_s = call_s
        self._calls = Calls("the Docker engine")
        self._version: str | None = None

    async def gateway(self) -> IPv4Address:
        """This machine's address on the workers' bridge, which is made if need be. Raises UsageError(`no_firewall`)."""
        return await self._calls.run(self._ready, within_s=START_S)

    async def start(self, order: Order) -> None:
        """Create, hand over the spec, start."""
        await self._calls.run(lambda: self._start(order), within_s=START_S)

    async def list(self) -> Sequence[Found]:
        """All or nothing: an engine that fails half way has not said that the rest is gone."""
        return await self._calls.run(self._list, within_s=2 * self._call_s)

    async def stop(self, name: str, *, grace_s: float) -> None:
        """The engine counts the grace."""
        await self._calls.run(lambda: self._stop(name, grace_s), within_s=self._call_s)

    async def kill(self, name: str) -> None:
        """A paused one too."""
        await self._calls.run(lambda: self._kill(name), within_s=self._call_s)

    async def remove(self, name: str) -> None:
        """With its log and its anonymous volumes."""
        await self._calls.run(lambda: self._remove(name), within_s=2 * self._call_s)

    async def logs(self, name: str, *, lines: int = 200) -> str:
        """Empty where there is none."""
        return await self._calls.run(lambda: self._logs(name, lines), within_s=self._call_s)

    async def close(self) -> None:
        """Connections are closed with each call."""
        self._calls.close()

    @contextlib.contextmanager
    def _engine(self, timeout_s: float | None = None) -> Iterator[docker.APIClient]:
        """A boundary: whatever the SDK raises inside becomes RuntimeAway. `timeout_s` is that of each socket call."""
        client = None
        try:
            _knock(self._host, self._call_s)
            version = self._version or "auto"
            client = docker.APIClient(self._host, version=version, timeout=timeout_s or self._call_s)
            self._version = client.api_version
            yield client
        except (DockerException, requests.RequestException, OSError) as err:
            self._version = None  # it may come back as another one
            raise RuntimeAway(f"Docker: {_short(err)}") from err
        except (KeyError, TypeError, AttributeError, LookupError) as err:
            raise RuntimeAway(f"Docker answered nonsense: {_short(err)}") from err
        finally:
            if client is not None:
                client.close()

    def _start(self, order: Order) -> None:
        spec = order.spec.to_json().encode()
        if len(spec) > MAX_SPEC:
            raise UsageError("The worker's spec is too long", remedy="Shorten its settings.", code="spec_too_long")
        if order.spec.data_dir != str(self._data):
            raise UsageError("The worker's data folder is another one", remedy="Give one DATA to all.", code="data_dir")
        self._ready()
        self._folders(order.spec)
        with self._engine(START_S) as engine:
            body = description(order, self._site(self._resolve(engine)))
            try:
                made = engine.create_container_from_config(body, name=self._container(order.name))["Id"]
            except APIError as err:
                if err.status_code == requests.codes.conflict:
                    raise NameTaken(order.name) from err
                raise
            try:
                _feed(engine, made, spec)
                engine.start(made)
            except (DockerException, requests.RequestException, OSError):
                with contextlib.suppress(DockerException, requests.RequestException, OSError):
                    engine.remove_container(made, force=True, v=True)
                raise

    def _site(self, image: str) -> Site:
        return Site(
            installation=self._installation,
            data=self._data,
            image=image,
            network=self._network,
            user=worker_user(self._data),
            command=self._command,
        )

    def _resolve(self, engine: docker.APIClient) -> str:
        if not self._image_id:
            try:
                self._image_id = str(engine.inspect_image(self._image)["Id"])
            except ImageNotFound as err:
                raise UsageError(
                    f"The engine has no image {self._image[:100]}",
                    remedy="Build it with `docker build -t clipd-worker .`, or pull it.",
                    code="no_image",
                ) from err
        return self._image_id

    def _ready(self) -> IPv4Address:
        """The bridge, fenced in. Looked at before every start: engines and firewalls are restarted under us."""
        bridge = f"{self._network[:14]}0"  # interfaces have names of up to 15 characters
        with self._engine() as engine:
            try:
                network = engine.inspect_network(self._network)
            except NotFound:
                options = {
                    "com.docker.network.bridge.name": bridge,
                    "com.docker.network.bridge.enable_icc": "false",  # workers do not reach each other
                }
                with contextlib.suppress(APIError):  # another supervisor was faster
                    engine.create_network(self._network, driver="bridge", options=options, check_duplicate=True)
                network = engine.inspect_network(self._network)
            gateway = IPv4Address(network["IPAM"]["Config"][0]["Gateway"])
        if self._firewall:
            control = tuple((gateway, port) for port in self._control_ports)
            put_up(Fence(bridge=bridge, control=control, names=name_servers(), allow=self._allow))
        return gateway

    def _folders(self, spec: WorkerSpec) -> None:
        """What is mounted has to be there, and to be the worker's; the engine would make it as root's."""
        user = worker_user(self._data)
        try:
            (self._data / "models").mkdir(parents=True, exist_ok=True)
            own = [self._data / "sessions" / spec.session, *([Path(spec.out_dir)] if spec.out_dir is not None else [])]
            own += [self._data / "rooms" / spec.room.id] if spec.room is not None else []
            for folder in own:
                folder.mkdir(parents=True, exist_ok=True)
                give_to(folder, user)
        except OSError as err:
            raise RuntimeAway(f"the session's folder cannot be made: {err.strerror}") from err

    def _list(self) -> Sequence[Found]:
        with self._engine() as engine:
            wanted = {"label": f"{PREFIX}installation={self._installation}"}
            listed = engine.containers(all=True, filters=wanted)
            return [each for each in (self._found(engine, row["Id"]) for row in listed) if each is not None]

    def _found(self, engine: docker.APIClient, container: str) -> Found | None:
        """None where it is gone."""
        try:
            inspected = engine.inspect_container(container)
        except NotFound:
            return None
        try:
            return found(inspected, now_ns=self._clock.wall_ns(), boottime_ns=self._clock.boottime_ns())
        except ValueError as err:
            raise RuntimeAway(f"Docker answered nonsense: {_short(err)}") from err

    def _stop(self, name: str, grace_s: float) -> None:
        with self._engine() as engine:
            known = self._found(engine, self._container(name))
        if known is not None and known.life == "running":
            # It answers when the container has stopped, and goes on where nobody waits for that
            waiting = threading.Thread(target=self._wait_stop, args=(name, grace_s), name=f"stop {name}", daemon=True)
            waiting.start()

    def _wait_stop(self, name: str, grace_s: float) -> None:
        try:
            with self._engine(grace_s + START_S) as engine, contextlib.suppress(NotFound):
                engine.stop(self._container(name), timeout=round(grace_s))
        except RuntimeAway as err:
            log.warning("worker.stop_unanswered", worker=name, error=str(err))

    def _kill(self, name: str) -> None:
        with self._engine() as engine:
            try:
                engine.kill(self._container(name), signal="SIGKILL")
            except NotFound:
                return
            except APIError as err:
                if err.status_code != requests.codes.conflict:  # it does not run
                    raise

    def _remove(self, name: str) -> None:
        with self._engine() as engine:
            known = self._found(engine, self._container(name))
            if known is not None and known.life == "exited":
                try:
                    engine.remove_container(self._container(name), v=True)
                except NotFound:
                    return
                except APIError as err:
                    if err.status_code != requests.codes.conflict:  # another supervisor removes it
                        raise
        if known is not None and known.life != "exited":
            raise ValueError(f"{name} is {known.life}")

    def _logs(self, name: str, lines: int) -> str:
        with self._engine() as engine:
            try:
                said = engine.logs(self._container(name), stdout=False, stderr=True, tail=lines)
            except NotFound:
                return ""
        return bytes(said).decode(errors="replace").rstrip("\n")

    def _container(self, name: str) -> str:
        if not is_worker_name(name):
            raise ValueError(f"{name!r} is not a worker's name")
        return f"clipd-{self._installation}-{name}"


def worker_user(data: Path) -> tuple[int, int]:
    """Who owns DATA, so that both can read what the other writes; for root's DATA, which no worker may be, nobody."""
    known = data.stat()
    return (known.st_uid, known.st_gid) if known.st_uid != 0 else NOBODY


def give_to(folder: Path, user: tuple[int, int]) -> None:
    """Make a folder and all in it the user's, where it is not; links are not followed. Only root can have to."""
    if folder.stat().st_uid == user[0]:
        return
    for _, folders, files, here in os.fwalk(folder, follow_symlinks=False):
        os.fchown(here, *user)
        for name in [*folders, *files]:
            os.chown(name, *user, dir_fd=here, follow_symlinks=False)


def _knock(host: str, timeout_s: float) -> None:
    """Raises OSError where nobody listens. The SDK would find out too, and leave its socket open."""
    if host.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(timeout_s)
            door.connect(host.removeprefix("unix://"))


def _feed(engine: docker.APIClient, container: str, spec: bytes) -> None:
    """Write the spec to the stdin of a container that has been created, and close it."""
    attached: Any = engine.attach_socket(container, params={"stdin": 1, "stream": 1})
    sock = getattr(attached, "_sock", attached)
    try:
        sock.sendall(spec)
        sock.shutdown(socket.SHUT_WR)  # the worker reads to the end
    finally:
        attached.close()
        sock.close()  # the file above does not close what it reads


def _short(err: Exception) -> str:
    return f"{type(err).__name__}: {err}"[:300]
