"""A Docker engine for tests, with our own image in it.

The machine's engine is used where one answers. Else root starts one, under a folder of its own, without the default
bridge; the test processes of one run share it and the last of them stops it. Its images stay for the next run.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import docker
import requests
from docker.errors import DockerException

from core.errors import UsageError
from supervisor.runtimes.fence import Fence, take_down
from tests.docker_image import worker_image
from tests.needs import require, require_root

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = Path(tempfile.gettempdir()) / "clipd-test-engine"
BASE: Final = "clipd-base:bookworm"
NETWORK: Final = "clipd-test"
START_S: Final = 90
ANSWER_S: Final = 30
BUILD_S: Final = 600
_STARTED: Final[list[subprocess.Popen[bytes]]] = []  # by this process, which waits for it at its end


@dataclass(frozen=True)
class Engine:
    """`host` as DOCKER_HOST says it, `image` the local id of our worker's, `python` the interpreter inside it."""

    host: str
    image: str
    python: str = "/opt/clipd/bin/python"


@cache
def docker_engine() -> Engine:
    """The engine with the image of this tree; skips where it cannot be had (tests/skips.toml)."""
    require_root()
    for program in ("dockerd", "docker", "iptables"):
        require(program)
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    host = _running() or _own()
    with _only(FOLDER / "build.lock"):
        return Engine(host, worker_image(host))


def build(host: str, *arguments: str) -> str:
    """The Dockerfile as users build it, on a base made by debootstrap: minutes. The image's id."""
    environment = {**os.environ, "DOCKER_HOST": host, "DOCKER_BUILDKIT": "0"}
    have = subprocess.run(["docker", "image", "inspect", BASE], env=environment, capture_output=True, check=False)
    if have.returncode != 0:
        _run([str(ROOT / "scripts" / "docker-base"), BASE], environment)
    command = ["docker", "build", "--quiet", "--network", "host", "--build-arg", f"BASE={BASE}", *arguments, str(ROOT)]
    return _run(command, environment).strip()


def _running() -> str | None:
    """The machine's own engine, if it answers."""
    host = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    return host if _answers(host) else None


def _answers(host: str) -> bool:
    try:
        if host.startswith("unix://"):  # the SDK leaves a socket open that reaches nobody
            with socket.socket(socket.AF_UNIX) as door:
                door.connect(host.removeprefix("unix://"))
        with contextlib.closing(docker.APIClient(host, version="auto", timeout=ANSWER_S)) as engine:
            return bool(engine.ping())
    except (DockerException, requests.RequestException, OSError):
        return False


def _own() -> str:
    """Start one, or join the one that another test process has started."""
    host = f"unix://{FOLDER}/docker.sock"
    users = os.open(FOLDER / "users.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with _only(FOLDER / "start.lock"):
        fcntl.flock(users, fcntl.LOCK_SH)
        if not _answers(host):
            _start(host)
    atexit.register(_leave, users)
    return host


def _start(host: str) -> None:
    shutil.rmtree(FOLDER / "exec", ignore_errors=True)
    (FOLDER / "docker.pid").unlink(missing_ok=True)
    options = ["--host", host, "--data-root", f"{FOLDER}/data", "--exec-root", f"{FOLDER}/exec", "--bridge", "none"]
    options += ["--pidfile", f"{FOLDER}/docker.pid", "--storage-driver", "overlay2", "--live-restore=false"]
    with open(FOLDER / "dockerd.log", "wb") as log:
        child = subprocess.Popen([require("dockerd"), *options], stdout=log, stderr=log, start_new_session=True)
    _STARTED.append(child)
    ends = time.monotonic() + START_S
    while not _answers(host):
        if child.poll() is not None or time.monotonic() > ends:
            child.kill()
            raise RuntimeError(f"dockerd did not start: {(FOLDER / 'dockerd.log').read_text()[-800:]}")
        time.sleep(0.1)


def _leave(users: int) -> None:
    """The last one stops it, takes the workers' bridge and its rules away, and waits until it has gone."""
    with _only(FOLDER / "start.lock"), contextlib.suppress(BlockingIOError, FileNotFoundError, ProcessLookupError):
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        engine = int((FOLDER / "docker.pid").read_text())
        bridge = ["docker", "-H", f"unix://{FOLDER}/docker.sock", "network", "rm", NETWORK]
        subprocess.run(bridge, capture_output=True, timeout=START_S, check=False)
        with contextlib.suppress(UsageError):  # there were none
            take_down(Fence(bridge=f"{NETWORK}0", control=()))
        os.kill(engine, signal.SIGTERM)
        ends = time.monotonic() + START_S
        while time.monotonic() < ends:
            for child in _STARTED:
                child.poll()  # else it would stay there, as our zombie
            os.kill(engine, 0)
            time.sleep(0.1)


@contextlib.contextmanager
def _only(path: Path) -> Iterator[None]:
    """One test process at a time."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=BUILD_S, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[:3]} ended with {done.returncode}: {(done.stdout + done.stderr)[-1500:]}")
    return done.stdout
