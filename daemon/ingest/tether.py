"""Run as a script: `tether.py PARENT PROGRAM ARGUMENTS...` becomes the program, tied to its parent and limited.

Between fork and exec of a program with threads no Python may run, so this stands in between: the kernel kills the
program when its parent dies, however that happens; it may write no file, start nothing with more rights, and use only
so much memory.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from typing import Final

PR_SET_PDEATHSIG: Final = 1
PR_SET_NO_NEW_PRIVS: Final = 38
MEMORY_BYTES: Final = 2 << 30  # of address space; an SRT stream of 8 Mbit/s takes 0.6 GB of it, and 53 MB of memory
OPEN_FILES: Final = 64


def main(arguments: list[str]) -> None:
    """Does not return unless the parent has gone already."""
    parent, program = int(arguments[0]), arguments[1]
    kernel = ctypes.CDLL(None, use_errno=True)
    for what, value in ((PR_SET_PDEATHSIG, signal.SIGKILL), (PR_SET_NO_NEW_PRIVS, 1)):
        if kernel.prctl(what, value, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:
        return  # it died before the kernel was told
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))
    os.execv(program, arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
