"""Looking at real files: cuts to the frame, faces, facecams, pictures that are turned or have oblong pixels."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

import imageio_ffmpeg
import pytest

from core.errors import BadMedia
from core.times import ns, to_s
from daemon.framing import BlazeFace, Canvas, LayoutRule, Observations, observe, plan_framing
from daemon.framing.footage import Footage
from tests.media import media
from tests.synthetic_streams import faces as stage
from tests.synthetic_streams.faces import Staged, write

TALL: Final = Canvas(1080, 1920)
FFMPEG: Final = imageio_ffmpeg.get_ffmpeg_exe()


@pytest.fixture(scope="module")
def finder() -> BlazeFace:
    return BlazeFace()


def scene(name: str) -> Staged:
    return next(staged for staged in stage.testing(0) if staged.name == name)


def code(source: Sequence[str], path: Path, *options: str) -> Path:
    subprocess.run([FFMPEG, "-v", "error", "-y", *source, *options, str(path)], check=True)
    return path


def test_cuts_are_found_to_the_frame_when_no_keyframe_marks_them(tmp_path: Path, finder: BlazeFace) -> None:
    """B-frames that nothing refers to are not decoded at first; the cut may lie on one."""
    staged = scene("cuts")
    write(staged, tmp_path / "master.mp4")
    found = observe(tmp_path / "master.mp4", 0, ns(staged.length_s), finder).cuts_ns
    assert [to_s(cut) for cut in found] == pytest.approx(staged.cuts_s, abs=0.001)


@pytest.mark.parametrize(
    ("name", "length_s", "cuts_s"),
    [("bikes.mp4", 10.0, [1.20, 3.04, 5.48, 7.48, 9.68]), ("bigbuckbunny.mp4", 5.3, [])],
)
def test_cuts_of_real_footage(finder: BlazeFace, name: str, length_s: float, cuts_s: list[float]) -> None:
    found = observe(media(f"fx-video/{name}"), 0, ns(length_s), finder).cuts_ns
    assert [to_s(cut) for cut in found] == pytest.approx(cuts_s, abs=0.021)


@pytest.mark.parametrize(("name", "layout"), [("cam over game", "game_facecam"), ("cam over screen", "screen_speaker")])
def test_a_facecam_is_found_to_a_few_pixels(tmp_path: Path, finder: BlazeFace, name: str, layout: str) -> None:
    staged = scene(name)
    truth = write(staged, tmp_path / "master.mp4")
    seen = observe(tmp_path / "master.mp4", 0, ns(staged.length_s), finder)
    [inset] = seen.insets
    assert staged.facecam is not None
    assert inset.box.iou(staged.facecam) > 0.85
    framing = plan_framing(seen, TALL, LayoutRule())
    assert {part.layout for part in framing.scenes} == {layout}
    cam = framing.scenes[0].panes[0]
    assert all(cam.at(ns(t)).overlap(box) >= 0.9 * box.area for t, faces in truth for _, box in faces)


def test_a_wall_of_straight_edges_is_no_facecam(tmp_path: Path, finder: BlazeFace) -> None:
    """Its lines go on where a frame would end."""
    staged = scene("goes away")
    write(staged, tmp_path / "master.mp4")
    assert observe(tmp_path / "master.mp4", 0, ns(staged.length_s), finder).insets == ()


def test_the_portrait_in_a_game_s_status_bar_is_no_facecam(finder: BlazeFace) -> None:
    """Freedoom shows the hero's face at the bottom."""
    seen = observe(media("fx-game/dm_seed7.mp4"), ns(60), ns(68), finder)
    assert sum(len(sample.faces) for sample in seen.samples) > 5
    assert seen.insets == ()


def test_a_walker_stays_in_the_frame(tmp_path: Path, finder: BlazeFace) -> None:
    staged = scene("walks across")
    truth = write(staged, tmp_path / "master.mp4")
    framing = plan_framing(observe(tmp_path / "master.mp4", 0, ns(staged.length_s), finder), TALL, LayoutRule())
    shown = [
        any(pane.at(ns(t)).overlap(box) >= 0.9 * box.area for pane in framing.scene_at(ns(t)).panes)
        for t, faces in truth
        for _, box in faces
    ]
    assert sum(shown) >= 0.97 * len(shown)


