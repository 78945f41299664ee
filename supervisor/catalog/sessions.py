"""Sessions, clips and moments, as users see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from sqlalchemy import ColumnElement, Table, and_, delete, select

from core.ids import SessionId, StreamId
from supervisor.catalog import limits
from supervisor.catalog.errors import NotFound
from supervisor.catalog.part import Part
from supervisor.catalog.rows import in_workspace, one, page, value_of
from supervisor.catalog.schema import clips, moments, revisions, sessions
from supervisor.catalog.values import ClipFilter, ClipRow, MomentRow, Page, SessionRow

ANY_CLIP: Final = ClipFilter()


class Sessions(Part):
    """What was watched and what came of it."""

    async def session(self, workspace: str | None, id: SessionId) -> SessionRow:
        """Raises NotFound."""
        async with self._database.reading() as connection:
            row = await one(connection, select(sessions).where(sessions.c.id == id, in_workspace(sessions, workspace)))
        if row is None:
            raise NotFound("session", id)
        return value_of(SessionRow, row)

    async def sessions(
        self, workspace: str | None, *, stream: StreamId | None = None, limit: int = 50, after: str | None = None
    ) -> Page[SessionRow]:
        """Newest first."""
        shown = _of(sessions, workspace, stream=stream)
        async with self._database.reading() as connection:
            return await page(
                connection, sessions, SessionRow, shown, by=sessions.c.started_ns, limit=limit, after=after
            )

    async def clip(self, workspace: str | None, id: str) -> ClipRow:
        """Raises NotFound."""
        async with self._database.reading() as connection:
            row = await one(connection, select(clips).where(clips.c.id == id, in_workspace(clips, workspace)))
        if row is None:
            raise NotFound("clip", id)
        return value_of(ClipRow, row)

    async def clips(
        self,
        workspace: str | None,
        *,
        stream: StreamId | None = None,
        session: SessionId | None = None,
        wanted: ClipFilter = ANY_CLIP,
        limit: int = 50,
        after: str | None = None,
    ) -> Page[ClipRow]:
        """The newest revision of each, by when the first was told, newest first; withdrawn ones too."""
        shown = and_(_of(clips, workspace, stream=stream, session=session), *_filtered(wanted))
        async with self._database.reading() as connection:
            return await page(connection, clips, ClipRow, shown, by=clips.c.created_ns, limit=limit, after=after)

    async def revisions(self, workspace: str | None, clip: str) -> list[ClipRow]:
        """Everything that was finished under a clip's id, the first first; two attempts may have made one each.

        Raises NotFound. Title, score and review are the line's own.
        """
        now = await self.clip(workspace, clip)
        query = select(revisions).where(revisions.c.clip == clip)
        order = (revisions.c.revision, revisions.c.created_ns, revisions.c.hash)
        async with self._database.reading() as connection:
            found = (await connection.execute(query.order_by(*order).limit(limits.MAX_PAGE))).mappings().all()
        return [
            replace(
                now,
                revision=row["revision"],
                state=row["state"],
                review=row["line"].get("review", "none"),
                title=row["line"].get("title", ""),
                score=row["line"].get("score"),
                line=row["line"],
                created_ns=row["created_ns"],
            )
            for row in found
        ]

    async def moments(
        self,
        workspace: str | None,
        session: SessionId,
        *,
        state: str | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> Page[MomentRow]:
        """The newest state of each, newest first; of those that are in `state`."""
        shown = _of(moments, workspace, session=session)
        if state is not None:
            shown = and_(shown, moments.c.state == state)
        async with self._database.reading() as connection:
            return await page(connection, moments, MomentRow, shown, by=moments.c.created_ns, limit=limit, after=after)

    async def moment(self, workspace: str | None, session: SessionId, id: str) -> MomentRow:
        """The newest state of one. Raises NotFound."""
        mine = and_(moments.c.id == id, _of(moments, workspace, session=session))
        async with self._database.reading() as connection:
            row = await one(connection, select(moments).where(mine))
        if row is None:
            raise NotFound("moment", id)
        return value_of(MomentRow, row)

    async def erase_session(self, workspace: str | None, id: SessionId) -> None:
        """Delete its rows, all of them: events, clips, moments, claims. Its files are the caller's. Raises NotFound."""
        async with self._database.writing() as connection:
            mine = and_(sessions.c.id == id, in_workspace(sessions, workspace))
            if (await connection.execute(delete(sessions).where(mine))).rowcount == 0:
                raise NotFound("session", id)

    async def erase_clip(self, workspace: str | None, id: str) -> None:
        """Delete a clip and its revisions. Its files are the caller's. Raises NotFound."""
        async with self._database.writing() as connection:
            mine = and_(clips.c.id == id, in_workspace(clips, workspace))
            if (await connection.execute(delete(clips).where(mine))).rowcount == 0:
                raise NotFound("clip", id)


def _filtered(wanted: ClipFilter) -> Iterator[ColumnElement[bool]]:
    """Letters of a title are alike whatever their case; on SQLite those of ASCII only."""
    if wanted.state is not None:
        yield clips.c.state == wanted.state
    if wanted.review is not None:
        yield clips.c.review == wanted.review
    if wanted.min_score is not None:
        yield clips.c.score >= wanted.min_score
    if wanted.title:
        yield clips.c.title.icontains(limits.plain(wanted.title), autoescape=True)


def _of(
    table: Table, workspace: str | None, *, stream: StreamId | None = None, session: SessionId | None = None
) -> ColumnElement[bool]:
    shown = in_workspace(table, workspace)
    if stream is not None:
        shown = and_(shown, table.c.stream == stream)
    return shown if session is None else and_(shown, table.c.session == session)
