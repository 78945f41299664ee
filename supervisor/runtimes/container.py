"""What a worker's container is allowed, and what the engine's answers mean: pure, one order in, one description out.

Nothing of it is built from user text but the paths of local media, which are mounted read-only and only where they lie
outside what belongs to others (`readable`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from core.spec import WorkerSpec
from core.times import NS_PER_S
from supervisor.runtimes.api import Found, Limits, Order

PREFIX: Final = "clipd."  # of our labels
TMP_BYTES: Final = 256 << 20  # of /tmp, which counts as the worker's memory
LOG: Final = {"type": "json-file", "config": {"max-size": "1m", "max-file": "2"}}
OOM_SCORE_ADJ: Final = 300  # as keeper.py
KILLED: Final = 137  # 128 + SIGKILL
GPU: Final = ("gpu", "compute", "utility", "video")  # of the driver: CUDA, its tools, NVENC and NVDEC
NOBODY: Final = (65534, 65534)
CREATED_S: Final = 30.0  # a container that has not been started by then never will be (reliability.md, row 21)
_HIDDEN: Final = tuple(Path(name) for name in ("/proc", "/sys", "/dev", "/run", "/var/run", "/etc", "/root", "/boot"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What all containers of an installation share. `data` is DATA, at the same path for the engine as for us."""

    installation: str
    data: Path
    image: str
    network: str
    user: tuple[int, int]
    command: Sequence[str] | None = None

    def container_name(self, worker: str) -> str:
        """Deterministic: the engine gives a name once, so of two who start the same attempt one is refused."""
        return f"clipd-{self.installation}-{worker}"


def description(order: Order, site: Site) -> dict[str, Any]:
    """The body of `POST /containers/create`, API 1.41."""
    body: dict[str, Any] = {
        "Image": site.image,
        "User": f"{site.user[0]}:{site.user[1]}",
        "Labels": {PREFIX + name: text for name, text in order.labels.items()}
        | {PREFIX + "worker": order.name, PREFIX + "installation": site.installation},
        "OpenStdin": True,  # the spec comes on it, once
        "StdinOnce": True,
        "AttachStdin": True,
        "AttachStdout": False,
        "AttachStderr": False,
        "Tty": False,
        "StopSignal": "SIGTERM",
        "Hostname": order.name[-63:].strip("-."),
        "WorkingDir": "/tmp",
        "Cmd": ["worker", "--spec", "0"],
        "HostConfig": _host(order, site),
        "NetworkingConfig": {"EndpointsConfig": {site.network: {}}},
    }
    if site.command is not None:
        body |= {"Entrypoint": list(site.command[:1]), "Cmd": list(site.command[1:])}
    return body


def _host(order: Order, site: Site) -> dict[str, Any]:
    return {
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges:true"],  # with the engine's own seccomp profile
        "Privileged": False,
        "IpcMode": "private",
        "NetworkMode": site.network,
        "RestartPolicy": {"Name": "no"},  # we restart, nobody else
        "AutoRemove": False,
        "OomScoreAdj": OOM_SCORE_ADJ,
        "LogConfig": {"Type": LOG["type"], "Config": LOG["config"]},
        "Tmpfs": {"/tmp": f"rw,noexec,nosuid,nodev,mode=1777,size={TMP_BYTES}"},
        "Mounts": [_mount(path, writable) for path, writable in mounts(order.spec, site.data)],
        **_limits(order.limits),
    }


def _limits(limits: Limits) -> dict[str, Any]:
    ulimits = [("nofile", limits.files), ("core", 0)]
    said: dict[str, Any] = {
        "PidsLimit": limits.pids,
        "Ulimits": [{"Name": name, "Soft": most, "Hard": most} for name, most in ulimits],
    }
    if limits.memory_bytes is not None:
        said |= {"Memory": limits.memory_bytes, "MemorySwap": limits.memory_bytes}  # equal: no swap
    if limits.cpus is not None:
        said |= {"NanoCpus": round(limits.cpus * NS_PER_S)}
    if limits.gpu:
        said |= {"DeviceRequests": [{"Count": -1, "Capabilities": [list(GPU)]}]}
    return said


