"""Who owns a workspace: it is never left without somebody who may do everything."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from supervisor.catalog.errors import Conflict
from supervisor.catalog.schema import members, tokens, workspaces
from supervisor.catalog.values import TokenRow


def is_lasting_owner(row: TokenRow) -> bool:
    """Whether it is an owner's for good: not revoked, without end, and not narrowed."""
    return row.role == "owner" and not row.revoked and row.expires_ns is None and not row.scopes


async def lock_owners(connection: AsyncConnection, workspace: str) -> None:
    """Its owners are changed by one transaction at a time."""
    mine = workspaces.c.id == workspace
    await connection.execute(select(workspaces.c.id).where(mine).with_for_update(key_share=True))


async def keep_an_owner(connection: AsyncConnection, workspace: str) -> None:
    """After an owner was taken away, under `lock_owners`. Raises Conflict (`last_owner`), which takes it back."""
    lasting = (
        tokens.c.role == "owner", ~tokens.c.revoked, tokens.c.expires_ns.is_(None), tokens.c.scopes == (),
    )  # fmt: skip
    count = select(func.count()).select_from(tokens).where(tokens.c.workspace == workspace, *lasting)
    owning = select(func.count()).select_from(members).where(members.c.workspace == workspace)
    found = [await connection.scalar(count), await connection.scalar(owning.where(members.c.role == "owner"))]
    if not any(found):
        raise Conflict(
            "This is the workspace's last owner", remedy="Make another owner first, then try again.", code="last_owner"
        )
