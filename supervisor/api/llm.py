"""Language models: what workers ask, and what people see of it."""

from __future__ import annotations

from typing import Final

from core.control import LlmAsk
from supervisor.api.call import Done, UserCall, WorkerCall
from supervisor.api.errors import ApiError
from supervisor.api.models import LlmProvider, LlmState
from supervisor.api.rows import date_or_none, dollars
from supervisor.llm import LlmRefused

_REFUSALS: Final = {
    "llm_off": (501, "This server has no gateway to language models; see the setting llm.providers.", None),
    "llm_budget": (429, "Today's budget for language models is used up; see llm.budget_usd_per_day.", "3600"),
    "llm_unavailable": (503, "No language model answers well at the moment.", "15"),
    "llm_deadline": (504, "No language model has answered in time.", None),
}


async def ask(call: WorkerCall) -> Done:
    """POST /internal/v1/llm. Whose money it is follows from the claim."""
    body: LlmAsk = call.body
    services = call.services
    stream = await services.catalog.stream(None, call.claim.stream)
    try:
        answer = await services.llm.ask(stream.workspace, stream.id, body)
    except LlmRefused as err:
        status, message, retry_s = _REFUSALS[err.code]
        headers = None if retry_s is None else {"Retry-After": retry_s}
        raise ApiError(status, err.code, message, headers=headers) from err
    return Done(answer.to_json())


async def state(call: UserCall) -> Done:
    """GET /llm."""
    services, workspace = call.services, call.workspace
    cache = await services.catalog.llm_cache(workspace)
    return Done(
        LlmState(
            providers=[
                LlmProvider(
                    name=each.name,
                    model=each.model,
                    kind=each.kind,
                    state=each.state,
                    last_error=each.last_error,
                    last_error_at=date_or_none(each.last_error_ns),
                    last_answer_at=date_or_none(each.last_answer_ns),
                )
                for each in services.llm.states(workspace)
            ],
            spent_usd=dollars(await services.catalog.llm_usd_today(workspace)),
            budget_usd=services.settings.llm.budget(workspace),
            cached_answers=cache.answers,
            cache_hits=cache.hits,
        )
    )
