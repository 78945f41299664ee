"""The framing as ffmpeg renders it."""

from __future__ import annotations

import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import imageio_ffmpeg
import numpy as np
import pytest

from core.times import Ns, ns
from daemon.avopen import open_media
from daemon.ffmpeg import Limits, read_media, run_ffmpeg
from daemon.framing import Canvas, Framing, Knot, Pane, Place, Scene, framing_graph
from daemon.framing.faces import Picture
from daemon.framing.values import Size

LIMITS: Final = Limits(cpu_s=60, wall_s=120)
SOURCE: Final = Size(640, 360)
TALL: Final = Canvas(180, 320)
FFMPEG: Final = imageio_ffmpeg.get_ffmpeg_exe()


def render(folder: Path, framing: Framing, rate: Fraction = Fraction(25)) -> list[Picture]:
    """Pictures of a render of `master.mp4`."""
    graph = framing_graph(framing, "0:v", "out", rate).text()
    run_ffmpeg(
        [
            *read_media("master.mp4"),
            "-filter_complex",
            graph,
            "-map",
            "[out]",
            "-c:v",
            "libx264",
            "-qp",
            "0",
            "file:out.mp4",
        ],
        folder=folder,
        limits=LIMITS,
    )
    return pictures(folder / "out.mp4")


def pictures(path: Path) -> list[Picture]:
    with open_media(path, "mov") as media:
        return [cast(Picture, frame.to_ndarray(format="rgb24")) for frame in media.decode(video=0)]


def write(folder: Path, frames: list[Picture], rate: str = "25", *options: str) -> None:
    height, width = frames[0].shape[:2]
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", rate, "-i", "-"]
    command = [FFMPEG, "-v", "error", "-y", *raw, *options, "-c:v", "libx264", "-qp", "2", "-pix_fmt", "yuv420p"]
    subprocess.run([*command, str(folder / "master.mp4")], input=b"".join(f.tobytes() for f in frames), check=True)


def stripes(count: int) -> list[Picture]:
    """Grey from left to right: the mean of a crop says where it lies."""
    ramp = np.broadcast_to(np.linspace(20, 235, 640).astype(np.uint8)[None, :, None], (360, 640, 3))
    return [np.ascontiguousarray(ramp)] * count


def still(x: int) -> Pane:
    return Pane(Place(0, 0, 180, 320), (Knot(Ns(0), float(x), 0.0, 202, 360),))


def scenes(*parts: tuple[float, float, tuple[Pane, ...], bool]) -> Framing:
    made = [
        Scene(
            start_ns=ns(start), end_ns=ns(end), layout="track", reason="", panes=panes, blurred_background=blurred
        )
        for start, end, panes, blurred in parts
    ]  # fmt: skip
    return Framing(source_size=SOURCE, canvas=TALL, scenes=tuple(made))


def where(picture: Picture) -> float:
    """The source's x that lies in the middle."""
    return (float(picture[:, 80:100].mean()) - 20) / 215 * 640


@pytest.mark.parametrize(
    ("source", "out"),
    [("25", "25"), ("50", "25"), ("30000/1001", "30"), ("60000/1001", "30000/1001"), ("24", "30"), ("30", "25")],
)
def test_the_camera_switches_at_the_frame_of_the_cut(tmp_path: Path, source: str, out: str) -> None:
    """Black before the cut and white after it, in another crop: no frame shows the one with the other's crop."""
    cut, rate = 37, Fraction(source)
    frames = [np.full((360, 640, 3), 30, np.uint8) for _ in range(80)]
    for number, frame in enumerate(frames):
        frame[:, :320] = 90 if number < cut else 0  # what the right crop of each half of the clip shows is bright
        frame[:, 320:] = 0 if number < cut else 250
    write(tmp_path, frames, source)
    at = float(cut / rate)
    shown = render(tmp_path, scenes((0, at, (still(40),), False), (at, 9, (still(400),), False)), Fraction(out))
    levels = {round(float(picture.mean()) / 10) for picture in shown}
    assert levels == {9, 25}
    assert len(shown) == pytest.approx(80 / rate * Fraction(out), abs=1.1)


def test_a_moving_crop_steps_by_less_than_a_source_pixel(tmp_path: Path) -> None:
    """A slow pan enlarged four times moves on nearly every frame and never back."""
    fine = np.tile(np.repeat(np.linspace(20, 235, 64), 10), (360, 1))
    write(tmp_path, [np.repeat(fine[..., None], 3, axis=2).astype(np.uint8)] * 50)
    pane = Pane(Place(0, 0, 180, 320), (Knot(Ns(0), 100.0, 100.0, 46, 80), Knot(ns(2), 130.0, 100.0, 46, 80)))
    shown = [float(picture[160, 60:120].mean()) for picture in render(tmp_path, scenes((0, 2, (pane,), False)))]
    steps = np.diff(shown)
    assert np.all(steps >= -0.2)
    assert shown[-1] > shown[0] + 5
    line = np.linspace(shown[0], shown[-1], len(shown))
    assert np.abs(np.array(shown) - line).max() < 3.5  # one step of the stairs that the picture is made of


