"""Signing in and out of the page, and who asks."""

from __future__ import annotations

from supervisor.api.call import Call, Done, UserCall
from supervisor.api.cookies import COOKIE, csrf_of, set_cookie
from supervisor.api.models import Me, SignIn
from supervisor.catalog.signins import LASTS_S
from supervisor.catalog.values import Caller


async def sign_in(call: Call) -> Done:
    """POST /sign-in: a cookie for what is right; a page of a stranger cannot sign anybody in."""
    body: SignIn = call.body
    services, gate = call.services, call.services.gate
    gate.check_origin(call.request, is_said=False)
    if body.token is not None:
        who, text = await services.catalog.new_sign_in(await gate.token(call.request, body.token))
    else:
        assert body.name is not None
        assert body.password is not None
        row = await gate.member(call.request, body.workspace, body.name, body.password)
        who, text = await services.catalog.new_sign_in(row)
    await services.catalog.audit(who.workspace, who.id, "page.sign_in", who.id, {"name": who.name})
    return Done(_me(who, text), headers=_cookie(call, text, LASTS_S))


async def sign_out(call: UserCall) -> Done:
    """POST /sign-out: the cookie is good for nothing from the next request on. A bearer token stays what it is."""
    if call.who.sign_in is not None:
        await call.services.catalog.end_sign_in(call.who.sign_in)
    return Done(status=204, target=call.who.id, headers=_cookie(call, "", 0))


async def get(call: UserCall) -> Done:
    """GET /me."""
    return Done(_me(call.who, call.request.cookies.get(COOKIE) if call.who.sign_in else None))


def _me(who: Caller, text: str | None) -> Me:
    return Me(
        id=who.id,
        name=who.name,
        role=who.role,
        workspace=who.workspace,
        scopes=list(who.scopes),
        csrf=None if text is None else csrf_of(text),
    )


def _cookie(call: Call, text: str, lasts_s: float) -> dict[str, str]:
    return {"Set-Cookie": set_cookie(text, lasts_s=lasts_s, public_url=call.services.settings.api.public_url)}
