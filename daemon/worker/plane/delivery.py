"""The outbox on its way to the supervisor: batch by batch in order, each until it is stored, as long as it takes.

No more than one batch is in memory, however much waits. What was sent twice is stored once: rows carry their number.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import structlog

from core.control import MAX_BATCH, MAX_BODY, EventBatch, EventRow
from daemon.journal import OutboxRow
from daemon.journal.outbox import Outbox
from daemon.worker.plane.supervisors import NotTaken, Supervisors
from daemon.worker.plane.wire import Away

BATCH_CHARS: Final = MAX_BODY // 8  # a character is six bytes as JSON at most, and the rows have names
_Got = TypeVar("_Got")
InThread = Callable[[Callable[[], _Got]], Awaitable[_Got]]
log = structlog.get_logger()


class Delivery:
    """`in_thread` runs what touches the journal: a slow disk stops no heartbeat."""

    def __init__(
        self,
        outbox: Outbox,
        supervisors: Supervisors,
        *,
        session: str,
        claim_token: int,
        in_thread: Callable[[Callable[[], Any]], Awaitable[Any]],
    ) -> None:
        self._outbox, self._supervisors = outbox, supervisors
        self._session, self._claim_token = session, claim_token
        self._in_thread = in_thread
        self._most = MAX_BATCH
        self._one = asyncio.Lock()  # the loop of an attempt, and its end
        self.left = 0  # rows that were not told, as of the last look
        self.refused = 0

    async def begin(self, acked: int) -> None:
        """What the supervisor has of this session already."""
        await self._in_thread(lambda: self._outbox.reach(max(0, acked)))
        await self.look()

    async def look(self) -> int:
        """How many rows wait."""
        self.left = await self._in_thread(lambda: self._outbox.left)
        return self.left

    async def step(self) -> bool:
        """Deliver one batch; False when nothing waits. Raises Away, Superseded."""
        async with self._one:
            rows = await self._in_thread(lambda: self._outbox.waiting(most=self._most, most_chars=BATCH_CHARS))
            if rows:
                await self._send(rows)
            await self.look()
            return bool(rows)

    async def _send(self, rows: list[OutboxRow]) -> None:
        sent = [EventRow(seq=row.seq, attempt=row.attempt, kind=row.line["type"], line=row.line) for row in rows]
        batch = EventBatch(
            session=self._session, claim_token=self._claim_token, rows=tuple(row.to_json() for row in sent)
        )
        try:
            answer = await self._supervisors.events(batch)
        except NotTaken as not_taken:
            await self._not_taken(rows, not_taken)
            return
        self._most = MAX_BATCH
        acked = min(answer.acked, rows[-1].seq)
        if acked < rows[0].seq:
            raise Away("not_stored")
        if answer.refused:
            self.refused += len(answer.refused)
            log.warning("events.refused", count=len(answer.refused), reason="superseded")
        await self._in_thread(lambda: self._outbox.tell_from(acked))

    async def _not_taken(self, rows: list[OutboxRow], not_taken: NotTaken) -> None:
        """One row that a supervisor cannot read must not hold up the others: it is found, and set aside."""
        if not_taken.status not in (400, 413, 422):
            raise Away(not_taken.code) from not_taken
        if len(rows) > 1:
            self._most = len(rows) // 2
            return
        log.error("event.not_taken", seq=rows[0].seq, kind=rows[0].line["type"], code=not_taken.code)
        await self._in_thread(lambda: self._outbox.set_aside([rows[0].seq]))
