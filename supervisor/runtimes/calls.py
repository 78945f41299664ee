"""Blocking calls that answer within their deadline, whatever happens to the thread they run in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from supervisor.runtimes.api import RuntimeAway

T = TypeVar("T")


class Calls:
    """A few threads of a runtime's own: an engine that hangs occupies these and nobody else's.

    A call that is late goes on in its thread; when all hang, further calls are late in their turn.
    """

    def __init__(self, name: str, *, threads: int = 4) -> None:
        self._name = name
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def run(self, call: Callable[[], T], *, within_s: float) -> T:
        """The call's result, or what it raises; RuntimeAway after `within_s`."""
        running = asyncio.get_running_loop().run_in_executor(self._pool, call)
        try:
            async with asyncio.timeout(within_s):
                return await running
        except TimeoutError as err:
            raise RuntimeAway(f"{self._name} did not answer within {within_s:g} s") from err

    def close(self) -> None:
        """Waits for no call; each ends by its own socket's deadline."""
        self._pool.shutdown(wait=False, cancel_futures=True)
