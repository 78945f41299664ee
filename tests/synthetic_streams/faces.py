"""Scenes with faces whose places are known, in two families that share no background and no kind of movement: `tuning`
for choosing constants, `testing` for measuring. Its textures with seed 0 showed that a tiled wall passed for a facecam;
the rule that a frame ends at its corners comes from there, so what counts is another seed.

Portraits move over made backgrounds or over the demo's game; facecams are rectangles with a room of their own.
"""

from __future__ import annotations

import math
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

import av
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from daemon.framing.values import Box

Picture = NDArray[np.uint8]
Truth = tuple[tuple[str, Box], ...]  # who, and the face in px
Draw = Callable[[float], tuple[Picture, Truth]]
PORTRAITS: Final = Path(__file__).with_name("portraits")
GAME: Final = Path(__file__).parents[2] / "daemon/demo/assets/loop.mp4"
SIZE: Final = (960, 540)
FACES: Final = {"collins": Box(90, 52, 88, 96), "hopper": Box(78, 56, 108, 118)}  # in the portraits, px of 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A scene to be drawn. `expected` are the layouts that are right on a tall canvas; `cuts_s` where it cuts."""

    name: str
    length_s: float
    draw: Draw
    expected: frozenset[str]
    cuts_s: tuple[float, ...] = ()
    facecam: Box | None = None


def write(staged: Staged, path: Path, *, fps: int = 25, gop: int = 50) -> list[tuple[float, Truth]]:
    """Draw and code it as a master is coded by streamers (no scene-cut keyframes, two B-frames); returns the truth."""
    width, height = SIZE
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(fps), "-i", "-"]
    coded = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "23", "-bf", "2", "-g", str(gop), "-pix_fmt", "yuv420p"]
    coded += ["-x264-params", "scenecut=0:b-pyramid=none", "-threads", "2"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *raw, *coded, str(path)]
    truth = []
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:
        pipe = cast(Any, child.stdin)
        for number in range(round(staged.length_s * fps)):
            picture, faces = staged.draw(number / fps)
            pipe.write(picture.tobytes())
            truth.append((number / fps, faces))
        pipe.close()
        assert child.wait(60) == 0
    return truth


def tuning() -> list[Staged]:
    """Collins over drifting gradients; movements are sines."""
    back = _gradients()

    def sway(amount: float, period_s: float, height: float) -> Draw:
        return lambda t: staged_people(
            back(t), [("collins", 0.5 + amount * math.sin(2 * math.pi * t / period_s), 0.45, height)]
        )

    def two(t: float) -> tuple[Picture, Truth]:
        return staged_people(back(t), [("collins", 0.2, 0.45, 0.55), ("collins", 0.8, 0.45, 0.5)])

    def cutting(t: float) -> tuple[Picture, Truth]:
        side = int(t / 2.2 + 1e-6) % 2
        return staged_people(back(t + 40 * side), [("collins", 0.25 + 0.5 * side, 0.45, 0.7)])

    cam = Box(0.72, 0.68, 0.25, 0.28).scaled(*SIZE)
    return [
        Staged(name="sways", length_s=8, draw=sway(0.05, 3, 0.7), expected=frozenset({"track"})),
        Staged(name="swings", length_s=10, draw=sway(0.35, 10, 0.6), expected=frozenset({"track"})),
        Staged(name="two", length_s=6, draw=two, expected=frozenset({"split"})),
        Staged(name="cuts", length_s=8, draw=cutting, expected=frozenset({"track"}), cuts_s=(2.2, 4.4, 6.6)),
        Staged(
            name="cam over discs", length_s=8, draw=_in_cam(_discs(), cam, "collins", 0.06),
            expected=frozenset({"game_facecam"}), facecam=cam,
        ),
    ]  # fmt: skip


