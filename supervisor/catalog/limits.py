"""Sizes of what may be stored, checked before a statement is made. Pure.

Nothing here decides what a person may do; it keeps a hostile body from becoming a row that hurts every reader.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, TypeGuard

from core.errors import UsageError
from core.ids import is_safe_id

MAX_NAME: Final = 200  # characters
MAX_TEXT: Final = 4096
MAX_DOCUMENT: Final = 1 << 16  # bytes of options, details, arguments, summaries
MAX_LINE: Final = 1 << 18  # bytes of a JSON line of the journal; a batch of them is 1 MiB at most
MAX_METRICS: Final = 1 << 18  # bytes of a worker's exposition
MAX_BODY: Final = 1 << 20  # bytes of a stored answer
MAX_PAGE: Final = 200  # rows
MAX_NUMBER: Final = 1e15


def safe_id(what: str, value: str) -> str:
    """Raises UsageError on anything that is not an id (`core.ids.is_safe_id`)."""
    if not isinstance(value, str) or not is_safe_id(value):
        raise too_much(f"{what} is not an id")
    return value


def text(what: str, value: str, limit: int = MAX_TEXT) -> str:
    """The text as both databases take it. Raises UsageError where it is too long, or holds no character at all."""
    if not isinstance(value, str) or len(value) > limit:
        raise too_much(f"{what} is longer than {limit} characters")
    return plain(value)


def plain(value: str, limit: int = MAX_TEXT) -> str:
    """A stranger's text, cut to size: no U+0000, which PostgreSQL refuses, and no half of a surrogate pair."""
    return value[:limit].replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def document(what: str, value: Mapping[str, Any], limit: int = MAX_DOCUMENT) -> dict[str, Any]:
    """A JSON object, as it will be read back. Raises UsageError where it is none, or too big, or too deep."""
    try:
        body = json.dumps(value, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as err:
        raise too_much(f"{what} is not JSON") from err
    if len(body) > limit:
        raise too_much(f"{what} is larger than {limit} bytes")
    read = json.loads(body)
    if not isinstance(read, dict):
        raise too_much(f"{what} is not a JSON object")
    return read


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a field of a stranger's JSON is a number that can be counted with."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MAX_NUMBER


def page_size(limit: int) -> int:
    """Raises UsageError outside 1 to MAX_PAGE."""
    if not 1 <= limit <= MAX_PAGE:
        raise UsageError(
            f"A page has 1 to {MAX_PAGE} rows", remedy="Ask for fewer, and follow `next`.", code="bad_limit"
        )
    return limit


def too_much(what: str) -> UsageError:
    """A value that is not stored."""
    return UsageError(f"Bad value: {what}", remedy="Send less of it, as JSON or text.", code="bad_value")
