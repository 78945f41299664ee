"""Settings of speech recognition: which model, on what device, in which language, by which planner."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, Field, field_validator

MAX_TERMS: Final = 500


class SpeechOptions(BaseModel, frozen=True, extra="forbid"):
    """Key `speech` of the settings tree."""

    enabled: bool = Field(True, description="Whether to listen for words at all.")
    model: str = Field(
        "auto",
        min_length=1,
        description="auto, a Whisper size (tiny, base, small, ...), or a model folder's path.",
    )
    device: Literal["auto", "cuda", "cpu"] = Field("auto", description="Where the model runs.")
    compute_type: str = Field(
        "auto", min_length=1, description="auto, int8, int8_float16, float16, ...: what the device supports."
    )
    language: str = Field("auto", pattern="^(auto|[a-z]{2,3})$", description="auto, or a language code such as en.")
    planner: Literal["auto", "live", "packed"] = Field(
        "auto", description="live commits words while they are said, packed reads ahead; auto: packed for vod."
    )
    glossary: tuple[str, ...] = Field(
        (), max_length=MAX_TERMS, description="Names and terms of the channel, spelled as they should appear."
    )

    @field_validator("glossary")
    @classmethod
    def _terms(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for term in value:
            if not 2 <= len(term.strip()) <= 60 or len(term.split()) > 4:
                raise ValueError(f"{term[:60]!r} is not a term: 2 to 60 letters, at most 4 words")
        return tuple(term.strip() for term in value)
