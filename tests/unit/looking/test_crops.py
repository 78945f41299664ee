"""Regions out of the planes of a frame: the same colours as a conversion of the whole picture."""

from __future__ import annotations

import av
import numpy as np
import pytest

from daemon.looking.crops import cut_out
from detectors.hud.frames import Box

BOXES = {"one": Box(20, 10, 60, 40), "two": Box(0, 0, 2, 2), "edge": Box(150, 80, 10, 10)}


def picture(width: int = 160, height: int = 90) -> np.ndarray:
    """Large patches of colours, as chroma has half the size."""
    patches = np.random.default_rng(3).integers(0, 256, (height // 10, width // 10, 3), np.uint8)
    return np.ascontiguousarray(patches.repeat(10, 0).repeat(10, 1))


@pytest.mark.parametrize(
    "name", ["yuv420p", "yuvj420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv444p12le", "nv12", "gbrp", "rgb24"]
)
def test_the_colours_are_those_of_the_picture(name: str) -> None:
    """Within a few levels inside of the patches, in every layout that decoders give out."""
    rgb = picture()
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=name)
    crops = cut_out(frame, BOXES)
    for region, box in BOXES.items():
        assert crops[region].shape == (box.h, box.w, 3)
        assert crops[region].dtype == np.uint8
    inner = crops["one"][4::10, 4::10].astype(int)  # middles of the patches
    assert np.abs(inner - rgb[14:50:10, 24:80:10]).max() <= 6


@pytest.mark.parametrize(("space", "colours"), [("itu709", 1), ("itu601", 5)])
def test_the_frame_says_which_colours_it_means(space: str, colours: int) -> None:
    """BT.709 and BT.601 differ by 20 levels in green; a frame that says which is believed."""
    rgb = picture()
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv444p", dst_colorspace=space)
    frame.colorspace = colours
    assert np.abs(cut_out(frame, BOXES)["one"].astype(int) - rgb[10:50, 20:80]).max() <= 6


def test_odd_sizes() -> None:
    """161 by 91 pixels: chroma planes are rounded up."""
    frame = av.VideoFrame(161, 91, "yuv420p")
    for plane in frame.planes:
        plane.update(np.full(plane.buffer_size, 128, np.uint8).tobytes())
    assert cut_out(frame, {"corner": Box(150, 80, 10, 10)})["corner"].std() == 0
