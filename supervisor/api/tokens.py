"""The area `tokens`: who may ask. Nobody makes or takes away more than they have."""

from __future__ import annotations

from core.times import ns
from supervisor.api.call import Done, UserCall
from supervisor.api.errors import ApiError
from supervisor.api.models import Listing, MadeToken, NewToken, Rotation
from supervisor.api.roles import rank
from supervisor.api.rows import audit_answer, listed, token_answer, token_fields
from supervisor.api.scopes import covers
from supervisor.catalog.values import Role


async def add(call: UserCall) -> Done:
    """POST /tokens."""
    body: NewToken = call.body
    not_above(call, body.role)
    scopes = tuple(sorted(set(body.scopes)))
    _not_wider(call, scopes)
    expires_ns = None if body.expires_in_s is None else call.services.clock.wall_ns() + ns(body.expires_in_s)
    row, secret = await call.services.catalog.new_token(
        call.workspace, body.role, body.name, expires_ns=expires_ns, scopes=scopes
    )
    answer = MadeToken(**token_fields(row), secret=secret)
    return Done(answer, 201, target=row.id, detail={"role": row.role, "name": row.name}, secrets=("secret",))


async def list_all(call: UserCall) -> Done:
    """GET /tokens."""
    query: Listing = call.query
    page = await call.services.catalog.tokens(call.workspace, limit=query.limit, after=query.after)
    return Done(listed(page, token_answer))


async def revoke(call: UserCall) -> Done:
    """DELETE /tokens/{id}: from the next request on it is unknown. One may revoke one's own."""
    catalog, id_ = call.services.catalog, call.path["id"]
    row = await catalog.token(call.workspace, id_)
    not_above(call, row.role)
    await catalog.revoke_token(call.workspace, id_)
    return Done(None, 204, target=id_, detail={"role": row.role, "name": row.name})


async def rotate(call: UserCall) -> Done:
    """POST /tokens/{id}/rotate: who gets a secret may do what it may."""
    body: Rotation = call.body
    catalog, id_ = call.services.catalog, call.path["id"]
    row = await catalog.token(call.workspace, id_)
    not_above(call, row.role)
    _not_wider(call, row.scopes)
    row, secret = await catalog.rotate_token(call.workspace, id_, ns(body.overlap_s))
    detail = {"role": row.role, "name": row.name, "overlap_s": body.overlap_s}
    return Done(MadeToken(**token_fields(row), secret=secret), target=id_, detail=detail, secrets=("secret",))


async def list_audit(call: UserCall) -> Done:
    """GET /audit."""
    query: Listing = call.query
    page = await call.services.catalog.audits(call.workspace, limit=query.limit, after=query.after)
    return Done(listed(page, audit_answer))


def not_above(call: UserCall, role: Role) -> None:
    """Raises ApiError for a role that is higher than the caller's."""
    if rank(role) > rank(call.who.role):
        raise ApiError(403, "forbidden", f"The role {call.who.role} cannot handle the role {role}.")


def _not_wider(call: UserCall, scopes: tuple[str, ...]) -> None:
    mine = call.who.scopes
    if mine and not (scopes and all(covers(mine, scope) for scope in scopes)):
        raise ApiError(403, "scope", f"A narrowed token handles tokens with its own scopes only: {', '.join(mine)}.")
