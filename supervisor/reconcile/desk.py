"""What shall be recorded now: every stream that is wanted and, where it is a channel's page, only while it is live."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import structlog

from core.errors import EXIT_INTERRUPTED, EXIT_OK, ClipdError
from core.ids import SessionId, StreamId, new_session_id
from core.lines import line
from core.protocols import Clock
from core.spec import WorkerSpec
from supervisor.catalog.values import ClaimRow, StreamRow
from supervisor.channels import AT_ONCE, AskPage, ChannelJob, ChannelRunner, Platforms, ask_page
from supervisor.local import OnLine, Stopper
from supervisor.reconcile.admission import COSTS
from supervisor.reconcile.policy import WAITS
from supervisor.reconcile.values import FINAL_STATES, Mark, Want

EXIT_SOURCE: Final = 3
log = structlog.get_logger()


class Streams(Protocol):
    """How streams become orders; wired by the command, which knows the settings."""

    def channel(self, row: StreamRow) -> ChannelJob | None:
        """What to ask of its page; None for a source that is not a page. Raises ClipdError for a bad row."""

    def spec(self, row: StreamRow, session: SessionId) -> WorkerSpec:
        """The orders of one attempt, without control. Raises ClipdError for a bad row."""

    def waits(self, row: StreamRow) -> bool:
        """Whether its source comes by itself (a publisher), so that one session's end is not the stream's."""


@dataclass(slots=True)
class _Wanted:
    """A stream that shall be recorded. `on_line` and `ended` are set where a channel's runner waits for its end."""

    row: StreamRow
    since_ns: int
    session: SessionId | None = None
    on_line: OnLine | None = None
    ended: asyncio.Future[int] | None = None


@dataclass(slots=True)
class _Watched:
    """A row as it was when its watching began."""

    row: StreamRow
    stopper: Stopper = field(default_factory=Stopper)
    task: asyncio.Task[None] | None = None


