"""`control.sock`: commands to a running session, one JSON object a line, one answer a line.

The socket is a file in the session's folder with mode 0600: whoever may write the session may command it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from core.errors import ClipdError, UsageError
from daemon.sockets import short_path

MAX_LINE: Final = 64 * 1024
ANSWER_LIMIT_S: Final = 120.0  # a manual cut waits for its post-roll
Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


@contextlib.asynccontextmanager
async def serve_control(path: Path, handler: Handler) -> AsyncIterator[None]:
    """Answer commands while the block runs. A killed attempt's stale socket is replaced: the lock says who lives."""
    path.unlink(missing_ok=True)
    with short_path(path) as short:
        server = await asyncio.start_unix_server(lambda r, w: _serve(r, w, handler), path=short, limit=MAX_LINE)
    path.chmod(0o600)
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


async def command(path: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Send one command to a running session. Raises UsageError when nobody listens, or with the session's own error."""
    try:
        with short_path(path) as short:
            reader, writer = await asyncio.open_unix_connection(short, limit=MAX_LINE)
    except OSError as err:
        raise UsageError(
            "The session does not answer", remedy="Try again; if it was killed, it can be cut when its worker is gone."
        ) from err
    try:
        writer.write(json.dumps(request).encode() + b"\n")
        await writer.drain()
        async with asyncio.timeout(ANSWER_LIMIT_S):
            answer = json.loads(await reader.readline() or b"{}")
    except (TimeoutError, ValueError, OSError) as err:
        raise UsageError(
            "The session did not answer in time", remedy="See `clipd doctor`; the session goes on."
        ) from err
    finally:
        writer.close()
    if "error" in answer:
        raise UsageError(answer["error"]["message"], remedy=answer["error"]["remedy"], code=answer["error"]["code"])
    return dict(answer)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler) -> None:
    try:
        while raw := await reader.readline():
            writer.write(json.dumps(await _answer(raw, handler)).encode() + b"\n")
            await writer.drain()
    except (ValueError, OSError):
        return  # an oversized line or a client that went away
    finally:
        writer.close()


async def _answer(raw: bytes, handler: Handler) -> dict[str, Any]:
    try:
        request = json.loads(raw)
        if not isinstance(request, dict) or not isinstance(request.get("command"), str):
            raise UsageError("Not a command", remedy='Send {"command": "status"}.')
        return await handler(request)
    except ValueError:
        return _error(UsageError("Not JSON", remedy='Send {"command": "status"}.'))
    except ClipdError as err:
        return _error(err)


def _error(err: ClipdError) -> dict[str, Any]:
    return {"error": {"code": err.code, "message": err.what, "remedy": err.remedy}}
