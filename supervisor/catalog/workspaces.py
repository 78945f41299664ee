"""Workspaces, as their owners see them."""

from __future__ import annotations

from sqlalchemy import true, update

from supervisor.catalog import limits
from supervisor.catalog.errors import NotFound
from supervisor.catalog.part import Part
from supervisor.catalog.rows import page
from supervisor.catalog.schema import workspaces
from supervisor.catalog.values import Page, WorkspaceRow


class Workspaces(Part):
    """Beside `add_workspace` of streams.py, which refuses what is taken."""

    async def workspaces_of(
        self, workspace: str | None, *, limit: int = 50, after: str | None = None
    ) -> Page[WorkspaceRow]:
        """One's own; None: every one, newest first."""
        shown = true() if workspace is None else workspaces.c.id == workspace
        async with self._database.reading() as connection:
            return await page(
                connection, workspaces, WorkspaceRow, shown, by=workspaces.c.created_ns, limit=limit, after=after
            )

    async def rename_workspace(self, workspace: str, name: str) -> None:
        """Raises NotFound, UsageError."""
        kept = limits.text("the name", name, limits.MAX_NAME)
        async with self._database.writing() as connection:
            renamed = update(workspaces).where(workspaces.c.id == workspace).values(name=kept)
            if (await connection.execute(renamed)).rowcount == 0:
                raise NotFound("workspace", workspace)
