"""Answers held against the API's description."""

from __future__ import annotations

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from supervisor.api.call import Endpoint
from supervisor.api.openapi import describe, template_of
from supervisor.api.table import TABLE


@cache
def description() -> dict[str, Any]:
    """Made once."""
    return describe(TABLE)


def problems(endpoint: Endpoint, status: int, body: Any) -> list[str]:
    """What an answer has that the description does not, or the other way round."""
    responses = description()["paths"][template_of(endpoint.path)[0]][endpoint.method.lower()]["responses"]
    said = responses.get(str(status), responses["default"])
    content = _looked_up(said).get("content", {}).get("application/json", {})
    if "schema" not in content:
        return []
    schema = {**content["schema"], "components": description()["components"]}
    return [error.message[:200] for error in Draft202012Validator(schema).iter_errors(body)]


def _looked_up(part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    found: Any = description()
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return dict(found)
