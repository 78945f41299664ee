"""Settings of the HTTP API: where it listens, who may ask how often, which of this machine's files it may name."""

from __future__ import annotations

import os.path
import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, field_validator

from configs.hooks import HookOptions, checked_names

OWNER_FILE: Final = "owner-token"  # in the data folder, mode 0600: the token of commands on the same machine
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\Z")


class ApiOptions(BaseModel, frozen=True, extra="forbid"):
    """Key `api`."""

    host: str = Field("127.0.0.1", min_length=1, max_length=253, description="Address to listen on.")
    port: int = Field(8700, ge=0, le=65_535, description="Port to listen on; 0: any free one.")
    url: str = Field("", max_length=2048, description="Where commands find a running clipd up; none: host and port.")
    public_url: str = Field(
        "", max_length=2048, description="Where people open the page, for links in alerts; none: no links."
    )
    allowed_hosts: tuple[str, ...] = Field(
        (), max_length=64, description="Names it may be called by, beside localhost and plain addresses."
    )
    folders: tuple[str, ...] = Field(
        (), max_length=64, description="Folders whose files an owner may name as sources; none: no files."
    )
    requests_per_minute: int = Field(
        600, ge=10, le=100_000, description="Of one token; of one address, ten times that."
    )
    sign_in_failures: int = Field(
        10, ge=1, le=1000, description="Wrong tokens or passwords from one address, before it has to wait."
    )

    hooks: dict[str, HookOptions] = Field(
        default_factory=dict, max_length=64, description="Programs that sign what they ask, by name."
    )

    @field_validator("hooks")
    @classmethod
    def _hooks(cls, value: dict[str, HookOptions]) -> dict[str, HookOptions]:
        return checked_names(value)

    @field_validator("url", "public_url")
    @classmethod
    def _web(cls, value: str) -> str:
        if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname):
            raise ValueError("should begin with http:// or https:// and name a host")
        return value.rstrip("/")

    @field_validator("allowed_hosts")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        named = tuple(name.rstrip(".").lower() for name in value)
        bad = next((name for name in named if not _HOST.match(name)), None)
        if bad is not None:
            raise ValueError(f"{bad[:60]!r} is no host name")
        return named

    @field_validator("folders")
    @classmethod
    def _absolute(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        folders = tuple(os.path.expanduser(folder) for folder in value)
        bad = next((folder for folder in folders if not os.path.isabs(folder)), None)
        if bad is not None:
            raise ValueError(f"{bad[:60]!r} is no absolute path")
        return folders


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def reachable(host: str, port: int) -> str:
    """The URL by which this machine reaches who listens there; who listens everywhere is called here."""
    called = _EVERYWHERE.get(host, host)
    return f"http://[{called}]:{port}" if ":" in called else f"http://{called}:{port}"
