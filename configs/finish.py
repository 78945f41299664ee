"""Key `clips`, the part about finished files: formats, captions, framing, brand."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, Field, field_validator


def _yaml_off(value: Any) -> Any:
    """YAML reads a bare `off` as false."""
    return "off" if value is False else value


CaptionStyle = Literal["highlight_word", "karaoke", "pop_in", "typewriter", "bounce", "boxed_word", "plain", "off"]
Denoise = Literal["off", "light", "strong"]
EncoderChoice = Literal["auto", "libx264", "h264_nvenc", "h264_qsv", "h264_vaapi"]
Share = Annotated[float, Field(ge=0, le=1)]
LayoutName = Literal["auto", "track", "split", "game_facecam", "screen_speaker", "fit", "centre"]
# Left, top, width, height, in fractions of the picture.
Facecam = tuple[Share, Share, Share, Share]
MASTER: Final = "master"
_FORMAT: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}\Z")


class FinishOptions(BaseModel, frozen=True, extra="forbid"):
    """What is made of a clip that is final, beside its master."""

    formats: tuple[str, ...] = Field(
        (MASTER, "vertical"),
        max_length=8,
        description="master, vertical, square, portrait, wide, platforms such as tiktok, or .yaml files of platforms.",
    )
    captions: Annotated[CaptionStyle, BeforeValidator(_yaml_off)] = Field(
        "highlight_word", description="Style of the captions in finished files, or off."
    )
    mask_profanity: bool = Field(False, description="Mask swear words in captions and silence them in finished files.")
    layout: LayoutName = Field("auto", description="How wide pictures become tall ones; auto decides scene by scene.")
    facecam: Facecam | None = Field(None, description="Where the facecam lies, where it is not found by itself.")
    face_model: str | None = Field(None, description="Path of YuNet's ONNX file, in place of the BlazeFace we ship.")
    brand: str | None = Field(None, description="Folder of a brand kit: logo, colours, cards, hook title.")
    denoise: Annotated[Denoise, BeforeValidator(_yaml_off)] = Field(
        "off", description="Takes steady noise out of finished files' sound: light, strong, or off."
    )
    clarity: bool = Field(False, description="Speech in finished files with less rumble and boom, and more presence.")
    encoder: EncoderChoice = Field(
        "libx264", description="H.264 encoder; auto: the first hardware one that proves itself, see `clipd doctor`."
    )
    renders_at_once: int = Field(1, ge=1, le=16, description="Finished files made at the same time, at low priority.")

    @field_validator("formats", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        names = [name.strip() for name in value.split(",")] if isinstance(value, str) else value
        if isinstance(names, list | tuple):
            for name in names:
                if not isinstance(name, str) or not (_FORMAT.match(name) or name.endswith((".yaml", ".yml"))):
                    raise ValueError(f"{str(name)[:40]!r} is not the name of a format")
            return tuple(dict.fromkeys((MASTER, *names)))
        return names
