"""Stream keys of push addresses: from a file or the environment, so that they need not stand in argv."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from configs import Settings
from core.errors import UsageError
from daemon.doors.address import check_key, is_push, parse_push

MAX_FILE: Final = 4096


def with_key(source: str, settings: Settings) -> str:
    """The source, and where it is a push address without a key, with the one that the settings name.

    Raises UsageError, without the key in it.
    """
    if not is_push(source) or parse_push(source).key:
        return source
    key = settings.ingest.push.key or _from_file(settings.ingest.push.key_file)
    if not key:
        raise UsageError(
            "The push address has no stream key",
            remedy="Set CLIPD_INGEST__PUSH__KEY, or CLIPD_INGEST__PUSH__KEY_FILE to a file that holds it.",
            code="no_key",
        )
    check_key(key)
    return f"{source.rstrip('/')}/{key}"


def without_keys(settings: Settings) -> Settings:
    """What a worker needs of them: it gets its key in its source."""
    ingest = settings.ingest.model_copy(update={"push": type(settings.ingest.push)()})
    return settings.model_copy(update={"ingest": ingest})


def _from_file(name: str) -> str:
    if not name:
        return ""
    try:
        with Path(name).expanduser().open("rb") as file:
            return file.read(MAX_FILE).decode("ascii", "replace").strip()
    except OSError as err:
        raise UsageError(
            f"The key file cannot be read: {err.strerror}", remedy="Check ingest.push.key_file.", code="no_key"
        ) from err
