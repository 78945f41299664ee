"""`clipd replay`: what another profile would have clipped, of one session or several."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from core.ids import SessionId
from core.media import Epoch
from core.times import Ns, ns
from daemon.cli.main import app
from daemon.cli.replaying import ReplayChild
from daemon.journal import Journal
from detectors import Profile
from tests.synthetic_streams import feature_level as fl
from tests.unit.detectors.runs import chunks_of, decide

LENGTH_S = 90.0
NAMES = ("s20260101t000000-aaaaaa", "s20260102t000000-bbbbbb")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sessions of a minute and a half with a roar, decided under `gaming`."""
    root = tmp_path_factory.mktemp("data")
    for number, name in enumerate(NAMES):
        rng = np.random.default_rng(number)
        sound = fl.talk(rng, LENGTH_S)
        fl.add(sound, fl.roar(rng, 4.0), 50.0, 9.0)
        folder = root / "sessions" / name
        folder.mkdir(parents=True)
        with Journal.open_or_create(folder / "session.db", session=SessionId(name)) as journal:
            journal.begin_attempt()
            journal.add_epoch(Epoch(number=0, start_ns=Ns(0), reason="start", by="start"))
            journal.add_signals(chunks_of(sound, block=1600))
            for moment in decide_as(sound, name):
                journal.add_moment(moment)
    return root


def decide_as(sound: fl.Wave, name: str) -> list[Any]:
    """What the session decided."""
    return decide(sound, None, end_s=LENGTH_S, profile=Profile(name="gaming")).moments


def run(data: Path, *arguments: str) -> Result:
    """The command in this process."""
    return CliRunner().invoke(app, ["replay", "--data-dir", str(data), *arguments], catch_exceptions=False)


def lines(result: Result) -> list[dict[str, Any]]:
    """JSON lines on stdout."""
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_same_profile_changes_nothing(data: Path) -> None:
    """Nothing gained, lost or moved; and it says what it cost."""
    [found] = lines(run(data, NAMES[0], "--json"))
    assert (found["gained"], found["lost"], found["moved"], found["same"]) == ([], [], [], 1)
    assert found["session"] == NAMES[0]
    assert found["moments"] >= 1
    assert found["media_s"] == LENGTH_S
    assert found["machine_s_per_h"] == pytest.approx(found["machine_s"] / LENGTH_S * 3600, rel=0.2)


def test_several_sessions_give_a_line_each(data: Path) -> None:
    """In the order they were named, each once."""
    found = lines(run(data, "s20260102", NAMES[0], NAMES[1], "--json"))
    assert [line["session"] for line in found] == [NAMES[1], NAMES[0]]


def test_a_bar_out_of_reach_loses_the_clip(data: Path, tmp_path: Path) -> None:
    """Under a profile that a user wrote."""
    strict = tmp_path / "strict.yaml"
    strict.write_text("detect:\n  bar:\n    p_min: 0.999\n    p_max: 0.9995\n")
    [found] = lines(run(data, NAMES[0], "--profile", str(strict), "--json"))
    assert (len(found["lost"]), found["gained"], found["same"]) == (1, [], 0)


def test_text_for_people_names_sessions_and_costs(data: Path) -> None:
    """One session needs no title."""
    one, both = run(data, NAMES[0]).stdout, run(data, *NAMES).stdout
    assert one.startswith("1 the same\n")
    assert "moments with near misses in 0:01:30;" in one
    assert "s an hour of stream" in one
    assert [line for line in both.splitlines() if line.startswith("session ")] == [f"session {name}" for name in NAMES]


async def test_the_server_asks_a_child_of_its_own(data: Path) -> None:
    """Which says the same as the command; a session that is gone, and one that takes too long, are told as such."""
    child = ReplayChild(None, data)
    [expected] = lines(run(data, NAMES[0], "--profile", "podcast", "--json"))
    said = await child("podcast", SessionId(NAMES[0]), ns(60))
    measured = ("machine_s", "machine_s_per_h")
    assert {n: v for n, v in said.items() if n not in measured} == {
        n: v for n, v in expected.items() if n not in measured
    }
    assert await child("podcast", SessionId("s20260103t000000-cccccc"), ns(60)) == {"error": "no_journal"}
    assert await child("podcast", SessionId(NAMES[0]), ns(0.001)) == {"error": "time_limit"}
