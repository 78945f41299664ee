"""One provider of the chain: asked with what it takes, within its time, for money that was reserved before.

It raises Failed with a code and nothing of what was said. Whether that was the provider's doing or the question's, its
breakers are told here.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import structlog

from configs.llm import LlmOptions, ProviderOptions
from core.control import LlmAsk
from core.errors import SourceRefused, UsageError
from core.netpolicy import AddressPolicy
from core.protocols import Clock
from core.times import to_s
from supervisor.catalog import Catalog, CatalogAway
from supervisor.catalog.values import Reserved
from supervisor.llm import schema
from supervisor.llm.dialects import DIALECTS, BadAnswer, Completion, Form
from supervisor.llm.health import Breaker, Breakers, State, retry_after_s
from supervisor.llm.keys import read_key
from supervisor.llm.prices import cost_usd, most_usd
from supervisor.llm.wire import CallFailed, Reply, Wire
from telemetry.metrics import LlmMetrics

MAX_FORMS: Final = 256  # schemas of which it is known in what form a provider takes them
_OURS: Final = frozenset({"no_key", "address_refused", "auth", "not_found"})  # until somebody changes something
_SLOW: Final = frozenset({"timeout", "deadline"})  # too long a question may be, or too short a time
_BAD: Final = frozenset({"bad_request", "no_json", "truncated", "refused", "misfit", "too_large"})
_OVERLOADED: Final = frozenset({503, 529})
_REFUSALS: Final = {
    400: "bad_request",
    401: "auth",
    403: "auth",
    404: "not_found",
    413: "bad_request",
    422: "bad_request",
}
log = structlog.get_logger()


class Failed(Exception):
    """It did not answer well; its text is its code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class OverBudget(Exception):
    """There is no room for this question today."""


@dataclass(slots=True)
class Bill:
    """What one question has cost so far, with what went wrong on the way."""

    usd: float = 0.0


