"""Text off small crops: RapidOCR, or EasyOCR where the extra is installed. Bounded in size and time, and never raises.

What is read is whatever somebody put on a screen: it is cleaned, bounded and otherwise untrusted.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
import structlog

from configs.hud import HudOptions
from core.errors import UsageError
from daemon.onnx import quiet_onnx
from detectors.hud.frames import Picture, TextLine, TextReader
from detectors.hud.phrases import LINE_LENGTH

log = structlog.get_logger()

MAX_CROPS: Final = 32  # of one call; a feed has ten rows at most
MAX_LINES: Final = 64  # of one crop
MAX_PIXELS: Final = 640 * 480  # of a crop that is read; half a second on one core, larger ones are made smaller
MAX_SIDE: Final = 2000
MIN_SIDE: Final = 6  # no letter is lower
MAX_ASPECT: Final = 40  # a row of 9 px that is 360 px long, as in a game of 480 lines
CALL_S: Final = 2.0  # of this thread's CPU: a call that took as much reads no further crop; the next look asks again
ROW_LINES: Final = 32  # scanlines of a row, at least: what 7 px letters need; judgement
LONG: Final = 10  # times as long as high: a sentence, or a row of names
SQUEEZE: Final = 0.5  # its length; at 0.4 as much is read of a wide type, and a narrow one loses more; judgement
MIN_SCORE: Final = 0.5  # RapidOCR's own default; EasyOCR's scores are of the same kind


class _Read(NamedTuple):
    """What an engine found: corners (4, 2) in px of the crop it got."""

    corners: Any
    text: str
    score: float


_Engine = Callable[[Picture], list[_Read]]


class BoundedReader:
    """A TextReader around an engine, which is opened with the first crop: it takes a second and 150 MB.

    `read` is a boundary: whatever an engine raises is logged and counted in `errors`, and reads as nothing.
    """

    def __init__(self, open_engine: Callable[[], _Engine]) -> None:
        self._open = open_engine
        self._engine: _Engine | None = None
        self.reads = 0
        self.errors = 0

    def read(self, crops: Sequence[Picture]) -> list[list[TextLine]]:
        """One list of lines a crop, in reading order as the engine has it; crops beyond a bound read as nothing."""
        if crops:
            self._ready()
        until_s = time.thread_time() + CALL_S  # not the clock's: a busy machine reads the same
        found: list[list[TextLine]] = []
        for crop in crops:
            due = len(found) < MAX_CROPS and time.thread_time() < until_s
            found.append(self._lines(crop) if due else [])
        return found

    def _ready(self) -> None:
        """Open the engine, which takes longer than a call may."""
        try:
            self._engine = self._engine or self._open()
        except Exception as err:  # noqa: BLE001 - the boundary that the class names
            self._failed(err)

    def _failed(self, err: Exception) -> None:
        self.errors += 1
        if self.errors == 1:
            log.warning("hud.text_failed", error=f"{type(err).__name__}: {err}"[:200])

    def _lines(self, crop: Picture) -> list[TextLine]:
        if self._engine is None or crop.ndim != 3 or crop.shape[2] != 3 or min(crop.shape[:2]) < MIN_SIDE:
            return []
        image, across, down = _fitted(crop)
        try:
            self.reads += 1
            read = self._engine(image)[:MAX_LINES]
            return [line for each in read if (line := _line(each, across, down)) is not None]
        except Exception as err:  # noqa: BLE001 - the boundary that the class names
            self._failed(err)
            return []


def open_text(options: HudOptions) -> TextReader:
    """What the settings say. Raises UsageError for an extra that is not installed, or models that are not there."""
    if options.reader == "rapidocr":
        return BoundedReader(_rapid)
    if find_spec("easyocr") is None:
        raise UsageError(
            "EasyOCR is not installed", remedy="pip install 'clipd[easyocr]', or set hud.reader to rapidocr."
        )
    folder = Path(options.easyocr_models).expanduser()
    if not options.easyocr_models or not any(folder.glob("*.pth")):
        raise UsageError(
            f"There are no EasyOCR models in {options.easyocr_models or 'hud.easyocr_models'}",
            remedy="Put craft_mlt_25k.pth and english_g2.pth into a folder and name it in hud.easyocr_models.",
        )
    return BoundedReader(lambda: _easy(folder))


def _rapid() -> _Engine:
    """The PP-OCR models that lie in RapidOCR's wheel; nothing is downloaded."""
    quiet_onnx()
    from rapidocr import RapidOCR  # noqa: PLC0415 - a second and 150 MB, for a HUD that has text only

    engine = RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "Global.text_score": MIN_SCORE,
            "Global.use_vertical_padding": False,  # a row would become a square of nothing, and cost as much
            "Det.limit_side_len": ROW_LINES,
            "EngineConfig.onnxruntime.enable_cpu_mem_arena": True,  # a seventh faster
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )

    def read(crop: Picture) -> list[_Read]:
        out: Any = engine(cv2.cvtColor(crop, cv2.COLOR_RGB2BGR))
        if out.boxes is None or out.txts is None:
            return []
        return [_Read(*one) for one in zip(out.boxes, out.txts, out.scores, strict=True)]

    return read


