"""What every LeaseStore promises: Redis and SQLite, and the simulator's model of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.errors import UsageError
from supervisor.leases.api import LeaseRecord, LeaseStore, LeaseTiming, StoreAway
from supervisor.leases.redis_store import RedisStore
from supervisor.leases.sqlite_store import SqliteStore
from telemetry import SystemClock
from tests.redis_server import RedisServer
from tests.simulation.store import ModelStore

LIMIT_S = 30  # of a call: what is promised here is promised by a machine that stalls too
ANN_1 = LeaseRecord(owner="ann", token=1, counter=1, meta={"host": "a", "pid": "12"})
ANN_1_AGAIN = LeaseRecord(owner="ann", token=1, counter=2)
BOB_2 = LeaseRecord(owner="bob", token=2, counter=3)
BOB_7 = LeaseRecord(owner="bob", token=7, counter=1)
FREE_2 = LeaseRecord(owner="", token=2, counter=4)


@dataclass
class Place:
    """Where stores of one kind keep their record: `open` makes one more client, `wipe` forgets everything."""

    open: Callable[[], LeaseStore]
    wipe: Callable[[], object]
    put_text: Callable[[str, str], object] | None = None  # something foreign in a field


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["redis", "sqlite", "model"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    opened: list[LeaseStore] = []

    def keep(store: LeaseStore) -> LeaseStore:
        opened.append(store)
        return store

    made = {"redis": redis_place, "sqlite": sqlite_place, "model": model_place}[request.param](request, tmp_path)
    yield Place(lambda: keep(made.open()), made.wipe, made.put_text)
    for store in opened:
        store.close()


def redis_place(request: pytest.FixtureRequest, folder: Path) -> Place:
    server: RedisServer = request.getfixturevalue("redis_server")
    server.command("FLUSHALL")

    def put_text(field: str, text: str) -> None:
        server.command("HSET", "clipd:{clipd}:lease", field, text)

    return Place(lambda: RedisStore(server.url, limit_s=LIMIT_S), lambda: server.command("FLUSHALL"), put_text)


def sqlite_place(request: pytest.FixtureRequest, folder: Path) -> Place:
    path = folder / "lease.db"

    def put_text(field: str, text: str) -> None:
        with sqlite3.connect(path) as db:
            db.execute(f"UPDATE lease SET {field} = ?", (text,))
        db.close()

    def made() -> SqliteStore:
        return SqliteStore(path, timing=LeaseTiming(), clock=SystemClock(), limit_s=LIMIT_S)

    return Place(made, path.unlink, put_text)


def model_place(request: pytest.FixtureRequest, folder: Path) -> Place:
    store = ModelStore()
    return Place(lambda: store, store.wipe)


def test_a_new_store_has_no_record(place: Place) -> None:
    """And it can be trusted."""
    store = place.open()
    store.check()
    assert store.read() is None


def test_what_is_created_is_read_by_everyone(place: Place) -> None:
    """With its meta, which may hold any text."""
    ann, bob = place.open(), place.open()
    record = LeaseRecord(owner="ann", token=1, counter=1, meta={"host": "a 'b' \" ü\n", "pid": "12"})
    assert ann.create(record)
    assert bob.read() == record


def test_only_the_first_create_counts(place: Place) -> None:
    """The second candidate finds the first one's record."""
    ann, bob = place.open(), place.open()
    assert ann.create(ANN_1)
    assert not bob.create(BOB_7)
    assert bob.read() == ANN_1


def test_a_swap_needs_the_record_that_was_seen(place: Place) -> None:
    """By owner, token and counter; each alone decides. A record that is not there is not replaced."""
    store = place.open()
    assert not store.swap(ANN_1, BOB_2)
    store.create(ANN_1)
    for other in (
        LeaseRecord(owner="eve", token=1, counter=1),
        LeaseRecord(owner="ann", token=3, counter=1),
        LeaseRecord(owner="ann", token=1, counter=9),
    ):
        assert not store.swap(other, BOB_2)
    assert store.read() == ANN_1
    assert store.swap(ANN_1, ANN_1_AGAIN)
    assert store.swap(ANN_1_AGAIN, BOB_2)
    assert store.read() == BOB_2


