"""Posters: what is chosen of a clip, from pictures whose worth is known."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import CutRefused
from core.times import Ns, ns, to_s
from daemon.brand import Brand, Kit, titled_poster
from daemon.clips.picture_quality import FaceBox, Image, Marks, exposure, luma_of, marks_of, sharpness, total
from daemon.clips.posters import Candidates, Poster, cut_out, find_posters, poster_jpegs
from tests.unit.clips.footage import BEEPS, encode

# Twelve seconds: dark, sharp, blurred by a movement to the side, white, sharp again; the last with a red patch that
# stands for a face from 10 s on.
SCENES = (
    "-f lavfi -i testsrc2=s=640x360:r=25:d=12 -vf "
    "drawbox=t=fill:c=0x060606:enable='lt(t,2)',"
    "gblur=sigma=9:sigmaV=0.1:enable='between(t,5,7)',"
    "drawbox=t=fill:c=0xfcfcfc:enable='between(t,7,8)',"
    "drawbox=x=440:y=90:w=110:h=150:t=fill:c=red:enable='gte(t,10)',"
    "drawbox=x=450:y=100:w=90:h=130:t=8:c=0x600000:enable='gte(t,10)',"
    "drawbox=x=470:y=120:w=50:h=90:t=8:c=0x600000:enable='gte(t,10)' "
    "-c:v libx264 -preset veryfast -g 25 -bf 2 -pix_fmt yuv420p"
)
CLIPS = {
    "scenes": SCENES,
    "short": "-f lavfi -i testsrc2=s=320x180:r=25:d=0.2 -c:v libx264 -pix_fmt yuv420p",
    "sound": f"-f lavfi -i {BEEPS} -t 2 -c:a aac",
    "large": "-f lavfi -i testsrc2=s=1920x1080:r=25:d=1 -c:v libx264 -preset ultrafast -pix_fmt yuv420p",
    "black": "-f lavfi -i color=c=black:s=320x180:r=25:d=2 -c:v libx264 -pix_fmt yuv420p",
}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("posters")
    return lambda name: encode(folder / f"{name}.mp4", CLIPS[name])


def red_patch(image: Image) -> Sequence[FaceBox]:
    """A finder of the one thing in these pictures that is nothing but red there."""
    height, width = image.shape[:2]
    patch = image[int(height * 0.3) : int(height * 0.6), int(width * 0.7) : int(width * 0.85)].astype(int)
    is_red = patch[..., 0].min() > 60 and patch[..., 1:].max() < 90
    return [FaceBox(width * 440 / 640, height * 90 / 360, width * 110 / 640, height * 150 / 360)] if is_red else []


def decoded(jpeg: bytes) -> Image:
    with av.open(io.BytesIO(jpeg), "r", format="mjpeg") as media:
        return next(media.decode(video=0)).to_ndarray(format="rgb24").astype(np.uint8)


def textured(seed: int = 1) -> Image:
    """Edges of all directions, at about the contrast of footage."""
    noise = np.random.default_rng(seed).normal(0, 1, (360, 640))
    smooth = sum(np.roll(noise, (y, x), (0, 1)) for x in range(4) for y in range(4))
    grey = np.clip(128 + smooth * 12, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def smeared(image: Image, x: int = 1, y: int = 1) -> Image:
    """Averaged over a stretch, as by a movement while the shutter is open."""
    across = np.mean([np.roll(image.astype(np.float32), a, 1) for a in range(x)], axis=0)
    return np.asarray(np.mean([np.roll(across, b, 0) for b in range(y)], axis=0), np.uint8)


def mark(image: Image) -> float:
    return sharpness(luma_of(image))


def test_the_more_it_is_blurred_the_less_it_is_worth() -> None:
    marks = [mark(smeared(textured(), size, size)) for size in (1, 3, 6, 12)]
    assert marks == sorted(marks, reverse=True)
    assert marks[0] - marks[-1] > 0.5


@pytest.mark.parametrize("way", ["x", "y"])
def test_the_blur_of_a_movement_counts_although_it_lies_in_one_direction(way: str) -> None:
    """Edges across it are as sharp as before; an average over both directions would call it fine."""
    assert mark(smeared(textured(), **{way: 14})) < mark(textured()) - 0.5


def test_black_white_and_flat_pictures_are_never_chosen() -> None:
    plain = np.ones((360, 640, 3), np.uint8)
    for level in (0, 6, 128, 250, 255):
        marks = marks_of(plain * np.uint8(level), None)
        assert marks.exposed == 0
        assert total(marks, 0.0) < total(marks_of(smeared(textured(), 20, 20), None), 60.0)


def test_exposure_prefers_the_middle() -> None:
    image = luma_of(textured())
    assert exposure(image) > exposure(image * 0.4) > exposure(image * 0.25)
    assert exposure(image) > exposure(np.clip(image + 90, 0, 255))


@given(st.integers(2, 40), st.integers(2, 40), st.integers(0, 255))
def test_no_picture_is_too_small_to_be_judged(width: int, height: int, level: int) -> None:
    marks = marks_of(np.full((height, width, 3), level, np.uint8), [FaceBox(-5, -5, 3, 3), FaceBox(1, 1, 900, 900)])
    assert 0 <= marks.sharp <= 1
    assert 0 <= (marks.faced or 0) <= 1


def test_the_posters_are_sharp_well_exposed_and_apart(clip: Callable[[str], Path]) -> None:
    """Nothing of the dark, the white and the smeared seconds, even with the anchor among them."""
    found = find_posters(clip("scenes"), ns(6))
    times = [to_s(poster.t_ns) for poster in found]
    assert len(found) == 3
    assert all(2 <= t < 5 or t >= 8 for t in times), times
    assert min(abs(a - b) for a in times for b in times if a != b) >= 1.9
    assert [poster.score for poster in found] == sorted((poster.score for poster in found), reverse=True)


def test_the_nearest_of_equal_pictures_is_chosen(clip: Callable[[str], Path]) -> None:
    assert 2 <= to_s(find_posters(clip("scenes"), ns(2.5))[0].t_ns) < 5
    assert to_s(find_posters(clip("scenes"), ns(9))[0].t_ns) >= 8


def test_a_face_is_worth_a_detour(clip: Callable[[str], Path]) -> None:
    """It is far from the anchor; its place is kept for other shapes."""
    best, *_ = find_posters(clip("scenes"), ns(3), faces=red_patch)
    assert to_s(best.t_ns) >= 10
    assert best.face is not None
    assert best.face.x == pytest.approx(440 / 640)
    assert best.marks.faced is not None
    assert best.marks.faced > 0.9


def test_a_vertical_poster_is_cut_out_around_the_face(clip: Callable[[str], Path]) -> None:
    best, *_ = find_posters(clip("scenes"), ns(3), faces=red_patch)
    image = decoded(poster_jpegs(clip("scenes"), best, [(9, 16)])[0])
    assert image.shape == (360, 202, 3)
    red = (image[..., 0] > 180) & (image[..., 1] < 90) & (image[..., 2] < 90)
    columns = np.flatnonzero(red[92:98].all(axis=0))  # the patch's upper edge
    assert (columns.min() + columns.max()) / 2 == pytest.approx(101, abs=4)


@given(
    st.tuples(st.integers(16, 200), st.integers(16, 200)),
    st.sampled_from([(9, 16), (1, 1), (4, 5), (16, 9)]),
    st.tuples(*[st.floats(-0.5, 1.5)] * 4),
)
def test_no_cut_leaves_the_picture(
    size: tuple[int, int], shape: tuple[int, int], box: tuple[float, float, float, float]
) -> None:
    """Wherever a finder sees faces; sides stay even, the aspect is right to a pixel or two."""
    made = cut_out(np.zeros((*size, 3), np.uint8), shape, FaceBox(*box))
    height, width = made.shape[:2]
    assert height % 2 == width % 2 == 0
    assert 2 <= height <= size[0]
    assert 2 <= width <= size[1]
    assert abs(width * shape[1] - height * shape[0]) <= 4 * max(shape)


def test_a_short_clip_has_fewer_and_sound_has_none(clip: Callable[[str], Path]) -> None:
    assert len(find_posters(clip("short"), Ns(0))) == 1
    assert find_posters(clip("sound"), Ns(0)) == []
    assert len(find_posters(clip("black"), Ns(0))) == 3  # there is nothing better


def test_a_poster_is_made_again_from_its_value(clip: Callable[[str], Path]) -> None:
    """The same bytes, at most 1280 pixels wide."""
    best, *_ = find_posters(clip("large"), ns(0.4))
    again = Poster.from_json(best.to_json())
    assert again == best
    first, second = (poster_jpegs(clip("large"), poster) for poster in (best, again))
    assert first == second
    assert decoded(first[0]).shape == (720, 1280, 3)


def test_pictures_that_others_looked_at_are_posters_too(clip: Callable[[str], Path]) -> None:
    """The one with the face wins, the dark one loses."""
    candidates = Candidates(ns(3))
    assert candidates.best(ns(12)) == []
    for t_ns in (ns(t) for t in (1, 3, 6, 9, 10.4)):
        image = decoded(poster_jpegs(clip("scenes"), Poster(t_ns=t_ns, score=1, marks=Marks(sharp=1, exposed=1)))[0])
        candidates.add(t_ns, image, red_patch(image))
    best = [to_s(poster.t_ns) for poster in candidates.best(ns(12))]
    assert best[0] == 10.4
    assert len(best) == 3
    assert 1.0 not in best


def test_a_damaged_clip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "master.mp4").write_bytes(b"no film")
    with pytest.raises(CutRefused):
        find_posters(tmp_path / "master.mp4", Ns(0))
    with pytest.raises(CutRefused):
        poster_jpegs(tmp_path / "master.mp4", Poster(t_ns=Ns(0), score=1, marks=Marks(sharp=1, exposed=1)))


def test_a_title_is_drawn_on_a_poster(clip: Callable[[str], Path], tmp_path: Path) -> None:
    """In the kit's colours; without a letter the poster stays as it is; the job's folder is left empty."""
    kit = Kit(brand=Brand.model_validate({"hook": {"position": "bottom", "box": "#00FF00"}}), pictures={})
    best, *_ = find_posters(clip("large"), ns(0.4))
    [plain] = poster_jpegs(clip("large"), best)
    titled = titled_poster(plain, "{\\fs4000}What a goal!", kit, (1280, 720), tmp_path, "DejaVu Sans")
    changed = np.abs(decoded(titled).astype(int) - decoded(plain)).max(axis=2) > 100
    assert changed[400:].mean() > 0.05
    assert changed[:300].mean() < 0.001
    green = np.abs(decoded(titled).astype(int) - [0, 255, 0]).max(axis=2) < 40
    assert green[500:].sum() > 5000
    assert titled_poster(plain, "\x00 ", kit, (1280, 720), tmp_path, "DejaVu Sans") == plain
    assert list(tmp_path.iterdir()) == []
