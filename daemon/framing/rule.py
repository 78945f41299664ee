"""The rule of a channel: what its owner wants framed, whatever the picture says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from core.errors import UsageError
from daemon.framing.values import LAYOUTS, Box, Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutRule:
    """`layout` None: chosen for each scene. `facecam` in fractions of the picture, None: looked for.

    `max_zoom` is how far a picture may be enlarged beyond the crop that its height gives, to bring a far face nearer.
    Raises UsageError.
    """

    layout: Layout | None = None
    facecam: Box | None = None
    max_zoom: float = 1.5

    def __post_init__(self) -> None:
        if self.layout is not None and self.layout not in LAYOUTS:
            raise _refused(f"no layout {self.layout!r:.40}", f"Take one of {', '.join(LAYOUTS)}, or leave it out.")
        if not 1.0 <= self.max_zoom <= 4.0:
            raise _refused(f"max_zoom {self.max_zoom}", "Take a number from 1 to 4.")
        if self.facecam is not None and not _is_inside(self.facecam):
            raise _refused(
                f"the facecam {tuple(self.facecam)} lies not within the picture",
                "Give left, top, width and height as fractions of the picture, such as [0.75, 0.7, 0.25, 0.3].",
            )

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> LayoutRule:
        """From settings or a recipe: keys layout, facecam (four numbers), max_zoom. Raises UsageError."""
        unknown = sorted(set(values) - {"layout", "facecam", "max_zoom"})
        if unknown:
            raise _refused(f"unknown {', '.join(map(str, unknown))[:80]}", "Keys are layout, facecam and max_zoom.")
        try:
            box = values.get("facecam")
            facecam = None if box is None else Box(*(float(number) for number in box))
            zoom = float(values.get("max_zoom", 1.5))
        except (TypeError, ValueError) as err:
            raise _refused(str(err)[:80], "facecam is four numbers, max_zoom is one.") from err
        return cls(layout=cast(Layout | None, values.get("layout")), facecam=facecam, max_zoom=zoom)

    def to_json(self) -> dict[str, Any]:
        """What `from_mapping` reads."""
        box = None if self.facecam is None else list(self.facecam)
        return {"layout": self.layout, "facecam": box, "max_zoom": self.max_zoom}


def _is_inside(box: Box) -> bool:
    if not all(map(math.isfinite, box)):
        return False
    return box.x >= 0 and box.y >= 0 and box.w >= 0.04 and box.h >= 0.04 and box.right <= 1.0 and box.bottom <= 1.0


def _refused(what: str, remedy: str) -> UsageError:
    return UsageError(f"framing: {what}", remedy=remedy)