def test_the_same_write_again_says_yes_and_changes_nothing(place: Place) -> None:
    """Its first answer may have been lost. Once the record has moved on, it says no."""
    store = place.open()
    assert store.create(ANN_1)
    assert store.create(ANN_1)
    assert store.swap(ANN_1, ANN_1_AGAIN)
    assert store.swap(ANN_1, ANN_1_AGAIN)
    assert store.swap(ANN_1_AGAIN, BOB_2)
    assert not store.swap(ANN_1, ANN_1_AGAIN)
    assert not store.create(ANN_1)
    assert store.read() == BOB_2


def test_a_lease_that_was_handed_back_keeps_its_token(place: Place) -> None:
    """Nobody owns it, and the next token is still known to be higher."""
    store = place.open()
    store.create(ANN_1)
    store.swap(ANN_1, FREE_2)
    assert store.read() == FREE_2


def test_a_wiped_store_has_no_record_and_takes_a_new_one(place: Place) -> None:
    """A holder's renewal is refused there, also on the connection it has always used."""
    ann, bob = place.open(), place.open()
    ann.create(ANN_1)
    place.wipe()
    assert ann.read() is None
    assert not ann.swap(ANN_1, ANN_1_AGAIN)
    assert bob.create(BOB_7)
    assert ann.read() == BOB_7


def test_of_many_that_take_over_at_once_one_does(place: Place) -> None:
    """Eight clients in eight threads, ten rounds."""
    names = [f"n{i}" for i in range(8)]
    stores = {name: place.open() for name in names}
    record = ANN_1
    stores["n0"].create(record)
    with ThreadPoolExecutor(len(names)) as pool:
        for token in range(2, 12):
            wanted = {name: LeaseRecord(owner=name, token=token, counter=token) for name in names}
            answers = list(pool.map(lambda name, to=wanted, was=record: tried(stores[name], was, to[name]), names))
            record = wanted[stores["n0"].read().owner]  # type: ignore[union-attr]
            assert [name for name, answer in zip(names, answers, strict=True) if answer is True] == [record.owner]


def tried(store: LeaseStore, seen: LeaseRecord, new: LeaseRecord) -> bool | None:
    """None: the file was locked for too long, which is neither yes nor no."""
    try:
        return store.swap(seen, new)
    except StoreAway:
        return None


@pytest.mark.parametrize("place", ["redis", "sqlite"], indirect=True)  # the model has no fields
@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("token", "-1"),
        ("token", "99999999999999999999999"),
        ("token", "one"),
        ("counter", "0"),
        ("counter", "none"),
        ("owner", "x" * 200),
        ("meta", "{"),
        ("meta", "[]"),
        ("meta", '{"pid": 1}'),
        ("meta", "[" * 4000),
        ("meta", "x" * 5000),
    ],
    ids=lambda value: value[:12],
)
def test_a_record_of_strangers_is_no_record(place: Place, field: str, text: str) -> None:
    """Neither believed nor taken for an absent one: nobody leads until a person has looked."""
    assert place.put_text is not None
    store = place.open()
    store.create(ANN_1)
    place.put_text(field, text)
    with pytest.raises(StoreAway) as refused:
        store.read()
    assert refused.value.code in ("damaged", "error")


@pytest.mark.parametrize("times", [(10, 9, 1), (10, 6, 2.5), (10, 6, 0), (6, 6, 1)])
def test_unsafe_times_are_refused(times: tuple[float, float, float]) -> None:
    """client-go's inequalities: rivals outwait a holder, and a holder may miss a renewal."""
    duration, deadline, period = (int(value * 1e9) for value in times)
    with pytest.raises(UsageError):
        LeaseTiming(duration_ns=duration, deadline_ns=deadline, period_ns=period)
