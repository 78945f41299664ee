"""A process that has read the worker's program once and forks a worker for each order: `-m supervisor.runtimes.mould`.

Reading its 1,400 modules takes most of two seconds of a core and 80 MB, of every worker anew; a fork takes 20 ms and
shares what was read. A worker's parent is a keeper all the same: the fork that makes the worker then becomes keeper.py
by exec, which keeps its children, so a keeper stays as small and as independent of versions as it is.

- Stdin is a socket to the supervisor (SOCK_SEQPACKET). A message is the worker's folder; with it come the spec's file
  and a pipe, into which the keeper says that it runs. Its end, without that, says that it does not. The end of the
  socket is the end of this process, and touches no worker.
- It has no secret, no connection and no thread of ours when it forks; what a worker may hold is asked for afterwards.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable

from supervisor.runtimes import keeper

PR_SET_NAME = 15  # linux/prctl.h
MAX_MESSAGE = 4096  # bytes: a path
SPEC = 0  # where a worker reads its spec

Program = Callable[[int], int]  # of the spec's file descriptor; returns the exit code


def main(module: str) -> int:
    """Until the supervisor is gone; in each fork, what the worker returned."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal; meant for the supervisor, which tells its workers
    orders = socket.socket(fileno=os.dup(0))
    keeper.to_devnull(0)
    program: Program = importlib.import_module(module).main
    gc.collect()
    gc.freeze()  # else the first collection in a worker writes to every object, and nothing is shared
    while True:
        message, passed, _, _ = socket.recv_fds(orders, MAX_MESSAGE, 2)
        if not message:
            return 0
        spec, tell = passed
        first = os.fork()
        if first == 0:
            orders.close()
            return _fork_both(message.decode(), spec, tell, program)
        os.close(spec)
        os.close(tell)
        os.waitpid(first, 0)


def _fork_both(folder: str, spec: int, tell: int, program: Program) -> int:
    """In a fork: the keeper's process, which is nobody's child, forks the worker's and becomes keeper.py."""
    if os.fork():
        os._exit(0)
    os.setsid()
    os.chdir("/")
    pipes = keeper.Pipes.make(tell)
    worker = os.fork()
    if worker:
        os.close(spec)
        os.execve(sys.executable, keeper.adopting(folder, worker, pipes), {})
    order = keeper.read_order(folder)
    os.close(tell)
    keeper.confine(order, pipes)
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    ctypes.CDLL(None).prctl(PR_SET_NAME, b"clipd-worker", 0, 0, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(spec, SPEC)
    os.close(spec)
    return program(SPEC)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
