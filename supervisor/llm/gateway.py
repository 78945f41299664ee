"""The chain: a cached answer, else the first provider that answers well, within the deadline and the budget.

The log has a line for each question with digests of what was asked and answered, never with words of either.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import structlog

from configs.llm import LlmOptions, ProviderOptions
from core.control import LlmAnswer, LlmAsk
from core.protocols import Clock
from core.times import to_s
from supervisor.catalog import Catalog, CatalogAway
from supervisor.catalog.values import CachedAnswer
from supervisor.llm.dialects import Completion
from supervisor.llm.health import State
from supervisor.llm.provider import Bill, Failed, OverBudget, Provider
from supervisor.llm.schema import check_schema
from telemetry.metrics import LlmMetrics

AT_ONCE: Final = 4  # questions of one stream; more would take the others' places
SHARE: Final = 0.6  # of what is left of the deadline, for a provider that is not the last one to be asked
PROVIDERS: Final = 0.9  # of the deadline; the rest is for us: on a busy machine too, the late one is told of it
CACHE: Final = "cache"  # as a provider's name in figures
log = structlog.get_logger()


class LlmRefused(Exception):
    """No answer: its text is `llm_off`, `llm_budget`, `llm_unavailable` or `llm_deadline`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderState:
    """What people see of a provider. Times are wall-clock ns, 0 for never; of this process only."""

    name: str
    model: str
    kind: str
    state: State
    last_error: str
    last_error_ns: int
    last_answer_ns: int


class Gateway:
    """Of one supervisor process; `close` at the end."""

    def __init__(
        self, options: LlmOptions, *, allow: Sequence[str], catalog: Catalog, clock: Clock, metrics: LlmMetrics
    ) -> None:
        self._options, self._catalog, self._clock, self._metrics = options, catalog, clock, metrics
        self._providers = [
            Provider(each, options, allow=tuple(allow), catalog=catalog, clock=clock, metrics=metrics)
            for each in options.providers
        ]
        self._underway: Counter[str] = Counter()  # by stream

    async def close(self) -> None:
        """Let go of every connection."""
        for each in self._providers:
            await each.close()

    def states(self, workspace: str) -> list[ProviderState]:
        """In the order in which they are asked, as this workspace finds them."""
        return [
            ProviderState(
                name=each.options.name,
                model=each.options.model,
                kind=each.options.kind,
                state=each.state(workspace),
                last_error=each.last_error,
                last_error_ns=each.last_error_ns,
                last_answer_ns=each.last_answer_ns,
            )
            for each in self._providers
        ]

    async def ask(self, workspace: str, stream: str, ask: LlmAsk) -> LlmAnswer:
        """Raises LlmRefused, UsageError(`bad_schema`), CatalogAway."""
        if not self._providers:
            raise LlmRefused("llm_off")
        check_schema(ask.schema())
        if self._underway[stream] >= AT_ONCE:
            raise LlmRefused("llm_unavailable")
        self._underway[stream] += 1
        began_ns = self._clock.boottime_ns()
        outcome, answer, bill = "ended", None, Bill()
        try:
            async with asyncio.timeout(ask.deadline_s):
                answer = await self._answer(workspace, ask, bill)
            outcome = "ok"
            return answer
        except TimeoutError as err:
            outcome = "llm_deadline"
            raise LlmRefused(outcome) from err
        except LlmRefused as err:
            outcome = err.code
            raise
        finally:
            self._underway[stream] -= 1
            if not self._underway[stream]:
                del self._underway[stream]
            _say(ask, answer, bill, outcome, stream, to_s(self._clock.boottime_ns() - began_ns))

    async def _answer(self, workspace: str, ask: LlmAsk, bill: Bill) -> LlmAnswer:
        keys = [_cache_key(ask, each.options) for each in self._providers]
        cached = await self._catalog.cached_answer(workspace, keys)
        if cached is not None:
            self._metrics.llm_requests_total.labels(provider=CACHE, outcome="ok").inc()
            return _of_cache(cached)
        return await self._chain(workspace, ask, bill)

    async def _chain(self, workspace: str, ask: LlmAsk, bill: Bill) -> LlmAnswer:
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + ask.deadline_s * PROVIDERS  # by the clock of asyncio.timeout
        codes = list[str]()
        asked = [each for each in self._providers if each.is_ready(workspace)]
        for number, provider in enumerate(asked, 1):
            left_s = ends_s - loop.time()
            if left_s <= 0:
                raise LlmRefused("llm_deadline")
            if provider.is_busy and number < len(asked):
                continue  # it is asked more than it takes; no failure
            limit_s = left_s if number == len(asked) else left_s * SHARE
            try:
                said = await self._ask_one(provider, workspace, ask, limit_s, bill)
            except OverBudget:
                codes.append("llm_budget")
            except Failed as err:
                codes.append(err.code)
            else:
                answer = _answer_of(provider.options, said, bill)
                await self._keep(workspace, ask, provider.options, answer)
                return answer
        if codes and set(codes) == {"llm_budget"}:
            raise LlmRefused("llm_budget")
        raise LlmRefused("llm_deadline" if codes and codes[-1] in ("deadline", "busy") else "llm_unavailable")

    async def _ask_one(self, provider: Provider, workspace: str, ask: LlmAsk, limit_s: float, bill: Bill) -> Completion:
        name, outcome, began_ns = provider.options.name, "ended", self._clock.boottime_ns()
        try:
            said = await provider.ask(workspace, ask, limit_s, bill)
            outcome = "ok"
            return said
        except OverBudget:
            outcome = "llm_budget"
            raise
        except Failed as err:
            outcome = err.code
            log.info("llm.failed", provider=name, workspace=workspace, code=outcome)
            raise
        finally:
            self._metrics.llm_requests_total.labels(provider=name, outcome=outcome).inc()
            self._metrics.llm_seconds.labels(provider=name).observe(to_s(self._clock.boottime_ns() - began_ns))

    async def _keep(self, workspace: str, ask: LlmAsk, options: ProviderOptions, answer: LlmAnswer) -> None:
        kept = CachedAnswer(
            provider=answer.provider,
            model=answer.model,
            content=answer.content,
            prompt_tokens=answer.usage.get("prompt_tokens", 0),
            completion_tokens=answer.usage.get("completion_tokens", 0),
        )
        try:
            await self._catalog.keep_answer(workspace, _cache_key(ask, options), kept)
        except CatalogAway:
            log.warning("llm.not_kept", workspace=workspace)


