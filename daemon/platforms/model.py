"""A platform's limits and wishes, read from YAML; unknown keys and impossible numbers are errors."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

Side = Annotated[int, Field(ge=16, le=8192)]


class Canvas(BaseModel, frozen=True, extra="forbid", strict=True):
    """The picture's size in pixels; even, since H.264 with 4:2:0 has no odd ones."""

    width: Annotated[Side, Field(multiple_of=2)]
    height: Annotated[Side, Field(multiple_of=2)]


class Safe(BaseModel, frozen=True, extra="forbid", strict=True):
    """Margins in pixels of the canvas that the app covers with its own text and buttons: no captions there."""

    left: int = Field(ge=0)
    top: int = Field(ge=0)
    right: int = Field(ge=0)
    bottom: int = Field(ge=0)


class Aspect(BaseModel, frozen=True, extra="forbid", strict=True):
    """Width over height."""

    min: float = Field(gt=0, le=10)
    max: float = Field(gt=0, le=10)


class VideoWishes(BaseModel, frozen=True, extra="forbid", strict=True):
    """Of the H.264 picture. `crf` is x264's quality, `max_kbit_s` what it may take at most. `preset` is x264's:
    superfast takes two thirds of veryfast's time, and without B-frames a fifth less than that for the same picture in
    up to a quarter more bytes (docs/results, "Finished clips")."""

    max_kbit_s: int = Field(ge=64, le=100_000)
    crf: int = Field(ge=0, le=51)
    level: str = Field(pattern=r"^[1-6]\.[0-2]$")
    profile: str = Field("high", pattern="^(baseline|main|high)$")
    preset: str = Field("veryfast", pattern="^(superfast|veryfast|faster|fast|medium|slow)$")
    b_frames: int = Field(2, ge=0, le=4)


class SoundTarget(BaseModel, frozen=True, extra="forbid", strict=True):
    """Of the AAC sound: rate, integrated loudness in LUFS, true peak in dBTP."""

    kbit_s: int = Field(ge=32, le=320)
    target_lufs: float = Field(ge=-31, le=-8)
    peak_dbtp: float = Field(ge=-9, le=-0.1)


class Platform(BaseModel, frozen=True, extra="forbid", strict=True):
    """One platform; docs/platforms.md explains the keys, the shipped files name their sources."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    title: str = Field(min_length=1, max_length=60)
    canvas: Canvas
    min_s: float = Field(ge=0, le=3600)
    max_s: float = Field(gt=0, le=43_200)
    max_bytes: int = Field(ge=100_000, le=10**12)
    min_fps: float = Field(gt=0, le=240)
    max_fps: float = Field(gt=0, le=240)
    min_side: Side
    max_side: Side
    aspect: Aspect
    safe: Safe
    video: VideoWishes
    sound: SoundTarget

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        pairs = {
            "min_s": (self.min_s, self.max_s),
            "min_fps": (self.min_fps, self.max_fps),
            "min_side": (self.min_side, self.max_side),
            "aspect.min": (self.aspect.min, self.aspect.max),
        }
        if wrong := [key for key, (low, high) in pairs.items() if low > high]:
            raise ValueError(f"{', '.join(wrong)}: the least is over the most")
        width, height = self.canvas.width, self.canvas.height
        if self.safe.left + self.safe.right >= width or self.safe.top + self.safe.bottom >= height:
            raise ValueError("safe: the margins leave nothing of the canvas")
        if max(width, height) > self.max_side or min(width, height) < self.min_side:
            raise ValueError("canvas: a side is outside min_side..max_side")
        if not self.aspect.min <= width / height <= self.aspect.max:
            raise ValueError("canvas: its aspect is outside aspect.min..max")
        return self
