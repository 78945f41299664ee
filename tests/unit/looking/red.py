"""Makes red.onnx, a detector in the form that Ultralytics exports (YOLOv8 on): `python tests/unit/looking/red.py`.

One class, one anchor for each 32 by 32 px of a 320 by 320 picture; its score is how red that square is on average.
Needs the package onnx, which the extra `yolo` brings; made here, no trained weights in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx  # type: ignore[import-not-found]
from onnx import TensorProto, helper, numpy_helper

SIDE, CELL = 320, 32
CELLS = SIDE // CELL


def model() -> Any:
    """Input (1, 3, 320, 320) RGB in 0..1; output (1, 5, 100): x, y, w, h in px, and the score."""
    red = np.zeros((1, 3, 1, 1), np.float32)
    red[0, :, 0, 0] = (1.0, -0.5, -0.5)
    at = (np.arange(CELLS) + 0.5) * CELL
    boxes = np.stack([np.tile(at, CELLS), np.repeat(at, CELLS), *np.full((2, CELLS**2), CELL)])[None]
    constants = {"red": red, "shape": np.array([1, 1, CELLS**2]), "boxes": boxes.astype(np.float32)}
    nodes = [
        helper.make_node("AveragePool", ["images"], ["cells"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]),
        helper.make_node("Conv", ["cells", "red"], ["redness"]),
        helper.make_node("Relu", ["redness"], ["scores"]),
        helper.make_node("Reshape", ["scores", "shape"], ["flat"]),
        helper.make_node("Concat", ["boxes", "flat"], ["output0"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "red",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 5, CELLS**2])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    facts = {"names": "{0: 'red'}", "task": "detect", "stride": "32", "imgsz": f"[{SIDE}, {SIDE}]", "batch": "1"}
    helper.set_model_props(made, facts)
    onnx.checker.check_model(made)
    return made


if __name__ == "__main__":
    Path(__file__).with_name("red.onnx").write_bytes(model().SerializeToString())
