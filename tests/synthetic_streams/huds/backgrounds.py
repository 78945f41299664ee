"""What moves behind a HUD as a game does: drawn worlds to look around in, frames of films and of a real game."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np

from tests.synthetic_streams.huds.drawing import Picture

Background = Callable[[float], Picture]


def world(width: int, height: int, seed: int) -> Background:
    """A street of blocks in a few earthy and a few loud colours: turns, shakes, flashes, and things pass by."""
    random = np.random.default_rng(seed)
    large = np.zeros((height * 3 // 2, width * 3 // 2, 3), np.float32)
    base = random.uniform(50, 150, 3)
    for cells, weight in ((6, 60), (20, 30), (90, 14)):
        noise = random.uniform(-1, 1, (cells, cells * 16 // 9, 1)) * base / 100 + random.uniform(
            -0.3, 0.3, (cells, cells * 16 // 9, 3)
        )
        large += weight * cv2.resize(
            noise.astype(np.float32),
            large.shape[1::-1],
            interpolation=cv2.INTER_LINEAR if cells > 20 else cv2.INTER_NEAREST,
        )
    scene = np.clip(large + base, 0, 255).astype(np.uint8)
    things = random.uniform(0, 1, (7, 6))

    def draw(t: float) -> Picture:
        x = round((0.5 + 0.48 * math.sin(0.7 * t + seed) * math.cos(0.31 * t)) * (scene.shape[1] - width))
        y = round((0.5 + 0.4 * math.sin(1.3 * t)) * (scene.shape[0] - height))
        picture = scene[y : y + height, x : x + width].copy()
        for a, b, c, red, green, blue in things:
            across = ((a + t * (0.05 + 0.3 * b)) % 1.2 - 0.1) * width
            colour = (round(60 + 190 * red), round(40 + 200 * green), round(40 + 200 * blue))
            size = (round((0.01 + 0.04 * c) * height), round((0.03 + 0.08 * b) * height))
            cv2.rectangle(
                picture,
                (round(across), round(c * height)),
                (round(across) + size[0], round(c * height) + size[1]),
                colour,
                -1,
            )
        if math.sin(9 * t + seed) > 0.93:
            cv2.circle(picture, (width * 3 // 5, height * 3 // 5), height // 14, (255, 228, 150), -1)
        return picture

    return draw


def footage(width: int, height: int, path: Path, start_s: float) -> Background:
    """Frames of a film, shown larger and shaken a little."""
    frames = _frames(path, start_s)

    def draw(t: float) -> Picture:
        frame = frames[int(t * 12) % len(frames)]
        grown = cv2.resize(frame, (width * 21 // 20, height * 21 // 20), interpolation=cv2.INTER_LINEAR)
        x = round((0.5 + 0.5 * math.sin(3.1 * t)) * (grown.shape[1] - width))
        y = round((0.5 + 0.5 * math.sin(2.3 * t)) * (grown.shape[0] - height))
        return cast(Picture, grown[y : y + height, x : x + width].copy())

    return draw


def turns(made: Sequence[Callable[[], Background]], each_s: float) -> Background:
    """One after the other, with hard cuts; each is made when its turn comes."""
    backgrounds = [cache(make) for make in made]
    return lambda t: backgrounds[int(t / each_s) % len(backgrounds)]()(t)


@lru_cache(maxsize=6)
def _frames(path: Path, start_s: float) -> list[Picture]:
    """Twelve seconds at 12 a second, 480 wide."""
    found: list[Picture] = []
    with av.open(str(path)) as media:
        stream = media.streams.video[0]
        for frame in media.decode(stream):
            if frame.time is None or frame.time < start_s + len(found) / 12:
                continue
            high = round(480 * frame.height / frame.width / 2) * 2
            small = frame.reformat(width=480, height=high, format="rgb24").to_ndarray()
            cut = max(0, high - 270) // 2
            found.append(cast(Picture, small[cut : cut + 270].copy()))
            if len(found) == 144:
                break
    return found
