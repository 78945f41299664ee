"""Where a page ends and the next begins, as a text that says nothing to its reader. Pure.

A cursor holds the sort key of the last row and the list it belongs to. It carries no right: the next page is asked for
with the workspace of who asks, so a forged cursor only skips rows of one's own.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Final

from core.errors import UsageError

MAX_CURSOR: Final = 400  # characters; our own have less than 200
_FIRST: Final = 1 << 63  # sort keys are below


def encode(kind: str, key: int, row: str) -> str:
    """The cursor behind a row of the list `kind`: sort key, then id."""
    body = json.dumps([kind, key, row], separators=(",", ":"))
    return base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")


def decode(kind: str, cursor: str) -> tuple[int, str]:
    """The sort key and id. Raises UsageError(`bad_cursor`) on anything that `encode` has not made for this list."""
    if len(cursor) > MAX_CURSOR or not cursor.isascii():
        raise _bad()
    try:
        body = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as err:
        raise _bad() from err
    if not (isinstance(body, list) and len(body) == 3 and body[0] == kind):
        raise _bad()
    key, row = body[1:]
    if type(key) is not int or not -_FIRST < key < _FIRST or not isinstance(row, str) or "\0" in row:
        raise _bad()
    if not row.isascii() or encode(kind, key, row) != cursor:
        raise _bad()
    return key, row


def _bad() -> UsageError:
    return UsageError("This is no cursor of this list", remedy="Use `next` of the page before.", code="bad_cursor")
