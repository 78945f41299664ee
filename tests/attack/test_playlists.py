"""Hostile playlists: nothing of this machine comes out, nothing is connected to, time and memory stay bounded."""

from __future__ import annotations

from typing import Any

import pytest

from tests.attack.everywhere import run_everywhere

pytestmark = pytest.mark.timeout(600)  # one run of all cases


@pytest.fixture(scope="module")
def outcome() -> dict[str, Any]:
    """Every case, played once, in one process."""
    found: dict[str, Any] = run_everywhere("tests.attack.playlist_run")
    return found


def test_no_hostile_playlist_reads_connects_hangs_or_crashes(outcome: dict[str, Any]) -> None:
    """Each ends in normal operation or in an error of ours within 15 s; a file on disk with a secret stays one."""
    assert outcome["cases"] >= 150
    assert outcome["wrong"] == []


def test_bombs_are_not_unpacked(outcome: dict[str, Any]) -> None:
    """100 MB playlists, gzip bombs and a million entries together: the worker's memory stays below its budget."""
    assert outcome["grown_mb"] < 250


def test_the_watch_bites(outcome: dict[str, Any]) -> None:
    """A file served openly is seen to come out, and a canary that `net.allow` opens is seen to be touched."""
    assert "the secret itself: the secret came out" in outcome["bites"]
    assert any("touched 127.0.0.1 port 8080" in line for line in outcome["bites"])
