"""Inbound hooks: a program that signs what it asks, as Standard Webhooks 1.0.0 has it, and holds no token.

`webhook-id` is a nonce and `webhook-timestamp` has to be of now: what was overheard is worth nothing a second time.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from typing import Any, Final

from configs.hooks import HookOptions
from core.times import NS_PER_S, ns
from supervisor.alerts.webhook import PREFIX, SECRET_BYTES, signatures
from supervisor.api import jobs, streams
from supervisor.api.call import Call, Done, UserCall
from supervisor.api.errors import ApiError
from supervisor.api.models import ClipNow, Hooked, HookOrder, NewJob, Nothing
from supervisor.api.reading import read_body, read_json
from supervisor.catalog.values import Caller
from supervisor.keyfiles import NoSecret, read_secret

WINDOW_S: Final = 300  # how far the sender's clock may be off, as Standard Webhooks' libraries have it
MAX_SIGNATURES: Final = 4 * (len("v1,") + 2 * SECRET_BYTES)  # characters; a secret that changes has two
LEAST_BYTES: Final = 24  # of a secret, as the specification says
_ID: Final = re.compile(r"[\x21-\x7e]{1,128}\Z")
_AT: Final = re.compile(r"[0-9]{1,12}\Z")


async def ask(call: Call) -> Done:
    """POST /hooks/{name}: 202 when it is done or ordered; the same `webhook-id` again does nothing again.

    A nonce is spent before the order is carried out: after an error the sender signs anew, with another id."""
    name, services = call.path["name"], call.services
    options = services.settings.api.hooks.get(name)
    raw, found = await read_json(call.request)
    now_ns = services.clock.wall_ns()
    nonce = await _signed(options, call.request.headers, raw, now_ns)
    if options is None or nonce is None:
        raise ApiError(403, "bad_signature", "The signature, its time or the hook is not right.")
    order = read_body(HookOrder, found)
    if not await services.catalog.use_nonce(f"hook:{name}", nonce, now_ns + ns(2 * WINDOW_S)):
        return Done(Hooked(do=order.do, repeated=True), 202)
    done = await _obey(call, order, Caller(id=f"hook:{name}", workspace=options.workspace, role="editor"))
    detail = {"hook": name, **done.detail}
    await services.catalog.audit(options.workspace, f"hook:{name}", f"hook.{order.do}", done.target, detail)
    return Done(Hooked(do=order.do, target=done.target), 202)


async def _obey(call: Call, order: HookOrder, who: Caller) -> Done:
    def as_user(body: Any) -> UserCall:
        path = {"id": order.stream or ""}
        return UserCall(services=call.services, request=call.request, path=path, body=body, who=who)

    if order.do == "job":
        return await jobs.add(as_user(NewJob(source_url=order.source_url)))
    if order.do == "clip-now":
        return await streams.clip_now(as_user(ClipNow(last_s=order.last_s)))
    return await (streams.pause if order.do == "pause" else streams.resume)(as_user(Nothing()))


async def _signed(options: HookOptions | None, headers: Mapping[str, str], raw: bytes, now_ns: int) -> str | None:
    """The nonce of what is signed by this hook's secret, now; None for all else, and for a hook that is not there."""
    id_, at, given = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if options is None or not _ID.match(id_) or not _AT.match(at) or len(given) > MAX_SIGNATURES:
        return None
    try:
        secret = await asyncio.to_thread(read_secret, options.secret_file, options.secret_env)
        if len(base64.b64decode(secret.removeprefix(PREFIX), validate=True)) < LEAST_BYTES:
            raise NoSecret("it is too short")
    except (NoSecret, binascii.Error) as err:
        raise ApiError(503, "no_secret", "The hook's secret cannot be used: see the settings of api.hooks.") from err
    wanted = signatures([secret], id_, int(at), raw).encode()
    right = [hmac.compare_digest(each.encode("utf-8", "replace"), wanted) for each in given.split(" ")]
    return id_ if any(right) and abs(now_ns // NS_PER_S - int(at)) <= WINDOW_S else None
