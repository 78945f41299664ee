"""A watch whose source goes and comes: nothing it holds grows. A minute of it; with `--soak` half an hour after
twenty minutes of warm-up, with a restart every two minutes. `python -m benchmarks.reconnect_soak` runs the same and
writes the table.

The stream plays in real time; what the command and its worker hold is looked at whenever a playlist is asked for.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import pytest

from telemetry import SystemClock
from tests.synthetic_streams.broken.media import make_plain
from tests.synthetic_streams.broken.soak import Held, Soaked, Who, trend, watch_long

BOTH: Final[tuple[Who, ...]] = ("command", "worker")
HALF_AN_HOUR: Final = {"length_s": 3000.0, "every_s": 120.0, "away_s": 6.0, "warm_s": 1200.0, "ring_minutes": 5.0}
A_MINUTE: Final = {"length_s": 60.0, "every_s": 6.0, "away_s": 2.0, "warm_s": 20.0, "ring_minutes": 0.2}
SLOPE_MIB_H: Final = 1.0
# A minute is too short for a slope: what is usual for a stream is learned for a quarter of an hour, and on a busy
# machine pools find late that they need another thread, whose heap is a few MiB.
GROWN_MIB: Final = {True: 5.0, False: 12.0}  # by whether it is the long form
MOST_MIB: Final = 200.0  # DESIGN.md section 8: a worker without a speech model of its own
SPARE: Final = 3  # files or threads; one left open at each restart is five between the first and the last third


@pytest.fixture(scope="module")
def soaked(tmp_path_factory: pytest.TempPathFactory, soak: bool) -> Soaked:
    """One run for all tests."""
    folder, chosen = tmp_path_factory.mktemp("soak"), HALF_AN_HOUR if soak else A_MINUTE
    segments = make_plain(folder / "media", int(chosen["every_s"]))
    return asyncio.run(watch_long(segments, SystemClock(), folder, **chosen))


def test_every_restart_is_survived_in_one_session(soaked: Soaked) -> None:
    """Its media is kept, in an epoch for each restart; a machine that is slow may miss a turn of four seconds."""
    assert (soaked.code, soaked.sessions) == (0, 1)
    assert soaked.restarts >= 10
    assert soaked.epochs >= soaked.restarts - 2
    assert soaked.captured_s >= 0.8 * soaked.made_s


def test_its_chat_is_read_again_each_time_and_counted_once(soaked: Soaked) -> None:
    """The feed begins with its last twenty messages each time."""
    assert soaked.chat["messages"] > 0
    assert soaked.chat["lost"] == {}
    assert soaked.chat["aside"]["repeated"] >= 10 * soaked.restarts


@pytest.mark.parametrize("who", BOTH)
def test_no_file_and_no_thread_stays(soaked: Soaked, who: Who) -> None:
    """One at each restart would be ten by the end."""
    assert len(soaked.of(who)) >= 9
    assert soaked.grown(who, "files") <= SPARE
    assert soaked.grown(who, "threads") <= SPARE


@pytest.mark.parametrize("who", BOTH)
def test_memory_is_flat(soaked: Soaked, who: Who, soak: bool) -> None:
    """In half an hour by its slope, in a minute by how much came on."""
    if soak:
        assert soaked.trend(who).slope <= SLOPE_MIB_H
    held = [one.rss_kb / 1024 for one in soaked.of(who)]
    assert max(held) - held[0] <= GROWN_MIB[soak]
    assert max(held) <= MOST_MIB


def test_a_leak_would_be_seen() -> None:
    """The measure itself: 2 MiB an hour in the noise of a heap, and a file left open at each of fifteen restarts."""
    noise = (0.0, 0.4, 0.1, 0.3)
    points = [(2.0 * n, 150 + 2.0 * n / 1800 + noise[n % 4]) for n in range(900)]
    found = trend(points)
    assert found.slope == pytest.approx(2.0, abs=3 * found.error)
    assert found.slope - 2 * found.error > SLOPE_MIB_H
    fields: dict[str, Any] = {"code": 0, "restarts": 15, "sessions": 1, "epochs": 16, "captured_s": 0, "made_s": 0}
    held = tuple(Held(10.0 * n, 1, 15 + n // 12, 8) for n in range(180))
    leaking = Soaked(**fields, chat={}, warm_s=0, held={"command": held, "worker": held})
    assert leaking.grown("worker", "files") > SPARE
    assert leaking.grown("worker", "threads") == 0
