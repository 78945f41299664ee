"""Brings a database to this program's schema, one supervisor at a time: a step is done whole or not at all.

SQLite: all in one write transaction, which others wait for. PostgreSQL: in one transaction, under an advisory lock.
A schema that is this program's is only read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, inspect, select, text

from core.errors import StorageError
from supervisor.catalog.database import Database
from supervisor.catalog.errors import CatalogAway
from supervisor.catalog.schema import METADATA

STEPS: Final = Path(__file__).with_name("migrations")
LOCK: Final = 0x636C697064  # the advisory lock: "clipd"
STATEMENT_S: Final = 60  # a step may take longer than a query
ALL_S: Final = 600  # and all of them longer than a transaction: what is too short here is begun again from the first


async def migrate(database: Database) -> None:
    """Raises StorageError: newer than this program, not a catalog, damaged, or not answering."""
    try:
        async with database.reading() as connection:  # whether anybody answers is known in ordinary time
            if await connection.run_sync(_is_current):
                return
        async with database.writing(deadline_s=ALL_S) as connection:
            await connection.run_sync(_upgrade)
    except CatalogAway as err:
        if err.code == "damaged":
            raise StorageError(
                "The catalog's database is damaged, or no database",
                remedy="Restore it from a backup, or move it away to begin a new one.",
                code="catalog_damaged",
            ) from err
        raise StorageError(
            f"The catalog's database cannot be used ({err.code})",
            remedy="Start it; check the catalog's URL, and that its user may log in and make tables.",
            code="catalog_away",
        ) from err


def steps() -> ScriptDirectory:
    """Every step, as alembic reads them."""
    return ScriptDirectory(str(STEPS))


def _is_current(connection: Connection) -> bool:
    return set(MigrationContext.configure(connection).get_current_heads()) == set(steps().get_heads())


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_S}s'"))
        connection.execute(text(f"SET LOCAL lock_timeout = '{STATEMENT_S}s'"))
        connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
    directory = steps()
    _check(connection, directory)
    environment = EnvironmentContext(
        Config(), directory, fn=lambda found, _: directory._upgrade_revs("head", found), destination_rev="head"
    )
    with environment:
        environment.configure(connection=connection, target_metadata=METADATA, transactional_ddl=True)
        environment.run_migrations()


def _check(connection: Connection, directory: ScriptDirectory) -> None:
    ours = {step.revision for step in directory.walk_revisions()}
    found = set(MigrationContext.configure(connection).get_current_heads())
    if found - ours:
        raise StorageError(
            f"The catalog was written by a newer clipd (schema {', '.join(sorted(found))[:80]})",
            remedy="Upgrade this program; a schema is never taken back.",
            code="catalog_newer",
        )
    if not found and inspect(connection).get_table_names():
        raise StorageError(
            "The catalog's database holds tables of another program",
            remedy="Give clipd a database of its own.",
            code="catalog_foreign",
        )