def mounts(spec: WorkerSpec, data: Path) -> list[tuple[Path, bool]]:
    """Paths and whether they may be written, the same inside as outside: the worker's journal names them."""
    found = [(data / "sessions" / spec.session, True), (data / "models", False)]
    if spec.room is not None:
        found.append((data / "rooms" / spec.room.id, True))
    if spec.out_dir is not None and not Path(spec.out_dir).is_relative_to(found[0][0]):
        found.append((Path(spec.out_dir), True))
    found += [(path, False) for path in _named(spec) if readable(path, data)]
    return list({path: (path, writable) for path, writable in reversed(found)}.values())[::-1]


def readable(path: Path, data: Path) -> bool:
    """Whether a file that an order names may be shown: nothing of another session, of the machine, or of DATA itself.

    The path is compared as it is written and as it resolves.
    """
    for each in (path, path.resolve()):
        if not each.is_absolute() or len(each.parts) < 3 or data.is_relative_to(each):
            return False
        if any(each.is_relative_to(hidden) for hidden in _HIDDEN):
            return False
        if each.is_relative_to(data) and not each.is_relative_to(data / "uploads"):
            return False
    return True


def _named(spec: WorkerSpec) -> list[Path]:
    """Media, chat, brand, HUD and models that lie on this machine, as the order names them."""
    clips, speech = spec.settings.get("clips", {}), spec.settings.get("speech", {})
    hud = spec.settings.get("hud", {})
    texts = [spec.source, spec.chat, spec.settings.get("game"), hud.get("easyocr_models")]
    texts += [clips.get("brand"), clips.get("face_model"), speech.get("model")]
    return [Path(text) for text in texts if isinstance(text, str) and text.startswith("/") and Path(text).exists()]


def _mount(path: Path, writable: bool) -> dict[str, Any]:
    return {
        "Type": "bind",
        "Source": str(path),
        "Target": str(path),
        "ReadOnly": not writable,
        "BindOptions": {"Propagation": "rprivate"},
    }


def found(inspected: Mapping[str, Any], *, now_ns: int, boottime_ns: int) -> Found:
    """What `GET /containers/<id>/json` says of a worker. `now_ns` is wall time, as the engine's.

    Raises KeyError, TypeError or ValueError where the answer is nonsense.
    """
    state, labels = inspected["State"], inspected["Config"]["Labels"]
    ours = {name.removeprefix(PREFIX): text for name, text in labels.items() if name.startswith(PREFIX)}
    name = ours.pop("worker")
    status = state["Status"]
    since = inspected["Created"] if status == "created" else state["StartedAt"]
    started_ns = boottime_ns - (now_ns - wall_ns(since))
    if status in ("running", "paused"):
        return Found(name=name, labels=ours, life="running", started_ns=started_ns, pid=int(state["Pid"]))
    if status == "created":
        late = boottime_ns - started_ns > CREATED_S * NS_PER_S
        return Found(name=name, labels=ours, life="exited" if late else "unknown", code=KILLED if late else None)
    if status in ("exited", "dead"):
        code = int(state["ExitCode"])
        oom = bool(state["OOMKilled"]) and code == KILLED  # said of the container: it may have been a child's end only
        return Found(name=name, labels=ours, life="exited", code=code, oom=oom, started_ns=started_ns)
    return Found(name=name, labels=ours, life="unknown")  # restarting, removing, and what engines may say one day


def wall_ns(text: str) -> int:
    """The engine's times, RFC 3339 with up to nine decimals."""
    whole, digits = re.fullmatch(r"([0-9T:-]{19})(?:\.([0-9]{1,9}))?Z", text).groups()  # type: ignore[union-attr]
    seconds = int(datetime.fromisoformat(f"{whole}+00:00").timestamp())
    return seconds * NS_PER_S + int((digits or "0").ljust(9, "0"))
