"""From an empty database to the newest schema, once, by whoever comes first."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from core.errors import ClipdError, StorageError, UsageError
from supervisor.catalog import Catalog, CatalogAway, migrate
from supervisor.catalog.database import Database
from supervisor.catalog.migrate import steps
from supervisor.catalog.part import Refusals
from supervisor.catalog.schema import METADATA
from tests.contract.catalog.rows import claimed
from tests.contract.catalog.servers import Postgres
from tests.fakes import FakeClock


async def test_the_steps_make_the_tables_that_the_code_reads(url: str, catalog: Catalog) -> None:
    """No column, index or key more or less."""

    def differences(connection: Connection) -> list[object]:
        typed = connection.dialect.name == "postgresql"  # SQLite gives the types of its own, by affinity
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": typed}), METADATA))

    async with catalog._database.reading() as connection:
        assert await connection.run_sync(differences) == []


async def test_opened_again_everything_is_there(url: str, catalog: Catalog, clock: FakeClock) -> None:
    """The second time changes nothing."""
    claim = await claimed(catalog)
    again = await Catalog.open(url, clock)
    assert await again.leading(1).claims() == [claim]
    await again.close()


async def test_an_older_database_is_brought_up_to_date_with_all_that_is_in_it(url: str, clock: FakeClock) -> None:
    """From the first schema on, when days did not count clips and tokens were not narrowed."""
    module = [step.module for step in steps().walk_revisions()][-1]
    rows = """
        CREATE TABLE alembic_version(version_num VARCHAR(32) NOT NULL);
        INSERT INTO alembic_version(version_num) VALUES('0001');
        INSERT INTO usage(workspace, day, minutes, bytes, renders, llm_usd) VALUES('default', '2026-11-22', 1, 7, 0, 0);
        INSERT INTO tokens(id, workspace, role, name, created_ns, revoked, hash)
            VALUES('0011223344556677', 'default', 'owner', 'first', 1, FALSE, 'x')"""
    database = Database(url)
    async with database.writing() as connection:
        for statement in (module.TABLES + module.ROWS + rows).split(";"):
            if statement.strip():
                await connection.execute(text(statement))
    await database.close()
    opened = await Catalog.open(url, clock)
    [day] = (await opened.usage("default")).rows
    assert (day.bytes, day.clips) == (7, 0)
    token = await opened.token("default", "0011223344556677")
    assert (token.role, token.scopes, token.used_ns) == ("owner", (), None)
    await opened.close()


async def test_steps_may_take_longer_than_a_transaction(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a large catalog do. Whether the database answers at all is known in ordinary time."""
    database = Database(url)

    def outlasted(_connection: Connection) -> bool:
        database._deadline_s = 1e-9
        return False

    monkeypatch.setattr(migrate, "_is_current", outlasted)
    await migrate.migrate(database)
    with pytest.raises(CatalogAway):
        async with database.reading() as connection:
            await connection.execute(text("SELECT 1"))
    await database.close()


async def test_several_supervisors_open_an_empty_database_at_once(url: str, clock: FakeClock) -> None:
    """One migrates, the others wait for it."""
    opened = await asyncio.gather(*(Catalog.open(url, clock) for _ in range(4)))
    assert [(await each.workspace("default")).id for each in opened] == ["default"] * 4
    await asyncio.gather(*(each.close() for each in opened))


async def test_a_newer_database_is_refused(url: str, catalog: Catalog, clock: FakeClock) -> None:
    """And left as it is."""
    async with catalog._database.writing() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError, match="newer clipd") as said:
        await Catalog.open(url, clock)
    assert (said.value.code, said.value.remedy[:7]) == ("catalog_newer", "Upgrade")


async def test_a_database_of_another_program_is_refused(url: str, clock: FakeClock) -> None:
    """Nothing of ours is put beside its tables."""
    database = Database(url)
    async with database.writing() as connection:
        await connection.execute(text("CREATE TABLE theirs(x INTEGER)"))
    await database.close()
    with pytest.raises(StorageError) as said:
        await Catalog.open(url, clock)
    assert said.value.code == "catalog_foreign"


