"""A model's answer as text -> opinions, or a refusal of all of it. Pure.

One id that was not given, one that is missing or stands twice, one number out of range: then nothing of the answer is
used, because nothing says that the rest of it is about the question.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from core.ids import ClipId
from daemon.ranking import texts
from daemon.ranking.values import RUBRIC, Opinion, Unanswered

MAX_LETTERS: Final = 1 << 16  # of an answer; eight candidates take about 6,000
MAX_TEXT: Final = 2000  # of one text in it
MAX_ITEMS: Final = 20  # of one list of texts
_NUMBERS: Final = (*RUBRIC, "virality")
_TEXTS: Final = ("title", "description")
_LISTS: Final = ("reasons", "hashtags")


def schema(ids: Mapping[str, ClipId]) -> dict[str, Any]:
    """What an answer has to be, in the plainest keywords of JSON Schema: some servers know no others."""
    text = {"type": "string"}
    fields: dict[str, Any] = {
        "id": {"type": "string", "enum": list(ids)},
        **{name: {"type": "integer", "description": "0 to 100"} for name in _NUMBERS},
        "reasons": {"type": "array", "items": text},
        **{name: text for name in _TEXTS},
        "hashtags": {"type": "array", "items": text},
    }
    clip = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    return {
        "type": "object",
        "properties": {"clips": {"type": "array", "description": "all clips, the best first", "items": clip}},
        "required": ["clips"],
        "additionalProperties": False,
    }


def read_answer(content: str, ids: Mapping[str, ClipId]) -> tuple[Opinion, ...]:
    """Every candidate once, the best first. Raises Unanswered(`unavailable`, code)."""
    if len(content) > MAX_LETTERS:
        raise _refused("too_long")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise _refused("not_json") from None
    if not isinstance(document, dict) or set(document) != {"clips"} or not isinstance(document["clips"], list):
        raise _refused("wrong_shape")
    entries = document["clips"]
    named = [each.get("id") if isinstance(each, dict) else None for each in entries]
    if any(not isinstance(name, str) or name not in ids for name in named):
        raise _refused("foreign_id")
    if len(set(named)) != len(named):
        raise _refused("id_twice")
    if len(named) != len(ids):
        raise _refused("id_missing")
    return tuple(_opinion(each, ids[each["id"]]) for each in entries)


def _opinion(entry: Mapping[str, Any], clip: ClipId) -> Opinion:
    if set(entry) != {"id", *_NUMBERS, *_TEXTS, *_LISTS}:
        raise _refused("wrong_shape")
    numbers = {name: _number(entry[name]) for name in _NUMBERS}
    lists = {name: _texts(entry[name]) for name in _LISTS}
    return Opinion(
        clip=clip,
        virality=numbers.pop("virality"),
        rubric=numbers,
        reasons=texts.shown_all(lists["reasons"], texts.REASON, texts.REASONS),
        title=texts.shown(_text(entry["title"]), texts.TITLE),
        description=texts.shown(_text(entry["description"]), texts.DESCRIPTION),
        hashtags=texts.hashtags(lists["hashtags"]),
    )


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:  # NaN is in no range
        raise _refused("out_of_range")
    return round(value)


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise _refused("wrong_shape")
    return value


def _texts(value: object) -> list[str]:
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        raise _refused("wrong_shape")
    return [_text(each) for each in value]


def _refused(code: str) -> Unanswered:
    return Unanswered("unavailable", f"refused_{code}")