def _answer_of(options: ProviderOptions, said: Completion, bill: Bill) -> LlmAnswer:
    prompt, completion = said.usage or (0, 0)
    return LlmAnswer(
        content=said.content,
        provider=options.name,
        model=options.model,
        cost_usd=bill.usd,
        cached=False,
        usage={"prompt_tokens": prompt, "completion_tokens": completion},
    )


def _of_cache(cached: CachedAnswer) -> LlmAnswer:
    return LlmAnswer(
        content=cached.content,
        provider=cached.provider,
        model=cached.model,
        cost_usd=0.0,
        cached=True,
        usage={"prompt_tokens": cached.prompt_tokens, "completion_tokens": cached.completion_tokens},
    )


def _cache_key(ask: LlmAsk, options: ProviderOptions) -> str:
    """Of everything that an answer depends on but time; how long the asker would have waited is not among it."""
    asked = {name: value for name, value in asdict(ask).items() if name != "deadline_s"}
    return _digest(json.dumps([asked, options.kind, options.base_url, options.model], sort_keys=True))


def _say(ask: LlmAsk, answer: LlmAnswer | None, bill: Bill, outcome: str, stream: str, took_s: float) -> None:
    log.info(
        "llm.asked",
        stream=stream,
        task=ask.task,
        outcome=outcome,
        prompt_hash=ask.prompt_hash[:64],
        input_hash=_digest(json.dumps(list(ask.messages), sort_keys=True)),
        output_hash="" if answer is None else _digest(answer.content),
        provider="" if answer is None else answer.provider,
        cached=answer is not None and answer.cached,
        cost_usd=bill.usd,
        took_ms=round(took_s * 1000, 1),
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