def test_a_span_is_counted_from_its_own_first_frame(tmp_path: Path, finder: BlazeFace) -> None:
    """The master begins earlier, at a keyframe."""
    staged = scene("cuts")
    write(staged, tmp_path / "master.mp4")
    seen = observe(tmp_path / "master.mp4", ns(1.0), ns(5.0), finder)
    assert [to_s(cut) for cut in seen.cuts_ns] == pytest.approx([0.96, 3.36], abs=0.001)
    assert 0 <= seen.samples[0].t_ns < ns(0.3)
    assert seen.length_ns == ns(4.0)


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of one person at the right, 960x540."""
    staged = scene("talks")
    path = tmp_path_factory.mktemp("portrait") / "upright.mp4"
    write(Staged(name="", length_s=2, draw=staged.draw, expected=staged.expected), path)
    return path


def middle_of_faces(seen: Observations) -> tuple[float, float]:
    boxes = [face.box for sample in seen.samples for face in sample.faces]
    assert boxes
    return median(box.cx for box in boxes), median(box.cy for box in boxes)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_picture_that_is_stored_turned_is_seen_upright(
    tmp_path: Path, finder: BlazeFace, portrait: Path, degrees: int
) -> None:
    """Phones write a display matrix. The picture is turned back by hand first, so that the matrix rights it."""
    turns = {90: "transpose=clock", 180: "hflip,vflip", 270: "transpose=cclock"}[degrees]
    stored = code(["-i", str(portrait)], tmp_path / "stored.mp4", "-vf", turns, "-preset", "ultrafast")
    turned = code(["-display_rotation", str(degrees), "-i", str(stored)], tmp_path / "master.mp4", "-c", "copy")
    upright, seen = (observe(path, 0, ns(2), finder) for path in (portrait, turned))
    assert seen.size == upright.size == stage.SIZE
    assert middle_of_faces(seen) == pytest.approx(middle_of_faces(upright), abs=8)


def test_oblong_pixels_are_made_square(tmp_path: Path, finder: BlazeFace, portrait: Path) -> None:
    """720x576 with a sample aspect of 64:45 is 16:9."""
    squeezed = code(["-i", str(portrait)], tmp_path / "master.mp4", "-vf", "scale=720:576,setsar=64/45")
    seen = observe(squeezed, 0, ns(2), finder)
    assert (seen.size, seen.stretched) == ((1024, 576), True)
    assert middle_of_faces(seen)[0] / 1024 == pytest.approx(
        middle_of_faces(observe(portrait, 0, ns(2), finder))[0] / 960, abs=0.01
    )


def test_sound_alone_and_an_empty_span_are_refused(tmp_path: Path, finder: BlazeFace, portrait: Path) -> None:
    sound = code(["-f", "lavfi", "-i", "sine=d=1"], tmp_path / "sound.mp4")
    for path, start_s in ((sound, 0.0), (portrait, 60.0)):
        with pytest.raises(BadMedia) as caught:
            observe(path, ns(start_s), ns(start_s + 1), finder)
        assert caught.value.code == "no_picture"


def test_damaged_footage_is_looked_at_as_far_as_it_goes(tmp_path: Path, finder: BlazeFace, portrait: Path) -> None:
    data = bytearray(portrait.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4000] = bytes(4000)
    (tmp_path / "master.mp4").write_bytes(data)
    try:
        seen = observe(tmp_path / "master.mp4", 0, ns(2), finder)
    except BadMedia:
        return  # the index itself was hit
    assert seen.length_ns == ns(2)


def test_a_scene_in_which_nothing_happens_is_decoded_for_a_part_only(tmp_path: Path, finder: BlazeFace) -> None:
    """One person who talks, GOPs of 2 s: at most half of the frames are decoded."""
    staged = scene("talks")
    write(staged, tmp_path / "master.mp4")
    seen = observe(tmp_path / "master.mp4", 0, ns(staged.length_s), finder)
    with Footage(tmp_path / "master.mp4", 0, ns(staged.length_s)) as footage:
        gops = footage.gops()
    inside = [sum(gop.times_ns[0] <= sample.t_ns <= gop.times_ns[-1] for sample in seen.samples) for gop in gops[:-1]]
    assert max(inside) <= 4  # of the eight that four looks a second are
