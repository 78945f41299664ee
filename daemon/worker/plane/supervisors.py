"""The internal API in our words: one method a message, with the worker's tokens behind it.

The token is good for minutes and is renewed by heartbeats; after an outage longer than that the attempt's renewal
secret gets a new one. Neither stands in a log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Literal, TypeVar

import structlog

from core.control import (
    Acked,
    Command,
    EventBatch,
    Heartbeat,
    Hello,
    KeyAsk,
    KeyFound,
    Live,
    LlmAnswer,
    LlmAsk,
    Pulse,
    Welcome,
    bad_message,
)
from core.errors import UsageError
from core.spec import ControlSpec
from daemon.worker.plane.wire import Answer, Away, Wire

WITHIN_S: Final = 3.0  # a supervisor that is well answers in milliseconds; two silent ones cost less than PROOF_S
BATCH_S: Final = 10.0  # up to a MiB, written to its catalog
POLL_S: Final = 20.0  # of a long poll
POLL_SLACK_S: Final = 5.0
MAX_COMMANDS: Final = 64
MAX_SEQ: Final = 1 << 53
_DENIED: Final = frozenset({401, 403})
_NO_MODEL: Final = frozenset({429, 501, 503, 504})  # the gateway's own answers, which no other supervisor betters
_Read = TypeVar("_Read")
log = structlog.get_logger()


class Superseded(Exception):
    """The claim has passed on."""


class NotTaken(Exception):
    """The supervisor says that the question itself is wrong; asking again would not help."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status} {answer.code}")
        self.status, self.code = answer.status, answer.code or f"http_{answer.status}"


class Supervisors:
    """All raise Away, Superseded, NotTaken. An answer that is none of ours is an Away as well."""

    def __init__(self, wire: Wire, control: ControlSpec) -> None:
        self._wire = wire
        self._token, self._renewal = control.token, control.renewal
        self._renewing = asyncio.Lock()
        self.renewed = 0
        self.deliver_only = False  # said when the token was renewed

    async def hello(self, hello: Hello) -> Welcome:
        """Begin; also says how far the outbox is stored."""
        return self._welcomed(await self._post("hello", hello.to_json(), Welcome.from_json))

    async def beat(self, heartbeat: Heartbeat) -> Pulse:
        """Tell that we live."""
        pulse = await self._post("heartbeat", heartbeat.to_json(), Pulse.from_json)
        self._take(pulse.token)
        return pulse

    async def events(self, batch: EventBatch) -> Acked:
        """Hand in rows of the outbox."""
        return await self._post("events", batch.to_json(), Acked.from_json, within_s=BATCH_S)

    async def live(self, live: Live) -> None:
        """What is seen in passing."""
        await self._post("live", live.to_json(), lambda _body: None)

    async def commands(self, after: int, wait_s: float = POLL_S) -> list[Command]:
        """What is to be done, by rising id; waits for it."""
        query = {"after": str(after), "wait_s": f"{wait_s:g}"}
        found = await self._ask("GET", "commands", None, _commands, query=query, within_s=wait_s + POLL_SLACK_S)
        return sorted((command for command in found if command.id > after), key=lambda command: command.id)

    async def key(self, ask: KeyAsk) -> str | None:
        """The socket for a publisher; None where no stream has its key."""
        try:
            return (await self._post("keys", ask.to_json(), KeyFound.from_json)).socket
        except NotTaken as not_taken:
            if not_taken.status == 404:
                return None
            raise

    async def model(self, ask: LlmAsk, *, within_s: float) -> LlmAnswer:
        """Ask the gateway. NotTaken also says `llm_budget`, `llm_unavailable`, `llm_deadline` and `llm_off`."""
        return await self._ask("POST", "llm", ask.to_json(), LlmAnswer.from_json, within_s=within_s, also=_NO_MODEL)

    def _welcomed(self, welcome: Welcome) -> Welcome:
        self._take(welcome.token)
        self.deliver_only = self.deliver_only or welcome.deliver_only
        return welcome

    def _take(self, token: str) -> None:
        """One that could not stand in a header would silence us."""
        if token and token.isascii() and token.isprintable():
            self._token = token

    async def _post(
        self, path: str, body: dict[str, Any], read: Callable[[object], _Read], *, within_s: float = WITHIN_S
    ) -> _Read:
        return await self._ask("POST", path, body, read, within_s=within_s)

    async def _ask(
        self,
        method: Literal["GET", "POST"],
        path: str,
        body: dict[str, Any] | None,
        read: Callable[[object], _Read],
        *,
        within_s: float,
        query: dict[str, str] | None = None,
        also: frozenset[int] = frozenset(),
    ) -> _Read:
        ask = partial(self._wire.ask, method, path, body=body, query=query, within_s=within_s, also=also)
        token = self._token
        answer = await ask(bearer=token)
        if answer.status in _DENIED:
            await self._renew(token)
            answer = await ask(bearer=self._token)
        return _read(answer, read)

    async def _renew(self, used: str) -> None:
        """One of the tasks that were refused does it, for all."""
        async with self._renewing:
            if self._token != used:
                return
            answer = await self._wire.ask("POST", "renew", bearer=self._renewal, body={}, within_s=WITHIN_S)
            welcome = self._welcomed(_read(answer, Welcome.from_json))
            self.renewed += 1
            log.info("token.renewed", deliver_only=welcome.deliver_only)


def _read(answer: Answer, read: Callable[[object], _Read]) -> _Read:
    if answer.status in _DENIED:
        raise Away("denied")
    if answer.status == 409 and answer.code == "superseded":
        raise Superseded
    if answer.status >= 400:
        raise NotTaken(answer)
    try:
        return read(answer.body)
    except UsageError:
        raise Away("garbage") from None


def _commands(body: object) -> list[Command]:
    found = body.get("commands") if isinstance(body, dict) else None
    if not isinstance(found, list) or len(found) > MAX_COMMANDS:
        raise bad_message("no list of commands")
    return [Command.from_json(one) for one in found]
