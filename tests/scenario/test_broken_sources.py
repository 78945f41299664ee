"""A live stream that breaks, watched by the real command: one session to its end, and every lost second has a reason.

`--soak` plays every script; `python -m benchmarks.source_faults` plays them beside streamlink and writes the table.
"""

from __future__ import annotations

import asyncio
from typing import Final

import pytest

from telemetry import SystemClock
from tests.synthetic_streams.broken import SCRIPTS, Script, make_shelf
from tests.synthetic_streams.broken.scripts import LENGTH_S
from tests.synthetic_streams.broken.viewers import Outcome, with_clipd

FEW: Final = (
    "playlist 404 for 6 s",
    "playlist frozen for 25 s",
    "link expired: refused for good, the list has a new one",
    "end of the list, taken back",
    "one segment cut for good",
    "encoder restarts: numbers and times from zero",
    "advert of 4 s",
    "source away for 10 s",
)
AT_ONCE: Final = 8


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory, soak: bool) -> dict[str, Outcome]:
    """All scripts, several at a time: each takes its minute of real time."""
    folder = tmp_path_factory.mktemp("broken")
    shelf = make_shelf(folder / "media", LENGTH_S)
    wanted = [script for script in SCRIPTS if soak or script.name in FEW]

    async def play() -> dict[str, Outcome]:
        room = asyncio.Semaphore(AT_ONCE)

        async def one(number: int, script: Script) -> Outcome:
            async with room:
                return await with_clipd(script, shelf, SystemClock(), folder / str(number))

        found = await asyncio.gather(*(one(n, script) for n, script in enumerate(wanted)))
        return {script.name: outcome for script, outcome in zip(wanted, found, strict=True)}

    return asyncio.run(play())


def test_every_session_is_one_and_ends_with_its_stream(outcomes: dict[str, Outcome]) -> None:
    """No false end, no second session."""
    ends = {name: (o.code, o.ended, o.sessions) for name, o in outcomes.items()}
    assert len(ends) >= len(FEW)
    assert ends == dict.fromkeys(ends, (0, "endlist", 1))


def test_every_second_of_loss_is_in_the_ledger_with_a_reason(outcomes: dict[str, Outcome]) -> None:
    """Pictures that were made and not kept, against the gaps that were told; adverts were no pictures of the stream."""
    for name, outcome in outcomes.items():
        told_s = outcome.ledger_s if outcome.reasons != ("ad",) else 0.0
        assert outcome.lost_s == pytest.approx(told_s, abs=0.5), (name, outcome)
        assert all(outcome.reasons), name


def test_what_a_fault_does_not_touch_is_not_lost(outcomes: dict[str, Outcome]) -> None:
    """Trouble with the playlist for less than its window costs nothing; a broken segment costs itself."""
    assert outcomes["playlist 404 for 6 s"].lost_s == pytest.approx(0, abs=0.2)
    assert outcomes["end of the list, taken back"].lost_s == pytest.approx(0, abs=0.2)
    assert outcomes["link expired: refused for good, the list has a new one"].lost_s == pytest.approx(0, abs=0.2)
    assert outcomes["source away for 10 s"].lost_s == pytest.approx(0, abs=0.2)
    assert outcomes["one segment cut for good"].lost_s == pytest.approx(2, abs=0.2)


def test_a_frozen_stream_is_not_called_live(outcomes: dict[str, Outcome]) -> None:
    """Twenty seconds at most; and it is back within ten of the source."""
    for name, outcome in outcomes.items():
        assert outcome.frozen_s <= 20, name
        assert outcome.back_s is None or outcome.back_s <= 10, (name, outcome.back_s)
