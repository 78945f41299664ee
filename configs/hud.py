"""Key `hud`: how a game's HUD is looked at, where a game is set."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field

from core.game import NO_GAME


def _off(value: Any) -> Any:
    """YAML reads off as false."""
    return NO_GAME if value is False else value


GameName = Annotated[str, BeforeValidator(_off), Field(min_length=1, max_length=2048)]


class HudOptions(BaseModel, frozen=True, extra="forbid"):
    """Nothing of it is used, imported or decoded without a game."""

    fps: float = Field(2.0, ge=1, le=4, description="Looks a second where something changes.")
    reader: Literal["rapidocr", "easyocr"] = Field(
        "rapidocr", description="What reads text; easyocr is the extra `easyocr`."
    )
    easyocr_models: str = Field("", max_length=2048, description="Folder of EasyOCR's models; nothing is downloaded.")
