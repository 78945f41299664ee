"""Everything clipd raises on purpose.

    ClipdError                    what + remedy; `code` goes into the JSON line, `exit_code` ends the command
    ├── UsageError           2    options, settings, profiles, sessions that do not exist
    ├── SourceError          3    the source, in general
    │   ├── SourceRefused         the origin answered 401, 403, 404, 410, or our address policy said no
    │   ├── SourceUnreachable     no answer, DNS, connection refused, time-outs       (retryable)
    │   ├── SourceGone            it answered, then stopped moving for good
    │   └── BadMedia              bytes that are no media we accept: empty, text, damaged beyond use
    ├── MissingPart          4    a program, model or package that has to be installed
    │   └── ModelMissing          a speech model: not found (`model_missing`), or with other bytes (`model_damaged`)
    ├── StorageError         5    disk full, unwritable, not ours
    │   └── JournalCorrupt        session.db fails its check
    ├── CutRefused           70   a clip that would be wrong: no media there, A/V offset above the limit
    ├── ClaimLost            70   a newer attempt has the stream (worker code 71)
    └── SessionHeld          70   another worker has the session for longer than its end takes

Worker exit codes (DESIGN.md section 3) are `worker_exit_code(error)`.
"""

from __future__ import annotations

from typing import ClassVar, Final


class ClipdError(Exception):
    """Root of everything we raise on purpose. `retryable` says whether the same attempt may work later."""

    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 70
    worker_code: ClassVar[int] = 70

    def __init__(self, what: str, *, remedy: str, code: str | None = None) -> None:
        super().__init__(f"{what}. {remedy}")
        self.what, self.remedy = what, remedy
        self.code = code or _snake(type(self).__name__)


class UsageError(ClipdError):
    """Options, settings or names the user gave."""

    exit_code = 2
    worker_code = 64


class SourceError(ClipdError):
    """The source cannot be used."""

    exit_code = 3
    worker_code = 69


class SourceRefused(SourceError):
    """The origin answered 401, 403, 404 or 410, or the address policy refused the URL."""


class SourceUnreachable(SourceError):
    """No answer: DNS, refused connection, time-out, 5xx."""

    retryable = True


class SourceGone(SourceError):
    """It answered once, and media time stopped moving for longer than the limit."""


class BadMedia(SourceError):
    """The bytes are no media we accept."""

    worker_code = 64


class MissingPart(ClipdError):
    """A program, model or package that has to be installed; the remedy names the command."""

    exit_code = 4
    worker_code = 64  # another attempt would only miss it again


class ModelMissing(MissingPart):
    """No speech model, or one whose bytes are not the known ones: `code` is model_missing or model_damaged."""


class StorageError(ClipdError):
    """The data folder is full, unwritable or not ours."""

    exit_code = 5
    worker_code = 73


class JournalCorrupt(StorageError):
    """session.db does not pass its check."""


class CutRefused(ClipdError):
    """A clip that would be wrong; `code` is the reason users see."""


class ClaimLost(ClipdError):
    """The stream was given to a newer attempt: this one records no more."""

    worker_code = 71


class SessionHeld(ClipdError):
    """An earlier attempt still holds the session's lock; another try may find it free."""

    retryable = True


EXIT_OK: Final = 0
EXIT_INTERRUPTED: Final = 130


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
