"""Finished files in a session: made beside the masters, added to clip and folder, taken up by the next attempt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.demo import Recipe
from tests.scenario.worker import run_attempt, spec_for
from tests.synthetic_streams import StreamFiles, write_stream
from tests.unit.finish.conftest import PLATFORM

SECONDS = 85.0


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> StreamFiles:
    """Two minutes with three planted moments."""
    return write_stream(tmp_path_factory.mktemp("stream"), Recipe.from_seed(23))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Settings with one format that takes a second."""
    path = tmp_path_factory.mktemp("platform") / "small.yaml"
    path.write_text(PLATFORM.format(name="small", width=90, height=160))
    return {"CLIPD_SPEECH__ENABLED": "false", "CLIPD_CLIPS__FORMATS": f"master,{path}"}


def last(lines: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What was said last of each clip."""
    return {line["id"]: line for line in lines if line["type"] == "clip"}


async def attempt(stream: StreamFiles, folder: Path, env: dict[str, str]) -> list[dict[str, Any]]:
    """The first of the planted moments is enough."""
    spec = spec_for(str(stream.media), folder, chat=str(stream.chat), env=env, duration_s=SECONDS)
    code, lines = await run_attempt(spec)
    assert code == 0
    return lines


async def test_every_clip_is_finished_when_the_command_ends(
    stream: StreamFiles, tmp_path: Path, small: dict[str, str]
) -> None:
    lines = await attempt(stream, tmp_path, small)
    clips = last(lines)
    assert clips
    for clip in clips.values():
        for kind in ("master", "small", "otio", "thumbnail_2"):
            assert Path(clip["files"][kind]).parent.parent == tmp_path / "out"
            assert Path(clip["files"][kind]).stat().st_size
        recipe = json.loads((Path(clip["files"]["master"]).parent / "clip.json").read_text())
        assert recipe["finish"]["formats"].keys() == {"small"}
    told: dict[str, dict[str, Any]] = {}
    for line in lines:
        if line["type"] == "clip":
            told.setdefault(line["id"], line)
    assert all("small" not in line["files"] for line in told.values())  # no master waited for a render
    renders = [line for line in lines if line["type"] == "render"]
    assert {line["id"] for line in renders if line["state"] == "done"} == clips.keys()
    assert {line["state"] for line in renders} >= {"queued", "running", "done"}


async def test_what_one_attempt_left_the_next_one_makes(
    stream: StreamFiles, tmp_path: Path, small: dict[str, str]
) -> None:
    """As after a kill: the clips are there, their finished files are not."""
    before = last(await attempt(stream, tmp_path, {"CLIPD_SPEECH__ENABLED": "false"}))
    after = last(await attempt(stream, tmp_path, small))
    assert before
    assert before.keys() == after.keys()
    assert all("small" in clip["files"] for clip in after.values())


async def test_a_format_that_does_not_exist_is_said_before_the_stream_begins(
    stream: StreamFiles, tmp_path: Path
) -> None:
    env = {"CLIPD_SPEECH__ENABLED": "false", "CLIPD_CLIPS__FORMATS": "master,verticle"}
    code, lines = await run_attempt(spec_for(str(stream.media), tmp_path, env=env))
    assert code == 64
    error = next(line for line in lines if line["type"] == "error")
    assert error["code"] == "unknown_platform"
    assert "vertical" in error["remedy"]


async def test_a_render_that_fails_is_a_warning_and_the_master_stays(
    stream: StreamFiles, tmp_path: Path, small: dict[str, str]
) -> None:
    """A platform whose bytes hold no clip of that length."""
    path = tmp_path / "tiny.yaml"
    path.write_text(PLATFORM.format(name="tiny", width=1080, height=1920).replace("4_000_000", "100_000"))
    lines = await attempt(stream, tmp_path, {**small, "CLIPD_CLIPS__FORMATS": f"master,{path}"})
    clips = last(lines)
    assert clips
    assert all(Path(clip["files"]["master"]).exists() for clip in clips.values())
    failed = [line for line in lines if line["type"] == "render" and line["state"] == "failed"]
    assert {line["id"] for line in failed} == clips.keys()
    assert {line["reason"] for line in failed} == {"no_room"}
    assert any(line["type"] == "warning" and line["code"] == failed[0]["reason"] for line in lines)
