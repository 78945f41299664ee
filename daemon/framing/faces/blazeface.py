"""BlazeFace through LiteRT: the short-range model over the whole picture, the full-range one over tiles of it.

Anchors and decoding after MediaPipe (Apache-2.0): modules/face_detection/face_detection_{short,full}_range.pbtxt,
calculators/tflite/ssd_anchors_calculator.cc and tflite_tensors_to_detections_calculator.cc. Written anew.
The full-range model finds faces down to a tenth of its input, so where it looks decides how far it sees.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import av
import numpy as np
from numpy.typing import NDArray

from core.errors import MissingPart
from daemon.framing.faces.finder import Face, Picture, distinct
from daemon.framing.values import Box

Floats = NDArray[np.float32]
ASSETS: Final = Path(__file__).parents[1] / "assets"
_OVERLAP: Final = 40  # px two tiles share: a face of a fifth of a tile is whole in one of them
_EDGE: Final = 1.5  # px: a face that a tile's inner edge cuts is seen whole by another
_MAX_NEAR: Final = 4
_SMALL: Final = 60  # px: above it a face is large enough in the scaled picture
_LOGIT_LIMIT: Final = 100.0  # score_clipping_thresh


@dataclass(frozen=True, slots=True)
class _Model:
    file: str
    sha256: str
    side: int  # of the input and the scale of the answers, px
    grids: tuple[tuple[int, int], ...]  # cells a side, anchors in each
    bar: float  # min_score_thresh


SHORT: Final = _Model(
    "blazeface_short_range.tflite",
    "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633",
    side=128,
    grids=((16, 2), (8, 6)),  # strides 8, 16, 16, 16; anchors of one stride share a cell
    bar=0.6,
)
FULL: Final = _Model(
    "blazeface_full_range.tflite",
    "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
    side=192,
    grids=((48, 1),),  # stride 4
    bar=0.6,
)


class BlazeFace:
    """1 ms for a whole picture and 2 ms a tile: 3 ms near one known face, 5 ms for a wide picture, 20 ms thoroughly."""

    name: Final = "blazeface"

    def __init__(self) -> None:
        """Raises MissingPart when a model or its runtime is not there as it should be."""
        self._short, self._full = _Detector(SHORT), _Detector(FULL)

    def find(self, picture: Picture, *, near: Sequence[Box] = (), thorough: bool = False) -> list[Face]:
        """See FaceFinder."""
        height, width = picture.shape[:2]
        found = list(_on(self._short, _resized(picture, SHORT.side / max(width, height)), width))
        fine = min(width, height) > FULL.side + _OVERLAP
        if thorough or not near:
            found += self._tiles(_resized(picture, FULL.side / min(width, height)), width)
        else:
            found += self._near(picture, near[:_MAX_NEAR], width)
        if thorough and fine:
            found += self._tiles(picture, width)
        return distinct([face for face in found if _is_inside(face, width, height)])

    def _near(self, picture: Picture, near: Sequence[Box], width: int) -> Iterator[Face]:
        """Tiles around faces, of the picture itself for small ones, else of one with tiles for sides."""
        small = _resized(picture, FULL.side / min(picture.shape[:2]))
        scale = small.shape[1] / width
        for level, factor, boxes in (
            (picture, 1.0, [box for box in near if box.h < _SMALL]),
            (small, scale, [box for box in near if box.h >= _SMALL]),
        ):
            height, wide = level.shape[:2]
            corners = {_corner(box.scaled(factor, factor), wide, height) for box in boxes}
            yield from self._at(level, sorted(corners), width)

    def _tiles(self, picture: Picture, width: int) -> Iterator[Face]:
        rows, columns = (_starts(side) for side in picture.shape[:2])
        return self._at(picture, [(x, y) for y in rows for x in columns], width)

    def _at(self, picture: Picture, corners: Iterable[tuple[int, int]], width: int) -> Iterator[Face]:
        """Faces in tiles at the corners; in px of a picture of that width."""
        scale = width / picture.shape[1]
        for x, y in corners:
            tile = picture[y : y + FULL.side, x : x + FULL.side]
            for face in self._full.faces(tile):
                if not _is_cut(face.box, x, y, picture):
                    yield face.moved(x * scale, y * scale, scale)


class _Detector:
    """One model with its interpreter."""

    def __init__(self, model: _Model) -> None:
        path = ASSETS / model.file
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != model.sha256:
            raise MissingPart(f"The face model {model.file} is missing or damaged", remedy="Install clipd again.")
        self._model, self._anchors = model, _anchors(model)
        self._bar = math.log(model.bar / (1 - model.bar))
        self._interpreter = _interpreter(path)
        self._input = self._interpreter.get_input_details()[0]["index"]
        outputs = {int(detail["shape"][-1]): detail["index"] for detail in self._interpreter.get_output_details()}
        self._boxes, self._scores = outputs[16], outputs[1]

    def faces(self, picture: Picture) -> list[Face]:
        """In px of the picture, which is at most as large as the input; what is missing is black."""
        side = self._model.side
        tensor = np.full((1, side, side, 3), -1.0, np.float32)
        tensor[0, : picture.shape[0], : picture.shape[1]] = picture * np.float32(2 / 255) - 1
        self._interpreter.set_tensor(self._input, tensor)
        self._interpreter.invoke()
        logits = self._interpreter.get_tensor(self._scores)[0, :, 0]
        likely = np.flatnonzero(logits > self._bar)
        if not len(likely):
            return []
        values = self._interpreter.get_tensor(self._boxes)[0, likely]
        scores = 1 / (1 + np.exp(-np.minimum(logits[likely], _LOGIT_LIMIT)))
        return distinct(_faces(values, self._anchors[likely] * side, scores))


def _faces(values: Floats, centres: Floats, scores: Floats) -> list[Face]:
    """`values`: (n, 16) middle, size and six points (eyes, nose, mouth, ears), all relative to the anchor, px."""
    middle, size = values[:, 0:2] + centres, values[:, 2:4]
    points = values[:, 4:].reshape(-1, 6, 2) + centres[:, None]
    faces = []
    for (cx, cy), (w, h), ps, score in zip(
        middle.tolist(), size.tolist(), points.tolist(), scores.tolist(), strict=True
    ):
        if w > 0 and h > 0:
            eyes = ((ps[0][0] + ps[1][0]) / 2, (ps[0][1] + ps[1][1]) / 2)
            faces.append(Face(Box(cx - w / 2, cy - h / 2, w, h), score, eyes, (ps[3][0], ps[3][1])))
    return faces


def _anchors(model: _Model) -> Floats:
    """Middles of the anchors in fractions of the input, in the order of the outputs."""
    rows = []
    for cells, each in model.grids:
        ys, xs = np.mgrid[:cells, :cells]
        middles = np.stack([xs.ravel(), ys.ravel()], axis=1)
        rows.append(np.repeat((middles + 0.5) / cells, each, axis=0))
    return np.concatenate(rows).astype(np.float32)


def _on(detector: _Detector, picture: Picture, width: int) -> Iterator[Face]:
    scale = width / picture.shape[1]
    return (face.moved(0, 0, scale) for face in detector.faces(picture))


def _starts(side: int) -> list[int]:
    """Where tiles begin along a side, evenly, the last at its end."""
    over = side - FULL.side
    if over <= 0:
        return [0]
    count = 1 + -(-over // (FULL.side - _OVERLAP))
    return [round(over * number / (count - 1)) for number in range(count)]


def _corner(box: Box, width: int, height: int) -> tuple[int, int]:
    """Of a tile with the box in its middle, inside the picture; on a coarse grid so that neighbours share one."""
    x, y = (round((middle - FULL.side / 2) / 32) * 32 for middle in (box.cx, box.cy))
    return max(0, min(x, width - FULL.side)), max(0, min(y, height - FULL.side))


def _is_cut(box: Box, left: int, top: int, picture: Picture) -> bool:
    """Whether an edge of the tile that is none of the picture's runs through the face."""
    height, width = picture.shape[:2]
    return (
        (left > 0 and box.x < _EDGE)
        or (top > 0 and box.y < _EDGE)
        or (left + FULL.side < width and box.right > FULL.side - _EDGE)
        or (top + FULL.side < height and box.bottom > FULL.side - _EDGE)
    )


def _is_inside(face: Face, width: int, height: int) -> bool:
    """The padding of a small input holds no faces."""
    return 0 <= face.box.cx < width and 0 <= face.box.cy < height


def _resized(picture: Picture, scale: float) -> Picture:
    """By swscale, areas averaged; never enlarged."""
    height, width = picture.shape[:2]
    if scale >= 1:
        return picture
    size = max(1, round(width * scale)), max(1, round(height * scale))
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    small = frame.reformat(width=size[0], height=size[1], interpolation="AREA").to_ndarray()
    return cast(Picture, small)


def _interpreter(path: Path) -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415  # 60 MB that only this needs
    except ImportError as err:
        raise MissingPart("LiteRT is not installed", remedy="Install it with: pip install ai-edge-litert") from err
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    return interpreter
