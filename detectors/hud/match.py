"""Finds marks in a view: colours first, since they cost little, then the normalised match, where these are. Pure.

The match is OpenCV's TM_CCOEFF_NORMED, 1 for the same picture at any brightness and contrast. It is done at half size
first where a mark is large enough to be told apart there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.hud.model import Mark
from detectors.hud.view import Grey, View, passes

_FLAT: Final = 4.0  # grey levels of spread under a mark that are noise of the coding; judgement
_EDGE: Final = 12  # levels between neighbours that are an edge, after coding; judgement
_PLAIN: Final = 0.05  # of the pixels within a mark that are edges, at most, where its outline is all it has; judgement
_OUTLINED: Final = (
    0.6  # of an outline that has to be seen: scenery may have the mark's colour here and there; judgement
)
_NEAR: Final = np.ones((3, 3), np.uint8)
_HALF_FROM: Final = 14  # pixels of a mark's shorter side from which half of it is still a shape; judgement
_HALF_LOSS: Final = 0.25  # what a match may lose at half the size: strokes of one pixel turn grey; judgement
_HALF_SHARE: Final = 0.8  # of a share of pixels that half the size keeps, at least; judgement
_OPAQUE: Final = 128  # alpha
_MOST: Final = 40  # places of one mark that are looked at closely


class Hit(NamedTuple):
    """A mark at a place of a view: `x`, `y` is its top left corner in working pixels, `score` in 0..1."""

    score: float
    x: int
    y: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A mark made ready. `mask` is None where nothing of it is transparent; `half` is (grey, mask) at half the size.

    `outline` are the edge pixels of a mark that has no shape but its outline, 255 each; None of any other.
    """

    name: str
    mark: Mark
    grey: Grey = field(repr=False)
    mask: Grey | None = field(repr=False)
    half: tuple[Grey, Grey | None] | None = field(repr=False)
    outline: Grey | None = field(repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in working pixels."""
        return self.grey.shape[1], self.grey.shape[0]


def template(name: str, mark: Mark, picture: NDArray[np.uint8]) -> Template:
    """From RGBA uint8 of shape (h, w, 4) at the working height."""
    grey = np.asarray(cv2.cvtColor(np.ascontiguousarray(picture[..., :3]), cv2.COLOR_RGB2GRAY), np.uint8)
    opaque = picture[..., 3] >= _OPAQUE
    mask = None if opaque.all() else np.where(opaque, 255, 0).astype(np.uint8)
    half = None
    if min(grey.shape) >= _HALF_FROM:
        size = (grey.shape[1] // 2, grey.shape[0] // 2)
        small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
        soft = None if mask is None else cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
        half = (small, None if soft is None else np.where(soft >= _OPAQUE, 255, 0).astype(np.uint8))
    outline = None if mask is None else _outline(picture[..., :3], mask)
    return Template(name=name, mark=mark, grey=grey, mask=mask, half=half, outline=outline)


def find(view: View, wanted: Template, most: int = 1) -> list[Hit]:
    """The best places of a mark, at most `most`, none over another; best first."""
    width, height = wanted.size
    window = _window(view, wanted)
    if window is None:
        return []
    left, top, right, bottom = window
    if wanted.half is None:
        scores = _scores(view.grey[top:bottom, left:right], wanted.grey, wanted.mask)
        hits = [Hit(s, x + left, y + top) for s, x, y in _peaks(scores, wanted.mark.threshold, width, height, most)]
    else:
        hits = _coarse_to_fine(view, wanted, window, most)
    good = [hit for hit in hits if _is_there(view, wanted, hit)]
    return sorted(good, reverse=True)[:most]


def stays(view: View, wanted: Template, at: Hit, reach: int = 3) -> bool:
    """Whether a mark that was seen at a place is there still; colours don't count: a flash may wash them out."""
    best = _best_near(view, wanted, at, reach)
    return best is not None and best.score >= wanted.mark.threshold and _contrast(view, wanted, best) >= _FLAT


def _window(view: View, wanted: Template) -> tuple[int, int, int, int] | None:
    """Where the mark can lie by its colours: left, top, right, bottom; None for nowhere."""
    width, height = wanted.size
    rows, columns = view.grey.shape
    if width > columns or height > rows:
        return None
    gate = wanted.mark.gate
    if gate is None:
        return 0, 0, columns, rows
    mask = view.coloured_half(gate)
    w, h = max(1, width // 2), max(1, height // 2)
    shares = cv2.boxFilter(mask, cv2.CV_8U, (w, h), anchor=(0, 0))[: mask.shape[0] - h + 1, : mask.shape[1] - w + 1]
    # what is transparent may have the colour too, and half the size loses a line: this passes more than the exact gate
    opaque = 1.0 if wanted.mask is None else cv2.countNonZero(wanted.mask) / wanted.mask.size
    least = int(255.0 * gate.share[0] * opaque * _HALF_SHARE)
    across = np.flatnonzero(cv2.reduce(shares, 0, cv2.REDUCE_MAX) >= least)
    if not across.size:
        return None
    down = np.flatnonzero(cv2.reduce(shares, 1, cv2.REDUCE_MAX) >= least)
    left, top = 2 * int(across[0]), 2 * int(down[0])
    return (
        max(0, left - 2),
        max(0, top - 2),
        min(columns, 2 * int(across[-1]) + width + 4),
        min(rows, 2 * int(down[-1]) + height + 4),
    )


def _coarse_to_fine(view: View, wanted: Template, window: tuple[int, int, int, int], most: int) -> list[Hit]:
    assert wanted.half is not None
    grey, mask = wanted.half
    height, width = grey.shape
    left, top = window[0] // 2, window[1] // 2
    part = view.half[top : (window[3] + 1) // 2, left : (window[2] + 1) // 2]
    if part.shape[0] < height or part.shape[1] < width:
        part, left, top = view.half, 0, 0
        if part.shape[0] < height or part.shape[1] < width:
            return []
    scores = _scores(part, grey, mask)
    hits = []
    for _, x, y in _peaks(scores, wanted.mark.threshold - _HALF_LOSS, width, height, min(_MOST, 4 * most)):
        close = _best_near(view, wanted, Hit(0.0, 2 * (x + left), 2 * (y + top)), 2)
        if close is not None and close.score >= wanted.mark.threshold:
            hits.append(close)
    return hits


def _best_near(view: View, wanted: Template, at: Hit, reach: int) -> Hit | None:
    width, height = wanted.size
    left, top = max(0, at.x - reach), max(0, at.y - reach)
    part = view.grey[top : at.y + height + reach, left : at.x + width + reach]
    if part.shape[0] < height or part.shape[1] < width:
        return None
    scores = _scores(part, wanted.grey, wanted.mask)
    _, score, _, (x, y) = cv2.minMaxLoc(scores)
    return Hit(min(1.0, float(score)), left + int(x), top + int(y))


def _scores(part: Grey, grey: Grey, mask: Grey | None) -> NDArray[np.float32]:
    found = cv2.matchTemplate(part, grey, cv2.TM_CCOEFF_NORMED, mask=mask)
    scores = np.asarray(found, np.float32)
    if not np.isfinite(scores.max()) or mask is not None:  # 0 / 0 where the picture is flat
        scores[~np.isfinite(scores)] = 0.0
    return scores


def _peaks(
    scores: NDArray[np.float32], least: float, width: int, height: int, most: int
) -> list[tuple[float, int, int]]:
    """The highest places, each at least half a mark from the others."""
    left = scores.copy() if most > 1 else scores
    peaks: list[tuple[float, int, int]] = []
    while len(peaks) < most:
        _, score, _, (x, y) = cv2.minMaxLoc(left)
        if score < least:
            break
        peaks.append((min(1.0, float(score)), int(x), int(y)))
        if len(peaks) < most:
            left[max(0, y - height // 2) : y + height // 2 + 1, max(0, x - width // 2) : x + width // 2 + 1] = -1.0
    return peaks


def _is_there(view: View, wanted: Template, hit: Hit) -> bool:
    """Enough contrast, and the colours, of the pixels under the mark."""
    if _contrast(view, wanted, hit) < _FLAT or not _stands_out(view, wanted, hit):
        return False
    gate = wanted.mark.gate
    if gate is None:
        return True
    width, height = wanted.size
    under = view.coloured(gate)[hit.y : hit.y + height, hit.x : hit.x + width]
    if wanted.mask is None:
        return passes(gate, cv2.countNonZero(under) / under.size)
    return passes(gate, cv2.countNonZero(under & wanted.mask) / cv2.countNonZero(wanted.mask))


def _outline(rgb: NDArray[np.uint8], mask: Grey) -> Grey | None:
    """Of parts that are of one colour each, like a figure drawn on nothing: within them, any wall matches."""
    padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    core = cv2.erode(padded, _NEAR)[1:-1, 1:-1] > 0
    inner = _edges(rgb)[core]
    if inner.size and np.count_nonzero(inner >= _EDGE) > _PLAIN * inner.size:
        return None
    return np.where(core, 0, mask).astype(np.uint8)


def _stands_out(view: View, wanted: Template, hit: Hit) -> bool:
    """Whether a mark that is known by its outline has one here."""
    if wanted.outline is None:
        return True
    width, height = wanted.size
    left, top = max(0, hit.x - 1), max(0, hit.y - 1)
    edges = _edges(view.rgb[top : hit.y + height + 1, left : hit.x + width + 1])
    here = edges[hit.y - top :, hit.x - left :][:height, :width][wanted.outline > 0]
    return bool(np.count_nonzero(here >= _EDGE) >= _OUTLINED * here.size)


def _edges(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """By how much a pixel's neighbours differ, in the colour in which they do most."""
    return np.asarray(cv2.morphologyEx(np.ascontiguousarray(rgb), cv2.MORPH_GRADIENT, _NEAR).max(axis=2), np.uint8)


def _contrast(view: View, wanted: Template, hit: Hit) -> float:
    width, height = wanted.size
    _, spread = cv2.meanStdDev(view.grey[hit.y : hit.y + height, hit.x : hit.x + width], mask=wanted.mask)
    return float(spread[0, 0])
