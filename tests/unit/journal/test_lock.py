"""One writer a session."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import StorageError, UsageError
from daemon.journal import is_locked, session_lock

HOLD = """
import sys
from pathlib import Path
from daemon.journal import session_lock
with session_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_writer_is_told_who_holds_the_session(tmp_path: Path) -> None:
    """The message names the process; when it is killed the session is free at once."""
    lock = tmp_path / "lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdin is not None
    with holder, holder.stdout, holder.stdin:
        assert holder.stdout.readline() == b"held\n"
        assert is_locked(lock)
        with pytest.raises(UsageError, match=str(holder.pid)), session_lock(lock):
            pass
        holder.kill()
        holder.wait(60)
        with session_lock(lock):
            assert lock.read_text() == f"{os.getpid()}\n"
    assert not is_locked(lock)


def test_a_session_without_a_lock_file_is_free(tmp_path: Path) -> None:
    """A copied session has none."""
    assert not is_locked(tmp_path / "lock")


def test_a_lock_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    """The folder is gone, or a link in its place would lead elsewhere."""
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError), session_lock(tmp_path / "lock"):
        pass
    assert not (tmp_path / "elsewhere").exists()
