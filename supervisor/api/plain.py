"""What orchestrators and Prometheus ask: whether the process lives, whether it is of use, and its figures."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiohttp import web

from supervisor.api.call import Call, Done
from supervisor.api.errors import ApiError
from supervisor.api.exposition import exposition
from supervisor.api.gate import is_loopback
from supervisor.api.models import Alive, Ready

TEXT = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus' exposition format


async def healthz(_call: Call) -> Done:
    """GET /healthz: the event loop turns. Says nothing of the catalog: a restart would not mend it."""
    return Done(Alive())


async def readyz(call: Call) -> Done:
    """GET /readyz: the catalog answers, and it is known who leads."""
    services = call.services
    if services.draining.is_set():
        raise ApiError(503, "draining", "This process is ending.")
    await services.catalog.ping()
    lease = services.health().lease
    if lease == "unknown":
        raise ApiError(503, "lease_unknown", "It is not known yet who leads.")
    return Done(Ready(lease=lease))


async def openapi(call: Call) -> web.Response:
    """GET /openapi.json: what can be asked, for programs. Says nothing about what is here."""
    body = await asyncio.to_thread(call.services.document)
    return web.Response(body=body, content_type="application/json")


async def metrics(call: Call) -> web.Response:
    """GET /metrics: of this process, and where it leads, of every worker: so a worker's figure has one place.
    From another machine it takes a token, and shows the workers of its workspace."""
    services = call.services
    leads = services.health().lease == "held"
    told = await services.catalog.metrics() if leads else {}
    workers: Mapping[str, str] = {str(stream): text for stream, text in told.items()}
    if not is_loopback(call.request):
        who = await services.gate.user(call.request, "viewer", "streams:read")
        mine = {row.id for row in await services.catalog.all_streams() if row.workspace == who.workspace}
        workers = {stream: text for stream, text in workers.items() if stream in mine}
    text = await asyncio.to_thread(exposition, services.registry, workers)
    return web.Response(body=text, headers={"Content-Type": TEXT})
