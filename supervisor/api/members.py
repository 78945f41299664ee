"""The area `members`: who signs in with a password. Nobody handles who is above them."""

from __future__ import annotations

from supervisor.api.call import Done, UserCall
from supervisor.api.errors import ApiError
from supervisor.api.models import Listing, MemberChange, NewMember
from supervisor.api.rows import listed, member_answer
from supervisor.api.tokens import not_above


async def add(call: UserCall) -> Done:
    """POST /members."""
    body: NewMember = call.body
    _not_narrowed(call)
    not_above(call, body.role)
    password = await call.services.passwords.hash(body.password)
    row = await call.services.catalog.add_member(call.workspace, body.name, body.role, password)
    return Done(member_answer(row), 201, target=row.id, detail={"role": row.role, "name": row.name})


async def list_all(call: UserCall) -> Done:
    """GET /members."""
    query: Listing = call.query
    page = await call.services.catalog.members(call.workspace, limit=query.limit, after=query.after)
    return Done(listed(page, member_answer))


async def change(call: UserCall) -> Done:
    """PATCH /members/{id}: a new password ends every sign-in of theirs."""
    body: MemberChange = call.body
    _not_narrowed(call)
    services, id_ = call.services, call.path["id"]
    row = await services.catalog.member(call.workspace, id_)
    not_above(call, row.role)
    if body.role is not None:
        not_above(call, body.role)
    password = None if body.password is None else await services.passwords.hash(body.password)
    row = await services.catalog.change_member(call.workspace, id_, role=body.role, password=password)
    return Done(member_answer(row), target=id_, detail={"role": row.role, "password": password is not None})


async def remove(call: UserCall) -> Done:
    """DELETE /members/{id}: signed out everywhere."""
    catalog, id_ = call.services.catalog, call.path["id"]
    row = await catalog.member(call.workspace, id_)
    not_above(call, row.role)
    await catalog.remove_member(call.workspace, id_)
    return Done(status=204, target=id_, detail={"role": row.role, "name": row.name})


def _not_narrowed(call: UserCall) -> None:
    """Raises ApiError: members have all of their role, which a narrowed token has not."""
    if call.who.scopes:
        raise ApiError(403, "scope", "A narrowed token makes and changes no members.")
