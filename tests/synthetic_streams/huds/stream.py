"""A rendered stream: background, HUD, scenes, overlay, coded as a platform gets it; and what is true of it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, cast

import cv2
import imageio_ffmpeg
import numpy as np

from core.game import GameKind
from tests.synthetic_streams.huds import cs_like, valorant_like
from tests.synthetic_streams.huds.backgrounds import Background
from tests.synthetic_streams.huds.drawing import Picture
from tests.synthetic_streams.huds.look import Look
from tests.synthetic_streams.huds.overlays import Overlay, Skin
from tests.synthetic_streams.huds.scenes import Scenes
from tests.synthetic_streams.huds.script import Banner, Script

Game = Literal["valorant", "cs2"]
MBITS: Final = {1080: 6.0, 720: 3.5}
BANNERS: Final = {
    "ace": (GameKind.STREAK, 5), "clutch": (GameKind.CLUTCH, 1), "round_won": (GameKind.ROUND_WON, 1),
    "round_lost": (GameKind.ROUND_LOST, 1), "victory": (GameKind.VICTORY, 1), "defeat": (GameKind.DEFEAT, 1),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """All that makes one stream."""

    name: str
    game: Game
    script: Script
    look: Look
    background: Background
    skin: Skin | None
    warmth: float = 1.0  # red against blue, as capture cards and monitors differ


class Happened(NamedTuple):
    """What a perfect reader says."""

    t: float
    kind: GameKind
    own: bool
    who: str = ""
    victim: str = ""
    size: int = 1


def truth(stream: Rendered) -> list[Happened]:
    """Every row and every banner, once."""
    script = stream.script
    rows = []
    for kill in script.kills:
        died = kill.victim == script.player
        own = died or kill.who == script.player
        rows.append(Happened(kill.t, GameKind.DEATH if died else GameKind.KILL, own, kill.who, kill.victim))
    return sorted([*rows, *(_banner(stream.game, banner) for banner in script.banners)])


def _banner(game: Game, banner: Banner) -> Happened:
    kind, count = BANNERS[cs_like.MARKS.get(banner.kind, banner.kind) if game == "cs2" else banner.kind]
    return Happened(banner.t, kind, True, size=count)


def painter(stream: Rendered) -> Any:
    """A function of the time, in s, that draws a frame."""
    like: Any = valorant_like.ValorantLike if stream.game == "valorant" else cs_like.CsLike
    accent = valorant_like.GOLD if stream.game == "valorant" else cs_like.FRAME
    hud, scenes = like(stream.script, stream.look), Scenes(stream.script, stream.look, stream.game, accent)
    overlay = None if stream.skin is None else Overlay(stream.skin, stream.script, stream.look)

    def draw(t: float) -> Picture:
        picture = stream.background(t)
        scenes.before(picture, t)
        hud.draw(picture, t)
        scenes.after(picture, t)
        if overlay is not None:
            overlay.draw(picture, t)
        if stream.warmth != 1.0:
            picture = _warmed(picture, stream.warmth)
        return picture

    return draw


def write(stream: Rendered, path: Path, *, fps: int = 30, extra: Sequence[str] = ()) -> None:
    """H.264 with a keyframe every 2 s and B-frames, at a platform's rate; `extra` are arguments for sound."""
    size, rate = f"{stream.look.width}x{stream.look.height}", MBITS.get(stream.look.height, 2.0)
    raw = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", size, "-r", str(fps), "-i", "-"]
    coded = ["-c:v", "libx264", "-preset", "superfast", "-bf", "2", "-g", str(2 * fps), "-pix_fmt", "yuv420p"]
    coded += ["-b:v", f"{rate}M", "-maxrate", f"{rate}M", "-bufsize", f"{2 * rate}M", "-x264-params", "scenecut=0"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *raw, *extra, *coded, str(path)]
    draw = painter(stream)
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:
        pipe = cast(Any, child.stdin)
        for number in range(round(stream.script.length_s * fps)):
            pipe.write(cv2.cvtColor(draw(number / fps), cv2.COLOR_RGB2YUV_I420).tobytes())
        pipe.close()
        assert child.wait(120) == 0


def _warmed(picture: Picture, warmth: float) -> Picture:
    gains = np.diag([warmth, 1.0, 1 / warmth]).astype(np.float32)
    return cast(Picture, cv2.transform(picture, gains))
