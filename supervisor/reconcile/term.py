"""One leadership: each second a look at everything, a plan, and its few actions. Ends when the lease is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from configs.streams import QuotaOptions
from core.errors import ClipdError, MissingPart, UsageError
from core.ids import StreamId
from core.protocols import Clock
from core.spec import ControlSpec
from core.times import ns
from supervisor.catalog import Catalog, CatalogAway, Conflict, Leading, NotFound, StaleWrite
from supervisor.catalog.tokens import TOKEN_S
from supervisor.catalog.values import ClaimRow, ClaimState, SessionState, StreamRow
from supervisor.quotas import reached
from supervisor.reconcile.ages import Ageing
from supervisor.reconcile.desk import StreamDesk, Streams
from supervisor.reconcile.jobdesk import JobDesk
from supervisor.reconcile.plan import plan
from supervisor.reconcile.policy import WAITS
from supervisor.reconcile.values import FINAL_STATES, Action, Capacity, Claim, Halt, Mark, Plan, Remove, Snapshot
from supervisor.runtimes.api import Found, Limits, NameTaken, Order, Runtime, RuntimeAway
from telemetry.metrics import SupervisorMetrics

TICK_NS: Final = ns(1)
SOON_NS: Final = TICK_NS // 10  # to the next look after a worker's end, which made room for what comes in its place
GRACE_S: Final = 75.0  # between SIGTERM and SIGKILL: a drain takes 60 s at most (reliability.md section 3, item 41)
log = structlog.get_logger()


class NotLeading(Exception):
    """The lease is not held any more: nothing else is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TermTools:
    """What a leader works with. `held` is the token of this process's lease, asked before every effect; `limits` are of
    one worker of that kind.
    """

    catalog: Catalog
    runtime: Runtime
    streams: Streams
    desk: StreamDesk
    clock: Clock
    metrics: SupervisorMetrics
    held: Callable[[], int | None]
    capacity: Callable[[], Capacity]
    control_urls: Sequence[str]
    installation: str
    limits: Callable[[str], Limits]
    quotas: Mapping[str, QuotaOptions] = field(default_factory=dict)  # by workspace
    closing: bool = False  # nothing is wanted any more: every worker is asked to end