def testing(seed: int) -> list[Staged]:
    """Hopper over textures and over the demo's game; movements are walks with stops. Another seed: other textures and
    other walks."""
    wall, street, game = _texture(seed + 3), _texture(seed + 11), _game()
    talk = _walk(seed + 2, stops_s=1, reach=0.03)
    pace, stroll = _walk(seed + 5, stops_s=1.5, reach=0.34), _walk(seed + 8, stops_s=0.6, reach=0.38)

    def alone(back: Callable[[float], Picture], xs: Callable[[float], float], y: float, height: float) -> Draw:
        return lambda t: staged_people(back(t), [("hopper", xs(t), y, height)])

    def across(t: float) -> tuple[Picture, Truth]:
        return staged_people(street(t), [("hopper", 0.12 + 0.76 * min(1.0, max(0.0, (t - 1) / 6)), 0.5, 0.5)])

    def away(t: float) -> tuple[Picture, Truth]:
        there = not 3 <= t < 5.5
        return staged_people(wall(t), [("hopper", 0.3 if t < 3 else 0.36, 0.5, 0.7)] if there else [])

    def two(t: float) -> tuple[Picture, Truth]:
        left, right = 0.17 + 0.02 * math.sin(t * 1.7), 0.82 + 0.02 * math.sin(t * 2.3)
        return staged_people(wall(t), [("hopper", left, 0.5, 0.6), ("collins", right, 0.48, 0.62)])

    def cutting(t: float) -> tuple[Picture, Truth]:
        shot = sum(t >= cut - 1e-6 for cut in cuts)
        x, height, back = ((0.24, 0.8, wall), (0.77, 0.55, street), (0.45, 0.9, wall), (0.7, 0.6, street))[shot]
        return staged_people(back(t), [("hopper", x, 0.5, height)])

    cuts = (1.96, 4.36, 7.12)
    low, high = Box(0.0, 0.70, 0.24, 0.30).scaled(*SIZE), Box(0.72, 0.05, 0.25, 0.32).scaled(*SIZE)
    track = frozenset({"track"})
    return [
        Staged(name="talks", length_s=8, draw=alone(wall, talk, 0.5, 0.8), expected=track),
        Staged(name="paces", length_s=14, draw=alone(street, pace, 0.5, 0.55), expected=track),
        Staged(name="strolls", length_s=14, draw=alone(wall, stroll, 0.5, 0.45), expected=track),
        Staged(name="walks across", length_s=8, draw=across, expected=track),
        Staged(name="far away", length_s=8, draw=alone(street, pace, 0.55, 0.2), expected=track),
        Staged(name="goes away", length_s=8, draw=away, expected=track),
        Staged(name="two", length_s=8, draw=two, expected=frozenset({"split"})),
        Staged(name="cuts", length_s=9, draw=cutting, expected=track, cuts_s=cuts),
        Staged(
            name="cam over game", length_s=10, draw=_in_cam(game, low, "hopper", 0.05),
            expected=frozenset({"game_facecam"}), facecam=low,
        ),
        Staged(
            name="cam over screen", length_s=10, draw=_in_cam(_screen(), high, "hopper", 0.04),
            expected=frozenset({"screen_speaker"}), facecam=high,
        ),
    ]  # fmt: skip


def staged_people(back: Picture, people: Sequence[tuple[str, float, float, float]]) -> tuple[Picture, Truth]:
    """Portraits on a copy of the background: who, middle across and down, height, in fractions of the picture."""
    picture = back.copy()
    truth = []
    for who, x, y, size in people:
        side = max(16, round(size * picture.shape[0] / 2) * 2)
        left, top = round(x * picture.shape[1]) - side // 2, round(y * picture.shape[0]) - side // 2
        _paste(picture, _portrait(who, side), _oval(side), left, top)
        face = FACES[who].scaled(side / 256, side / 256)
        truth.append((who, Box(left + face.x, top + face.y, face.w, face.h)))
    return picture, tuple(truth)


