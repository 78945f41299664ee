"""What the supervisor writes where workers write too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.errors import StorageError
from supervisor.catalog.room_values import SegmentRow
from supervisor.roomfiles import publish, write_ledger

ROW = SegmentRow(
    id="0b1c",
    room="rm1",
    workspace="default",
    take="t1",
    person="p1",
    track="cam",
    mime="video/webm",
    t_ms=0.0,
    settings={},
)  # fmt: skip


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """What was uploaded."""
    path = tmp_path / "media"
    path.write_bytes(b"webm")
    return path


def test_a_track_gets_its_name_once(tmp_path: Path, media: Path) -> None:
    """No byte is copied."""
    for _ in range(2):
        publish(tmp_path, ROW, media)
    kept = tmp_path / "rooms/rm1/t1/p1/cam/local-0b1c.webm"
    assert kept.samefile(media)
    write_ledger(tmp_path, "rm1", "t1", [ROW])
    [told] = json.loads((tmp_path / "rooms/rm1/t1/local.json").read_text())
    assert told["file"] == "p1/cam/local-0b1c.webm"
    assert {path.name for path in (tmp_path / "rooms/rm1/t1").iterdir()} == {"p1", "local.json"}


def test_no_link_of_a_worker_is_followed(tmp_path: Path, media: Path) -> None:
    """A room's worker parses what strangers send; what it may write lies in its room."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("mine")
    take = tmp_path / "rooms/rm1/t1"
    take.mkdir(parents=True)
    (take / "p1").symlink_to(outside)
    with pytest.raises(StorageError, match="cannot be kept"):
        publish(tmp_path, ROW, media)
    (take / "local.json").symlink_to(outside / "file")
    write_ledger(tmp_path, "rm1", "t1", [ROW])
    assert (outside / "file").read_text() == "mine"
    assert [path.name for path in outside.iterdir()] == ["file"]
    assert not (take / "local.json").is_symlink()
