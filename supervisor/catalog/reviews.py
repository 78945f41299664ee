"""What people say of clips: verdicts and titles. It stays, whatever their workers say later."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any, Literal

from sqlalchemy import RowMapping, and_, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from supervisor.catalog import limits
from supervisor.catalog.database import take_number
from supervisor.catalog.errors import Conflict, NotFound
from supervisor.catalog.intake import MAX_TITLE
from supervisor.catalog.part import Part
from supervisor.catalog.rows import in_workspace, one, value_of
from supervisor.catalog.schema import clips, events, verdicts
from supervisor.catalog.values import ClipRow, VerdictRow


class Reviews(Part):
    """By people; each verdict is an event too, in the same transaction."""

    async def review_clip(
        self, workspace: str | None, id: str, verdict: Literal["approved", "rejected"], *, actor: str, note: str = ""
    ) -> ClipRow:
        """About its newest revision. The same said twice in a row by the same is said once.

        Raises NotFound, Conflict (`clip_withdrawn`), UsageError.
        """
        async with self._database.writing() as connection:
            number = await take_number(connection, "events")  # before the clip is locked: workers' lines do it so
            row = await _locked(connection, workspace, id)
            if row["state"] == "withdrawn":
                raise Conflict(f"Clip {id} was withdrawn", remedy="Judge another one.", code="clip_withdrawn")
            said = VerdictRow(
                id=number, workspace=row["workspace"], session=row["session"], clip=id, revision=row["revision"],
                verdict=verdict, actor=limits.text("actor", actor, limits.MAX_NAME), note=limits.text("note", note),
                at_ns=self._now_ns(),
            )  # fmt: skip
            if any(replace(last, id=number, at_ns=said.at_ns) == said for last in await _verdicts(connection, id, 1)):
                return value_of(ClipRow, row)
            await _keep(connection, row, said)
            changes: dict[str, Any] = {"review": verdict, "reviewed_revision": row["revision"]}
            await connection.execute(update(clips).where(clips.c.id == id).values(changes))
        return replace(value_of(ClipRow, row), **changes)

    async def name_clip(self, workspace: str | None, id: str, title: str, *, actor: str) -> ClipRow:
        """Its title from now on. Raises NotFound, UsageError."""
        changes: dict[str, Any] = {
            "title": limits.text("title", title, MAX_TITLE), "title_by": limits.text("actor", actor, limits.MAX_NAME),
        }  # fmt: skip
        async with self._database.writing() as connection:
            row = await _locked(connection, workspace, id)
            await connection.execute(update(clips).where(clips.c.id == id).values(changes))
        return replace(value_of(ClipRow, row), **changes)

    async def verdicts(self, workspace: str | None, clip: str, *, limit: int = 20) -> list[VerdictRow]:
        """The newest first. Raises NotFound."""
        async with self._database.reading() as connection:
            mine = and_(clips.c.id == clip, in_workspace(clips, workspace))
            if await connection.scalar(select(clips.c.id).where(mine)) is None:
                raise NotFound("clip", clip)
            return await _verdicts(connection, clip, limits.page_size(limit))


async def _keep(connection: AsyncConnection, clip: RowMapping, said: VerdictRow) -> None:
    line = {
        "type": "review", "session": said.session, "clip": said.clip, "revision": said.revision,
        "review": said.verdict, "by": said.actor, "note": said.note,
    }  # fmt: skip
    told: dict[str, Any] = {
        "id": said.id, "workspace": said.workspace, "stream": clip["stream"], "session": said.session,
        "attempt": 0, "seq": said.id, "kind": "review", "line": line, "at_ns": said.at_ns,
    }  # fmt: skip
    await connection.execute(insert(events).values(told))
    await connection.execute(insert(verdicts).values(asdict(said)))


async def _locked(connection: AsyncConnection, workspace: str | None, id: str) -> RowMapping:
    mine = and_(clips.c.id == id, in_workspace(clips, workspace))
    row = await one(connection, select(clips).where(mine).with_for_update(key_share=True))
    if row is None:
        raise NotFound("clip", id)
    return row


async def _verdicts(connection: AsyncConnection, clip: str, limit: int) -> list[VerdictRow]:
    query = select(verdicts).where(verdicts.c.clip == clip).order_by(verdicts.c.id.desc()).limit(limit)
    return [value_of(VerdictRow, row) for row in (await connection.execute(query)).mappings()]
