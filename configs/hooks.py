"""Settings of inbound hooks: programs that sign what they ask instead of holding a token."""

from __future__ import annotations

import re
from typing import Final

from pydantic import BaseModel, Field, model_validator

HOOK_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}\Z")
_OTHERS: Final = "rtmp"  # gateways ask there


class HookOptions(BaseModel, frozen=True, extra="forbid"):
    """An entry of `api.hooks`, by its name: `POST /api/v1/hooks/NAME`."""

    workspace: str = Field("default", min_length=1, max_length=80, description="Whose streams it may name.")
    secret_env: str = Field("", max_length=100, description="Environment variable that holds its secret, whsec_...")
    secret_file: str = Field("", max_length=4096, description="File that holds the secret and nothing else; wins.")

    @model_validator(mode="after")
    def _signed(self) -> HookOptions:
        if not self.secret_env and not self.secret_file:
            raise ValueError("a hook needs a secret: name its secret_env or secret_file")
        return self


def checked_names(hooks: dict[str, HookOptions]) -> dict[str, HookOptions]:
    """Raises ValueError for a name that no path can have."""
    bad = next((name for name in hooks if not HOOK_NAME.match(name) or name == _OTHERS), None)
    if bad is not None:
        raise ValueError(f"{bad[:40]!r} is no name for a hook: small letters, digits, - . and _; {_OTHERS} is taken")
    return hooks
