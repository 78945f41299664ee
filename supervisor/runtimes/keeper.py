"""Starts one worker, stays beside it and keeps how it ended. Run as a file: `keeper.py FOLDER COMMAND...`, or
`keeper.py --adopt FOLDER PID SAID GO TELL` as the parent of a worker that mould.py has forked, with three pipes.

Supervisors come and go while a worker runs, and an exit code can only be had by its parent; so every process worker has
a parent of its own that does nothing else. It holds an exclusive lock on FOLDER/lock for as long as it lives: who can
take the lock knows that keeper and worker are gone, from any process, after any restart. It is all standard library
and imports nothing of ours: it starts in some 20 ms, weighs 8 MB and is the same program through an upgrade.

- The spec comes on stdin and goes on to the worker as its stdin; nothing of it is ever in argv or the environment.
- Whatever the worker started is handed to the keeper by the kernel when its parent dies (subreaper), and killed when
  the worker has ended: nothing of a worker outlives it. The kernel kills the worker when its keeper dies.
- stderr goes through a pipe into FOLDER/log, at most two files of LOG_BYTES; what a full disk does not take is dropped.
- The end is told by renaming FOLDER/ending to `exit-<code>` or `exit-<code>-oom`: that needs no room on a full disk.
- SIGTERM: passed on; SIGKILL follows after the seconds named by the newest FOLDER/stop-<milliseconds>.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 36, 38  # linux/prctl.h
LOG_BYTES = 1 << 20
PIPE_BYTES = 1 << 20  # a disk that stalls for a while does not make the worker wait
GRACE_S = 75.0  # where nobody named one: the drain's budget of 60 s and a margin (reliability.md section 3, item 41)
SWEEP_S = 5.0  # for what was killed to go; a process that hangs in the kernel is left to it
OOM_SCORE_ADJ = 300  # the kernel takes a worker before its keeper and supervisor
BLOCKED_EXIT, NOT_FOUND_EXIT = 126, 127  # as a shell tells them
JOIN_TRIES, JOIN_PAUSE_S = 51, 0.02  # a second; judgement
ADOPT = "--adopt"


class Pipes(NamedTuple):
    """Between a keeper and its worker, and to who asked for them: `said` is the worker's stderr, `wait` ends or gives a
    byte when the worker may go on, `tell` takes one when the keeper runs."""

    said: int
    says: int
    wait: int
    go: int
    tell: int

    @classmethod
    def make(cls, tell: int) -> Pipes:
        """Before the worker is forked."""
        said, says = os.pipe()
        with contextlib.suppress(OSError):
            fcntl.fcntl(said, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        return cls(said, says, *os.pipe(), tell)


def main(arguments: list[str]) -> int:
    """Returns, as the process that was started, once the worker runs under a keeper that has left it: 0, else 1."""
    if arguments[0] == ADOPT:
        folder, (worker, said, go, tell) = arguments[1], map(int, arguments[2:])
        return _keeper(folder).run(worker, said, go, tell)
    folder, command = arguments[0], arguments[1:]
    told, tell = os.pipe()
    if os.fork():
        os.close(tell)
        return 0 if os.read(told, 1) else 1
    os.close(told)
    os.setsid()
    os.chdir("/")
    return _keeper(folder).start(command, tell)


def adopting(folder: str, worker: int, pipes: Pipes) -> list[str]:
    """The command line by which this process becomes the keeper of a worker that it has forked. Closes the rest."""
    os.close(pipes.says)
    os.close(pipes.wait)
    kept = (pipes.said, pipes.go, pipes.tell)
    for number in kept:
        os.set_inheritable(number, True)
    return [sys.executable, "-I", "-S", __file__, ADOPT, folder, str(worker), *map(str, kept)]


def read_order(folder: str) -> dict[str, Any]:
    """As its supervisor wrote it."""
    with open(f"{folder}/order.json", encoding="utf-8") as file:
        order: dict[str, Any] = json.load(file)
    return order


def confine(order: dict[str, Any], pipes: Pipes) -> None:
    """In the worker's process: wait for the keeper, then the limits, and no way back to anything of the keeper's."""
    parent = os.getppid()
    os.close(pipes.go)  # else it would wait for itself
    os.close(pipes.said)
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent or not os.read(pipes.wait, 1):
        os._exit(BLOCKED_EXIT)
    os.close(pipes.wait)
    to_devnull(1)
    os.dup2(pipes.says, 2)
    os.close(pipes.says)
    os.setsid()  # a process group and session of its own
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    if os.sched_getscheduler(0) in (os.SCHED_FIFO, os.SCHED_RR):  # its supervisor's: real time is in the way of all,
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))  # and let into no cgroup. Lesser ones it keeps
    for path in order["cgroups"]:
        join(path)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write(str(OOM_SCORE_ADJ))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would hold its tokens
    files = min(order["files"], resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))


def join(cgroup: str) -> None:
    """Become a member. Raises OSError with a text that names the cgroup: the one from write(2) does not.

    Linux has refused with EINVAL a worker that the CPU's controller took at the next start (seen on 6.18, version 1,
    twice in some thousand starts on busy cores, not explained): it is asked again for a second.
    """
    for left in reversed(range(JOIN_TRIES)):
        try:
            with open(f"{cgroup}/cgroup.procs", "w", encoding="ascii") as file:
                file.write("0")
            return
        except OSError as err:
            if err.errno != errno.EINVAL or left == 0:
                raise OSError(err.errno, f"{err.strerror}: {cgroup}") from err
        time.sleep(JOIN_PAUSE_S)


def to_devnull(*numbers: int) -> None:
    """For reading and for writing."""
    devnull = os.open(os.devnull, os.O_RDWR)
    for number in numbers:
        os.dup2(devnull, number)
    os.close(devnull)


def _keeper(folder: str) -> Keeper:
    """This process, once nobody looks whether the folder is held."""
    lock = os.open(f"{folder}/lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    return Keeper(folder, read_order(folder))


class Keeper:
    """The loop beside one worker."""

    def __init__(self, folder: str, order: dict[str, Any]) -> None:
        self.folder, self.order = folder, order
        self.log = Log(f"{folder}/log")
        self.worker = 0
        self.status: int | None = None  # as wait() gives it
        self.deadline: float | None = None  # CLOCK_BOOTTIME in seconds

    def start(self, command: list[str], tell: int) -> int:
        """A worker that is another program; then as `run`."""
        pipes = Pipes.make(tell)
        worker = os.fork()
        if worker == 0:
            os.close(tell)
            _become(command, self.order, pipes)
        os.close(pipes.wait)
        os.close(pipes.says)
        return self.run(worker, pipes.said, pipes.go, tell)

    def run(self, worker: int, said: int, go: int, tell: int) -> int:
        """Let it go, keep it, tell how it ended."""
        self.worker = worker
        to_devnull(0, 1, 2)
        if not self._claim():
            return 0  # a supervisor has given this start up; the worker reads the end of its pipe and goes
        alarms = _listen()
        os.write(go, b"g")
        os.close(go)
        with contextlib.suppress(OSError):  # nobody waits any more: the worker runs all the same
            os.write(tell, b"k")
        os.close(tell)
        status = self._keep(said, alarms)
        _sweep()
        self._rest(said)
        self._conclude(status)
        return 0

    def _conclude(self, status: int) -> None:
        oom = os.WIFSIGNALED(status) and _oom_kills(self.order["cgroups"]) > 0
        code = os.waitstatus_to_exitcode(status)
        name = f"exit-{code if code >= 0 else 128 - code}" + ("-oom" if oom else "")
        for path in self.order["cgroups"]:
            with contextlib.suppress(OSError):
                os.rmdir(path)
                os.rmdir(os.path.dirname(path))  # the installation's, where this was its last worker
        with contextlib.suppress(OSError):  # removed under us
            os.rename(f"{self.folder}/ending", f"{self.folder}/{name}")

    def _claim(self) -> bool:
        """Say who we are, unless somebody said before us that this start has failed."""
        text = json.dumps(
            {
                "keeper": [os.getpid(), _started(os.getpid())],
                "worker": [self.worker, _started(self.worker)],
                "pid_ns": os.stat("/proc/self/ns/pid").st_ino,
            }
        )
        path = f"{self.folder}/.keeper.{os.getpid()}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        try:
            os.link(path, f"{self.folder}/keeper.json")
        except FileExistsError:
            return False
        finally:
            os.unlink(path)
        return True

    def _keep(self, said: int, alarms: int) -> int:
        open_ends = [said, alarms]
        while self.status is None:
            left_s = None if self.deadline is None else max(0.0, self.deadline - _now_s())
            ready, _, _ = select.select(open_ends, [], [], left_s)
            if said in ready and not self.log.take(said):
                open_ends.remove(said)
            if alarms in ready:
                for number in os.read(alarms, 64):
                    self._obey(number)
            if self.deadline is not None and _now_s() >= self.deadline:
                _kill(self.worker, signal.SIGKILL)
                self.deadline = None
        return self.status

    def _obey(self, number: int) -> None:
        if number == signal.SIGTERM:
            self.deadline = _now_s() + _grace_s(self.folder)
            _kill(self.worker, signal.SIGTERM)
        if number == signal.SIGCHLD:
            self._reap()

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self.worker:
                    self.status = ended[1]

    def _rest(self, said: int) -> None:
        os.set_blocking(said, False)
        with contextlib.suppress(BlockingIOError):
            while self.log.take(said):
                pass


class Log:
    """The last LOG_BYTES to 2 * LOG_BYTES of what the worker said."""

    def __init__(self, path: str) -> None:
        self.path, self.size = path, 0
        self.file: int | None = None

    def take(self, said: int) -> bool:
        """Move what has come; False at its end."""
        data = os.read(said, 1 << 16)
        with contextlib.suppress(OSError):  # a full disk costs lines of the log and nothing else
            if self.file is None or self.size + len(data) > LOG_BYTES:
                self.file = self._turn()
            self.size += os.write(self.file, data)
        return bool(data)

    def _turn(self) -> int:
        if self.file is not None:
            os.close(self.file)
            self.file = None
            os.rename(self.path, f"{self.path}.1")
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.size = os.fstat(file).st_size
        return file


def _become(command: list[str], order: dict[str, Any], pipes: Pipes) -> NoReturn:
    """In the worker's process: limits, then the program. Nothing of ours runs in it after that."""
    try:
        confine(order, pipes)
        for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # Python's, and they would be inherited
            signal.signal(ignored, signal.SIG_DFL)
        os.execve(command[0], command, order["environment"])
    except OSError as err:
        os.write(2, f"keeper: {command[0]}: {err.strerror}\n".encode())
    os._exit(NOT_FOUND_EXIT)


