"""Listening: where, and on what terms."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from configs import Settings
from configs.api import is_loopback, reachable
from core.errors import UsageError
from supervisor.api.app import SERVICES, begin_drain
from supervisor.catalog import Catalog

SHUTDOWN_S: Final = 5.0  # what requests that are being answered may still take
KEEPALIVE_S: Final = 30.0


@asynccontextmanager
async def serve(app: web.Application, settings: Settings, *, workers_host: str | None = None) -> AsyncIterator[str]:
    """Listen while the block runs; gives the URL to reach it by. Leaving drains: long polls end, requests are answered.

    `workers_host` is a second address, of the network that only this machine's workers are on.

    Raises UsageError where the address is taken or cannot be had, and where it would be open to the network although
    nobody has a token.
    """
    options = settings.api
    if not is_loopback(options.host) and not await _has_token(app[SERVICES].catalog):
        raise UsageError(
            f"The API would listen on {options.host} although there is no token",
            remedy="Start it once on 127.0.0.1, which makes an owner token, or leave api.host out.",
            code="no_token",
        )
    runner = web.AppRunner(
        app, access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_S, keepalive_timeout=KEEPALIVE_S
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, options.host, options.port).start()
            if workers_host is not None:
                await web.TCPSite(runner, workers_host, options.port).start()
        except OSError as err:
            raise UsageError(
                f"The API cannot listen on {options.host}:{options.port}: {err.strerror}",
                remedy="Choose another api.port or api.host; another clipd up may have it.",
                code="no_port",
            ) from err
        yield reachable(options.host, runner.addresses[0][1])
    finally:
        begin_drain(app)
        await runner.cleanup()


async def _has_token(catalog: Catalog) -> bool:
    return any(not row.revoked for row in (await catalog.tokens(None, limit=200)).rows)
