"""onnxruntime, opened without its telemetry.

Its builds for Linux, from 2026 on, send Microsoft an event for each process and keep an id and a database in the home
folder, from the import on; ORT_DISABLE_TELEMETRY, read at that moment, stops all of it (seen with 1.31.1), and later
ones read ORT_TELEMETRY_DISABLED (microsoft/onnxruntime, pull request 29843).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


def quiet_onnx() -> None:
    """To be called before onnxruntime is imported, by others too."""
    for name in ("ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED"):
        os.environ[name] = "1"


def open_onnx(model: bytes, *, arena: bool = True) -> InferenceSession:
    """A model on one thread of the CPU. Raises what onnxruntime raises, which has classes of its own for each fault."""
    quiet_onnx()
    import onnxruntime  # noqa: PLC0415 - 20 MB that a process without such a model does not need

    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = arena
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
