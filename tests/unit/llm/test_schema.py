"""Answers against schemas: as the reference implementation says, for what is taken at all."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import UsageError
from supervisor.llm import schema as schema_module
from supervisor.llm.schema import Misfit, check, check_schema, parse

names = st.sampled_from(["a", "b", "c"])
scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, -2.0]) | st.text("ab", max_size=3)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=6
)
kinds = st.sampled_from(["object", "array", "string", "integer", "number", "boolean", "null"])
plain = st.fixed_dictionaries(
    {},
    optional={
        "type": kinds | st.lists(kinds, min_size=1, max_size=2, unique=True),
        "enum": st.lists(scalars, min_size=1, max_size=3), "const": scalars,
        "minimum": st.integers(-2, 2), "maximum": st.integers(-2, 2),
        "exclusiveMinimum": st.integers(-2, 2), "exclusiveMaximum": st.integers(-2, 2),
        "minLength": st.integers(0, 2), "maxLength": st.integers(0, 2),
        "minItems": st.integers(0, 2), "maxItems": st.integers(0, 2),
        "required": st.lists(names, max_size=2, unique=True),
    },
)  # fmt: skip


def _deeper(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    nested = st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(names, inner, max_size=2), "items": inner,
            "additionalProperties": st.booleans() | inner, "anyOf": st.lists(inner, min_size=1, max_size=2),
        },
    )  # fmt: skip
    return st.tuples(plain, nested).map(lambda both: {**both[0], **both[1]})


@settings(max_examples=150, deadline=None)
@given(st.recursive(plain, _deeper, max_leaves=4), values)
def test_it_says_what_the_reference_says(schema: dict[str, Any], value: Any) -> None:
    check_schema(schema)
    wanted = jsonschema.Draft202012Validator(schema).is_valid(value)
    try:
        check(value, schema)
        found = True
    except Misfit:
        found = False
    assert found == wanted


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/x"}, {"pattern": "(a+)+$"}, {"type": "file"}, {"type": []}, {"type": {}}, {"items": []},
        {"items": 3},
        {"properties": []}, {"properties": {"a": 1}}, {"required": "a"}, {"required": [1]}, {"minItems": -1},
        {"minItems": True}, {"maximum": "3"}, {"anyOf": []}, {"anyOf": {}}, {"enum": 3}, {"additionalProperties": "no"},
        {"oneOf": [{}]}, {"not": {}}, {"enum": [[1]]}, {"const": {}}, {"type": [["string"]]},
    ],
)  # fmt: skip
def test_a_schema_with_more_in_it_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as said:
        check_schema(schema)
    assert said.value.code == "bad_schema"


def test_a_schema_has_bounds() -> None:
    """Of depth and of parts."""
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"items": deep}
    wide: dict[str, Any] = {"properties": {str(n): {} for n in range(3000)}}
    for schema in (deep, wide):
        with pytest.raises(UsageError):
            check_schema(schema)


@settings(max_examples=50, deadline=None)
@given(st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_nothing_that_is_no_schema_raises_anything_else(schema: Any) -> None:
    for name in ("type", "properties", "items", "anyOf", "enum", "required", "additionalProperties", "minItems"):
        try:
            check_schema({name: schema})
            check({"a": [1, "x", None]}, {name: schema})
        except (UsageError, Misfit):
            pass


def test_a_check_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """However wide a schema a worker asks for, and however long a model answers: it would hold up everybody."""
    monkeypatch.setattr(schema_module, "MAX_STEPS", 1000)
    wide = {"items": {"anyOf": [{"enum": [n]} for n in range(100)]}}
    check([0] * 100, wide)
    for slow in (wide, {"items": {"enum": list(range(100))}}, {"items": {"anyOf": [{"required": ["a"] * 100}]}}):
        with pytest.raises(Misfit):
            check([99] * 100, slow)


@pytest.mark.parametrize("text", ["NaN", '{"a": Infinity}', '{"a": 1, "a": 2}', "[1", "", "1 2"])
def test_what_is_no_json_is_not_read_as_some(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)
    assert parse(json.dumps({"a": [1]})) == {"a": [1]}


def test_a_misfit_tells_where_and_never_what() -> None:
    """The words of a model stand in no error."""
    with pytest.raises(Misfit) as said:
        check({"a": ["secret words"]}, {"properties": {"a": {"items": {"type": "integer"}}}})
    assert str(said.value) == "$.a[0] is not of type integer"