def test_the_crop_is_where_the_knots_say(tmp_path: Path) -> None:
    write(tmp_path, stripes(50))
    pane = Pane(
        Place(0, 0, 180, 320),
        (Knot(Ns(0), 10, 0, 202, 360), Knot(ns(0.5), 10, 0, 202, 360), Knot(ns(1.5), 410, 0, 202, 360)),
    )
    shown = render(tmp_path, scenes((0, 2, (pane,), False)))
    assert [where(shown[n]) for n in (0, 12, 25, 37, 49)] == pytest.approx([111, 111, 311, 506, 511], abs=9)


def test_stacked_panes_and_a_background_make_one_picture_each(tmp_path: Path) -> None:
    write(tmp_path, stripes(50))
    halves = tuple(
        Pane(Place(0, 160 * n, 180, 160), (Knot(Ns(0), x, 0.0, 404, 360),)) for n, x in ((0, 0.0), (1, 236.0))
    )
    whole = Pane(Place(0, 110, 180, 100), (Knot(Ns(0), 0.0, 0.0, 640, 360),))
    shown = render(tmp_path, scenes((0, 1, halves, False), (1, 2, (whole,), True)))
    assert len(shown) == 50
    assert {picture.shape for picture in shown} == {(320, 180, 3)}
    assert where(shown[5][:160]) == pytest.approx(202, abs=12)
    assert where(shown[5][160:]) == pytest.approx(438, abs=12)
    assert [float(shown[40][160, x].mean()) for x in (2, 177)] == pytest.approx([22, 233], abs=12)
    assert shown[40][20].std() < shown[40][160].std()  # the background is blurred


def test_the_same_framing_gives_the_same_pictures(tmp_path: Path) -> None:
    write(tmp_path, stripes(25))
    framing = scenes((0, 0.5, (still(40),), False), (0.5, 1, (still(300),), False))
    first = [picture.tobytes() for picture in render(tmp_path, framing)]
    assert [picture.tobytes() for picture in render(tmp_path, framing)] == first


def test_sixty_scenes_and_all_the_knots_there_may_be_fit_one_command(tmp_path: Path) -> None:
    """One argument of Linux holds 128 KiB."""
    write(tmp_path, stripes(70))
    parts = []
    for number in range(60):
        start = number * 0.04
        knots = tuple(Knot(ns(start + 0.002 * k), 100.25 + k % 3, 0.13 * k, 190, 338) for k in range(10))
        parts.append((start, start + 0.04, (Pane(Place(0, 0, 180, 320), knots),), False))
    framing = scenes(*parts)
    assert len(framing_graph(framing, "0:v", "out", Fraction(25)).text()) < 128 * 1024
    assert len(render(tmp_path, framing)) == 70


def test_oblong_pixels_come_out_square(tmp_path: Path) -> None:
    """A square drawn in a squeezed picture is a square again."""
    frame = np.zeros((360, 640, 3), np.uint8)
    frame[80:280, 220:420] = 255
    write(tmp_path, [frame] * 10, "25", "-vf", "scale=360:360,setsar=16/9")
    framing = scenes((0, 1, (Pane(Place(0, 70, 180, 100), (Knot(Ns(0), 0, 0, 640, 360),)),), True))
    stretched = Framing(source_size=SOURCE, canvas=TALL, scenes=framing.scenes, stretched=True)
    white = render(tmp_path, stretched)[5][:, :, 1] > 160
    across, down = white[120].sum(), white[70:170, 90].sum()
    assert across == pytest.approx(down, abs=3)


def test_a_turned_phone_video_comes_out_upright(tmp_path: Path) -> None:
    """ffmpeg turns it by its display matrix before the graph sees it."""
    write(tmp_path, [np.ascontiguousarray(np.rot90(frame, -1)) for frame in stripes(10)])
    shutil.move(tmp_path / "master.mp4", tmp_path / "stored.mp4")
    command = [FFMPEG, "-v", "error", "-display_rotation", "90", "-i", str(tmp_path / "stored.mp4"), "-c", "copy"]
    subprocess.run([*command, str(tmp_path / "master.mp4")], check=True)
    shown = render(tmp_path, scenes((0, 1, (still(400),), False)))
    assert where(shown[5]) == pytest.approx(501, abs=9)
