"""One take for all of these tests: two people who are seen and one who is only heard, with local files of each."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.rooms.conform import conform
from tests.room_takes import Guest, Local, MadeTake, make_take

LENGTH_S = 11.0
GUESTS = (
    Guest(
        pid="p1", name="Ada Lovelace", tone_hz=880, colour="0x204060", speaks_s=((0, 5),),
        locals=(Local(start_s=0.7, ppm=100, late_ms=82),),
    ),
    Guest(
        pid="p2", name="Grace Hopper", tone_hz=1320, colour="0x602040", voice=2, speaks_s=((5, 11),),
        seen_s=((0, 3), (6.4, 11)), locals=(Local(start_s=0.3, ppm=-80, length_s=8.5, late_ms=82),),
    ),
    Guest(
        pid="p3", name="Voice only", tone_hz=660, voice=4, seen_s=(), speaks_s=((7, 8),),
        locals=(Local(track="mic", start_s=0.2),),
    ),
)  # fmt: skip


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> MadeTake:
    """Not to be changed."""
    return make_take(tmp_path_factory.mktemp("rooms"), GUESTS, length_s=LENGTH_S, layout="speaker")


@pytest.fixture(scope="session")
def conformed(recorded: MadeTake, tmp_path_factory: pytest.TempPathFactory) -> MadeTake:
    """The same with all that is made of it; not to be changed."""
    take = copied(recorded, tmp_path_factory.mktemp("conformed"))
    conform(take.folder, lambda _done: None, threading.Event())
    return take


@pytest.fixture
def take(recorded: MadeTake, tmp_path: Path) -> MadeTake:
    """A copy of it, as DATA/rooms/rmtest/t1."""
    return copied(recorded, tmp_path)


def copied(take: MadeTake, to: Path) -> MadeTake:
    """All of its files, in a data folder of its own."""
    folder = to / "data" / "rooms" / "rmtest" / "t1"
    shutil.copytree(take.folder, folder)
    return replace(take, folder=folder)