def _easy(folder: Path) -> _Engine:
    warnings.filterwarnings("ignore", message=".*pin_memory.*")  # it asks for a GPU's memory on a CPU, and is told off
    from easyocr import Reader  # noqa: PLC0415 - an extra, with PyTorch behind it

    engine = Reader(
        ["en"], gpu=False, model_storage_directory=str(folder), download_enabled=False, verbose=False, quantize=True
    )

    def read(crop: Picture) -> list[_Read]:
        found = engine.readtext(cv2.cvtColor(crop, cv2.COLOR_RGB2BGR))
        return [_Read(*one) for one in found if one[2] >= MIN_SCORE]

    return read


def _fitted(crop: Picture) -> tuple[Picture, float, float]:
    """The crop as engines read it best and soonest, and how much larger it became across and down.

    Large crops become smaller, thin rows larger: engines would do that themselves, blurred. A long row is squeezed: its
    price is its length, and what is lost is less than what sharper letters gain (tried on a type of 7 px).
    """
    height, width = crop.shape[:2]
    low, narrow = (max(0, -(-crop.shape[1 - side] // MAX_ASPECT) - crop.shape[side]) for side in (0, 1))
    if low or narrow:  # engines stretch a thin strip until it is wide, and its length with it: 16 s for 2 by 400 px
        crop = np.asarray(cv2.copyMakeBorder(crop, 0, low, 0, narrow, cv2.BORDER_REPLICATE), np.uint8)
        height, width = crop.shape[:2]
    down = min(max(1.0, ROW_LINES / height), (MAX_PIXELS / (height * width)) ** 0.5, MAX_SIDE / max(height, width))
    across = down * (SQUEEZE if width > LONG * height else 1.0)
    size = (max(2, round(width * across)), max(2, round(height * down)))
    if size == (width, height):
        return np.ascontiguousarray(crop), 1.0, 1.0
    how = cv2.INTER_CUBIC if down > 1 else cv2.INTER_AREA
    return np.asarray(cv2.resize(crop, size, interpolation=how), np.uint8), size[0] / width, size[1] / height


def _line(read: _Read, across: float, down: float) -> TextLine | None:
    plain = "".join(c if c.isprintable() else " " for c in str(read.text)[: 4 * LINE_LENGTH])
    text = " ".join(plain.split())[:LINE_LENGTH]
    x, y = np.asarray(read.corners, np.float64).reshape(-1, 2).mean(axis=0) / (across, down)
    score = float(read.score)
    if not text or not np.isfinite([x, y, score]).all():
        return None
    return TextLine(text, min(max(score, 0.0), 1.0), float(x), float(y))
