"""Key `ranking`: whether and how a language model orders and describes finished clips."""

from __future__ import annotations

from pydantic import BaseModel, Field


class ShadowOptions(BaseModel, frozen=True, extra="forbid"):
    """Key `ranking.shadow`: a second prompt that ranks the same clips and publishes nothing."""

    prompt: str = Field("", max_length=1024, description="A prompt's name or .md file; none: no shadow.")
    wish: str = Field("", max_length=2000, description="Added to it in your own words.")


class RankingOptions(BaseModel, frozen=True, extra="forbid"):
    """Key `ranking`. Without a language model (`llm.providers`) clips are ranked by what was measured."""

    enabled: bool = Field(True, description="Ask a language model about clips that detection was not sure of.")
    prompt: str = Field("viral", max_length=1024, description="A prompt's name, or your own .md file.")
    wish: str = Field("", max_length=2000, description="Added to it in your own words: find bold claims about money.")
    bound: float = Field(0.5, ge=0, le=3, description="How far a model may move a clip's score, in logits.")
    band: float = Field(1.5, ge=0, le=20, description="How near its bar a score is unsure, in logits.")
    group: int = Field(8, ge=1, le=8, description="Clips that end a group.")
    every_s: float = Field(300.0, ge=1, le=86_400, description="Of media, after which a group ends.")
    shadow: ShadowOptions = ShadowOptions()