async def test_a_step_is_done_whole_or_not_at_all(url: str, clock: FakeClock) -> None:
    """Whoever died in the middle of the first one left an empty database."""
    module = [step.module for step in steps().walk_revisions()][-1]

    async def die_halfway(database: Database) -> None:
        async with database.writing() as connection:
            for statement in module.TABLES.split(";")[:5]:
                await connection.execute(text(statement))
            raise ZeroDivisionError

    database = Database(url)
    with pytest.raises(ZeroDivisionError):
        await die_halfway(database)
    await database.close()
    opened = await Catalog.open(url, clock)
    await opened.close()


def test_steps_follow_one_another() -> None:
    """One line, from nothing to one head."""
    revisions = [step.revision for step in steps().walk_revisions()]
    assert steps().get_heads() == revisions[:1]
    assert revisions[-1] == "0001"


async def test_sqlite_is_a_rollback_journal_with_full_sync_for_us_only(tmp_path: Path, clock: FakeClock) -> None:
    """Every connection; the file is not for others to read."""
    catalog = await Catalog.open(f"sqlite:///{tmp_path}/catalog.db", clock)
    async with catalog._database.reading() as one, catalog._database.reading() as two:
        for connection in (one, two):
            asked = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            found = [(await connection.execute(text(f"PRAGMA {name}"))).scalar_one() for name in asked]
            assert found == ["delete", 2, 1, 5000]
    await catalog.close()
    assert stat.S_IMODE((tmp_path / "catalog.db").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["catalog.db"]


@pytest.mark.parametrize(
    "url",
    ["", "catalog.db", "sqlite://", "sqlite:///relative.db", "sqlite:////x/y.db?mode=memory", "mysql://h/d", "sqlite:///:memory:",
     "postgresql://u:hunter2@h/d?options=-csearch_path", "postgresql://u:hunter2@h:port/d"],
)  # fmt: skip
async def test_other_urls_are_refused(url: str, clock: FakeClock) -> None:
    """With a remedy, and without the password."""
    with pytest.raises(UsageError) as said:
        await Catalog.open(url, clock)
    assert said.value.code == "catalog_url"
    assert "hunter2" not in str(said.value)


async def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, clock: FakeClock) -> None:
    """Bytes of something else; a folder that is not there."""
    path = tmp_path / "catalog.db"
    path.write_bytes(b"something else, and more of it than a header" * 100)
    before = path.read_bytes()
    with pytest.raises(StorageError) as said:
        await Catalog.open(f"sqlite:///{path}", clock)
    assert (said.value.code, path.read_bytes() == before) == ("catalog_damaged", True)
    with pytest.raises(StorageError, match="folder"):
        await Catalog.open(f"sqlite:///{tmp_path}/none/catalog.db", clock)


async def test_a_database_that_is_not_there_is_said_with_its_remedy(postgres: Postgres, clock: FakeClock) -> None:
    """Nobody listens; a database that was not made."""
    for url in ("postgresql://clipd:hunter2@127.0.0.1:1/x", f"postgresql://clipd@127.0.0.1:{postgres.port}/none"):
        with pytest.raises(ClipdError) as said:
            await Catalog.open(url, clock)
        assert (said.value.code, "hunter2" in str(said.value)) == ("catalog_away", False)


async def test_a_lock_that_another_program_holds_is_waited_for_and_then_said(tmp_path: Path, clock: FakeClock) -> None:
    """SQLite: reading goes on meanwhile; what could not be written is written later."""
    path = tmp_path / "catalog.db"
    catalog = await Catalog.open(f"sqlite:///{path}", clock)
    await catalog.close()
    catalog = Catalog(Database(f"sqlite:///{path}", busy_s=0.2), clock, Refusals())
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(CatalogAway) as said:
        await catalog.set_meta("a", "1")
    assert said.value.code == "locked"
    assert await catalog.get_meta("a") is None
    holder.execute("COMMIT")
    holder.close()
    await catalog.set_meta("a", "2")
    assert await catalog.get_meta("a") == "2"
    await catalog.close()