class StreamDesk:
    """`update` with the rows of each tick, then `wants`; `heard` and `ended` bring back what became of them.

    `over(row, reason)` is called for a stream that nobody should start again by itself: its media has ended, it was
    quarantined, or its page says that there is no such channel.
    """

    def __init__(
        self, streams: Streams, clock: Clock, over: Callable[[StreamRow, str], None], *, ask: AskPage = ask_page
    ) -> None:
        self._streams, self._clock, self._over, self._ask = streams, clock, over, ask
        self._watched: dict[StreamId, _Watched] = {}
        self._wanted: dict[StreamId, _Wanted] = {}
        self._inherited: dict[StreamId, SessionId] = {}
        self._platforms, self._turns = Platforms(), asyncio.Semaphore(AT_ONCE)
        self._given_up: set[StreamId] = set()  # until their rows change
        self.states: dict[StreamId, tuple[str, str]] = {}  # of channels: what their page says

    def inherit(self, claims: Iterable[ClaimRow]) -> None:
        """Sessions that were running when this leader began: who replaces their workers goes on with them."""
        self._inherited = {row.stream: row.session for row in claims if row.state not in FINAL_STATES}

    def update(self, rows: Iterable[StreamRow]) -> None:
        """Begin with new rows, end with those that are gone, paused or changed."""
        shown = (replace(row, reason="") for row in rows if row.wanted == "running" and not row.deleted)
        wanted = {row.id: row for row in shown}  # why it waits is no change of it
        for stream, watched in list(self._watched.items()):
            if wanted.get(stream) != watched.row:
                self._leave(stream)
        for stream, row in wanted.items():
            if stream not in self._watched:
                self._begin(row)

    def wants(self, claims: Mapping[StreamId, ClaimRow]) -> dict[StreamId, Want]:
        """Everything that shall be recorded or rendered now. `claims`: the newest of each stream."""
        return {
            stream: Want(
                stream=stream,
                workspace=each.row.workspace,
                kind=each.row.kind,
                cost=COSTS[each.row.kind],
                priority=each.row.priority,
                since_ns=each.since_ns,
                session=self._session(each, claims.get(stream)),
            )
            for stream, each in self._wanted.items()
        }

    def reason(self, stream: StreamId) -> str | None:
        """Why a channel is not recorded: what its page says, "" while it is, and for everything that is no page. None
        for what was given up: its row is about to say why."""
        if stream in self._given_up:
            return None
        state, reason = self.states.get(stream, ("", ""))
        return "" if stream in self._wanted else reason or state

    def order(self, stream: StreamId, last: ClaimRow | None) -> tuple[StreamRow, SessionId]:
        """Which session a new claim is for: the one that is not over yet, else a new one."""
        wanted = self._wanted[stream]
        session = self._session(wanted, last) or new_session_id(datetime.now(UTC))
        if stream not in self._inherited:
            wanted.session = session
        return wanted.row, session

    def _session(self, wanted: _Wanted, last: ClaimRow | None) -> SessionId | None:
        """The session that is not over yet; None where a new one will begin."""
        if wanted.row.id in self._inherited:
            return self._inherited[wanted.row.id]
        if wanted.session is None and last is not None and _goes_on(wanted.row, last):
            return last.session
        return wanted.session

    def heard(self, claims: Mapping[StreamId, ClaimRow]) -> None:
        """What workers say of themselves, for the runners of channels."""
        for stream, wanted in self._wanted.items():
            claim = claims.get(stream)
            if wanted.on_line and claim is not None and claim.state not in FINAL_STATES and claim.health:
                health = claim.health
                facts = {"captured_s": health.get("media_s", 0.0), "lag_s": health.get("lag_s", 0.0)}
                wanted.on_line(line("progress", claim.session, 0, self._clock.wall_ns(), **facts))

    def ended(self, claim: ClaimRow, mark: Mark) -> None:
        """A claim came to an end that was written down."""
        if mark.state in ("done", "quarantined") or mark.reason == "source_gone":
            self._inherited.pop(claim.stream, None)
        wanted = self._wanted.get(claim.stream)
        if wanted is not None and mark.reason in WAITS and claim.state == "draining":
            self._inherited.pop(claim.stream, None)
            wanted.session = None  # its worker has ended it; when there is room again a stream begins a new one
        if wanted is None or claim.state == "draining" or wanted.row.kind == "render":
            return  # when a render is over its job says
        if wanted.ended is None:
            came = float(claim.health.get("media_s", 0.0)) > 0  # else it would end again at once
            if mark.state == "done" and came and self._streams.waits(wanted.row):
                wanted.session = None
                return
            if mark.state in ("done", "quarantined"):
                del self._wanted[claim.stream]  # until its row changes
                self._give_up(wanted.row, mark.reason)
            return
        code = {"done": EXIT_OK, "quarantined": 2 if mark.reason == "bad_input" else 70}.get(mark.state)
        if code is None and mark.reason == "source_gone":
            code = EXIT_SOURCE
        if code is not None and not wanted.ended.done():
            if wanted.on_line:
                said = {"state": "ended", "reason": str(claim.health.get("reason", "")) or mark.reason}
                wanted.on_line(line("state", claim.session, 0, self._clock.wall_ns(), **said))
            wanted.ended.set_result(code)

    def refused(self, row: StreamRow, code: str) -> None:
        """No orders can be made of this row."""
        wanted = self._wanted.pop(row.id, None)
        if wanted and wanted.ended and not wanted.ended.done():
            wanted.ended.set_result(2)
        else:
            self._give_up(row, code)

    async def close(self) -> None:
        """Stop asking pages. What is recorded goes on: a leader that leaves takes nobody along."""
        tasks = [watched.task for watched in self._watched.values() if watched.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._watched.clear()
        self._wanted.clear()

    def _begin(self, row: StreamRow) -> None:
        watched = self._watched[row.id] = _Watched(row)
        try:
            job = self._streams.channel(row)
        except ClipdError as err:
            log.warning("stream.refused", stream=row.id, code=err.code)
            self._give_up(row, err.code)
            return
        if job is None:
            session = SessionId(row.options["session"]) if row.kind == "render" else None
            self._wanted[row.id] = _Wanted(row, self._clock.boottime_ns(), session)
        else:
            watched.task = asyncio.create_task(self._watch(watched, job), name=f"channel {row.id}")

    def _give_up(self, row: StreamRow, reason: str) -> None:
        self._given_up.add(row.id)
        self._over(row, reason)

    def _leave(self, stream: StreamId) -> None:
        self._given_up.discard(stream)
        self._watched.pop(stream).stopper.ask()
        self._wanted.pop(stream, None)
        self.states.pop(stream, None)

    async def _watch(self, watched: _Watched, job: ChannelJob) -> None:
        """One channel, until its row goes. Its runner's own end means that waiting does not help."""
        row = watched.row
        runner = ChannelRunner(
            job,
            ask=self._ask,
            run_worker=lambda spec, said: self._record(watched, spec, said),
            on_line=lambda said: self._told(row, said),
            stopper=watched.stopper,
            clock=self._clock,
            platforms=self._platforms,
            turns=self._turns,
            random=random.random,
        )
        code = await runner.run()
        if code != EXIT_INTERRUPTED:
            self._give_up(row, self.states.get(row.id, ("", f"exit_{code}"))[1])

    async def _record(self, watched: _Watched, spec: WorkerSpec, on_line: OnLine) -> int:
        """Want the stream, until its session ends or its row goes."""
        ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        stopping = asyncio.ensure_future(watched.stopper.wait())
        waiting: set[asyncio.Future[Any]] = {ended, stopping}
        now_ns = self._clock.boottime_ns()
        self._wanted[watched.row.id] = _Wanted(watched.row, now_ns, spec.session, on_line, ended)
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            return ended.result() if ended.done() else EXIT_INTERRUPTED
        finally:
            stopping.cancel()
            if not watched.stopper.asked:  # else another watching of the same stream may have begun
                self._wanted.pop(watched.row.id, None)

    def _told(self, row: StreamRow, said: dict[str, object]) -> None:
        if said.get("type") == "state":
            self.states[row.id] = (str(said.get("state", "")), str(said.get("reason", "")))
        elif said.get("type") in ("warning", "error"):
            self.states[row.id] = (self.states.get(row.id, ("offline", ""))[0], str(said.get("code", "")))


def _goes_on(row: StreamRow, last: ClaimRow) -> bool:
    """Whether the session of the last claim is not over: a recording's never is before its end."""
    return last.state in ("failed", "lost") or (row.kind == "vod" and last.reason != "ended")
