"""The catalog: everything supervisors know together. Its parts are the files beside; this opens and closes it."""

from __future__ import annotations

from typing import Self

from sqlalchemy import select

from core.protocols import Clock
from supervisor.catalog.channels import Channels
from supervisor.catalog.database import PING, Database
from supervisor.catalog.deliveries import Deliveries
from supervisor.catalog.jobs import Jobs
from supervisor.catalog.leading import Leading
from supervisor.catalog.ledger import Ledger
from supervisor.catalog.llm import Llm
from supervisor.catalog.members import Members
from supervisor.catalog.migrate import migrate
from supervisor.catalog.orders import Orders
from supervisor.catalog.outbox import Outbox
from supervisor.catalog.part import OnRefused, Refusals
from supervisor.catalog.retained import Retained
from supervisor.catalog.reviews import Reviews
from supervisor.catalog.rooms import Rooms
from supervisor.catalog.schema import counters
from supervisor.catalog.sessions import Sessions
from supervisor.catalog.signins import SignIns
from supervisor.catalog.streams import Streams
from supervisor.catalog.takes import Takes
from supervisor.catalog.tokens import Tokens
from supervisor.catalog.uploads import Uploads
from supervisor.catalog.usage import Usage
from supervisor.catalog.workers import Workers
from supervisor.catalog.workspaces import Workspaces


class Catalog(
    Streams,
    Sessions,
    Reviews,
    Jobs,
    Orders,
    Uploads,
    Tokens,
    Members,
    SignIns,
    Workspaces,
    Ledger,
    Workers,
    Deliveries,
    Retained,
    Usage,
    Channels,
    Outbox,
    Llm,
    Rooms,
    Takes,
):
    """One connection pool of one supervisor. Every method raises CatalogAway when the database does not answer in time.

    `workspace` is whose rows are seen and changed; None is the supervisor itself.
    """

    @classmethod
    async def open(cls, url: str, clock: Clock, *, refused: OnRefused | None = None) -> Self:
        """Connect and migrate. Raises UsageError, StorageError, MissingPart.

        `refused` hears of stale writes as they are refused, for `stale_writes_refused_total`.
        """
        database = Database(url)
        try:
            await migrate(database)
        except BaseException:
            await database.close()
            raise
        return cls(database, clock, Refusals(refused))

    async def close(self) -> None:
        """Let go of every connection."""
        await self._database.close()

    async def ping(self) -> None:
        """Raises CatalogAway."""
        async with self._database.reading() as connection:
            await connection.execute(PING)

    async def floor(self) -> int:
        """The highest lease token that any write has carried: a new leader's is above."""
        async with self._database.reading() as connection:
            return int(await connection.scalar(select(counters.c.value).where(counters.c.name == "lease")) or 0)

    def leading(self, lease_token: int) -> Leading:
        """The leader's side, as long as this lease token is the highest."""
        return Leading(self._database, self._clock, self._refusals, lease_token)

    @property
    def stale_refused(self) -> int:
        """Stale writes that were refused by this process: a leader's, a worker's beats, hellos and state lines."""
        return self._refusals.count
