"""What a worker's heap keeps: few arenas, and no holes from loading a model or decoding batches. glibc only; elsewhere
nothing happens."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from typing import Final

_M_MMAP_THRESHOLD: Final = -3  # of malloc.h
_WHILE_LOADING: Final = 1 << 20
_AFTERWARDS: Final = 32 << 20  # where glibc's own adjustment ends; decoding with a low one takes half as long again
_M_ARENA_MAX: Final = -8
_ARENAS: Final = 2


def few_arenas() -> None:
    """Before threads are started: by itself glibc gives each of them a heap of its own, up to eight a core, and each
    keeps what its largest work took (4 MB). Threads that hold Python's lock in turn seldom meet in one."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_ARENA_MAX, _ARENAS)


@contextlib.contextmanager
def returned_memory() -> Iterator[None]:
    """What is allocated and freed inside goes back to the system.

    Weights come as float16 and become int8: without this the holes they leave keep 35 MB of a worker for good.
    """
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt") or not hasattr(libc, "malloc_trim"):
        yield
        return
    libc.mallopt(_M_MMAP_THRESHOLD, _WHILE_LOADING)
    try:
        yield
    finally:
        libc.mallopt(_M_MMAP_THRESHOLD, _AFTERWARDS)
        libc.malloc_trim(0)


def give_back() -> None:
    """What is free goes back to the system: 5 ms, and 115 MB after a batch of three windows (ADR 5)."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
