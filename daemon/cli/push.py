"""Stream keys and passphrases: from a file or the environment, so that they need not stand in argv."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from configs import Settings
from core.errors import UsageError
from daemon.doors.address import check_key, is_push, parse_push, parse_srt, with_passphrase

MAX_FILE: Final = 4096


def with_key(source: str, settings: Settings) -> str:
    """The source, and where it is a push address without a key, or an SRT address without a passphrase, with the one
    that the settings name. Who is called may do without a passphrase, who may call here may not.

    Raises UsageError, without the secret in it.
    """
    if source.lower().startswith("srt://"):
        return _with_passphrase(source, settings)
    if not is_push(source) or parse_push(source).key:
        return source
    push = settings.ingest.push
    key = push.key or _from_file(push.key_file, "ingest.push.key_file")
    if not key:
        raise UsageError(
            "The push address has no stream key",
            remedy="Set CLIPD_INGEST__PUSH__KEY, or CLIPD_INGEST__PUSH__KEY_FILE to a file that holds it.",
            code="no_key",
        )
    check_key(key)
    return f"{source.rstrip('/')}/{key}"


def _with_passphrase(source: str, settings: Settings) -> str:
    if parse_srt(source).passphrase:
        return source
    srt = settings.ingest.srt
    passphrase = srt.passphrase or _from_file(srt.passphrase_file, "ingest.srt.passphrase_file")
    if passphrase:
        return with_passphrase(source, passphrase)
    if is_push(source):
        raise UsageError(
            "The SRT address has no passphrase",
            remedy="Set CLIPD_INGEST__SRT__PASSPHRASE, or CLIPD_INGEST__SRT__PASSPHRASE_FILE to a file that holds it.",
            code="no_key",
        )
    return source


def without_keys(settings: Settings) -> Settings:
    """What a worker needs of them: it gets its key in its source."""
    ingest = settings.ingest
    srt = ingest.srt.model_copy(update={"passphrase": "", "passphrase_file": ""})
    ingest = ingest.model_copy(update={"push": type(ingest.push)(), "srt": srt})
    return settings.model_copy(update={"ingest": ingest})


def _from_file(name: str, setting: str) -> str:
    if not name:
        return ""
    try:
        with Path(name).expanduser().open("rb") as file:
            return file.read(MAX_FILE).decode("ascii", "replace").strip()
    except OSError as err:
        raise UsageError(
            f"The key file cannot be read: {err.strerror}", remedy=f"Check {setting}.", code="no_key"
        ) from err
