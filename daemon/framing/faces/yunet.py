"""YuNet through onnxruntime, when the path of its file is in the settings.

Decoding after OpenCV's FaceDetectorYN (Apache-2.0, modules/objdetect/src/face_detect.cpp), written anew: with the
runtime that speech has anyway, clipd does without OpenCV's 70 MB. The model: OpenCV Zoo (MIT), any that has its inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.errors import ModelMissing
from daemon.framing.faces.finder import Face, Picture, distinct
from daemon.framing.values import Box
from daemon.onnx import open_onnx

_STRIDES: Final = (8, 16, 32)
_GRAIN: Final = 32  # the input's sides are multiples of it
_BAR: Final = 0.6  # on sqrt(class x object); FaceDetectorYN's own 0.9 loses faces of 20 px
_OUTPUTS: Final = [f"{kind}_{stride}" for stride in _STRIDES for kind in ("cls", "obj", "bbox", "kps")]
_REMEDY: Final = "Give the path of face_detection_yunet_2023mar.onnx or a later one of the OpenCV Zoo, or none at all."


class YuNet:
    """Sees the whole picture at once: 8 ms for 640x360."""

    name: Final = "yunet"

    def __init__(self, path: Path) -> None:
        """Raises ModelMissing."""
        try:
            self._session = open_onnx(path.read_bytes())
            given = {output.name for output in self._session.get_outputs()}
        except OSError as err:
            raise ModelMissing(f"The face model {path.name} cannot be read: {err.strerror}", remedy=_REMEDY) from err
        except Exception as err:  # boundary: onnxruntime raises classes of its own for each way a file can be wrong
            raise ModelMissing(f"{path.name} is no model", remedy=_REMEDY, code="model_damaged") from err
        if not given.issuperset(_OUTPUTS):
            raise ModelMissing(f"{path.name} is not YuNet", remedy=_REMEDY, code="model_damaged")
        self._input = self._session.get_inputs()[0].name

    def find(self, picture: Picture, *, near: Sequence[Box] = (), thorough: bool = False) -> list[Face]:
        """See FaceFinder; `near` and `thorough` change nothing."""
        del near, thorough
        height, width = picture.shape[:2]
        rows, columns = -(-height // _GRAIN) * _GRAIN, -(-width // _GRAIN) * _GRAIN
        tensor = np.zeros((1, 3, rows, columns), np.float32)
        tensor[0, :, :height, :width] = picture[..., ::-1].transpose(2, 0, 1)  # BGR, 0 to 255
        answers = self._session.run(_OUTPUTS, {self._input: tensor})
        faces: list[Face] = []
        for number, stride in enumerate(_STRIDES):
            classes, objects, boxes, points = (np.asarray(a)[0] for a in answers[4 * number : 4 * number + 4])
            scores = np.sqrt(np.clip(classes[:, 0], 0, 1) * np.clip(objects[:, 0], 0, 1))
            likely = np.flatnonzero(scores > _BAR)
            cells = np.stack([likely % (columns // stride), likely // (columns // stride)], axis=1)
            faces += _faces(scores[likely], boxes[likely], points[likely], cells.astype(np.float32), stride)
        return distinct(faces)


def _faces(
    scores: NDArray[np.float32],
    boxes: NDArray[np.float32],
    points: NDArray[np.float32],
    cells: NDArray[np.float32],
    stride: int,
) -> list[Face]:
    """`boxes`: middle from the cell and logarithm of the size, in strides; `points`: eyes, nose, mouth corners."""
    middles, sizes = (boxes[:, :2] + cells) * stride, np.exp(np.clip(boxes[:, 2:], -8, 8)) * stride
    marks = (points.reshape(-1, 5, 2) + cells[:, None]) * stride
    eyes, mouths = marks[:, 0:2].mean(axis=1), marks[:, 3:5].mean(axis=1)
    rows = zip(scores.tolist(), middles.tolist(), sizes.tolist(), eyes.tolist(), mouths.tolist(), strict=True)
    return [
        Face(Box(cx - w / 2, cy - h / 2, w, h), score, (eye[0], eye[1]), (mouth[0], mouth[1]))
        for score, (cx, cy), (w, h), eye, mouth in rows
    ]
