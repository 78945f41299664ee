"""RedisStore against a real server that is killed, stopped, wiped, full, closed to us, or half cut off."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import UsageError
from supervisor.leases.api import LeaseRecord, StoreAway
from supervisor.leases.redis_store import RedisStore
from tests.redis_server import RedisServer, Wire

LIMIT_S = 2.5  # a machine that stands still for a second is no server that is away
FIRST = LeaseRecord(owner="ann", token=1, counter=1)
SECOND = LeaseRecord(owner="ann", token=1, counter=2)
THIRD = LeaseRecord(owner="ann", token=1, counter=3)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as running:
        yield running


@pytest.fixture
def store(server: RedisServer) -> Iterator[RedisStore]:
    opened = RedisStore(server.url, limit_s=LIMIT_S)
    yield opened
    opened.close()


def away(store: RedisStore, code: str) -> None:
    """A renewal has no answer, for this reason, and well before redis-py's own way has ended."""
    began = time.monotonic()
    with pytest.raises(StoreAway) as caught:
        store.swap(FIRST, SECOND)
    assert caught.value.code == code, str(caught.value)
    assert time.monotonic() - began < 10


def test_a_server_that_was_killed_is_away_and_back(server: RedisServer, store: RedisStore) -> None:
    """Started again it is empty, which is for the elector to see; the store connects anew by itself."""
    store.create(FIRST)
    server.kill()
    away(store, "unreachable")
    away(store, "unreachable")
    server.start()
    assert store.read() is None


def test_a_server_that_hangs_costs_one_limit_and_one_attempt(server: RedisServer, store: RedisStore) -> None:
    """redis-py's own way takes 15 s here. What was asked is done once the server goes on, and the retry knows it."""
    store.create(FIRST)
    server.hang()
    try:
        away(store, "timeout")
    finally:
        server.go_on()
    wait_for(server, counter=2)
    assert store.swap(FIRST, SECOND)
    assert store.read() == SECOND


def test_a_paused_server_is_a_hanging_one(server: RedisServer, store: RedisStore) -> None:
    """CLIENT PAUSE holds writes back."""
    store.create(FIRST)
    server.command("CLIENT", "PAUSE", 60_000, "WRITE")
    away(store, "timeout")
    server.command("CLIENT", "UNPAUSE")
    assert store.swap(FIRST, SECOND)


def test_a_lost_reply_does_not_apply_twice(server: RedisServer) -> None:
    """The command arrives, its answer does not: asked again it says yes, and the counter has moved by one."""
    with Wire(server.port) as wire:
        store = RedisStore(wire.url, limit_s=LIMIT_S)
        store.create(FIRST)
        wire.swallow_replies = True
        away(store, "timeout")
        away(store, "timeout")
        wire.swallow_replies = False
        assert store.swap(FIRST, SECOND)
        assert store.read() == SECOND
        store.close()


def test_an_answer_that_drips_is_given_up(server: RedisServer) -> None:
    """Each byte comes within the socket's timeout, the answer would take seconds; the next call finds a clean line."""
    with Wire(server.port) as wire:
        store = RedisStore(wire.url, limit_s=LIMIT_S)
        store.create(FIRST)
        wire.drip = True
        with pytest.raises(StoreAway, match="no answer within"):
            store.check()  # INFO answers with kilobytes
        wire.drip = False
        assert store.read() == FIRST
        store.close()


def test_a_wiped_server_refuses_a_renewal(server: RedisServer, store: RedisStore) -> None:
    """FLUSHALL: the holder learns of it with its next renewal."""
    store.create(FIRST)
    server.command("FLUSHALL")
    assert not store.swap(FIRST, SECOND)


def test_a_full_server_is_away_and_never_drops_the_lease(server: RedisServer, store: RedisStore) -> None:
    """With `noeviction` it refuses writes; with any other policy `check` refuses the server."""
    store.create(FIRST)
    server.command("CONFIG", "SET", "maxmemory", "1mb")
    away(store, "full")
    assert store.read() == FIRST
    store.check()
    server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    with pytest.raises(StoreAway) as refused:
        store.check()
    assert refused.value.code == "unsafe_policy"