class Term:
    """`run` ends by NotLeading only; a store or an engine that is away costs ticks, not the term."""

    def __init__(self, token: int, tools: TermTools) -> None:
        self.token = token
        self._tools = tools
        self._leading: Leading = tools.catalog.leading(token)
        self._ageing = Ageing()
        self._jobs = JobDesk(tools.catalog, self._leading, tools.clock)
        self._begun = False
        self.last: Plan | None = None  # what users see of the queue

    async def run(self) -> None:
        """Until the lease is lost."""
        try:
            while True:
                started_ns = self._tools.clock.boottime_ns()
                wait_ns: int = TICK_NS
                try:
                    await self.tick()
                    wait_ns = SOON_NS if self._replaces() else TICK_NS
                except CatalogAway as err:
                    log.warning("catalog.away", why=str(err))
                except NotLeading:
                    raise
                except Exception:  # supervision boundary: the next look begins anew
                    log.exception("tick.failed")
                spent_ns = self._tools.clock.boottime_ns() - started_ns
                await self._tools.clock.sleep(max(wait_ns - spent_ns, SOON_NS))
        finally:
            await self._tools.desk.close()

    async def tick(self) -> int:
        """One look and its actions; how many workers are not over. Raises NotLeading and CatalogAway."""
        try:
            return await self._tick()
        except StaleWrite as err:
            raise NotLeading from err

    async def kill_all(self) -> None:
        """Every worker of this installation, now. Raises NotLeading."""
        for found in (await self._found() or {}).values():
            if found.life == "running":
                self._check()
                await self._do(Halt(found.name, "kill", "hurry"), {})

    async def _tick(self) -> int:
        tools = self._tools
        self._check()
        found = await self._found()
        rows = await tools.catalog.all_streams()
        claims = {row.stream: row for row in await self._leading.claims()}
        if not self._begun:
            tools.desk.inherit(claims.values())
            self._begun = True
        if not tools.closing:
            ended = await self._jobs.tick({row.id: row for row in rows}, claims)
            rows = [row for row in rows if row.id not in ended]
        now_ns = tools.clock.boottime_ns()
        tools.desk.update([] if tools.closing else rows)
        tools.desk.heard(claims)
        seen = Snapshot(
            now_ns=now_ns,
            wants=tools.desk.wants(claims),
            claims=claims,
            ages=self._ageing.look(claims.values(), now_ns),
            found=found,
            capacity=await self._capacity(),
        )
        self.last = plan(seen)
        for action in self.last.actions:
            self._check()
            await self._do(action, claims)
        self._count(claims)
        await self._explain(rows)
        return sum(row.state not in FINAL_STATES for row in claims.values())

    def _replaces(self) -> bool:
        actions = self.last.actions if self.last is not None else ()
        return any(isinstance(action, Mark) and action.state in FINAL_STATES for action in actions)

    async def _capacity(self) -> Capacity:
        tools = self._tools
        room = tools.capacity()
        if not tools.quotas:
            return room
        return replace(room, reached=reached(tools.quotas, await tools.catalog.usage_today()))

    async def _found(self) -> Mapping[str, Found] | None:
        try:
            return {each.name: each for each in await self._tools.runtime.list()}
        except RuntimeAway as err:
            log.warning("runtime.away", runtime=self._tools.runtime.name, why=str(err))
            return None

    async def _do(self, action: Action, claims: Mapping[StreamId, ClaimRow]) -> None:
        """One action; an engine that is away leaves it to the next tick, which sees what became of it."""
        runtime = self._tools.runtime
        try:
            if isinstance(action, Mark):
                await self._mark(action, claims[action.stream])
            elif isinstance(action, Claim):
                await self._start(action, claims.get(action.stream))
            elif isinstance(action, Remove):
                await runtime.remove(action.worker)
            else:
                await self._halt(action)
        except RuntimeAway as err:
            log.warning("runtime.away", runtime=runtime.name, action=type(action).__name__, why=str(err))

    async def _halt(self, halt: Halt) -> None:
        log.info("worker.ending", worker=halt.worker, how=halt.how, reason=halt.reason)
        if halt.how == "drain":
            await self._tools.runtime.stop(halt.worker, grace_s=GRACE_S)
        else:
            await self._tools.runtime.kill(halt.worker)

    async def _mark(self, mark: Mark, claim: ClaimRow) -> None:
        await self._leading.set_claim(
            mark.stream, mark.token, state=mark.state, reason=mark.reason, code=mark.code, failures=mark.failures
        )
        log.info("claim.state", stream=mark.stream, token=mark.token, state=mark.state, reason=mark.reason)
        if mark.state not in FINAL_STATES:
            return
        if mark.state == "done" and mark.reason in WAITS:
            log.warning("stream.waits", stream=mark.stream, reason=mark.reason)
        elif mark.state in ("done", "quarantined"):
            state: SessionState = "ended" if mark.state == "done" else "error"
            await self._leading.set_session(claim.session, state=state, reason=mark.reason, ended=True, by=claim.stream)
        else:
            self._tools.metrics.restarts_total.labels(reason=mark.reason).inc()
        await self._jobs.ended(claim, mark)
        self._tools.desk.ended(claim, mark)

    async def _start(self, action: Claim, last: ClaimRow | None) -> None:
        """Claim, then start: a leader that dies in between leaves a claim that the next one finds never started."""
        tools = self._tools
        row, session = tools.desk.order(action.stream, last)
        try:
            spec = tools.streams.spec(row, session)
        except ClipdError as err:
            log.warning("stream.refused", stream=row.id, code=err.code, why=str(err))
            tools.desk.refused(row, err.code)
            return
        try:
            claim = await self._leading.claim(
                row.id,
                after_token=action.after_token,
                session=session,
                worker_runtime=tools.runtime.name,
                failures=action.failures,
            )
        except Conflict:
            return  # somebody claimed it since the look; the next tick sees it
        token = await tools.catalog.issue_worker_token(row.id, claim.token, TOKEN_S)
        renewal = await tools.catalog.set_renewal(row.id, claim.token)
        control = ControlSpec(urls=tuple(tools.control_urls), claim_token=claim.token, token=token, renewal=renewal)
        self._check()
        await self._launch(claim, Order(
            name=claim.worker,
            spec=replace(spec, control=control),
            labels={
                "stream": row.id, "session": session, "claim_token": str(claim.token),
                "lease_token": str(self.token), "installation": tools.installation,
            },
            limits=tools.limits(row.kind),
        ))  # fmt: skip

    async def _launch(self, claim: ClaimRow, order: Order) -> None:
        """`starting` is written first: the worker's own hello may come before `start` returns."""
        await self._leading.set_claim(claim.stream, claim.token, state="starting", failures=claim.failures)
        try:
            await self._tools.runtime.start(order)
        except NameTaken:
            log.info("worker.adopted", worker=order.name)
        except ClipdError as err:
            log.error("worker.refused", worker=order.name, code=err.code, why=str(err))
            state: ClaimState = "quarantined" if isinstance(err, UsageError | MissingPart) else "failed"
            await self._mark(Mark(claim.stream, claim.token, state, err.code, None, claim.failures + 1), claim)

    async def _explain(self, rows: Iterable[StreamRow]) -> None:
        """Write down why a stream that shall be recorded is not: its place in the queue, or what its page says."""
        assert self.last is not None
        places = {each.stream: f"{each.reason}, place {each.position}" for each in self.last.waiting}
        for row in rows:
            known = self._tools.desk.reason(row.id)
            text = places.get(row.id) or known
            if row.wanted == "running" and known is not None and row.reason != text:
                try:
                    await self._tools.catalog.change_stream(None, row.id, reason=text)
                except NotFound:
                    continue  # deleted since the look

    def _check(self) -> None:
        if self._tools.held() != self.token:
            raise NotLeading

    def _count(self, claims: Mapping[StreamId, ClaimRow]) -> None:
        gauge = self._tools.metrics.workers
        gauge.clear()
        for row in claims.values():
            gauge.labels(state=row.state).inc()
        waiting = self._tools.metrics.waiting
        waiting.clear()
        for each in self.last.waiting if self.last else ():
            waiting.labels(reason=each.reason).inc()
