"""Which files a clip has, and the links that they are handed out by. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from supervisor.api.files import parts_below
from supervisor.api.prefix import API
from supervisor.api.signing import Signer
from supervisor.catalog.values import ClipRow

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")


def clip_links(row: ClipRow, signer: Signer) -> dict[str, str]:
    """A link for each file of a clip's newest revision, by name."""
    files, until_ns = row.line.get("files"), signer.usual_ns()
    names = [name for name in files if parts_of(row, name) is not None] if isinstance(files, Mapping) else []
    return {name: signer.sign(f"{API}/clips/{row.id}/files/{name}", until_ns) for name in sorted(names)}


def parts_of(row: ClipRow, name: str) -> list[str] | None:
    """Where a file of a clip lies below DATA/sessions; None for one that it has not."""
    files = row.line.get("files")
    if not isinstance(files, Mapping) or not _NAME.fullmatch(name):
        return None
    return parts_below(files.get(name), row.session, row.id)
