"""A lease's record as the fields of a store, and back. What a store says is data of strangers: size and type first."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from supervisor.leases.api import LeaseRecord, StoreAway

MAX_OWNER: Final = 128  # characters
MAX_META: Final = 4096
MAX_NUMBER: Final = 2**62


class Fields(NamedTuple):
    """A row or hash. `meta` is a JSON object of texts."""

    owner: str
    token: int
    counter: int
    meta: str


def to_fields(record: LeaseRecord) -> Fields:
    """Raises ValueError for a record that `from_fields` would not take back."""
    fields = Fields(record.owner, record.token, record.counter, json.dumps(dict(record.meta)))
    if not _fits(fields):
        raise ValueError(f"a lease record out of bounds, token {record.token}")
    return fields


def from_fields(owner: object, token: object, counter: object, meta: object) -> LeaseRecord:
    """Raises StoreAway(damaged)."""
    fields = Fields(_text(owner), _number(token), _number(counter), _text(meta))
    if not _fits(fields):
        raise _damaged("a field is out of bounds")
    try:
        facts: Any = json.loads(fields.meta)
    except (ValueError, RecursionError):
        raise _damaged("its meta is no JSON") from None
    if not isinstance(facts, dict) or not all(isinstance(value, str) for value in facts.values()):
        raise _damaged("its meta is no object of texts")
    return LeaseRecord(owner=fields.owner, token=fields.token, counter=fields.counter, meta=facts)


def _fits(fields: Fields) -> bool:
    numbers = 0 < fields.token < MAX_NUMBER and 0 < fields.counter < MAX_NUMBER
    return numbers and len(fields.owner) <= MAX_OWNER and len(fields.meta) <= MAX_META


def _text(value: object) -> str:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise _damaged("a field is no text") from None
    if not isinstance(value, str):
        raise _damaged("a field is missing")
    return value


def _number(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = _text(value)
    if not text.isascii() or not text.isdigit() or len(text) > 19:
        raise _damaged("a field is no number")
    return int(text)


def _damaged(what: str) -> StoreAway:
    return StoreAway("damaged", f"the lease's record is none of ours: {what}; delete it, and nobody leads meanwhile")
