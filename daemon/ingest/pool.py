"""Connections that stay open between requests, and are given up together once one of them has failed.

A server or a balancer that went away can leave kept connections that accept a request and never answer. Tried one
after another, each would cost a whole time-out; a fresh one shows at once whether the server is back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp

from core.errors import SourceUnreachable


class Pool:
    """`make` gives a session with connections of its own."""

    def __init__(self, make: Callable[[], aiohttp.ClientSession]) -> None:
        self._make = make
        self._newest: aiohttp.ClientSession | None = None
        self._users: dict[aiohttp.ClientSession, int] = {}  # requests under way, by session; the newest may have none

    @asynccontextmanager
    async def session(self) -> AsyncIterator[aiohttp.ClientSession]:
        """For one request and its body. A SourceUnreachable that leaves the block ends the session for later requests;
        those that run in it are left alone."""
        if self._newest is None:
            self._newest = self._make()
            self._users[self._newest] = 0
        session = self._newest
        self._users[session] += 1
        try:
            yield session
        except SourceUnreachable:
            if session is self._newest:
                self._newest = None
            raise
        finally:
            self._users[session] -= 1
            if session is not self._newest and not self._users[session]:
                del self._users[session]
                await session.close()

    async def close(self) -> None:
        """Every connection, used or not."""
        sessions, self._newest = list(self._users), None
        for session in sessions:
            await session.close()
