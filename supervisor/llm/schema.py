"""Holds an answer against the JSON schema that was asked for. Pure.

A part of JSON Schema 2020-12 that model providers' strict modes take too; a schema with anything else is refused, so
nothing is passed by without having been looked at. `pattern` and `$ref` are left out on purpose: a schema comes from a
worker, and may neither run regular expressions here nor name documents.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from core.errors import UsageError

MAX_DEPTH: Final = 16
MAX_PARTS: Final = 2000  # schemas inside a schema
MAX_STEPS: Final = 200_000  # of one check, some 0.3 s: a long answer against a wide schema would take minutes


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_KINDS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer()),
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}
_SAID: Final = frozenset({"title", "description", "default", "examples", "$schema", "$comment"})  # says nothing
_SIZES: Final = frozenset({"minItems", "maxItems", "minLength", "maxLength"})
_BOUNDS: Final = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})


class Misfit(Exception):
    """What does not fit where: never the value."""


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raises UsageError(`bad_schema`) for one that `check` cannot hold anything against."""
    parts = [(schema, MAX_DEPTH)]
    for seen, (part, depth) in enumerate(parts):  # grows as it is walked
        if not isinstance(part, Mapping) or seen >= MAX_PARTS or depth == 0:
            raise _bad("it is too deep, too large or no object")
        strange = next((name for name, value in part.items() if not _is_known(name, value)), None)
        if strange is not None:
            raise _bad(f"{str(strange)[:40]!r} is not known, or has a value that is not")
        inner = [*part.get("properties", {}).values(), *part.get("anyOf", ())]
        inner += [part[name] for name in ("items", "additionalProperties") if isinstance(part.get(name), Mapping)]
        parts += [(each, depth - 1) for each in inner]


def check(value: Any, schema: Mapping[str, Any]) -> None:
    """Raises Misfit. `schema` has passed `check_schema`."""
    _Check().value(value, schema, "$")


def parse(text: str) -> Any:
    """JSON without what JSON has not (NaN, a name twice). Raises ValueError, RecursionError."""
    return json.loads(text, parse_constant=_no_number, object_pairs_hook=_once)


class _Check:
    """One answer, with the steps that are left for it."""

    def __init__(self) -> None:
        self._left = MAX_STEPS

    def value(self, value: Any, schema: Mapping[str, Any], where: str) -> None:
        """Of any type."""
        self._left -= 1 + len(schema.get("enum", ())) + len(schema.get("required", ()))
        if self._left < 0:
            raise Misfit("it is too large for this schema")
        self._any(value, schema, where)
        if isinstance(value, dict):
            self._object(value, schema, where)
        elif isinstance(value, list):
            _check_size(len(value), schema, "Items", where)
            for index, each in enumerate(value if "items" in schema else ()):
                self.value(each, schema["items"], f"{where}[{index}]")
        elif isinstance(value, str):
            _check_size(len(value), schema, "Length", where)
        elif _is_number(value):
            _check_bounds(value, schema, where)

    def _any(self, value: Any, schema: Mapping[str, Any], where: str) -> None:
        if "type" in schema:
            kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
            if not any(_KINDS[kind](value) for kind in kinds):
                raise Misfit(f"{where} is not of type {'/'.join(kinds)}")
        if "enum" in schema and not any(_same(value, each) for each in schema["enum"]):
            raise Misfit(f"{where} is none of the values")
        if "const" in schema and not _same(value, schema["const"]):
            raise Misfit(f"{where} is not the value")
        if "anyOf" in schema and not any(self._fits(value, each, where) for each in schema["anyOf"]):
            raise Misfit(f"{where} fits none of the schemas")

    def _object(self, value: dict[str, Any], schema: Mapping[str, Any], where: str) -> None:
        known = schema.get("properties", {})
        missing = next((name for name in schema.get("required", ()) if name not in value), None)
        if missing is not None:
            raise Misfit(f"{where} has no {missing[:40]!r}")
        others = schema.get("additionalProperties", True)
        for name, each in value.items():
            if name in known:
                self.value(each, known[name], f"{where}.{name}")
            elif others is False:
                raise Misfit(f"{where} has a field that was not asked for")
            elif isinstance(others, Mapping):
                self.value(each, others, f"{where}.*")

    def _fits(self, value: Any, schema: Mapping[str, Any], where: str) -> bool:
        try:
            self.value(value, schema, where)
        except Misfit:
            return False
        return True


def _check_size(size: int, schema: Mapping[str, Any], what: str, where: str) -> None:
    if not schema.get(f"min{what}", 0) <= size <= schema.get(f"max{what}", size):
        raise Misfit(f"{where} is too short or too long")


def _check_bounds(value: float, schema: Mapping[str, Any], where: str) -> None:
    low, high = schema.get("minimum", value), schema.get("maximum", value)
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if not low <= value <= high or (above is not None and value <= above) or (below is not None and value >= below):
        raise Misfit(f"{where} is out of bounds")


def _is_known(name: object, value: Any) -> bool:
    if name == "type":
        kinds = value if isinstance(value, list) else [value]
        return bool(kinds) and all(isinstance(kind, str) and kind in _KINDS for kind in kinds)
    if name == "required":
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    if name == "properties":
        return isinstance(value, Mapping)
    if name == "anyOf":
        return isinstance(value, list) and bool(value)
    if name == "enum":
        return isinstance(value, list) and all(_is_scalar(each) for each in value)
    if name == "const":
        return _is_scalar(value)
    if name == "items":
        return isinstance(value, Mapping)
    if name == "additionalProperties":
        return isinstance(value, bool | Mapping)
    if name in _SIZES:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return _is_number(value) if name in _BOUNDS else name in _SAID


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | bool) or _is_number(value)


def _same(value: Any, other: Any) -> bool:
    """As JSON has it: true is not 1, and 1 is 1.0. `other` is a scalar."""
    return isinstance(value, bool) == isinstance(other, bool) and bool(value == other)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_number(_: str) -> None:
    raise ValueError("JSON has no such number")


def _bad(what: str) -> UsageError:
    return UsageError(f"Bad schema: {what}", remedy="See docs/llm.md for what a schema may hold.", code="bad_schema")
