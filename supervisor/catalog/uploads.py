"""Uploads: what was announced, and whether it is whole. Which chunks are there the folder knows."""

from __future__ import annotations

from dataclasses import asdict, replace

from sqlalchemy import and_, delete, func, insert, literal, select, tuple_, union_all, update

from supervisor.catalog import limits
from supervisor.catalog.errors import Conflict, NotFound
from supervisor.catalog.part import Part
from supervisor.catalog.retained import JOB_OVER, Place
from supervisor.catalog.rows import in_workspace, one, value_of
from supervisor.catalog.schema import jobs, room_segments, uploads, workspaces
from supervisor.catalog.values import UploadRow
from supervisor.uploads import SOURCE


class Uploads(Part):
    """Recordings that people bring."""

    async def add_upload(self, row: UploadRow, *, most_open: int) -> UploadRow:
        """Raises Conflict (`uploads_open`) where so many are not whole yet."""
        now_ns = self._now_ns()
        made = replace(
            row,
            id=limits.safe_id("the upload", row.id),
            name=limits.text("name", row.name, limits.MAX_NAME),
            created_ns=now_ns,
            touched_ns=now_ns,
        )
        async with self._database.writing() as connection:
            mine = select(workspaces.c.id).where(workspaces.c.id == row.workspace).with_for_update(key_share=True)
            await connection.execute(mine)  # one after the other: they are counted
            count = select(func.count()).where(uploads.c.workspace == row.workspace, uploads.c.state == "open")
            if int(await connection.scalar(count) or 0) >= most_open:
                raise Conflict(
                    f"There are {most_open} uploads that are not whole yet",
                    remedy="Finish them, or delete them.",
                    code="uploads_open",
                )
            await connection.execute(insert(uploads).values(asdict(made)))
        return made

    async def upload(self, workspace: str | None, id: str) -> UploadRow:
        """Raises NotFound."""
        query = select(uploads).where(uploads.c.id == id, in_workspace(uploads, workspace))
        async with self._database.reading() as connection:
            row = await one(connection, query)
        if row is None:
            raise NotFound("upload", id)
        return value_of(UploadRow, row)

    async def touch_upload(self, id: str, *, whole: bool = False) -> None:
        """Something came; or it is whole now."""
        changes = {"touched_ns": self._now_ns()} | ({"state": "whole"} if whole else {})
        async with self._database.writing() as connection:
            await connection.execute(update(uploads).where(uploads.c.id == id).values(changes))

    async def erase_upload(self, workspace: str | None, id: str) -> None:
        """Its row; its files are the caller's. Raises NotFound, Conflict (`upload_used`) while a job wants it."""
        mine = and_(uploads.c.id == id, in_workspace(uploads, workspace))
        async with self._database.writing() as connection:
            row = await one(connection, select(uploads).where(mine).with_for_update())
            if row is None:
                raise NotFound("upload", id)
            wanted = select(jobs.c.id).where(jobs.c.source == f"{SOURCE}{id}", jobs.c.state.not_in(JOB_OVER))
            if await connection.scalar(wanted.limit(1)) is not None:
                raise Conflict(f"Upload {id} is being clipped", remedy="Cancel its job first.", code="upload_used")
            await connection.execute(delete(uploads).where(mine))

    async def old_uploads(
        self, idle_ns: int, used_ns: int, *, after: Place = (0, ""), limit: int = 200
    ) -> list[UploadRow]:
        """Those that nothing has come for since `idle_ns`, and whose jobs, if there are any, were over before
        `used_ns`; the longest idle first."""
        late = jobs.c.state.not_in(JOB_OVER) | (func.coalesce(jobs.c.ended_ns, 0) >= used_ns)
        wanted = select(jobs.c.id).where(jobs.c.source == literal(SOURCE) + uploads.c.id, late).exists()
        query = (
            select(uploads)
            .where(uploads.c.touched_ns < idle_ns, ~wanted, tuple_(uploads.c.touched_ns, uploads.c.id) > tuple_(*after))
            .order_by(uploads.c.touched_ns, uploads.c.id)
            .limit(limits.page_size(limit))
        )
        async with self._database.reading() as connection:
            return [value_of(UploadRow, row) for row in (await connection.execute(query)).mappings()]

    async def upload_workspaces(self) -> dict[str, str]:
        """Whose every upload is, segments of rooms among them."""
        whose = [select(each.c.id, each.c.workspace) for each in (uploads, room_segments)]
        async with self._database.reading() as connection:
            return {id: workspace for id, workspace in await connection.execute(union_all(*whose))}

    async def open_bytes(self, workspace: str | None) -> int:
        """What was announced and is not whole yet."""
        query = select(func.sum(uploads.c.bytes)).where(uploads.c.state == "open", in_workspace(uploads, workspace))
        async with self._database.reading() as connection:
            return int(await connection.scalar(query) or 0)
