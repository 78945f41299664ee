"""A recording of this machine, brought to a running `clipd up` in chunks, each safe there once it is answered."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Final

import typer

from core.errors import MissingPart, UsageError
from daemon.cli.remote import Remote, safe

TRIES: Final = 5  # of one chunk, 1, 2, 4, 8 s apart
TOLD: Final = 1 << 28  # bytes between two words about how far it is


def bring(remote: Remote, path: Path) -> str:
    """Its id there, once it is whole. Raises UsageError for what is no file, and what `Remote` raises."""
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            made = remote.ask("POST", "uploads", {"name": path.name[:80], "bytes": size})
            id_, length = safe(made["id"]), int(made["chunk_bytes"])
            for seq in range(int(made["chunks"])):
                _send(remote, id_, seq, file.read(length))
                sent = min(size, (seq + 1) * length)
                if sent // TOLD > (sent - length) // TOLD:
                    typer.echo(f"{sent >> 20} of {size >> 20} MiB", err=True)
    except OSError as err:
        raise UsageError(f"{path} cannot be read: {err.strerror}", remedy="Check the path.", code="no_file") from err
    remote.ask("POST", f"uploads/{id_}/final", {})
    return id_


def _send(remote: Remote, id_: str, seq: int, data: bytes) -> None:
    """The same chunk again is the same, so a lost answer costs nothing."""
    for again in range(TRIES):
        try:
            remote.put(f"uploads/{id_}/chunks/{seq}.part", data, {"X-Clipd-Sha256": hashlib.sha256(data).hexdigest()})
            return
        except MissingPart:
            if again == TRIES - 1:
                raise
            time.sleep(2**again)
