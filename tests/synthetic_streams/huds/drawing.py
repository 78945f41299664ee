"""Patches of RGBA, and how they get onto a picture: letters, plates, icons. All drawn; nothing is any game's art."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.uint8]  # (h, w, 3) RGB
Patch = NDArray[np.uint8]  # (h, w, 4) RGBA, alpha not multiplied in
Colour = tuple[int, int, int]
Points = Sequence[tuple[float, float]]  # in units of the patch's height
Parts = Sequence[tuple[Points, Colour]]
WHITE: Final[Colour] = (244, 244, 240)
FONTS: Final = Path(__file__).parents[3] / "daemon/captioning/fonts"
FINER: Final = 4  # shapes are drawn this much larger and reduced, which smooths their rims


def letters(font: str, text: str, px: int, colour: Colour = WHITE) -> Patch:
    """A line of text, as wide as its ink; its height is 1.4 px so that baselines agree."""
    mask = _mask(font, text, px)
    return np.dstack([np.broadcast_to(np.array(colour, np.uint8), (*mask.shape, 3)), mask])


@lru_cache(maxsize=4096)
def _mask(font: str, text: str, px: int) -> NDArray[np.uint8]:
    height, width = round(1.4 * px), px * (len(text) + 2)
    if font.startswith("cv2:"):  # OpenCV 5 carries Rubik; the figure is its weight
        picture = np.zeros((height, width, 3), np.uint8)
        face = cv2.FontFace("sans")
        cv2.putText(picture, text, (px // 2, round(1.05 * px)), (255, 255, 255), face, px, int(font[4:]))
        mask = picture[..., 0]
    else:
        image = Image.new("L", (width, height))
        ImageDraw.Draw(image).text((px // 2, round(1.05 * px)), text, fill=255, font=_face(font, px), anchor="ls")
        mask = np.asarray(image)
    inked = np.flatnonzero(mask.any(axis=0))
    return mask[:, inked[0] : inked[-1] + 1].copy() if inked.size else mask[:, :1].copy()


@cache
def _face(font: str, px: int) -> ImageFont.FreeTypeFont:
    if font == "aileron":  # inside Pillow
        return cast(ImageFont.FreeTypeFont, ImageFont.load_default(px))
    return ImageFont.truetype(str(FONTS / f"{font}.ttf"), px)


def plate(width: int, height: int, colour: Colour, opacity: float = 1.0) -> Patch:
    """One colour all over."""
    patch = np.empty((height, width, 4), np.uint8)
    patch[:] = (*colour, round(255 * opacity))
    return patch


def outline(patch: Patch, colour: Colour, thick: int) -> Patch:
    """The patch with a line along its inner rim."""
    framed = patch.copy()
    cv2.rectangle(framed, (0, 0), (patch.shape[1] - 1, patch.shape[0] - 1), (*colour, 255), thick * 2 - 1)
    return framed


def shape(width: int, height: int, parts: Parts) -> Patch:
    """Polygons on nothing, rims smoothed."""
    large = np.zeros((height * FINER, width * FINER, 4), np.uint8)
    for points, colour in parts:
        corners = np.array([(x * height * FINER, y * height * FINER) for x, y in points], np.int32)
        cv2.fillPoly(large, [corners], (*colour, 255))
    return reduced(large, FINER)


def reduced(large: Patch, times: int) -> Patch:
    """Smaller by a whole factor, colours weighted by alpha."""
    alpha = large[..., 3:].astype(np.float32)
    size = (large.shape[1] // times, large.shape[0] // times)
    colour = cv2.resize(large[..., :3] * alpha / 255, size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)[..., None]
    return np.dstack([colour * 255 / np.maximum(small, 1), small]).clip(0, 255).astype(np.uint8)


def scaled(patch: Patch, factor: float) -> Patch:
    """Another size, for things that pop up."""
    if factor == 1:
        return patch
    size = (max(1, round(patch.shape[1] * factor)), max(1, round(patch.shape[0] * factor)))
    return cast(Patch, cv2.resize(patch, size, interpolation=cv2.INTER_LINEAR))


def stack(patch: Patch, above: Patch, x: int, y: int) -> None:
    """`above` onto `patch`, which becomes no more transparent by it."""
    height, width = (min(above.shape[0], patch.shape[0] - y), min(above.shape[1], patch.shape[1] - x))
    if height <= 0 or width <= 0:
        return
    part, over = patch[y : y + height, x : x + width], above[:height, :width]
    alpha = over[..., 3:].astype(np.float32) / 255
    part[..., :3] = (over[..., :3] * alpha + part[..., :3] * (1 - alpha)).astype(np.uint8)
    part[..., 3] = np.maximum(part[..., 3], over[..., 3])


def paste(picture: Picture, patch: Patch, x: int, y: int, opacity: float = 1.0) -> None:
    """Onto the picture; what reaches out is cut off."""
    left, top = max(0, x), max(0, y)
    right, bottom = min(picture.shape[1], x + patch.shape[1]), min(picture.shape[0], y + patch.shape[0])
    if right <= left or bottom <= top:
        return
    over = patch[top - y : bottom - y, left - x : right - x]
    under = picture[top:bottom, left:right]
    alpha = over[..., 3:].astype(np.uint16) * round(opacity * 256) // 255
    under[:] = (over[..., :3] * alpha + under * (256 - alpha).astype(np.uint16)) >> 8


def centred(patch: Patch, x: float, y: float) -> tuple[int, int]:
    """Where its corner goes for its middle to be at x, y."""
    return round(x - patch.shape[1] / 2), round(y - patch.shape[0] / 2)


Draw = Callable[[Picture, float], None]
