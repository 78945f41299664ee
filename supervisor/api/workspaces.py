"""The area `workspaces`: one's own; owners of the first one see all, rename them and make new ones."""

from __future__ import annotations

import secrets

from core.ids import slug
from supervisor.api.call import Done, UserCall
from supervisor.api.errors import ApiError
from supervisor.api.models import Listing, MadeWorkspace, NewWorkspace, WorkspaceChange
from supervisor.api.rows import listed, workspace_answer, workspace_fields
from supervisor.catalog import NotFound
from supervisor.catalog.values import DEFAULT_WORKSPACE, WorkspaceRow


async def add(call: UserCall) -> Done:
    """POST /workspaces: whoever gets the token owns it."""
    body: NewWorkspace = call.body
    if not _runs_it(call) or call.who.scopes:
        raise ApiError(403, "forbidden", f"Owners of the workspace {DEFAULT_WORKSPACE} make workspaces.")
    catalog = call.services.catalog
    id_ = body.id or f"{slug(body.name, limit=32)}-{secrets.token_hex(4)}"
    row = await catalog.add_workspace(WorkspaceRow(id=id_, name=body.name))
    token, secret = await catalog.new_token(row.id, "owner", "first owner")
    answer = MadeWorkspace(**workspace_fields(row), owner_token=secret)
    detail = {"name": row.name, "token": token.id}
    return Done(answer, 201, target=row.id, detail=detail, secrets=("owner_token",))


async def list_all(call: UserCall) -> Done:
    """GET /workspaces."""
    query: Listing = call.query
    shown = None if _runs_it(call) else call.workspace
    page = await call.services.catalog.workspaces_of(shown, limit=query.limit, after=query.after)
    return Done(listed(page, workspace_answer))


async def change(call: UserCall) -> Done:
    """PATCH /workspaces/{id}."""
    body: WorkspaceChange = call.body
    catalog, id_ = call.services.catalog, call.path["id"]
    if id_ != call.workspace and not _runs_it(call):
        raise NotFound("workspace", id_)
    await catalog.rename_workspace(id_, body.name)
    return Done(workspace_answer(await catalog.workspace(id_)), target=id_, detail={"name": body.name})


def _runs_it(call: UserCall) -> bool:
    return call.workspace == DEFAULT_WORKSPACE and call.who.role == "owner"