def _listen() -> int:
    """Signals as bytes on a pipe: nothing is done inside a handler."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    signal.raise_signal(signal.SIGCHLD)  # for a worker that has gone before this
    return read


def _sweep() -> None:
    """Kill all that the worker has left: as subreaper we are the parent of every orphan below us."""
    until = _now_s() + SWEEP_S
    while _now_s() < until:
        for pid in _children():
            _kill(pid, signal.SIGKILL)
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                select.select([], [], [], 0.005)
        except ChildProcessError:
            return


def _children() -> Iterator[int]:
    own = str(os.getpid())
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if _stat(name)[1] == own:
                    yield int(name)


def _started(pid: int) -> int:
    """In ticks since the machine began: with the pid, and within one boot, a name that is never given twice."""
    return int(_stat(pid)[19])


def _stat(pid: int | str) -> list[str]:
    """Fields of /proc/<pid>/stat after the name, which may hold anything."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()


def _grace_s(folder: str) -> float:
    asked = [int(name[5:]) for name in os.listdir(folder) if name.startswith("stop-") and name[5:].isdigit()]
    return min(asked) / 1000 if asked else GRACE_S


def _oom_kills(cgroups: list[str]) -> int:
    """Of this worker's cgroups: memory.events of version 2, memory.oom_control of version 1."""
    for path in cgroups:
        for name in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(OSError), open(f"{path}/{name}", encoding="ascii") as file:
                counts = dict(line.split() for line in file)
                return int(counts.get("oom_kill", 0))
    return 0


def _kill(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)  # our own child, not yet waited for: its number is its own


def _now_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _prctl(what: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(what, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
