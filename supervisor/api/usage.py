"""What workspaces use, and whether one of them may have more clips finished today."""

from __future__ import annotations

from supervisor.api.call import Done, Services, UserCall
from supervisor.api.models import Listing
from supervisor.api.rows import listed, usage_answer
from supervisor.catalog.values import ClaimRow
from supervisor.quotas import RENDERS, reached


async def list_all(call: UserCall) -> Done:
    """GET /usage."""
    query: Listing = call.query
    page = await call.services.catalog.usage(call.workspace, limit=query.limit, after=query.after)
    return Done(listed(page, usage_answer))


async def may_render(services: Services, claim: ClaimRow) -> bool:
    """Of the workspace whose stream this claim is. Nothing is asked where no workspace has such a quota."""
    quotas = {
        name: each for name, each in services.settings.supervisor.quotas.items() if each.renders_a_day is not None
    }
    if not quotas:
        return True
    stream = await services.catalog.stream(None, claim.stream)
    over = reached(quotas, await services.catalog.usage_today())
    return RENDERS not in over.get(stream.workspace, ())
