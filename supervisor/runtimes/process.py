"""Workers as processes of this machine, each under a keeper that outlives us (keeper.py); records.py is what is known.

Isolation: a session, user id and address space like ours, no new privileges, no environment but a few names, limits of
open files and core dumps, and of memory, processes and CPU where cgroups can be made. Network and file system are open
to it; who runs streams of strangers takes the docker runtime.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from core.protocols import Clock
from core.times import NS_PER_S
from supervisor.local import KEPT_ENVIRONMENT
from supervisor.runtimes import cgroups
from supervisor.runtimes.api import Found, NameTaken, Order, RuntimeAway, RuntimeName
from supervisor.runtimes.calls import Calls
from supervisor.runtimes.cgroups import Cgroups
from supervisor.runtimes.moulds import Mould
from supervisor.runtimes.names import is_worker_name
from supervisor.runtimes.pids import Process, boot_id, pid_namespace, session_of
from supervisor.runtimes.records import Ending, Record

KEEPER: Final = Path(__file__).with_name("keeper.py")
GPU_ENVIRONMENT: Final = ("CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "LIBVA_DRIVER_NAME", "LIBVA_DRIVERS_PATH")
CALL_S: Final = 5.0  # the deadline of every call; a disk that hangs is the only way to miss it
START_S: Final = 10.0  # LiveKit's figure for a child to come up (reliability.md section 1)
LAUNCH_S: Final = 0.8 * START_S  # of it, until the keeper speaks
PROGRAM: Final = "daemon.worker.program"
KEPT_IN_MOULD: Final = (*KEPT_ENVIRONMENT, *GPU_ENVIRONMENT)  # libraries read some when they are loaded
KILLED: Final = 128 + signal.SIGKILL


class ProcessRuntime:
    """A Runtime (api.py). `folder` is the installation's, on a local file system; several supervisors share it."""

    name: RuntimeName = "process"

    def __init__(
        self,
        folder: Path,
        installation: str,
        clock: Clock,
        *,
        command: Sequence[str] = (),
        program: str = PROGRAM,
        groups: Cgroups | None = None,
    ) -> None:
        """`program` names a worker's module (mould.py); a `command` is run in its place, as a program of its own."""
        self._folder = folder
        self._installation = installation
        self._clock = clock
        self._command = list(command)
        self._mould = Mould(program, {name: os.environ[name] for name in KEPT_IN_MOULD if name in os.environ})
        self._cgroups = Cgroups.here(installation) if groups is None else groups
        self._calls = Calls("process runtime")

    async def start(self, order: Order) -> None:
        """Returns when the worker runs under its keeper."""
        await self._calls.run(lambda: self._start(order), within_s=START_S)

    async def list(self) -> Sequence[Found]:
        """A worker without a keeper is finished off here, and told as killed."""
        if not self._command:
            self._mould.warm()  # who lists is about to start
        return await self._calls.run(self._list, within_s=CALL_S)

    async def stop(self, name: str, *, grace_s: float) -> None:
        """The keeper counts the grace, so it holds without us."""
        await self._calls.run(lambda: self._signal(name, grace_s=grace_s), within_s=CALL_S)

    async def kill(self, name: str) -> None:
        """The worker at once; its keeper kills what that leaves."""
        await self._calls.run(lambda: self._signal(name, grace_s=None), within_s=CALL_S)

    async def remove(self, name: str) -> None:
        """With its log."""
        await self._calls.run(lambda: self._remove(name), within_s=CALL_S)

    async def logs(self, name: str, *, lines: int = 200) -> str:
        """Empty where there is none."""
        return await self._calls.run(lambda: self._record(name).log(lines), within_s=CALL_S)

    async def close(self) -> None:
        """The keepers stay."""
        self._calls.close()
        self._mould.close()

    def _start(self, order: Order) -> None:
        record = self._record(order.name)
        spec = order.spec.to_json().encode()
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if record.folder.exists():
                raise NameTaken(order.name)
            groups = self._cgroups.make(order.name, order.limits)
            record = Record.make(record.folder, self._document(order, groups))
            runs = self._launch(record, spec)
        except (OSError, subprocess.TimeoutExpired) as err:
            raise RuntimeAway(f"the worker's keeper did not start: {err}") from err
        if not runs:
            self._settle(record, groups)
            raise RuntimeAway("the worker's keeper ended before it ran")

    def _launch(self, record: Record, spec: bytes) -> bool:
        """Whether a keeper says that it runs."""
        orders = os.memfd_create("spec", os.MFD_CLOEXEC)  # never a file: nothing to clean up, nothing on a disk
        try:
            with os.fdopen(os.dup(orders), "wb") as file:
                file.write(spec)
            os.lseek(orders, 0, os.SEEK_SET)
            return self._run(record, orders) if self._command else self._mould.cast(record.folder, orders, LAUNCH_S)
        finally:
            os.close(orders)

    def _run(self, record: Record, orders: int) -> bool:
        # S603: our own interpreter, file and generated names; no shell
        command = [sys.executable, "-I", "-S", str(KEEPER), str(record.folder), *self._command]
        child = subprocess.Popen(
            command, stdin=orders, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={}, cwd="/"
        )
        try:
            return child.wait(LAUNCH_S) == 0
        finally:
            child.kill()
            child.wait()

    def _document(self, order: Order, groups: Sequence[Path]) -> Mapping[str, Any]:
        kept = KEPT_ENVIRONMENT + (GPU_ENVIRONMENT if order.limits.gpu else ())
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        if not order.limits.gpu:
            environment["CUDA_VISIBLE_DEVICES"] = ""
        return {
            "labels": order.labels,
            "files": order.limits.files,
            "cgroups": [str(path) for path in groups],
            "environment": environment,
            "boot": boot_id(),
            "made_ns": self._clock.boottime_ns(),
        }

    def _list(self) -> Sequence[Found]:
        try:
            names = sorted(os.listdir(self._folder))
        except FileNotFoundError:
            return []
        except OSError as err:
            raise RuntimeAway(f"the run folder cannot be read: {err.strerror}") from err
        found = (self._look(Record(self._folder / name)) for name in names if is_worker_name(name))
        return [each for each in found if each is not None]

    def _look(self, record: Record) -> Found | None:
        """None where it was removed meanwhile, or belongs to another installation."""
        try:
            order = record.order()
            if order["labels"].get("installation") != self._installation:
                return None
            return self._found(record, order)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, KeyError):
            return Found(name=record.folder.name, labels={}, life="unknown")

    def _found(self, record: Record, order: Mapping[str, Any]) -> Found:
        name, labels = record.folder.name, dict(order["labels"])
        held = record.held()  # before the ending is looked for: a keeper tells it and lets go
        kept = record.kept()
        started_ns, pid = (kept.worker.started_ns, kept.worker.pid) if kept else (int(order["made_ns"]), None)
        ending = record.ending()
        if ending is None and not held:
            ending = self._abandoned(record, order)
        if ending is not None:
            return Found(
                name=name, labels=labels, life="exited", code=ending.code, oom=ending.oom, started_ns=started_ns
            )
        return Found(
            name=name, labels=labels, life="running" if kept and held else "unknown", started_ns=started_ns, pid=pid
        )

    def _abandoned(self, record: Record, order: Mapping[str, Any]) -> Ending | None:
        """Nobody keeps it and nobody told an end: not started yet, or its keeper was killed, or lost its machine."""
        groups = tuple(Path(path) for path in order["cgroups"])
        if order["boot"] != boot_id():
            return _tell(record, Ending(KILLED, False))
        young = self._clock.boottime_ns() - int(order["made_ns"]) < 2 * START_S * NS_PER_S
        if record.kept() is None and young:
            return None
        return self._settle(record, groups)

    def _settle(self, record: Record, groups: tuple[Path, ...]) -> Ending | None:
        """Finish off what is left of a worker without a keeper. None while something of it is still there."""
        if record.give_up():
            return _tell(record, Ending(KILLED, False))
        kept = record.kept()
        if kept is None or kept.pid_ns != pid_namespace():
            return None  # seen from another container: whoever shares its pids will tell
        left: list[Process] = [*session_of(kept.worker), *cgroups.members(groups)]
        if [each for each in left if each.send(signal.SIGKILL)]:
            return None
        oom = cgroups.oom_kills(groups) > 0
        cgroups.remove(groups)
        return _tell(record, Ending(KILLED, oom))

    def _signal(self, name: str, *, grace_s: float | None) -> None:
        record = self._record(name)
        try:
            kept = record.kept()
            if kept is None or not record.held():
                return
        except FileNotFoundError:
            return
        except (OSError, ValueError) as err:
            raise RuntimeAway(f"{name}: {err}") from err
        if kept.pid_ns != pid_namespace():
            raise RuntimeAway(f"{name} runs in another container, whose supervisor has to signal it")
        if grace_s is not None:
            record.ask_stop(grace_s)
            kept.keeper.send(signal.SIGTERM)
        else:
            kept.worker.send(signal.SIGKILL)
        kept.keeper.send(signal.SIGCONT)  # somebody may have stopped it

    def _remove(self, name: str) -> None:
        record = self._record(name)
        found = self._look(record)
        if found is not None and found.life != "exited":
            raise ValueError(f"{name} is {found.life}")
        if found is not None:
            cgroups.remove(tuple(Path(path) for path in record.order()["cgroups"]))
            record.remove()

    def _record(self, name: str) -> Record:
        if not is_worker_name(name):
            raise ValueError(f"{name!r} is not a worker's name")
        return Record(self._folder / name)


def _tell(record: Record, ending: Ending) -> Ending:
    record.end(ending)
    return record.ending() or ending
