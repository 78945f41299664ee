"""Becomes another program, with limits, and dies with its parent.

Run as a file, in an interpreter of its own: `launch.py PARENT CPU_S MEMORY FILE_BYTES NICE PROGRAM ARGS...`.
Between fork and exec nothing of ours may run in a program that has threads, and a limit that is set from outside comes
after the child has begun.
"""

import ctypes
import os
import resource
import signal
import sys

# What drivers of hardware encoders look at: which card, which driver, where its libraries lie (NixOS, WSL, containers).
PASSED = ("CUDA_VISIBLE_DEVICES", "LIBVA_DRIVER_NAME", "LIBVA_DRIVERS_PATH", "LD_LIBRARY_PATH")
PR_SET_PDEATHSIG = 1  # linux/prctl.h; ends the child when the thread that started it ends


def main(arguments: list[str]) -> None:
    """Never returns: the program replaces it, or it is killed since nobody waits for it any more."""
    parent, cpu_s, memory, file_bytes, nice = map(int, arguments[:5])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os.kill(os.getpid(), signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 5))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(max(0, nice - os.nice(0)))
    os.execve(arguments[5], arguments[5:], {name: os.environ[name] for name in PASSED if name in os.environ})


if __name__ == "__main__":
    main(sys.argv[1:])
