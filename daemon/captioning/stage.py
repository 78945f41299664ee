"""Where captions may stand on a picture, and how large they are. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Shares that look alike on all canvases: a tall one is limited by its width, the others by their height.
_OF_HEIGHT: Final = 0.066
_OF_WIDTH: Final = 0.082
_LEAST: Final = 16
# Where the middle of the captions stands by default: on tall canvases above the app's buttons, not at the edge.
_TALL, _WIDE = 0.74, 1.0
_TALL_FROM: Final = 1.2  # height by width
_SHARE: Final = 0.05  # of the height and width, kept free at each edge where no platform says otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A canvas in pixels and the margins that must stay free of text. Raises ValueError when nothing is left."""

    width: int
    height: int
    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    def __post_init__(self) -> None:
        if min(self.left, self.top, self.right, self.bottom) < 0:
            raise ValueError("a margin is less than 0")
        if self.room_width < self.width // 4 or self.room_height < self.height // 4 or self.width < 64:
            raise ValueError("the margins leave less than a quarter of the canvas")

    @classmethod
    def plain(cls, width: int, height: int) -> Stage:
        """With a margin of 5 % all round (EBU R 95's graphics-safe area)."""
        x, y = round(width * _SHARE), round(height * _SHARE)
        return cls(width=width, height=height, left=x, top=y, right=x, bottom=y)

    @property
    def room_width(self) -> int:
        """Between the margins."""
        return self.width - self.left - self.right

    @property
    def room_height(self) -> int:
        """Between the margins."""
        return self.height - self.top - self.bottom

    @property
    def em(self) -> float:
        """The font's size in pixels, before the style's factor."""
        return max(_LEAST, min(self.height * _OF_HEIGHT, self.width * _OF_WIDTH))

    @property
    def position(self) -> float:
        """Default place of the captions' middle: 0 the top of the room, 1 its bottom."""
        return _TALL if self.height >= _TALL_FROM * self.width else _WIDE
