"""Settings of the gateway to language models: who is asked, in which order, and what a day may cost.

Keys never stand here: a provider names an environment variable or a file that holds its key (supervisor/llm/keys.py).
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, field_validator, model_validator

ProviderKind = Literal["openai", "anthropic"]
Usd = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}\Z")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}\Z")
_OURS: Final = "CLIPD_"

# What `use` fills in. Prices are not among it: they change, and a wrong one makes the budget worthless
PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {
    "cerebras": {"base_url": "https://api.cerebras.ai/v1", "api_key_env": "CEREBRAS_API_KEY"},
    "groq": {"base_url": "https://api.groq.com/openai/v1", "api_key_env": "GROQ_API_KEY"},
    "together": {"base_url": "https://api.together.xyz/v1", "api_key_env": "TOGETHER_API_KEY"},
    "openai": {"base_url": "https://api.openai.com/v1", "api_key_env": "OPENAI_API_KEY"},
    "anthropic": {
        "kind": "anthropic", "base_url": "https://api.anthropic.com/v1", "api_key_env": "ANTHROPIC_API_KEY",
    },
    "ollama": {"base_url": "http://127.0.0.1:11434/v1", "private": True},
}  # fmt: skip


class ProviderOptions(BaseModel, frozen=True, extra="forbid"):
    """An entry of `llm.providers`."""

    use: Literal["", "cerebras", "groq", "together", "openai", "anthropic", "ollama"] = Field(
        "", description="Fills in base_url, kind and api_key_env; what is written beside it wins."
    )
    name: str = Field(description="What it is called in answers and figures; none: the name in use.")
    kind: ProviderKind = Field("openai", description="openai: any OpenAI-compatible server; anthropic: messages.")
    base_url: str = Field(max_length=2048, description="Up to and with the version: https://host/v1.")
    model: str = Field(min_length=1, max_length=200, description="As the provider calls it.")
    api_key_env: str = Field("", description="Environment variable that holds its key.")
    api_key_file: str = Field("", max_length=4096, description="File that holds its key and nothing else; wins.")
    price_in: Usd = Field(description="USD for a million tokens of a question; private: 0.")
    price_out: Usd = Field(description="USD for a million tokens of an answer; private: 0.")
    timeout_s: float = Field(20.0, ge=0.1, le=120, description="For one answer.")
    max_concurrency: int = Field(4, ge=1, le=64, description="Questions at once, of this process.")
    private: bool = Field(False, description="It lies on this machine or network: plain http and private addresses.")
    send_temperature: bool = Field(True, description="False: for models that refuse one.")

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        if {"api_key", "key"} & set(value):
            raise ValueError("a key does not stand in the settings: name its api_key_env or api_key_file")
        known = PRESETS.get(str(value.get("use", "")), {})
        filled: dict[str, Any] = {"name": value.get("use", ""), **known, **value}
        if filled.get("private") is True:
            filled = {"price_in": 0.0, "price_out": 0.0, **filled}
        return filled

    @field_validator("name")
    @classmethod
    def _named(cls, value: str) -> str:
        if not _NAME.match(value):
            raise ValueError(f"{value[:40]!r} is no name: small letters, digits, - and _")
        return value

    @field_validator("model")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not value.isascii() or not value.isprintable():
            raise ValueError("holds characters that cannot be printed")
        return value

    @field_validator("api_key_env")
    @classmethod
    def _variable(cls, value: str) -> str:
        if value and (not _VARIABLE.match(value) or value.upper().startswith(_OURS)):
            raise ValueError(f"should be the name of a variable that does not begin with {_OURS}, not its value")
        return value

    @field_validator("api_key_file")
    @classmethod
    def _home(cls, value: str) -> str:
        return os.path.expanduser(value)

    @model_validator(mode="after")
    def _address(self) -> ProviderOptions:
        parts = urlsplit(self.base_url)
        if parts.scheme not in (("http", "https") if self.private else ("https",)) or not parts.hostname:
            raise ValueError("base_url should begin with https:// and name a host; private: true takes http:// too")
        if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
            raise ValueError("base_url holds no user name, password, query or fragment")
        if not (self.api_key_env or self.api_key_file or self.private):
            raise ValueError("names no key: set api_key_env or api_key_file")
        return self


class LlmOptions(BaseModel, frozen=True, extra="forbid"):
    """Key `llm`. Days are UTC's."""

    providers: tuple[ProviderOptions, ...] = Field(
        (), max_length=16, description="Asked in this order until one answers well; none: the gateway is off."
    )
    budget_usd_per_day: Usd = Field(1.0, description="Of each workspace.")
    budgets: dict[str, Usd] = Field({}, description="Of single workspaces, by id, in place of budget_usd_per_day.")
    hard_ceiling_usd_per_day: Usd = Field(5.0, description="Of all workspaces together.")

    @field_validator("providers")
    @classmethod
    def _names(cls, value: tuple[ProviderOptions, ...]) -> tuple[ProviderOptions, ...]:
        names = [each.name for each in value]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two providers are called {twice!r}; give one a name of its own")
        return value

    def budget(self, workspace: str) -> float:
        """USD a day."""
        return self.budgets.get(workspace, self.budget_usd_per_day)
