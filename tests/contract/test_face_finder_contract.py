"""What every face finder does, whatever model is inside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import ModelMissing
from daemon.framing import BlazeFace, FaceFinder, YuNet
from daemon.framing.faces.finder import MAX_FACES, Picture
from daemon.framing.values import Box
from tests.media import media
from tests.synthetic_streams.faces import Truth, staged_people


@pytest.fixture(scope="module", params=["blazeface", "yunet"])
def finder(request: pytest.FixtureRequest) -> FaceFinder:
    return BlazeFace() if request.param == "blazeface" else YuNet(media("models/face_detection_yunet_2026may.onnx"))


def people(*where: tuple[str, float, float, float]) -> tuple[Picture, Truth]:
    """Portraits on grey, 640x360."""
    return staged_people(np.full((360, 640, 3), 120, np.uint8), where)


@pytest.mark.parametrize("size", [0.3, 0.6, 1.0])
@pytest.mark.parametrize("who", ["collins", "hopper"])
def test_a_face_is_found_where_it_is(finder: FaceFinder, who: str, size: float) -> None:
    picture, [(_, face)] = people((who, 0.62, 0.5, size))
    [found] = finder.find(picture)
    assert found.box.iou(face) > 0.5
    assert face.y < found.eyes[1] < found.mouth[1] < face.bottom
    assert 0.5 < found.score <= 1


def test_each_of_three_people_is_found_once(finder: FaceFinder) -> None:
    picture, truth = people(("hopper", 0.15, 0.5, 0.6), ("collins", 0.5, 0.4, 0.5), ("hopper", 0.85, 0.5, 0.7))
    found = finder.find(picture)
    assert len(found) == 3
    assert all(sum(face.box.iou(box) > 0.4 for face in found) == 1 for _, box in truth)
    assert [face.score for face in found] == sorted((face.score for face in found), reverse=True)


def test_a_small_face_is_found_when_it_looks_thoroughly_or_near_it(finder: FaceFinder) -> None:
    """18 px of 360: somebody at the back of a room."""
    picture, [(_, face)] = people(("hopper", 0.8, 0.3, 0.11))
    for found in (finder.find(picture, thorough=True), finder.find(picture, near=[face])):
        assert [other.box.iou(face) > 0.4 for other in found] == [True]


def test_no_face_is_seen_in_noise_or_in_nothing(finder: FaceFinder) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (360, 640, 3), dtype=np.uint8)
    assert finder.find(noise, thorough=True) == finder.find(np.zeros_like(noise)) == []


@pytest.mark.parametrize(("width", "height"), [(16, 16), (640, 36), (34, 640), (203, 641)])
def test_any_shape_of_picture_will_do(finder: FaceFinder, width: int, height: int) -> None:
    grey = np.full((height, width, 3), 90, np.uint8)
    assert finder.find(grey, near=[Box(width - 9, height - 9, 8, 8)], thorough=True) == []


def test_a_crowd_has_a_limit_and_the_answer_does_not_change(finder: FaceFinder) -> None:
    crowd = [("hopper", 0.06 + 0.125 * column, 0.14 + 0.24 * row, 0.24) for column in range(8) for row in range(4)]
    picture, _ = people(*crowd)
    first = finder.find(picture, thorough=True)
    assert len(first) == MAX_FACES
    assert finder.find(picture, thorough=True) == first


@pytest.mark.parametrize("content", [None, b"", b"\x08\x07not a model"])
def test_a_file_that_is_no_yunet_is_refused_with_a_remedy(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "yunet.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelMissing, match=r"OpenCV Zoo"):
        YuNet(path)
