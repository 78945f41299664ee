"""Games off the screen, end to end: a streak is one clip around its fight, a menu is none."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest

from tests.media import media
from tests.scenario.command import NO_SPEECH
from tests.scenario.worker import run_attempt, spec_for
from tests.synthetic_streams.huds.backgrounds import world
from tests.synthetic_streams.huds.look import Look
from tests.synthetic_streams.huds.script import Kill, Scene, Script
from tests.synthetic_streams.huds.stream import Rendered, write

PLAYER = "night_owl"
BEGINS_S = 34.2
KILLS = (("Marble", 22.2), ("Quartz", 24.1), ("Basalt", 25.4), ("Pumice", 28.0), ("Slate", 29.6))
QUIET = ("-f", "lavfi", "-i", "anoisesrc=amplitude=0.002:sample_rate=48000", "-c:a", "aac", "-shortest")


def rendered(kills: Sequence[tuple[str, float]], scenes: Sequence[Scene], folder: Path) -> Path:
    """A drawn stream at six frames a second, its sound next to silent."""
    script = Script(
        player=PLAYER,
        friends=frozenset({PLAYER, "Granite"}),
        length_s=38.0,
        kills=tuple(Kill(t, PLAYER, victim, "ak47", False) for victim, t in kills),
        scenes=tuple(scenes),
    )
    look = Look(font="NotoSans-ExtraBold", height=720, opacity=1.0)
    stream = Rendered(
        name="test", game="valorant", script=script, look=look, background=world(look.width, 720, 3), skin=None
    )
    path = folder / "stream.mp4"
    write(stream, path, fps=6, extra=QUIET)
    return path


@pytest.fixture
def frags(tmp_path: Path) -> Path:
    """38 s of the recording, from a keyframe on."""
    cut, source = tmp_path / "play.mp4", media("fx-game/dm_seed7.mp4")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-ss", str(BEGINS_S), "-i", str(source), "-t", "38"]
    subprocess.run([*command, "-c", "copy", str(cut)], check=True, timeout=90)
    return cut


async def clips_of(source: Path, folder: Path, game: str, player: str) -> list[dict[str, Any]]:
    """Every revision of every clip, as the worker's lines tell them."""
    env = {**NO_SPEECH, "CLIPD_GAME": game, "CLIPD_PLAYER": player}
    code, lines = await run_attempt(spec_for(str(source), folder, speed=None, env=env))
    assert code == 0, [line for line in lines if line["type"] == "error"]
    return [line for line in lines if line["type"] == "clip"]


async def test_a_streak_is_one_clip_that_grows_with_it(tmp_path: Path) -> None:
    """Five kills within eight seconds, nothing to hear: one clip that holds all of them, whatever its revisions."""
    clips = await clips_of(rendered(KILLS, (), tmp_path), tmp_path / "data", "valorant", PLAYER)
    assert len({clip["id"] for clip in clips}) == 1, clips
    last = clips[-1]
    assert last["start_s"] < KILLS[0][1]
    assert last["end_s"] > KILLS[-1][1] + 1.0


async def test_a_menu_is_no_moment(tmp_path: Path) -> None:
    """Words of victory, names and frames in the own rows' colours on a menu's pages."""
    scenes = [Scene(2.0, 20.0, "menu"), Scene(20.5, 37.0, "menu")]
    assert await clips_of(rendered((), scenes, tmp_path), tmp_path / "data", "valorant", PLAYER) == []


async def test_a_run_of_frags_in_a_real_game_is_a_clip(frags: Path, tmp_path: Path) -> None:
    """Freedoom's five frags at 59 to 68 s, told by what the game writes and by its counter."""
    clips = await clips_of(frags, tmp_path, "freedoom", "Clipper")
    first_s, last_s = 63.8 - BEGINS_S, 68.0 - BEGINS_S
    assert any(clip["start_s"] < first_s and clip["end_s"] > last_s for clip in clips), clips


@pytest.mark.parametrize("game", ["valorant", "cs2", "freedoom"])
def test_every_shipped_game_can_be_named(game: str, tmp_path: Path) -> None:
    """`--game` takes what `clipd hud list` shows."""
    assert spec_for("x.mp4", tmp_path, env={**NO_SPEECH, "CLIPD_GAME": game}).settings["game"] == game