def _in_cam(back: Callable[[float], Picture], cam: Box, who: str, sway: float) -> Draw:
    """A facecam over a background: a room, a face that moves a little, a thin frame."""
    x, y, w, h = (round(value / 2) * 2 for value in cam)
    room = np.empty((h, w, 3), np.uint8)
    room[:] = np.linspace(60, 110, w)[None, :, None].astype(np.uint8)
    room[h // 5 : h // 2, w // 12 : w // 4] = (120, 80, 50)

    def draw(t: float) -> tuple[Picture, Truth]:
        inner, faces = staged_people(
            room, [(who, 0.5 + sway * math.sin(1.3 * t), 0.55 + 0.01 * math.sin(2.9 * t), 0.9)]
        )
        picture = back(t).copy()
        picture[y : y + h, x : x + w] = inner
        return picture, tuple((name, Box(box.x + x, box.y + y, box.w, box.h)) for name, box in faces)

    return draw


def _walk(seed: int, *, stops_s: float, reach: float) -> Callable[[float], float]:
    """Goes to a random place, stands, goes on; within `reach` of the middle."""
    random = np.random.default_rng(seed)
    times, places = [0.0], [float(random.uniform(-reach, reach))]
    while times[-1] < 60:
        times.append(times[-1] + stops_s * float(random.uniform(0.5, 1.5)))
        places.append(places[-1])
        goal = float(random.uniform(-reach, reach))
        times.append(times[-1] + 0.3 + abs(goal - places[-1]) / 0.18)  # fractions of the width a second: walking
        places.append(goal)
    return lambda t: 0.5 + float(np.interp(t, times, places)) + 0.004 * math.sin(7.1 * t)


def _gradients() -> Callable[[float], Picture]:
    ys, xs = np.mgrid[: SIZE[1], : SIZE[0]].astype(np.float32)

    def draw(t: float) -> Picture:
        red, green = 128 + 100 * np.sin(xs / 190 + t / 20), 128 + 90 * np.cos(ys / 130 - t / 30)
        return np.stack([red, green, np.full_like(xs, 90 + (t * 3) % 100)], axis=2).astype(np.uint8)

    return draw


def _discs() -> Callable[[float], Picture]:
    """Many discs that fly about: a game, as far as motion goes."""
    ys, xs = np.mgrid[: SIZE[1], : SIZE[0]].astype(np.float32)
    numbers = np.random.default_rng(1).uniform(0, 6.3, (14, 5))

    def draw(t: float) -> Picture:
        picture = np.full((SIZE[1], SIZE[0], 3), 40, np.uint8)
        for a, b, c, d, e in numbers:
            x, y = (
                (0.5 + 0.55 * math.sin(a + t * (0.4 + b / 5))) * SIZE[0],
                (0.5 + 0.5 * math.sin(c + t * d / 3)) * SIZE[1],
            )
            colour = np.array([40 + 34 * e, 250 - 30 * a, 30 * c + 40], np.uint8)
            picture[(xs - x) ** 2 + (ys - y) ** 2 < (30 + 18 * b) ** 2] = colour
        return picture

    return draw


def _texture(seed: int) -> Callable[[float], Picture]:
    """Blocks of noise at three sizes: a wall, a street."""
    random = np.random.default_rng(seed)
    picture = np.zeros((SIZE[1], SIZE[0], 3), np.float32)
    for block, weight in ((60, 50), (20, 25), (5, 12)):
        noise = random.uniform(-1, 1, (SIZE[1] // block, SIZE[0] // block, 3)).astype(np.float32)
        picture += weight * np.kron(noise, np.ones((block, block, 1), np.float32))
    made = np.clip(picture + random.uniform(80, 170, 3), 0, 255).astype(np.uint8)
    return lambda _: made


def _screen() -> Callable[[float], Picture]:
    """Lines as of a text on a page, one more each second."""
    random = np.random.default_rng(4)
    lengths = random.uniform(0.2, 0.62, 60)

    def draw(t: float) -> Picture:
        picture = np.full((SIZE[1], SIZE[0], 3), 244, np.uint8)
        for line in range(10 + int(t)):
            y, end = 30 + 22 * line, int(60 + SIZE[0] * lengths[line])
            for x in range(60, end, 46):
                picture[y : y + 9, x : x + 36] = 50
        return picture

    return draw


def _game() -> Callable[[float], Picture]:
    """The demo's game without the panel at its right, which is a facecam of its own."""
    pictures: list[Picture] = []

    def fill() -> Iterator[Picture]:
        with av.open(str(GAME)) as media:
            for number, frame in enumerate(media.decode(video=0)):
                if number % 6 == 0:  # 5 a second are enough to move
                    wide = frame.reformat(width=SIZE[0] * 3 // 2, height=SIZE[1], format="rgb24").to_ndarray()
                    yield cast(Picture, wide[:, : SIZE[0]].copy())
                if number > 420:
                    return

    def draw(t: float) -> Picture:
        if not pictures:
            pictures.extend(fill())
        return pictures[int(t * 5) % len(pictures)]

    return draw


@cache
def _portrait(who: str, side: int) -> Picture:
    with av.open(str(PORTRAITS / f"{who}.jpg")) as media:
        frame = next(media.decode(video=0))
    return cast(Picture, frame.reformat(width=side, height=side, format="rgb24", interpolation="AREA").to_ndarray())


@cache
def _oval(side: int) -> NDArray[np.float32]:
    """Opaque over head and shoulders, gone at the rim, so that nothing looks like a frame."""
    ys, xs = np.mgrid[:side, :side].astype(np.float32) / side - 0.5
    return cast(NDArray[np.float32], np.clip((0.5 - np.sqrt(xs**2 + ys**2)) * 12, 0, 1)[..., None])


def _paste(picture: Picture, patch: Picture, mask: NDArray[np.float32], left: int, top: int) -> None:
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = max(0, left), max(0, top), min(width, left + patch.shape[1]), min(height, top + patch.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    part, soft = patch[y0 - top : y1 - top, x0 - left : x1 - left], mask[y0 - top : y1 - top, x0 - left : x1 - left]
    under = picture[y0:y1, x0:x1]
    picture[y0:y1, x0:x1] = (part * soft + under * (1 - soft)).astype(np.uint8)
