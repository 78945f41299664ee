"""A server that speaks Twitch's IRC over a WebSocket as dev.twitch.tv/docs/chat/irc documents it, and misbehaves on
request. One `Room` serves all connections; a test says what each of them does after it was let in."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

CAPS = "CAP REQ :twitch.tv/tags twitch.tv/commands"
SENT_MS = 1_700_000_000_000


class Connection:
    """One client: what it sent, and how to talk to it."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        self.request = request
        self.socket = socket
        self.heard: list[str] = []
        self._arrived = asyncio.Event()

    async def say(self, *lines: str) -> None:
        """One frame with these lines."""
        await self.socket.send_str("".join(f"{line}\r\n" for line in lines))

    async def raw(self, data: bytes) -> None:
        """One text frame with these bytes, UTF-8 or not."""
        await self.socket._writer.send_frame(data, WSMsgType.TEXT)  # type: ignore[union-attr]

    async def until(self, pattern: str) -> str:
        """The first line from the client that matches, once it is there."""
        while True:
            if found := next((line for line in self.heard if re.fullmatch(pattern, line)), None):
                return found
            self._arrived.clear()
            await self._arrived.wait()

    async def stays(self) -> None:
        """Until the client goes."""
        await self.until("\x00gone")

    def abort(self) -> None:
        """The TCP connection is gone without a goodbye."""
        assert self.request.transport is not None
        self.request.transport.abort()

    def take(self, line: str) -> None:
        """From the client."""
        self.heard.append(line)
        self._arrived.set()


Script = Callable[[Connection], Coroutine[Any, Any, None]]


@dataclass
class Room:
    """`scripts`: what the first, second, ... connection does once its login was sent; the last one stays for all."""

    scripts: list[Script]
    channel: str = "somebody"
    url: str = ""
    connections: list[Connection] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One connection, until its script ends or the client goes."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = Connection(request, socket)
        self.connections.append(connection)
        script = self.scripts[min(len(self.connections), len(self.scripts)) - 1]
        playing = asyncio.create_task(script(connection))
        async for frame in socket:
            if frame.type is WSMsgType.TEXT:
                for line in frame.data.split("\r\n")[:-1]:
                    connection.take(line)
            if playing.done():
                break
        connection.take("\x00gone")
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
        return socket


async def let_in(client: Connection, channel: str = "somebody") -> None:
    """The login as Twitch answers it: capabilities, welcome, and the channel once it was asked for."""
    assert await client.until("CAP .*") == CAPS
    await client.say(":tmi.twitch.tv CAP * ACK :twitch.tv/tags twitch.tv/commands")
    nick = (await client.until("NICK .*")).removeprefix("NICK ")
    assert re.fullmatch(r"justinfan\d{4,}", nick), "anonymous reading is for justinfan<digits>"
    assert not any(line.startswith("PASS") for line in client.heard), "there is no password to send"
    await client.say(
        f":tmi.twitch.tv 001 {nick} :Welcome, GLHF!",
        f":tmi.twitch.tv 002 {nick} :Your host is tmi.twitch.tv",
        f":tmi.twitch.tv 376 {nick} :>",
    )
    assert await client.until("JOIN .*") == f"JOIN #{channel}"
    await client.say(
        f":{nick}!{nick}@{nick}.tmi.twitch.tv JOIN #{channel}",
        f":{nick}.tmi.twitch.tv 353 {nick} = #{channel} :{nick}",
        f":{nick}.tmi.twitch.tv 366 {nick} #{channel} :End of /NAMES list",
        f"@emote-only=0;followers-only=-1;r9k=0;room-id=713936733;slow=0 :tmi.twitch.tv ROOMSTATE #{channel}",
    )


def said(text: str, *, number: int = 1, at_s: float = 0.0, channel: str = "somebody", **tags: str) -> str:
    """A PRIVMSG with the tags that Twitch sends."""
    known = {
        "badge-info": "", "badges": "", "color": "#0000FF", "display-name": f"Viewer{number}", "emotes": "",
        "first-msg": "0", "flags": "", "id": f"885196de-cb67-427a-baa8-{number:012d}", "mod": "0",
        "room-id": "713936733", "subscriber": "0", "tmi-sent-ts": str(SENT_MS + round(1000 * at_s)), "turbo": "0",
        "user-id": str(100_000 + number), "user-type": "",
    }  # fmt: skip
    known |= {name.replace("_", "-"): value for name, value in tags.items()}
    head = ";".join(f"{name}={value}" for name, value in known.items())
    nick = f"viewer{number}"
    return f"@{head} :{nick}!{nick}@{nick}.tmi.twitch.tv PRIVMSG #{channel} :{text}"


def noticed(kind: str, text: str | None = None, *, at_s: float = 0.0, channel: str = "somebody", **tags: str) -> str:
    """A USERNOTICE of a kind; parameters as `viewerCount="12"` become `msg-param-viewerCount`."""
    head = f"@badge-info=;id=db25007f-7a18-43eb-9379-80131e44d633;login=ronni;msg-id={kind};room-id=713936733"
    head += f";system-msg=It\\shappened;tmi-sent-ts={SENT_MS + round(1000 * at_s)};user-id=1337"
    head += "".join(f";msg-param-{name.replace('_', '-')}={value}" for name, value in tags.items())
    return f"{head} :tmi.twitch.tv USERNOTICE #{channel}" + ("" if text is None else f" :{text}")


@asynccontextmanager
async def twitch(*scripts: Script) -> AsyncIterator[Room]:
    """A room on loopback."""
    room = Room(list(scripts))
    app = web.Application()
    app.router.add_get("/", room.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    room.url = f"ws://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        yield room
    finally:
        await runner.cleanup()
