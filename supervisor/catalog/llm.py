"""Money for language models, and answers that need not be paid for twice.

What a question may cost at most is added to the day's `usage.llm_usd` before it is asked, in the transaction that looks
whether there is room for it; what it did not cost is taken off afterwards. So several supervisors together never spend
more than allowed, and one that dies in between has spent too much on paper and nothing more in truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from sqlalchemy import delete, func, select, update

from core.times import ns
from supervisor.catalog import limits
from supervisor.catalog.database import take_number
from supervisor.catalog.part import Part
from supervisor.catalog.rows import value_of
from supervisor.catalog.schema import llm_answers, usage
from supervisor.catalog.usage import count, day_of
from supervisor.catalog.values import CachedAnswer, CacheState, Reserved

KEPT_NS: Final = ns(24 * 3600)  # an answer is given again for so long
MAX_ANSWERS: Final = 1000  # of a workspace; the oldest go
MAX_CONTENT: Final = 1 << 16  # characters; a longer answer is not kept


class Llm(Part):
    """For the gateway of every supervisor."""

    async def reserve_llm(
        self, workspace: str, usd: float, *, budget_usd: float, ceiling_usd: float
    ) -> Reserved | None:
        """Room for a question that costs `usd` at most; None where the workspace's day or everybody's has none left."""
        now_ns = self._now_ns()
        today = usage.c.day == day_of(now_ns)
        async with self._database.writing() as connection:
            await take_number(connection, "llm")  # its lock: one after the other, over all supervisors
            mine = await connection.scalar(select(usage.c.llm_usd).where(today, usage.c.workspace == workspace))
            everybody = await connection.scalar(select(func.sum(usage.c.llm_usd)).where(today))
            if (mine or 0.0) + usd > budget_usd or (everybody or 0.0) + usd > ceiling_usd:
                return None
            await count(self._database, connection, workspace, now_ns, llm_usd=usd)
        return Reserved(workspace=workspace, usd=usd, at_ns=now_ns)

    async def settle_llm(self, reserved: Reserved, usd: float) -> None:
        """What it cost in truth. Not idempotent, so never tried again: after CatalogAway all of it stays spent."""
        async with self._database.writing() as connection:
            await count(self._database, connection, reserved.workspace, reserved.at_ns, llm_usd=usd - reserved.usd)

    async def llm_usd_today(self, workspace: str) -> float:
        """Spent and reserved."""
        mine = (usage.c.workspace == workspace, usage.c.day == day_of(self._now_ns()))
        async with self._database.reading() as connection:
            return float(await connection.scalar(select(usage.c.llm_usd).where(*mine)) or 0.0)

    async def cached_answer(self, workspace: str, keys: Sequence[str]) -> CachedAnswer | None:
        """The answer with the first of these keys that has one, not older than a day; counted as a hit."""
        rows = llm_answers.c
        query = select(llm_answers).where(
            rows.workspace == workspace, rows.key.in_(keys), rows.at_ns > self._now_ns() - KEPT_NS
        )
        async with self._database.reading() as connection:
            found = {row["key"]: row for row in (await connection.execute(query)).mappings()}
        key = next((key for key in keys if key in found), None)
        if key is None:
            return None
        async with self._database.writing() as connection:
            hit = update(llm_answers).where(rows.workspace == workspace, rows.key == key)
            await connection.execute(hit.values(hits=rows.hits + 1))
        return value_of(CachedAnswer, found[key])

    async def keep_answer(self, workspace: str, key: str, answer: CachedAnswer) -> None:
        """Under a key; the last one counts. One that is too long is not kept."""
        if len(answer.content) > MAX_CONTENT:
            return
        values = asdict(answer) | {"content": limits.plain(answer.content, MAX_CONTENT)}
        values |= {"hits": 0, "at_ns": self._now_ns()}
        rows = llm_answers.c
        mine = rows.workspace == workspace
        async with self._database.writing() as connection:
            await self._database.upsert(connection, llm_answers, {"workspace": workspace, "key": key}, values, values)
            newest = select(rows.key).where(mine).order_by(rows.at_ns.desc(), rows.key).limit(MAX_ANSWERS)
            await connection.execute(delete(llm_answers).where(mine, rows.key.not_in(newest)))

    async def llm_cache(self, workspace: str) -> CacheState:
        """What lies there, and how often it was given again."""
        mine = (llm_answers.c.workspace == workspace, llm_answers.c.at_ns > self._now_ns() - KEPT_NS)
        query = select(func.count(), func.coalesce(func.sum(llm_answers.c.hits), 0)).where(*mine)
        async with self._database.reading() as connection:
            answers, hits = (await connection.execute(query)).one()
        return CacheState(answers=int(answers), hits=int(hits))
