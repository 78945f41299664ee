"""SqliteStore where its file is locked, full, read-only, damaged, gone, or held by a process that was stopped."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.times import ns
from supervisor.leases.api import LeaseRecord, LeaseTiming, StoreAway
from supervisor.leases.identity import end_process, start_time, this_process
from supervisor.leases.sqlite_store import SqliteStore
from tests.fakes import FakeClock
from tests.needs import require_root

FIRST = LeaseRecord(owner="ann", token=1, counter=1)
SECOND = LeaseRecord(owner="ann", token=1, counter=2)
BOB_2 = LeaseRecord(owner="bob", token=2, counter=2)

HOLDER = """
import json, sys
from supervisor.leases.identity import this_process
print(json.dumps(this_process()), flush=True)
sys.stdin.read()
"""
LOCKER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "lease.db", timing=LeaseTiming(), clock=clock, limit_s=30)
    yield opened
    opened.close()


@pytest.fixture
def child(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process of our program that has said its first line; `request.param` is what it runs."""
    command = [sys.executable, "-c", request.param, str(tmp_path / "lease.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def code_of(store: SqliteStore) -> str:
    """Why a renewal has no answer."""
    with pytest.raises(StoreAway) as away:
        store.swap(FIRST, SECOND)
    return away.value.code


@pytest.mark.parametrize("child", [HOLDER], indirect=True)
def test_taking_over_ends_the_process_of_a_stale_record(store: SqliteStore, child: subprocess.Popen[str]) -> None:
    """Even a stopped one, before the record changes hands. A renewal and a hand-over end nobody."""
    assert child.stdout is not None
    meta = json.loads(child.stdout.readline())
    ann = LeaseRecord(owner="ann", token=1, counter=1, meta=meta)
    renewed = LeaseRecord(owner="ann", token=1, counter=2, meta=meta)
    store.create(ann)
    child.send_signal(signal.SIGSTOP)
    assert store.swap(ann, renewed)
    assert not store.swap(ann, BOB_2)  # Ann has renewed meanwhile
    assert child.poll() is None
    assert store.swap(renewed, BOB_2)
    assert child.wait(30) == -signal.SIGKILL


@pytest.mark.parametrize("child", [HOLDER], indirect=True)
@pytest.mark.parametrize("field", ["boot", "namespace", "start", "pid"])
def test_a_process_that_only_looks_like_the_holder_is_left_alone(child: subprocess.Popen[str], field: str) -> None:
    """Another boot, another container, an id that was reused, or text from a stranger."""
    assert child.stdout is not None
    meta = json.loads(child.stdout.readline())
    end_process({**meta, field: {"pid": "1"}.get(field, "0")})
    assert child.poll() is None
    for pid in ("", "0", "-1", "1e3", "٣", "9" * 30):
        assert not end_process({**meta, "pid": pid})
    assert not end_process(this_process())


@pytest.mark.parametrize("child", [LOCKER], indirect=True)
def test_a_process_that_was_stopped_in_the_middle_of_a_write_is_ended(
    store: SqliteStore, clock: FakeClock, tmp_path: Path, child: subprocess.Popen[str]
) -> None:
    """It keeps everybody out. Ended once it has been seen to for a lease's duration; then all goes on."""
    store.create(FIRST)
    child_locks = child.stdout
    assert child_locks is not None
    assert child_locks.readline() == "locked\n"
    child.send_signal(signal.SIGSTOP)
    for _ in range(3):
        assert code_of(store) == "locked"
        clock.advance(ns(4))
        assert child.poll() is None
    assert code_of(store) == "locked"
    assert child.wait(30) == -signal.SIGKILL
    assert store.swap(FIRST, SECOND)


def test_another_program_s_lock_is_waited_for_and_never_broken(
    store: SqliteStore, clock: FakeClock, tmp_path: Path
) -> None:
    """An administrator's database shell. Here another Python, which is not the program that we are."""
    store.create(FIRST)
    shell = shutil.copy(Path(sys.executable).resolve(), tmp_path / "shell")
    environment = {**os.environ, "PYTHONHOME": sys.base_prefix}
    command = [shell, "-c", LOCKER, str(tmp_path / "lease.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        for _ in range(3):
            assert code_of(store) == "locked"
            clock.advance(ns(10))
        assert other.poll() is None
        other.kill()
    assert store.swap(FIRST, SECOND)


def test_a_folder_that_is_gone_is_no_absent_lease(store: SqliteStore, tmp_path: Path) -> None:
    """An unmounted disk: nobody takes over on what lies beneath."""
    store.create(FIRST)
    away = tmp_path.rename(tmp_path.with_name(f"{tmp_path.name}-away"))
    for act in (store.check, store.read, lambda: store.create(BOB_2)):
        with pytest.raises(StoreAway) as refused:
            act()
        assert refused.value.code == "unreachable"
    away.rename(tmp_path)
    assert store.read() == FIRST


def test_a_file_that_is_no_database_is_damage(store: SqliteStore, tmp_path: Path) -> None:
    """And stays as it is."""
    (tmp_path / "lease.db").write_bytes(b"hello, world" * 1000)
    assert code_of(store) == "damaged"
    with pytest.raises(StoreAway) as away:
        store.create(FIRST)
    assert away.value.code == "damaged"
    assert (tmp_path / "lease.db").read_bytes().startswith(b"hello")


def test_a_full_disk_does_not_cost_the_lease(tmp_path: Path, clock: FakeClock) -> None:
    """Renewals write to places they have; a first record has none and is away. On a small disk of its own."""
    require_root()
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)], check=True)
    store = SqliteStore(disk / "lease.db", timing=LeaseTiming(), clock=clock, limit_s=30)
    late = SqliteStore(disk / "late.db", timing=LeaseTiming(), clock=clock, limit_s=30)
    try:
        store.create(FIRST)
        store.swap(FIRST, SECOND)
        fill(disk / "ballast")
        for count in range(3, 40):
            assert store.swap(
                LeaseRecord(owner="ann", token=1, counter=count - 1), LeaseRecord(owner="ann", token=1, counter=count)
            )
        with pytest.raises(StoreAway) as away:
            late.create(FIRST)
        assert away.value.code in ("full", "error")
    finally:
        store.close()
        late.close()
        subprocess.run(["umount", str(disk)], check=True)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            return


def test_a_start_time_tells_two_processes_of_one_id_apart() -> None:
    """None where there is no process."""
    assert start_time(os.getpid()) == this_process()["start"]
    assert start_time(2**22 + 1) is None


def test_many_renewals_leave_no_descriptor_and_no_thread(store: SqliteStore) -> None:
    """A holder renews 20 million times a year."""
    store.create(FIRST)
    record, before = FIRST, len(os.listdir("/proc/self/fd"))
    began = time.monotonic()
    for count in range(2, 60):
        new = LeaseRecord(owner="ann", token=1, counter=count)
        assert store.swap(record, new)
        record = new
    assert len(os.listdir("/proc/self/fd")) == before
    assert [thread.name for thread in threading.enumerate()].count("lease-sqlite") == 1
    assert time.monotonic() - began < 120
