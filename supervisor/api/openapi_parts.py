"""What all operations of the description share: who asks, errors, paging, repeated requests. Data, next to no code."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from pydantic import TypeAdapter

from supervisor.api.call import Endpoint, ForUsers
from supervisor.api.cookies import COOKIE, CSRF
from supervisor.api.models import Failure, Nothing
from supervisor.api.once import HEADER, MAX_KEY, REPLAYED

DESCRIPTION: Final = (
    "Watches live streams and cuts the moments worth sharing. Everything belongs to a workspace, and what is another "
    "workspace's is answered like what is not there (404). Lists are paged: `after` is the `next` of the part before. "
    "Unknown fields are refused. Every error has the shape of `Failure`. Files are led to by signed links that expire."
)
_FAILURES: Final[Mapping[int, str]] = {
    400: "Not well formed: the body is no JSON, or a cursor is none of this list.",
    401: "No token or cookie, or none that is good.",
    403: "The role or the scope is too low, or a stranger's page asks (`csrf`).",
    404: "Not there, or not this workspace's.",
    409: "Not as things are now; `code` says why.",
    413: "The body is too large.",
    415: "The body has another type.",
    422: "Fields that cannot be taken, each with its message.",
    429: "Too often: wait.",
    503: "The catalog does not answer: try again.",
}
_WAITS: Final = frozenset({429, 503})
_TRACE: Final = {"X-Trace-Id": {"$ref": "#/components/headers/TraceId"}}


def _failure(text: str, *, waits: bool = False) -> dict[str, Any]:
    retry = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}} if waits else {}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}
    return {"description": text, "headers": {**_TRACE, **retry}, "content": content}


def _failure_schemas() -> dict[str, Any]:
    schema = TypeAdapter(Failure).json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs"), "Failure": schema}


def parameter(name: str, place: str, schema: Mapping[str, Any], *, required: bool) -> dict[str, Any]:
    """A part of the path or the query."""
    described = {"description": schema["description"]} if "description" in schema else {}
    return {"name": name, "in": place, "required": required, "schema": dict(schema), **described}


COMPONENTS: Final[Mapping[str, Any]] = {
    "schemas": _failure_schemas(),
    "responses": {
        **{f"E{status}": _failure(text, waits=status in _WAITS) for status, text in _FAILURES.items()},
        "Other": _failure("Whatever else goes wrong, in the same shape: 408, 421, 500 and others."),
    },
    "headers": {
        "TraceId": {"description": "By which the log knows the request.", "schema": {"type": "string"}},
        "RetryAfter": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}},
        "Replayed": {"description": "The answer to the first of these requests.", "schema": {"const": "true"}},
        "SetCookie": {"description": "The page's cookie.", "schema": {"type": "string"}},
    },
    "parameters": {
        "IdempotencyKey": {
            **parameter(HEADER, "header", {"type": "string", "pattern": f"^[ -~]{{1,{MAX_KEY}}}$"}, required=False),
            "description": "Of one's own: the same request asked again gets the same answer and does nothing again.",
        },
        "LastEventId": {
            **parameter("Last-Event-ID", "header", {"type": "string", "pattern": "^[0-9]{1,18}$"}, required=False),
            "description": "Go on behind this event.",
        },
    },
    "securitySchemes": {
        "bearer": {"type": "http", "scheme": "bearer", "description": "A token: `cd_...`."},
        "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "Of the page: POST /sign-in."},
        "csrf": {
            "type": "apiKey",
            "in": "header",
            "name": CSRF,
            "description": "With the cookie, where something is changed: `csrf` of GET /me, from our own origin.",
        },
    },
}


def errors_of(endpoint: Endpoint) -> dict[str, Any]:
    """What can go wrong with it."""
    has_body = endpoint.body is not None or bool(endpoint.takes) or endpoint.method == "PUT"
    found = {429, 503}
    found |= {401, 403} if isinstance(endpoint, ForUsers) else set()
    found |= {404} if "{" in endpoint.path else set()
    found |= {400, 422} if has_body or endpoint.query is not Nothing else set()
    found |= {413, 415} if has_body else set()
    found |= {400, 409, 422} if endpoint.method != "GET" and isinstance(endpoint, ForUsers) else set()
    said = {str(status): {"$ref": f"#/components/responses/E{status}"} for status in sorted(found)}
    return {**said, "default": {"$ref": "#/components/responses/Other"}}


def of_status(status: int, endpoint: Endpoint) -> dict[str, Any]:
    """What went well, without its content."""
    replayed = endpoint.method == "POST" and isinstance(endpoint, ForUsers)
    headers = {**_TRACE, **({REPLAYED: {"$ref": "#/components/headers/Replayed"}} if replayed else {})}
    if endpoint.path.endswith(("/sign-in", "/sign-out")):
        headers["Set-Cookie"] = {"$ref": "#/components/headers/SetCookie"}
    return {"description": HTTPStatus(status).phrase, "headers": headers}