class Provider:
    """Of one supervisor process."""

    def __init__(
        self,
        options: ProviderOptions,
        llm: LlmOptions,
        *,
        allow: tuple[str, ...],
        catalog: Catalog,
        clock: Clock,
        metrics: LlmMetrics,
    ) -> None:
        policy = AddressPolicy.for_source(options.base_url, "cli" if options.private else "api", allow)
        self.options, self._llm, self._catalog, self._clock = options, llm, catalog, clock
        self._metrics = metrics
        self._dialect = DIALECTS[options.kind]
        self._wire = Wire(policy, options.max_concurrency)
        self._slots = asyncio.Semaphore(options.max_concurrency)
        self._breakers = Breakers()
        self._forms: OrderedDict[str, Form] = OrderedDict()  # by digest of the schema
        self.last_error, self.last_error_ns, self.last_answer_ns = "", 0, 0  # wall clock

    async def close(self) -> None:
        """Let go of its connections."""
        await self._wire.close()

    def state(self, workspace: str) -> State:
        """As this workspace finds it."""
        now_ns = self._clock.boottime_ns()
        own, of_asker = self._breakers.own.state(now_ns), self._breakers.of(workspace).state(now_ns)
        return of_asker if own == "ready" else own

    def is_ready(self, workspace: str) -> bool:
        """Whether `ask` makes sense now."""
        return self.state(workspace) in ("ready", "probing")

    @property
    def is_busy(self) -> bool:
        """Whether a question would have to wait for a place."""
        return self._slots.locked()

    async def ask(self, workspace: str, ask: LlmAsk, limit_s: float, bill: Bill) -> Completion:
        """An answer that fits the schema, its content JSON in ASCII. `limit_s` is for everything, the wait for a place
        included; what it costs is added to the bill. Raises Failed, OverBudget, CatalogAway."""
        own, of_asker = self._breakers.own, self._breakers.of(workspace)
        own.begin()
        of_asker.begin()
        spent = Bill()
        try:
            said = await self._within(workspace, ask, min(limit_s, self.options.timeout_s), spent)
        except Failed as err:
            self._failed(err.code, own, of_asker)
            raise
        except BaseException:  # no money, no catalog, or the process ends: it says nothing of the provider
            own.dropped()
            of_asker.dropped()
            raise
        finally:
            bill.usd += spent.usd
            self._metrics.llm_cost_usd_total.labels(provider=self.options.name).inc(spent.usd)
        own.succeeded()
        of_asker.succeeded()
        self.last_answer_ns = self._clock.wall_ns()
        return said

    def _failed(self, code: str, own: Breaker, of_asker: Breaker) -> None:
        now_ns = self._clock.boottime_ns()
        self.last_error, self.last_error_ns = code, self._clock.wall_ns()
        if code in ("busy", "rate_limited"):  # `rest` has been told of the latter
            own.dropped()
            of_asker.dropped()
        elif code in _SLOW | _BAD:
            own.dropped() if code in _SLOW else own.succeeded()  # it did answer
            of_asker.failed(now_ns)
        else:
            own.failed(now_ns, at_once=code in _OURS)
            of_asker.dropped()

    async def _within(self, workspace: str, ask: LlmAsk, limit_s: float, bill: Bill) -> Completion:
        is_whole = limit_s >= self.options.timeout_s  # else it was the asker's deadline
        place = False
        try:
            async with asyncio.timeout(limit_s), self._slots:
                place = True
                return await self._in_forms(workspace, ask, bill)
        except TimeoutError as err:
            raise Failed("busy" if not place else "timeout" if is_whole else "deadline") from err

    async def _in_forms(self, workspace: str, ask: LlmAsk, bill: Bill) -> Completion:
        """In the strictest form that it takes for this schema."""
        digest = hashlib.sha256(json.dumps(ask.response_format, sort_keys=True).encode()).hexdigest()
        forms = self._dialect.forms
        known = self._forms.get(digest, forms[0])
        for form in forms[forms.index(known) :]:
            reply, reserved = await self._send(workspace, ask, form, bill)
            if reply.status in (400, 422) and form != forms[-1]:
                await self._settle(reserved, 0.0, bill)
                continue
            said = await self._read(ask, reply, reserved, bill)
            if form != known:
                self._forms[digest] = form
                if len(self._forms) > MAX_FORMS:
                    self._forms.popitem(last=False)
            return said
        raise AssertionError("the last form ends it")

    async def _send(self, workspace: str, ask: LlmAsk, form: Form, bill: Bill) -> tuple[Reply, Reserved | None]:
        body = self._dialect.body(ask, self.options, form)
        try:
            key = await asyncio.to_thread(read_key, self.options)
        except UsageError as err:
            raise Failed("no_key") from err
        reserved = await self._reserve(workspace, most_usd(self.options, body, ask.max_tokens))
        url = self.options.base_url.rstrip("/") + self._dialect.path
        try:
            return await self._wire.post(url, self._dialect.headers(key), body), reserved
        except SourceRefused as err:
            await self._settle(reserved, 0.0, bill)
            raise Failed("address_refused") from err
        except asyncio.CancelledError:  # its time is over; it may be billed all the same
            bill.usd += 0.0 if reserved is None else reserved.usd
            raise
        except CallFailed as err:
            await self._settle(reserved, None if err.is_sent else 0.0, bill)
            raise Failed(err.code) from err

    async def _read(self, ask: LlmAsk, reply: Reply, reserved: Reserved | None, bill: Bill) -> Completion:
        if reply.status != 200:
            await self._settle(reserved, 0.0, bill)
            raise Failed(self._refusal(reply))
        try:
            answer = self._dialect.read(reply.body)
        except BadAnswer as err:
            await self._settle(reserved, self._cost(err.usage), bill)
            raise Failed(err.code) from err
        await self._settle(reserved, self._cost(answer.usage), bill)
        return Completion(content=_fitting(answer, ask), usage=answer.usage)

    def _refusal(self, reply: Reply) -> str:
        if reply.status == 429 or (reply.retry_after and reply.status in _OVERLOADED):
            wait_s = retry_after_s(reply.retry_after, to_s(self._clock.wall_ns()))
            self._breakers.own.rest(self._clock.boottime_ns(), wait_s)
            return "rate_limited"
        if 300 <= reply.status < 400:
            return "redirected"
        return _REFUSALS.get(reply.status, f"http_{reply.status}")

    def _cost(self, usage: tuple[int, int] | None) -> float | None:
        return None if usage is None else cost_usd(self.options, *usage)

    async def _reserve(self, workspace: str, usd: float) -> Reserved | None:
        """None: it costs nothing. Raises OverBudget, CatalogAway."""
        if usd == 0:
            return None
        reserved = await self._catalog.reserve_llm(
            workspace, usd, budget_usd=self._llm.budget(workspace), ceiling_usd=self._llm.hard_ceiling_usd_per_day
        )
        if reserved is None:
            raise OverBudget
        return reserved

    async def _settle(self, reserved: Reserved | None, usd: float | None, bill: Bill) -> None:
        """`usd` None: nobody knows, so it is taken to have cost all that was reserved."""
        if reserved is None:
            return
        bill.usd += reserved.usd if usd is None else usd
        if usd is None:
            return
        try:
            await self._catalog.settle_llm(reserved, usd)
        except CatalogAway:
            log.warning("llm.unsettled", provider=self.options.name, workspace=reserved.workspace, usd=reserved.usd)


def _fitting(answer: Completion, ask: LlmAsk) -> str:
    """The answer as JSON in ASCII. Raises Failed(`no_json`, `misfit`)."""
    try:
        value = schema.parse(answer.content)
        schema.check(value, ask.schema())
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError) as err:
        raise Failed("no_json") from err
    except schema.Misfit as err:
        raise Failed("misfit") from err
