"""Death and disk errors at every sync point of a recorder, by strace: at the Nth call for N = 1, 2, ... to the end."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.audit import audit, read_acks
from tests.unit.ringbuffer.kit import encode, load

ROOT = Path(__file__).parents[2]
SYNCS = "fdatasync,fsync,rename,renameat2"
LIMIT = 60  # a run has about 20 of the most frequent call; more would mean that it never ends
KILLED, DONE, BAD_DISK = -9, 0, 73

pytestmark = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is not installed (apt-get install strace)"
)


@pytest.fixture(scope="module")
def chaos_media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("chaos"), "h264_brief")


@pytest.fixture(scope="module")
def wounded(chaos_media: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session whose recorder died in its second segment, so that every run begins with a recovery. Its renames: the
    first segment, its DVR list, the second segment."""
    session = tmp_path_factory.mktemp("wounded")
    assert recorder(session, chaos_media, "-e", "inject=rename:signal=KILL:when=3") == KILLED
    assert list((session / "ring" / "main").glob("*.tmp"))
    return session


def recorder(session: Path, media: Path, *strace: str) -> int:
    """One traced attempt; its exit code, negative for a signal."""
    command = ["strace", "-f", "-o", str(session / "trace"), "-e", f"trace={SYNCS}", *strace]
    command += [sys.executable, "-m", "tests.chaos.recorder_child", "record", str(session), str(media), "1"]
    return subprocess.run(command, cwd=ROOT, timeout=120, check=False).returncode


def test_an_attempt_may_be_killed_at_every_sync_point(
    wounded: Path, chaos_media: Path, tmp_path: Path, soak: bool
) -> None:
    """Before each fdatasync, fsync and rename, of the ring and of the journal: nothing acknowledged is lost.

    In a plain run before every second.
    """
    stream = load(chaos_media)
    points = 0
    for call in SYNCS.split(","):
        for nth in range(1, LIMIT, 1 if soak else 2):
            session = shutil.copytree(wounded, tmp_path / f"{call}-{nth}")
            ended = recorder(session, chaos_media, "-e", f"inject={call}:signal=KILL:when={nth}")
            assert ended in (KILLED, DONE)
            audit(session, stream)
            if ended == DONE:
                break
            points += 1
        assert ended == DONE
    assert points > (15 if soak else 7)


@pytest.mark.parametrize("first", ["EIO", "ENOSPC"])
def test_every_sync_point_may_fail(first: str, wounded: Path, chaos_media: Path, tmp_path: Path, soak: bool) -> None:
    """The disk refuses one call: the recorder goes on, or ends with a code, and the session is whole.

    In a plain run each of the two errors meets every fourth point; with --soak every point.
    """
    stream = load(chaos_media)
    codes = set()
    turn = 1 if soak else 4
    offset = 0 if soak else 2 * ["EIO", "ENOSPC"].index(first)
    for call in SYNCS.split(","):
        for nth in range(1 + offset, LIMIT, turn):
            session = shutil.copytree(wounded, tmp_path / f"{call}-{nth}")
            ended = recorder(session, chaos_media, "-e", f"inject={call}:error={first}:when={nth}")
            assert ended in (DONE, BAD_DISK)
            codes |= {ack["error"] for ack in read_acks(session) if "error" in ack}
            audit(session, stream)
            if "(INJECTED)" not in (session / "trace").read_text():
                break
        assert ended == DONE
    assert codes <= {"disk_io", "disk_full"}


def test_an_acknowledged_segment_is_on_the_platter(chaos_media: Path, tmp_path: Path) -> None:
    """Data, name, folder, journal row, in this order, before anyone hears of it (reliability.md section 3, item 25)."""
    with_paths = ("-y", "-e", f"trace={SYNCS},write")
    assert recorder(tmp_path, chaos_media, *with_paths) == DONE
    events = [event for line in (tmp_path / "trace").read_text().splitlines() if (event := _event(line))]
    segments = [int(event[1:]) for event in events if event[0] == "A"]
    before, order = 0, ""
    for event in events:
        if event[0] != "A":
            order += event
        elif int(event[1:]) > before:
            before = int(event[1:])
            assert re.search("DRFJ$", order), f"segment {before} was told after {order[-12:]}"
    assert max(segments) >= 3


def _event(line: str) -> str | None:
    """D data synced, R renamed, F folder synced, J journal synced, A<n> n segments told."""
    if re.search(r"fdatasync\(\d+<[^>]*\.ts\.tmp>", line):
        return "D"
    if re.search(r"rename\w*\(.*\.ts\"", line):
        return "R"
    if re.search(r"fsync\(\d+<[^>]*/ring/main>", line):
        return "F"
    if re.search(r"fdatasync\(\d+<[^>]*session\.db-wal>", line):
        return "J"
    told = re.search(r"write\(\d+<[^>]*/acks>.*\\\"segments\\\": (\d+)", line)
    return f"A{told[1]}" if told else None


def test_the_list_of_sync_calls_is_complete(chaos_media: Path, tmp_path: Path) -> None:
    """Were another call used to make things durable, the tests above would miss its points."""
    others = "sync,syncfs,sync_file_range,msync,linkat,link,renameat"
    assert recorder(tmp_path, chaos_media, "-e", f"trace={others}") == DONE
    lines = (tmp_path / "trace").read_text().splitlines()
    assert not list(itertools.dropwhile(lambda line: "exited with" in line, lines))
