"""A VOD is a replayed stream: at every speed the same file gives the same moments and the same cuts."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from daemon.demo import Recipe
from tests.scenario.command import SPEECH
from tests.scenario.worker import run_vod
from tests.soaking import more
from tests.synthetic_streams import StreamFiles, write_stream


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> StreamFiles:
    """Two minutes with three planted moments, and its chat."""
    return write_stream(tmp_path_factory.mktemp("stream"), Recipe.from_seed(7))


@pytest.fixture(scope="module")
def whole(stream: StreamFiles, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What it says when it is read to its end at once."""
    return asyncio.run(run_vod(stream.media, chat=stream.chat, folder=tmp_path_factory.mktemp("whole"), speed=None))


async def decisions(stream: StreamFiles, folder: Path, speed: float | None, **limits: Any) -> list[Any]:
    """(state, start, end, anchor, p) of every moment's every state, in order."""
    lines = await run_vod(stream.media, chat=stream.chat, folder=folder, speed=speed, **limits)
    return [
        (line["state"], line["start_s"], line["end_s"], line["anchor_s"], line["p"])
        for line in lines
        if line["type"] == "moment"
    ]


async def test_one_times_four_times_and_full_speed_decide_alike(stream: StreamFiles, tmp_path: Path) -> None:
    """1x runs on a virtual clock: two minutes of waiting cost no time."""
    live = await decisions(stream, tmp_path / "live", 1.0)
    assert live
    assert await decisions(stream, tmp_path / "four", 4.0) == live
    assert await decisions(stream, tmp_path / "max", None) == live


@pytest.mark.parametrize("until_s", [62, *more(40, 90)])
async def test_what_comes_later_changes_nothing_decided_before(
    until_s: float, stream: StreamFiles, whole: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Cutting the input at t leaves every decision up to t unchanged: nothing looks into the future."""
    part = await run_vod(stream.media, chat=stream.chat, folder=tmp_path / "part", speed=None, duration_s=until_s)

    def before(lines: list[dict[str, Any]]) -> list[Any]:
        """Decisions taken before the cut; the last step belongs to the end of the stream, which closes watermarks."""
        return [
            (line["t_s"], line["id"], line["state"], line["start_s"], line["end_s"], line["p"])
            for line in lines
            if line["type"] == "moment" and line["t_s"] < until_s - 1
        ]

    assert before(part) == before(whole)


def listening(planner: str) -> dict[str, str]:
    """Speech with the small English model, by a planner."""
    return {**SPEECH, "CLIPD_SPEECH__MODEL": "tiny.en", "CLIPD_SPEECH__PLANNER": planner}


def told(lines: list[dict[str, Any]]) -> list[Any]:
    """Words with the media time at which they were known, decisions, and titles."""
    kinds = {
        "transcript": ("t_s", "words", "reason"),
        "moment": ("t_s", "id", "state", "start_s", "end_s", "p"),
        "clip": ("id", "revision", "start_s", "end_s", "title"),
    }
    found = [[line["type"], *(line[name] for name in kinds[line["type"]])] for line in lines if line["type"] in kinds]
    return sorted(found, key=str)  # clips are cut by a thread of their own


@pytest.mark.parametrize("planner", ["packed", *more("live")])
async def test_words_and_what_is_made_of_them_are_the_same_at_every_speed(
    planner: str, stream: StreamFiles, tmp_path: Path
) -> None:
    """The planner waits for the media, never the other way round: nothing is skipped because it came fast."""
    limits: dict[str, Any] = {"duration_s": 50, "env": listening(planner), "chat": stream.chat}
    slow = told(await run_vod(stream.media, folder=tmp_path / "live", speed=1.0, **limits))
    fast = told(await run_vod(stream.media, folder=tmp_path / "max", speed=None, **limits))
    assert len([row for row in slow if row[0] == "transcript"]) > 20
    assert [row for row in slow if row[0] == "clip"]
    assert fast == slow


async def test_the_live_planner_does_not_look_into_the_future(stream: StreamFiles, tmp_path: Path) -> None:
    """Words and decisions up to the end of a shorter recording are those of the longer one."""
    runs = []
    for until_s in (20, 28):
        lines = await run_vod(
            stream.media, folder=tmp_path / str(until_s), speed=None, duration_s=until_s, env=listening("live")
        )
        runs.append([row for row in told(lines) if row[0] in ("transcript", "moment") and row[1] < 19])
    assert runs[0]
    assert runs[0] == runs[1]
