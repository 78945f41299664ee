"""Jobs and their steps. Users add, cancel and retry; the leader moves them on (`Leading.set_job`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, Final, get_args

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from core.errors import UsageError
from supervisor.catalog import limits
from supervisor.catalog.errors import Conflict, NotFound
from supervisor.catalog.leading import write_steps
from supervisor.catalog.part import Part
from supervisor.catalog.rows import in_workspace, one, page, value_of
from supervisor.catalog.schema import jobs, steps, streams
from supervisor.catalog.values import JobRow, JobState, Page, StepName, StepRow, StepState

OVER: Final = frozenset({"completed", "failed", "cancelled"})
CHANGEABLE: Final = frozenset({"cancel", "state", "steps", "error", "ended_ns"})
MAX_STEPS: Final = 16
_NO_STEPS: Final[dict[str, Any]] = {"steps": ()}
_COLUMNS: Final = tuple(each.name for each in fields(JobRow) if each.name != "steps")


class Jobs(Part):
    """Recordings that are clipped."""

    async def add_job(self, row: JobRow) -> JobRow:
        """Raises Conflict (`job_taken`), NotFound where its stream is not there or another workspace's."""
        made = checked_job(replace(row, created_ns=row.created_ns or self._now_ns(), version=0))
        try:
            async with self._database.writing() as connection:
                whose = await connection.scalar(select(streams.c.workspace).where(streams.c.id == row.stream))
                if whose != row.workspace:
                    raise NotFound("stream", row.stream)
                await insert_job(connection, made)
        except IntegrityError as err:
            raise Conflict(f"There is a job {row.id}", remedy="Look at it.", code="job_taken") from err
        return made

    async def change_job(self, workspace: str | None, id: str, /, **changes: Any) -> JobRow:
        """A user's cancel or retry: `cancel`, `state`, `steps`, `error`, `ended_ns`. Raises NotFound, UsageError.

        A leader that has read the job before this is told so by `set_job`.
        """
        if changes.keys() - CHANGEABLE:
            raise UsageError(
                f"Of a job only {', '.join(sorted(CHANGEABLE))} can be changed",
                remedy="Leave the others out.",
                code="not_changeable",
            )
        async with self._database.writing() as connection:
            query = select(jobs).where(jobs.c.id == id, in_workspace(jobs, workspace))
            row = await one(connection, query.with_for_update(key_share=True))
            if row is None:
                raise NotFound("job", id)
            [known] = await with_steps(connection, [row])
            made = checked_job(replace(known, **changes, version=known.version + 1))
            values = {name: getattr(made, name) for name in CHANGEABLE | {"version"} if name != "steps"}
            await connection.execute(update(jobs).where(jobs.c.id == id).values(values))
            if "steps" in changes:
                await write_steps(connection, made)
        return made

    async def job_states(self, ids: Sequence[str]) -> dict[str, JobState]:
        """Of those that are there."""
        query = select(jobs.c.id, jobs.c.state).where(jobs.c.id.in_(ids))
        async with self._database.reading() as connection:
            return {id: state for id, state in await connection.execute(query)}

    async def job(self, workspace: str | None, id: str) -> JobRow:
        """Raises NotFound."""
        async with self._database.reading() as connection:
            row = await one(connection, select(jobs).where(jobs.c.id == id, in_workspace(jobs, workspace)))
            if row is None:
                raise NotFound("job", id)
            [job] = await with_steps(connection, [row])
        return job

    async def jobs(self, workspace: str | None, *, limit: int = 50, after: str | None = None) -> Page[JobRow]:
        """Newest first."""
        shown = in_workspace(jobs, workspace)
        async with self._database.reading() as connection:
            found = await page(
                connection, jobs, JobRow, shown, by=jobs.c.created_ns, limit=limit, after=after, beside=_NO_STEPS
            )
            rows = await _stepped(connection, found.rows)
        return Page(rows=tuple(rows), next=found.next)

    async def active_jobs(self) -> list[JobRow]:
        """Every job that is not over, the oldest first; for the leader."""
        query = select(jobs).where(jobs.c.state.not_in(OVER)).order_by(jobs.c.created_ns, jobs.c.id)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
            return await with_steps(connection, rows)


async def insert_job(connection: AsyncConnection, row: JobRow) -> None:
    """A new one, with its steps."""
    await connection.execute(insert(jobs).values({name: getattr(row, name) for name in _COLUMNS}))
    await write_steps(connection, row)


async def with_steps(connection: AsyncConnection, rows: Sequence[RowMapping]) -> list[JobRow]:
    """Rows of `jobs` as values."""
    return await _stepped(connection, [value_of(JobRow, row, **_NO_STEPS) for row in rows])


async def _stepped(connection: AsyncConnection, rows: Sequence[JobRow]) -> list[JobRow]:
    query = select(steps).where(steps.c.job.in_([row.id for row in rows])).order_by(steps.c.job, steps.c.position)
    found: dict[str, list[StepRow]] = {row.id: [] for row in rows}
    for step in (await connection.execute(query)).mappings():
        found[step["job"]].append(value_of(StepRow, step))
    return [replace(row, steps=tuple(found[row.id])) for row in rows]


def checked_job(row: JobRow) -> JobRow:
    """As it is stored. Raises UsageError."""
    if row.state not in get_args(JobState) or len(row.steps) > MAX_STEPS:
        raise limits.too_much("state of a job, or more steps than there are")
    wrong = [step for step in row.steps if step.name not in get_args(StepName) or step.state not in get_args(StepState)]
    if wrong:
        raise limits.too_much("a step is none that is known")
    return replace(
        row,
        id=limits.safe_id("the job", row.id),
        source=limits.text("source", row.source),
        error=limits.plain(row.error),
        asked=None if row.asked is None else limits.document("asked", row.asked),
    )
