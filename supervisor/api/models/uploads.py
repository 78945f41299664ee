"""Uploads."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from supervisor.api.models.base import Answered, Asked, Name
from supervisor.uploads import MAX_BYTES

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class NewUpload(Asked):
    """POST /uploads: a recording that will come in chunks. `name` is for people; `sha256` of the whole, in hex."""

    name: Name
    bytes: int = Field(ge=1, le=MAX_BYTES)
    sha256: Sha256 | None = None


class Upload(Answered):
    """What of it is here. Chunk n has the bytes from n * chunk_bytes on; `have` are ranges [first, behind the last).

    `state`: `open` takes chunks, `whole` can be clipped. `expires`: when it is deleted unless something happens.
    """

    id: str
    name: str
    bytes: int
    sha256: str | None
    state: Literal["open", "whole"]
    chunk_bytes: int
    chunks: int
    have: list[Annotated[list[int], Field(min_length=2, max_length=2)]]
    created: datetime
    expires: datetime


class Chunk(Answered):
    """A chunk that is safe."""

    seq: int
    bytes: int
