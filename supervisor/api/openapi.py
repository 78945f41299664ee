"""The OpenAPI 3.1 description of the public API, made of the table and its models: what is served is what is described.

Workers' endpoints are left out: they are between one program and itself. Pure.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from typing import Any, Final, Literal

from pydantic import TypeAdapter

from supervisor.api.call import Endpoint, ForUsers, ForWorkers
from supervisor.api.models import Nothing
from supervisor.api.openapi_parts import COMPONENTS, DESCRIPTION, errors_of, of_status, parameter
from supervisor.api.scopes import area_of, needed

Mode = Literal["validation", "serialization"]
Schemas = Mapping[tuple[Any, Mode], dict[str, Any]]
_REF: Final = "#/components/schemas/{model}"


@cache
def document(table: tuple[Endpoint, ...]) -> bytes:
    """As it is served."""
    return json.dumps(describe(table)).encode()


def describe(table: Sequence[Endpoint]) -> dict[str, Any]:
    """The whole description."""
    shown = [endpoint for endpoint in table if not isinstance(endpoint, ForWorkers)]
    schemas, components = _schemas(shown)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in shown:
        template, _ = template_of(endpoint.path)
        paths.setdefault(template, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "clipd", "version": version("clipd"), "description": DESCRIPTION},
        "servers": [{"url": "/", "description": "This server"}],
        "paths": paths,
        "components": {**COMPONENTS, "schemas": {**COMPONENTS["schemas"], **components}},
    }


def template_of(path: str) -> tuple[str, dict[str, str]]:
    """A path of the table without its patterns, and the patterns by name: "" where it says none."""
    template, patterns = "", {}
    while path:
        before, opened, path = path.partition("{")
        template += before
        if opened:
            inside, path = _closed(path)
            name, _, patterns[name] = inside.partition(":")
            template += f"{{{name}}}"
    return template, patterns


def _closed(text: str) -> tuple[str, str]:
    """What stands before the brace that closes, and behind: patterns hold braces of their own."""
    depth = 1
    for at, letter in enumerate(text):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if depth == 0:
            return text[:at], text[at + 1 :]
    raise ValueError(f"a path of the table has a brace too many: {text}")


def _schemas(table: Sequence[Endpoint]) -> tuple[Schemas, dict[str, Any]]:
    """What each model is described by, and everything these refer to."""
    wanted: dict[tuple[Any, Mode], None] = {}
    for endpoint in table:
        body, answer = _both(endpoint)
        kinds: tuple[tuple[Any, Mode], ...] = ((body, "validation"), (answer, "serialization"))
        wanted |= {(model, mode): None for model, mode in kinds if model is not None}
    queries: set[tuple[Any, Mode]] = {(each.query, "validation") for each in table if each.query is not Nothing}
    asked = [(model, mode, TypeAdapter(model)) for model, mode in (*wanted, *sorted(queries, key=str))]
    found, rest = TypeAdapter.json_schemas(asked, ref_template=_REF)
    components = dict(rest.get("$defs", {}))
    flat: dict[tuple[Any, Mode], dict[str, Any]] = {}
    for model, mode, _ in asked:
        schema: dict[str, Any] = found[model, mode]
        is_query = (model, mode) in queries
        flat[model, mode] = components.pop(schema["$ref"].rpartition("/")[2]) if is_query else schema
    return flat, components


def _operation(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    template, _ = template_of(endpoint.path)
    words = [part for part in template.replace("{", "").replace("}", "").replace("-", "_").split("/") if part]
    said: dict[str, Any] = {
        "operationId": "_".join([endpoint.method.lower(), *(word for word in words if word not in ("api", "v1"))]),
        "summary": endpoint.summary,
        "description": inspect.getdoc(endpoint.does) or endpoint.summary,  # type: ignore[attr-defined]
        "parameters": list(_parameters(endpoint, schemas)),
        "responses": {str(success(endpoint)): _success(endpoint, schemas), **errors_of(endpoint)},
        "security": [],
    }
    body = _body(endpoint, schemas)
    if body is not None:
        said["requestBody"] = body
    if isinstance(endpoint, ForUsers):
        by_cookie: dict[str, list[str]] = {"cookie": []} if endpoint.method == "GET" else {"cookie": [], "csrf": []}
        said |= {"security": [{"bearer": []}, by_cookie], "x-clipd-role": endpoint.role}
        said |= {"tags": [area_of(endpoint.path) or "me"], "x-clipd-scope": needed(endpoint.method, endpoint.path)}
    return said


def success(endpoint: Endpoint) -> int:
    """The status of what went well."""
    has_body = endpoint.answer is not None or endpoint.media or endpoint.method == "GET"
    return endpoint.status or (200 if has_body else 204)


def _parameters(endpoint: Endpoint, schemas: Schemas) -> Iterator[dict[str, Any]]:
    for name, pattern in template_of(endpoint.path)[1].items():
        schema = {"type": "string", "pattern": f"^(?:{pattern})$"} if pattern else {"type": "string", "minLength": 1}
        yield parameter(name, "path", schema, required=True)
    if endpoint.query is not Nothing:
        query = schemas[endpoint.query, "validation"]
        for name, schema in query["properties"].items():
            yield parameter(name, "query", _without_null(schema), required=name in query.get("required", ()))
    if endpoint.method == "POST" and isinstance(endpoint, ForUsers):
        yield {"$ref": "#/components/parameters/IdempotencyKey"}
    if endpoint.media == "text/event-stream":
        yield {"$ref": "#/components/parameters/LastEventId"}


def _without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A query has no null: what is none is left out."""
    rest = {name: value for name, value in schema.items() if name != "anyOf" and (name, value) != ("default", None)}
    kinds = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    return {**rest, **kinds[0]} if len(kinds) == 1 else {**rest, **({"anyOf": kinds} if kinds else {})}


def _both(endpoint: Endpoint) -> tuple[Any, Any]:
    """The models of body and answer: of users, or of who brings a room's upload token to the same address."""
    guest = endpoint.guest if isinstance(endpoint, ForUsers) else None
    if guest is None:
        return endpoint.body, endpoint.answer
    body = endpoint.body if guest.body is None else endpoint.body | guest.body
    return body, endpoint.answer if guest.answer is endpoint.answer else endpoint.answer | guest.answer


def _body(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any] | None:
    body, _ = _both(endpoint)
    if body is not None:
        schema = schemas[body, "validation"]
        return {"required": True, "content": {"application/json": {"schema": schema}}}
    takes = endpoint.takes or (("application/octet-stream",) if endpoint.method == "PUT" else ())
    return {"content": {kind: {} for kind in takes}} if takes else None


def _success(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    said = of_status(success(endpoint), endpoint)
    if endpoint.answer is not None:
        said["content"] = {"application/json": {"schema": schemas[_both(endpoint)[1], "serialization"]}}
    elif success(endpoint) != 204:
        said["content"] = {endpoint.media or "*/*": {}}
    return said
