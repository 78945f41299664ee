"""Journal rows that workers hand in: stored once each, and clips, moments and summaries made of them.

The session's stream is locked meanwhile, so batches of one session come one after the other and no claim comes between.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.control import Acked, EventBatch, EventRow, bad_message
from supervisor.catalog import limits
from supervisor.catalog.claims import Owner, owner_of
from supervisor.catalog.database import take_number
from supervisor.catalog.intake import ClipFacts, Rank, checked_line, clip_facts, counts, is_data
from supervisor.catalog.outbox import put_out
from supervisor.catalog.part import Part
from supervisor.catalog.rows import one, value_of
from supervisor.catalog.schema import clips, counters, events, jobs, moments, revisions, sessions
from supervisor.catalog.takes import store_take
from supervisor.catalog.usage import count, take_gap
from supervisor.catalog.values import StoredEvent


class Deliveries(Part):
    """`POST events`, and who reads what came."""

    async def store_events(self, batch: EventBatch) -> Acked:
        """All of it or nothing. Idempotent by (session, attempt, seq); clips by (id, revision, hash).

        Of a superseded claim everything but finished clips is refused, told by number, and counted. Raises NotFound
        (session, claim), UsageError (`bad_message`).
        """
        rows = batch.events()
        lines = {row.seq: checked_line(row) for row in rows}
        async with self._database.writing() as connection:
            owner = await owner_of(connection, batch.session, batch.claim_token)
            known = await _known(connection, batch.session, rows)
            fresh = [row for row in rows if (row.attempt, row.seq) not in known]
            refused = [] if owner.newest else [row for row in fresh if not is_data(row)]
            taken = [row for row in fresh if row not in refused]
            if taken:
                await self._insert(connection, owner, taken, lines)
            for row in taken:
                await self._apply(connection, owner, row, lines[row.seq])
            acked = await _acknowledge(connection, owner, rows)
        self._refusals.add(len(refused))
        return Acked(acked=acked, refused=tuple(row.seq for row in refused))

    async def acked(self, session: str) -> int:
        """The highest `seq` of the session that the newest claim has handed in; 0 for none."""
        async with self._database.reading() as connection:
            return int(await connection.scalar(select(sessions.c.acked).where(sessions.c.id == session)) or 0)

    async def last_event(self) -> int:
        """The id of the newest event; 0 for none."""
        async with self._database.reading() as connection:
            return int(await connection.scalar(select(counters.c.value).where(counters.c.name == "events")) or 0)

    async def events_after(self, id: int, *, workspace: str | None, limit: int = 200) -> list[StoredEvent]:
        """The next events behind an id, the oldest first."""
        query = select(events).where(events.c.id > id).order_by(events.c.id).limit(limits.page_size(limit))
        if workspace is not None:
            query = query.where(events.c.workspace == workspace)
        async with self._database.reading() as connection:
            return [value_of(StoredEvent, row) for row in (await connection.execute(query)).mappings()]

    async def _insert(
        self, connection: AsyncConnection, owner: Owner, rows: Sequence[EventRow], lines: dict[int, dict[str, Any]]
    ) -> None:
        first = await take_number(connection, "events", len(rows))
        claim, at_ns = owner.claim, self._now_ns()
        shared = {"workspace": owner.workspace, "stream": owner.of, "session": claim.session, "at_ns": at_ns}
        made = [
            {"id": id, "attempt": row.attempt, "seq": row.seq, "kind": row.kind, "line": lines[row.seq], **shared}
            for id, row in enumerate(rows, first)
        ]
        await connection.execute(insert(events), made)

    async def _apply(self, connection: AsyncConnection, owner: Owner, row: EventRow, line: dict[str, Any]) -> None:
        if row.kind == "clip":
            await self._clip(connection, owner, row, line)
        elif row.kind == "moment":
            await self._moment(connection, owner, row, line)
        elif row.kind == "gap":
            claim, at_ns = owner.claim, self._now_ns()
            await take_gap(self._database, connection, claim.session, owner.workspace, line, at_ns)
        elif row.kind == "order":
            await self._order(connection, owner, line)
        elif row.kind == "take":
            await store_take(connection, owner.of, owner.claim.session, line, self._now_ns())
        elif row.kind == "render" and line.get("state") == "done":
            await count(self._database, connection, owner.workspace, self._now_ns(), renders=1)
        elif row.kind == "summary":
            mine = sessions.c.id == owner.claim.session
            short = line if len(str(line)) <= limits.MAX_DOCUMENT else {}
            await connection.execute(update(sessions).where(mine).values(summary=short))

    async def _clip(self, connection: AsyncConnection, owner: Owner, row: EventRow, line: dict[str, Any]) -> None:
        facts, claim = clip_facts(line), owner.claim
        old = await one(connection, select(clips).where(clips.c.id == facts.id))
        if old is None:
            if facts.revision is None:
                return  # withdrawn before it was ever told
            whose = {"session": claim.session, "stream": owner.of, "workspace": owner.workspace}
            fresh = _columns(facts, line, claim.token, row.seq) | {"id": facts.id, "created_ns": self._now_ns()}
            await connection.execute(insert(clips).values(fresh | whose | {"review": "none"}))
            await count(self._database, connection, owner.workspace, self._now_ns(), clips=1)
        elif old["session"] != claim.session:
            raise bad_message("a clip of another session")
        else:
            rank = Rank(facts.revision or old["revision"], claim.token, row.seq)
            before = Rank(old["revision"], old["claim_token"], old["seq"])
            if counts(rank, facts.state, before, old["state"]):
                changed = _columns(facts, line, claim.token, row.seq)
                if facts.revision is None:  # the clip as it is, taken back
                    changed = {"state": facts.state, "claim_token": claim.token, "seq": row.seq}
                elif old["title_by"] is not None:
                    changed.pop("title")  # what a person calls it stays
                await connection.execute(update(clips).where(clips.c.id == facts.id).values(changed))
        if facts.revision is not None:
            await self._revision(connection, owner, row, line, facts)
        await put_out(connection, facts.id, self._now_ns(), before=old)

    async def _revision(
        self, connection: AsyncConnection, owner: Owner, row: EventRow, line: dict[str, Any], facts: ClipFacts
    ) -> None:
        key = {"clip": facts.id, "revision": facts.revision, "hash": facts.hash}
        fresh = {
            "state": facts.state, "line": line, "attempt": row.attempt, "claim_token": owner.claim.token,
            "created_ns": self._now_ns(),
        }  # fmt: skip
        await self._database.upsert(connection, revisions, key, fresh, {"hash": facts.hash})  # the first one stays

    async def _moment(self, connection: AsyncConnection, owner: Owner, row: EventRow, line: dict[str, Any]) -> None:
        name, state = line.get("id"), line.get("state")
        if not isinstance(name, str) or not isinstance(state, str) or len(name) > 80 or len(state) > 40:
            raise bad_message("a moment without id or state")
        claim = owner.claim
        key = {"session": claim.session, "id": limits.plain(name)}
        again = {"state": limits.plain(state), "line": line, "claim_token": claim.token, "seq": row.seq}
        whose = {"stream": owner.of, "workspace": owner.workspace, "created_ns": self._now_ns()}
        await self._database.upsert(connection, moments, key, again | whose, again)

    async def _order(self, connection: AsyncConnection, owner: Owner, line: dict[str, Any]) -> None:
        """What became of an order about this session; the leader ends its job by it."""
        name, state, revision = line.get("id"), line.get("state"), line.get("revision")
        if not isinstance(name, str) or state not in ("done", "failed"):
            raise bad_message("an order without id or state")
        told = {
            "state": state, "revision": revision if type(revision) is int else None,
            "reason": limits.plain(str(line.get("reason", "")), limits.MAX_NAME),
            "message": limits.plain(str(line.get("message", ""))),
        }  # fmt: skip
        mine = and_(jobs.c.id == limits.plain(name), jobs.c.session == owner.claim.session, jobs.c.asked.is_not(None))
        await connection.execute(update(jobs).where(mine).values(told=told))


def _columns(facts: ClipFacts, line: dict[str, Any], token: int, seq: int) -> dict[str, Any]:
    return {
        "revision": facts.revision, "state": facts.state, "title": facts.title, "score": facts.score,
        "line": line, "claim_token": token, "seq": seq,
    }  # fmt: skip


async def _known(connection: AsyncConnection, session: str, rows: Sequence[EventRow]) -> set[tuple[int, int]]:
    if not rows:
        return set()
    query = select(events.c.attempt, events.c.seq).where(
        events.c.session == session, events.c.seq.between(rows[0].seq, rows[-1].seq)
    )
    return {(attempt, seq) for attempt, seq in await connection.execute(query)}


async def _acknowledge(connection: AsyncConnection, owner: Owner, rows: Sequence[EventRow]) -> int:
    """Only the newest claim moves the session's mark: its rows come in order, those of a superseded one may not."""
    mine = sessions.c.id == owner.claim.session
    before = int(await connection.scalar(select(sessions.c.acked).where(mine)) or 0)
    last = max(before, rows[-1].seq) if rows else before
    if owner.newest and last > before:
        await connection.execute(update(sessions).where(mine).values(acked=last))
    return last
