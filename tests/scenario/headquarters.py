"""A supervisor's internal API as core/control.py states it, on a real socket, that misbehaves when it is told to."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from aiohttp import web

from core.control import (
    DATA_KINDS,
    MAX_BODY,
    Acked,
    Command,
    EventBatch,
    EventRow,
    Heartbeat,
    Hello,
    KeyAsk,
    KeyFound,
    Live,
    LlmAnswer,
    LlmAsk,
    Pulse,
    Welcome,
)
from core.errors import UsageError
from core.spec import ControlSpec, WorkerSpec
from supervisor.local import worker_command
from tests.scenario.command import environment

Mood = Literal["well", "hung", "500", "garbage", "huge", "redirect", "endless", "denied", "forgetful"]
TOKEN_S = 60.0


class Headquarters:
    """Use as a context manager. What it was told is in its lists; `until` waits for something to be true."""

    def __init__(self) -> None:
        self.mood: Mood = "well"  # `forgetful`: it stores what it is told, and hangs up before it says so
        self.moods: dict[str, Mood] = {}  # of single paths
        self.asked: list[str] = []
        self.hellos: list[Hello] = []
        self.beats: list[Heartbeat] = []
        self.lives: list[Live] = []
        self.rows: dict[int, EventRow] = {}
        self.batches: list[int] = []  # how many rows each brought
        self.refused: list[EventRow] = []
        self.keys: dict[str, Path] = {}
        self.llm: Callable[[LlmAsk], LlmAnswer | web.Response] | None = None  # None: there is no language model
        self.questions: list[LlmAsk] = []
        self.commands: list[Command] = []
        self.claim = 1
        self.renders = True
        self.tokens = {"token-0"}
        self.renewals = 0
        self._numbers = itertools.count(1)
        self._port = 0
        self._busy = 0
        self._idle, self._ordered = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._runner: web.AppRunner | None = None
        self._changed = asyncio.Condition()
        self._closing = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """On the port that it had."""
        self._closing.clear()
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route("*", "/internal/v1/{path}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Nobody listens."""
        self._closing.set()
        self._ordered.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        await self._idle.wait()  # a handler goes on when its client has gone

    @property
    def url(self) -> str:
        """As it stands in a spec."""
        return f"http://127.0.0.1:{self._port}"

    def control(self, *more: str, claim: int = 1) -> ControlSpec:
        """What a supervisor hands to the attempt with this claim token."""
        return ControlSpec(urls=(*more, self.url), claim_token=claim, token="token-0", renewal="renewal-0")

    async def until(self, true: Callable[[], object], limit_s: float = 60) -> None:
        """Wait for something that changes with what is told here."""
        async with asyncio.timeout(limit_s), self._changed:
            await self._changed.wait_for(lambda: bool(true()))

    def order(self, kind: Any, **args: Any) -> None:
        """Something to obey."""
        self.commands.append(Command(id=len(self.commands) + 1, kind=kind, args=args))
        self._ordered.set()

    def lines(self, kind: str) -> list[dict[str, Any]]:
        """Stored lines of one kind, in order."""
        return [dict(row.line) for _, row in sorted(self.rows.items()) if row.kind == kind]

    # -- answers

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self._busy += 1
        self._idle.clear()
        try:
            return await self._answered(request)
        finally:
            self._busy -= 1
            if not self._busy:
                self._idle.set()

    async def _answered(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        self.asked.append(path)
        mood = self.moods.get(path, self.mood)
        bad = await self._misbehave(request, mood)
        if bad is not None:
            return bad
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if bearer not in ({"renewal-0"} if path == "renew" else self.tokens):
            return web.json_response({"error": {"code": "unauthorized", "message": ""}}, status=401)
        answers: dict[str, Callable[[web.Request], Awaitable[web.Response]]] = {
            "hello": self._hello,
            "heartbeat": self._heartbeat,
            "events": self._events,
            "live": self._live,
            "commands": self._commands,
            "keys": self._keys,
            "llm": self._llm,
            "renew": self._renew,
        }
        try:
            answer = await answers[path](request)
        except UsageError as err:
            return web.json_response({"error": {"code": err.code, "message": err.what}}, status=400)
        async with self._changed:
            self._changed.notify_all()
        if mood == "forgetful" and request.transport is not None:
            request.transport.abort()
        return answer

    async def _misbehave(self, request: web.Request, mood: Mood) -> web.StreamResponse | None:
        if mood == "hung":
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), 60)
            return web.Response(status=500)
        if mood in ("huge", "endless"):
            return await self._flood(request, declared=mood == "huge")
        answers = {
            "500": lambda: web.Response(status=500),
            "garbage": lambda: web.Response(body=b'{"claimed": [' * 5000),
            "redirect": lambda: web.Response(status=307, headers={"Location": "http://127.0.0.1:1/"}),
            "denied": lambda: web.Response(status=401),
        }
        return answers[mood]() if mood in answers else None

    async def _flood(self, request: web.Request, *, declared: bool) -> web.StreamResponse:
        """100 MB, or as much as is taken."""
        response = web.StreamResponse()
        if declared:
            response.content_length = 100 << 20
        await response.prepare(request)
        with suppress(OSError):
            for _ in range(100):
                await response.write(b" " * (1 << 20))
        return response

    async def _hello(self, request: web.Request) -> web.Response:
        hello = Hello.from_json(await request.json())
        self.hellos.append(hello)
        stale = hello.claim_token < self.claim
        acked = max(self.rows, default=0)
        return _told(Welcome(token=self._token(), token_s=TOKEN_S, acked=acked, deliver_only=stale))

    async def _heartbeat(self, request: web.Request) -> web.Response:
        beat = Heartbeat.from_json(await request.json())
        self.beats.append(beat)
        claimed = beat.claim_token == self.claim
        return _told(Pulse(claimed=claimed, token=self._token(), token_s=TOKEN_S, renders=self.renders))

    async def _events(self, request: web.Request) -> web.Response:
        batch = EventBatch.from_json(await request.json())
        rows = batch.events()
        self.batches.append(len(rows))
        refused = []
        for row in rows:
            if batch.claim_token < self.claim and row.kind not in DATA_KINDS:
                refused.append(row.seq)
                self.refused.append(row)
            else:
                assert self.rows.setdefault(row.seq, row) == row, "one number, two rows"
        return _told(Acked(acked=rows[-1].seq, refused=tuple(refused)))

    async def _live(self, request: web.Request) -> web.Response:
        self.lives.append(Live.from_json(await request.json()))
        return web.json_response({"kept": True})

    async def _commands(self, request: web.Request) -> web.Response:
        after, wait_s = int(request.query["after"]), float(request.query["wait_s"])
        if not [command for command in self.commands if command.id > after]:
            self._ordered.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ordered.wait(), min(wait_s, 0.5))
        found = [command.to_json() for command in self.commands if command.id > after]
        return web.json_response({"commands": found})

    async def _keys(self, request: web.Request) -> web.Response:
        ask = KeyAsk.from_json(await request.json())
        if (socket := self.keys.get(f"{ask.app}/{ask.key}")) is None:
            return web.json_response({"error": {"code": "not_found", "message": ""}}, status=404)
        return _told(KeyFound(socket=str(socket)))

    async def _llm(self, request: web.Request) -> web.Response:
        ask = LlmAsk.from_json(await request.json())
        self.questions.append(ask)
        if self.llm is None:
            return refused(501, "llm_off")
        answer = self.llm(ask)
        return answer if isinstance(answer, web.Response) else _told(answer)

    async def _renew(self, request: web.Request) -> web.Response:
        self.renewals += 1
        return _told(Welcome(token=self._token(), token_s=TOKEN_S, acked=max(self.rows, default=0)))

    def _token(self) -> str:
        token = f"token-{next(self._numbers)}"
        self.tokens.add(token)
        return token


def _told(message: Welcome | Pulse | Acked | KeyFound | LlmAnswer) -> web.Response:
    return web.json_response(message.to_json())


def refused(status: int, code: str) -> web.Response:
    """In the API's error shape."""
    return web.json_response({"error": {"code": code, "message": ""}}, status=status)


async def start(spec: WorkerSpec, control: ControlSpec, home: Path) -> asyncio.subprocess.Process:
    """A worker as a runtime starts it: nobody holds its stdin, nobody reads its stdout."""
    read_fd, write_fd = os.pipe()
    with os.fdopen(write_fd, "w") as pipe:
        pipe.write(replace(spec, control=control).to_json())
    try:
        return await asyncio.create_subprocess_exec(
            *worker_command(read_fd),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            pass_fds=(read_fd,),
            start_new_session=True,
            env={**environment(home), "HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"},
        )
    finally:
        os.close(read_fd)