def test_a_replica_is_refused(server: RedisServer, store: RedisStore) -> None:
    """It takes no writes, and its record may be an old one."""
    store.create(FIRST)
    server.command("REPLICAOF", "127.0.0.1", 1)
    away(store, "readonly")
    with pytest.raises(StoreAway) as refused:
        store.check()
    assert refused.value.code == "readonly"
    server.command("REPLICAOF", "NO", "ONE")
    assert store.swap(FIRST, SECOND)


RIGHTS = ("~clipd:*", "resetchannels", "+eval", "+exists", "+hstrlen", "+hmget", "+hset", "+info")


def test_a_user_with_eight_rights_is_enough_and_without_them_we_are_away(server: RedisServer) -> None:
    """The rights that docs/operations.md names. NOPERM, a user that was turned off, a password that is wrong."""
    server.command("ACL", "SETUSER", "clipd", "on", ">s3cret", *RIGHTS)
    address = f"redis://clipd:s3cret@127.0.0.1:{server.port}"
    store = RedisStore(address, limit_s=LIMIT_S)
    store.check()
    assert store.create(FIRST)
    assert store.swap(FIRST, SECOND)
    assert store.read() == SECOND
    server.command("ACL", "SETUSER", "clipd", "-hset")
    with pytest.raises(StoreAway) as refused:
        store.swap(SECOND, THIRD)
    assert refused.value.code == "denied"
    server.command("ACL", "SETUSER", "clipd", "off")
    server.command("CLIENT", "KILL", "USER", "clipd")
    codes = []
    for _ in range(2):  # the first call finds its connection cut
        with pytest.raises(StoreAway) as refused:
            store.swap(SECOND, THIRD)
        codes.append(refused.value.code)
        assert "s3cret" not in str(refused.value)
    assert codes[1] == "denied"
    store.close()


def test_a_server_that_wants_a_password_we_do_not_have_denies_us(server: RedisServer, store: RedisStore) -> None:
    """NOAUTH."""
    server.command("CONFIG", "SET", "requirepass", "x")
    away(store, "denied")


def test_a_server_that_cannot_write_its_file_is_read_only(
    server: RedisServer, store: RedisStore, tmp_path: Path
) -> None:
    """MISCONF: its snapshots fail."""
    store.create(FIRST)
    server.command("CONFIG", "SET", "save", "1 1")
    (tmp_path / "dump.rdb").mkdir()
    server.command("BGSAVE")
    by = time.monotonic() + 30
    while b"rdb_last_bgsave_status:err" not in raw_info(server):
        assert time.monotonic() < by
    away(store, "readonly")


def test_a_key_of_another_kind_is_damage(server: RedisServer, store: RedisStore) -> None:
    """Somebody else writes under our name."""
    server.command("SET", "clipd:{clipd}:lease", "hello")
    with pytest.raises(StoreAway) as refused:
        store.read()
    assert refused.value.code == "damaged"


def test_a_record_never_expires(server: RedisServer, store: RedisStore) -> None:
    """No TTL: the store's clock decides nothing."""
    store.create(FIRST)
    store.swap(FIRST, SECOND)
    assert server.command("TTL", "clipd:{clipd}:lease") == -1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:6379",
        "redis://",
        "redis://h:99999",
        "redis://h/x",
        "redis://h?socket_timeout=60",
        "rediss://h?ssl_cert_reqs=none",
        "unix://",
        "embeded",
    ],
)
def test_an_address_cannot_change_how_we_ask(url: str) -> None:
    """redis-py would take its timeouts from there."""
    with pytest.raises(UsageError) as refused:
        RedisStore(url)
    assert refused.value.code == "lease_url"


def test_two_installations_share_a_server(server: RedisServer, store: RedisStore) -> None:
    """By name."""
    other = RedisStore(server.url, name="other", limit_s=LIMIT_S)
    store.create(FIRST)
    assert other.read() is None
    other.close()
    with pytest.raises(UsageError):
        RedisStore(server.url, name="a}{b")


def wait_for(server: RedisServer, *, counter: int) -> None:
    """Until the server has done what it was asked while it hung."""
    by = time.monotonic() + 30
    while server.command("HGET", "clipd:{clipd}:lease", "counter") != b"%d" % counter:
        assert time.monotonic() < by


def raw_info(server: RedisServer) -> bytes:
    """INFO as text, whatever redis-py makes of it."""
    return "\n".join(f"{name}:{value}" for name, value in server.command("INFO", "persistence").items()).encode()
