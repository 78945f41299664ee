"""Objects of a HUD by a YOLO model of the user's own: Ultralytics, from the extra `yolo`, which is under the AGPL-3.0.

Models are ONNX files: others (.pt) are pickles, which run what is in them. Ultralytics installs packages, asks name
servers whether it is online, sends figures and writes to the home folder unless it is told not to, by its environment
and before it is imported: it is.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, Final

import cv2
import numpy as np
import structlog

from core.errors import UsageError
from daemon.onnx import quiet_onnx
from detectors.hud.frames import Found, ObjectReader, Picture

log = structlog.get_logger()

MAX_FOUND: Final = 50  # objects of a crop
LEAST: Final = 0.1  # no rule's threshold is lower
HOME: Final = "YOLO_CONFIG_DIR"
_QUIET: Final = {"YOLO_AUTOINSTALL": "false", "YOLO_OFFLINE": "true", "YOLO_VERBOSE": "false"}


class YoloObjects:
    """An ObjectReader; a model is opened with its first crop.

    `find` is a boundary: whatever Ultralytics raises is logged and counted in `errors`, and nothing is found.
    """

    def __init__(self, models: Mapping[str, str]) -> None:
        self._paths = models
        self._models: dict[str, Any] = {}
        self.errors = 0

    def find(self, rule: str, crops: Sequence[Picture]) -> list[list[Found]]:
        """One list a crop, the surest first."""
        found: list[list[Found]] = []
        for crop in crops:
            try:
                found.append(self._find(rule, crop))
            except Exception as err:  # noqa: BLE001 - the boundary that the class names
                self.errors += 1
                if self.errors == 1:
                    log.warning("hud.model_failed", rule=rule, error=f"{type(err).__name__}: {err}"[:200])
                found.append([])
        return found

    def _find(self, rule: str, crop: Picture) -> list[Found]:
        model = self._models.get(rule)
        if model is None:
            model = self._models[rule] = _opened(self._paths[rule])
        bgr = np.ascontiguousarray(cv2.cvtColor(crop, cv2.COLOR_RGB2BGR))
        [result] = model.predict(bgr, conf=LEAST, max_det=MAX_FOUND, device="cpu", verbose=False, save=False)
        boxes = result.boxes
        if boxes is None:
            return []
        corners = boxes.xyxy.cpu().numpy()
        labels, scores = boxes.cls.cpu().numpy(), boxes.conf.cpu().numpy()
        objects = [
            Found(str(result.names[int(label)]), min(1.0, float(score)), float(x0 + x1) / 2, float(y0 + y1) / 2)
            for (x0, y0, x1, y1), label, score in zip(corners, labels, scores, strict=True)
        ]
        return sorted(objects, key=lambda one: one.score, reverse=True)


def open_objects(models: Mapping[str, str]) -> ObjectReader:
    """For a HUD's models, by rule. Raises UsageError where the extra is not installed."""
    if find_spec("ultralytics") is None:
        raise UsageError(
            "This HUD has a detection model, and Ultralytics is not installed",
            remedy="pip install 'clipd[yolo]' (it is under the AGPL-3.0), or remove the rule of kind `model`.",
            code="no_extra",
        )
    return YoloObjects(models)


def _opened(path: str) -> Any:
    quiet_onnx()
    os.environ.update(_QUIET)
    if HOME not in os.environ:  # what it writes for itself
        os.environ[HOME] = mkdtemp(prefix="clipd-yolo-")
        atexit.register(rmtree, os.environ[HOME], ignore_errors=True)
    from ultralytics import YOLO  # noqa: PLC0415 - an extra, with PyTorch behind it

    return YOLO(path, task="detect")
