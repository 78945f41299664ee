"""What was done and answered: audit, the installation's settings, replies of repeated requests, nonces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, and_, delete, insert, select, tuple_
from sqlalchemy.exc import IntegrityError

from supervisor.catalog import limits
from supervisor.catalog.database import take_number
from supervisor.catalog.llm import KEPT_NS as ANSWERS_KEPT_NS
from supervisor.catalog.part import Part
from supervisor.catalog.rows import in_workspace, one, page, value_of
from supervisor.catalog.schema import (
    audits,
    commands,
    deliveries,
    events,
    llm_answers,
    meta,
    nonces,
    replies,
    sign_ins,
    worker_tokens,
)
from supervisor.catalog.values import AuditRow, Page, Reply

SLICE: Final = 1000  # rows deleted in one transaction, so that nobody waits for long


class Ledger(Part):
    """Rows that are only added, and forgotten."""

    async def audit(
        self, workspace: str, actor: str, action: str, target: str, detail: Mapping[str, Any] | None = None
    ) -> None:
        """Who did what to what. `detail` holds no secret. Raises UsageError."""
        names = {"workspace": workspace, "actor": actor, "action": action, "target": target}
        values: dict[str, Any] = {name: limits.text(name, value, limits.MAX_NAME) for name, value in names.items()}
        values |= {"detail": limits.document("detail", detail or {}), "at_ns": self._now_ns()}
        async with self._database.writing() as connection:
            values["id"] = await take_number(connection, "audit")
            await connection.execute(insert(audits).values(values))

    async def audits(self, workspace: str | None, *, limit: int = 50, after: str | None = None) -> Page[AuditRow]:
        """Newest first."""
        async with self._database.reading() as connection:
            shown = in_workspace(audits, workspace)
            return await page(connection, audits, AuditRow, shown, by=audits.c.id, limit=limit, after=after)

    async def get_meta(self, key: str) -> str | None:
        """A setting of the installation."""
        async with self._database.reading() as connection:
            value: str | None = await connection.scalar(select(meta.c.value).where(meta.c.key == key))
            return value

    async def set_meta(self, key: str, value: str) -> None:
        """The last one counts."""
        kept = {"value": limits.text("value", value, limits.MAX_DOCUMENT)}
        async with self._database.writing() as connection:
            name = limits.text("key", key, limits.MAX_NAME)
            await self._database.upsert(connection, meta, {"key": name}, kept, kept)

    async def new_meta(self, key: str, value: str) -> str:
        """The setting that is there, else this one: of several supervisors that start at once, all get the same."""
        try:
            async with self._database.writing() as connection:
                await connection.execute(insert(meta).values(key=key, value=value))
        except IntegrityError:
            return await self.get_meta(key) or value
        return value

    async def reply(self, workspace: str, key: str) -> Reply | None:
        """What a request with this `Idempotency-Key` was answered."""
        mine = and_(replies.c.workspace == workspace, replies.c.key == limits.plain(key, limits.MAX_NAME))
        async with self._database.reading() as connection:
            row = await one(connection, select(replies).where(mine))
        return None if row is None else value_of(Reply, row)

    async def keep_reply(self, workspace: str, key: str, reply: Reply) -> Reply:
        """The answer that counts: this one, or the one that another supervisor kept before."""
        values = {
            "workspace": workspace, "key": limits.text("Idempotency-Key", key, limits.MAX_NAME), "asked": reply.asked,
            "status": reply.status, "body": limits.text("body", reply.body, limits.MAX_BODY), "at_ns": self._now_ns(),
        }  # fmt: skip
        try:
            async with self._database.writing() as connection:
                await connection.execute(insert(replies).values(values))
        except IntegrityError:
            return await self.reply(workspace, key) or reply
        return reply

    async def use_nonce(self, scope: str, nonce: str, until_ns: int) -> bool:
        """Whether this is the first time; remembered until `until_ns` (wall clock)."""
        values = {
            "scope": limits.text("scope", scope, limits.MAX_NAME),
            "nonce": limits.text("nonce", nonce, limits.MAX_NAME),
            "until_ns": until_ns,
        }  # fmt: skip
        try:
            async with self._database.writing() as connection:
                await connection.execute(insert(nonces).values(values))
        except IntegrityError:
            return False
        return True

    async def forget(self, before_ns: int) -> int:
        """Delete audit rows, events, commands, replies and settled deliveries from before a time, and what has expired.

        Says how many. DESIGN.md section 5: 90 days. Clips, sessions and claims stay until somebody erases them.
        """
        old: tuple[tuple[Table, ColumnElement[bool]], ...] = (
            (audits, audits.c.at_ns < before_ns),
            (events, events.c.at_ns < before_ns),
            (commands, commands.c.at_ns < before_ns),
            (replies, replies.c.at_ns < before_ns),
            (deliveries, and_(deliveries.c.created_ns < before_ns, deliveries.c.state != "waiting")),
            (nonces, nonces.c.until_ns < self._now_ns()),
            (llm_answers, llm_answers.c.at_ns <= self._now_ns() - ANSWERS_KEPT_NS),
            (worker_tokens, worker_tokens.c.expires_ns < self._now_ns()),
            (sign_ins, sign_ins.c.expires_ns < self._now_ns()),
        )
        return sum([await self._forget(table, gone) for table, gone in old])

    async def _forget(self, table: Table, gone: ColumnElement[bool]) -> int:
        key = tuple_(*table.primary_key.columns)
        count, last = 0, SLICE
        while last == SLICE:
            async with self._database.writing() as connection:
                slice_ = select(*table.primary_key.columns).where(gone).limit(SLICE)
                last = (await connection.execute(delete(table).where(key.in_(slice_)))).rowcount
            count += last
        return count
