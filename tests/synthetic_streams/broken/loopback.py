"""A web server on 127.0.0.1 and a port of its own, while an `async with` block runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from aiohttp import web


class LoopbackServer(ABC):
    """`address` is `http://127.0.0.1:PORT`, once it is entered."""

    address = ""

    @abstractmethod
    def routes(self, router: web.UrlDispatcher) -> None:
        """Add what is served."""

    async def __aenter__(self) -> Self:
        app = web.Application()
        self.routes(app.router)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.address = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()


def reset(request: web.Request) -> web.Response:
    """Its connection is gone, whatever waits for it."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
