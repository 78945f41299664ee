"""What is stored: real files, a real catalog, nothing remembered."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from supervisor.catalog import Catalog
from supervisor.metering import Meter, stored_bytes
from tests.unit.supervisor.test_retention import House, house

__all__ = ["house"]


async def stored(catalog: Catalog) -> int:
    """By what was last written down."""
    return (await catalog.usage_today())["default"].bytes


async def test_what_lies_in_the_folders_of_sessions_is_measured_anew_each_time(house: House) -> None:
    """Running and ended ones; what was deleted by hand counts no more, what belongs to nobody never."""
    folders = [await house.session("ann", clips=("c1",)), await house.session("ben", over=False)]
    (house.data_dir / "sessions" / "s-of-nobody").mkdir()
    (house.data_dir / "sessions" / "s-of-nobody" / "x").write_bytes(b"12345")
    meter = Meter(house.catalog, house.data_dir, house.clock, lambda: house.leads)
    await meter.measure()
    assert await stored(house.catalog) == 2 * len(b"footage") + len(b"clip")
    (folders[0] / "ring" / "main" / "1-0.ts").unlink()
    house.leads = False
    await meter.measure()
    assert await stored(house.catalog) == 2 * len(b"footage") + len(b"clip")  # who lost the lease writes nothing
    house.leads = True
    await meter.measure()
    assert await stored(house.catalog) == len(b"footage") + len(b"clip")


def test_a_file_counts_once_and_links_lead_nowhere(tmp_path: Path) -> None:
    """A clip's source is a second name of its footage; a stranger's link may point anywhere, also at itself."""
    (tmp_path / "ring").mkdir()
    (tmp_path / "ring" / "a.ts").write_bytes(b"x" * 100)
    os.link(tmp_path / "ring" / "a.ts", tmp_path / "a.ts")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "python").symlink_to("/usr/bin/env")
    os.mkfifo(tmp_path / "pipe")
    assert stored_bytes(tmp_path) == 100
    assert stored_bytes(tmp_path / "none") == 0


def test_a_folder_deeper_than_a_path_may_be_long_ends_the_count_there(tmp_path: Path) -> None:
    """And breaks no stack."""
    (tmp_path / "seen").write_bytes(b"12345")
    at = os.open(tmp_path, os.O_RDONLY)
    for _ in range(100):
        os.mkdir("d" * 200, dir_fd=at)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    assert stored_bytes(tmp_path) == 5
    shutil.rmtree("d" * 200, dir_fd=(at := os.open(tmp_path, os.O_RDONLY)))
    os.close(at)
