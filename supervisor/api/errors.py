"""The one shape of every error: {"error": {"code", "message", "details": [{"field", "message"}], "trace_id"}}.

What the program raises on purpose becomes a status and a message with its remedy; anything else is a bug and says
nothing but its trace id, by which the log names it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from core.errors import ClipdError, SourceError, StorageError, UsageError
from supervisor.catalog import CatalogAway, Conflict, NotFound, StaleWrite, Superseded

MAX_DETAILS: Final = 20
RETRY_S: Final = 2  # what a client waits when the catalog does not answer
_HTTP: Final[Mapping[int, tuple[str, str]]] = {
    400: ("bad_request", "The request is not well formed"),
    404: ("not_found", "There is nothing at this address"),
    405: ("method_not_allowed", "This address does not take this method"),
    413: ("too_large", "The body is larger than 1 MB"),
}


@dataclass(frozen=True, slots=True)
class Detail:
    """What is wrong with one field; `field` is its path, `options.profile` say."""

    field: str
    message: str


class ApiError(Exception):
    """An answer that is no success. `headers` go along: Retry-After, Allow, WWW-Authenticate."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: Sequence[Detail] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.details, self.headers = tuple(details[:MAX_DETAILS]), dict(headers or {})


def error_body(error: ApiError, trace_id: str) -> dict[str, Any]:
    """The JSON of an error."""
    details = [{"field": each.field, "message": each.message} for each in error.details]
    return {"error": {"code": error.code, "message": error.message, "details": details, "trace_id": trace_id}}


def as_api_error(error: Exception) -> ApiError | None:
    """The answer to what was raised; None for a bug."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, web.HTTPException):
        code, message = _HTTP.get(error.status, ("http_error", error.reason))
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        return ApiError(error.status, code, message, headers=allow)
    if isinstance(error, CatalogAway):
        return ApiError(
            503, "catalog_away", "The catalog does not answer. Try again.", headers={"Retry-After": str(RETRY_S)}
        )
    if isinstance(error, NotFound | Conflict):
        return ApiError(404 if isinstance(error, NotFound) else 409, error.code, f"{error.what}. {error.remedy}")
    if isinstance(error, Superseded | StaleWrite):
        return ApiError(409, "superseded", "Another attempt has taken over; deliver what is finished, and end.")
    return _of_ours(error)


def _of_ours(error: Exception) -> ApiError | None:
    if not isinstance(error, ClipdError):
        return None
    message = f"{error.what}. {error.remedy}"
    if isinstance(error, UsageError | SourceError):
        return ApiError(422 if isinstance(error, SourceError) else 400, error.code, message)
    if isinstance(error, StorageError):
        return ApiError(503, error.code, message, headers={"Retry-After": str(RETRY_S)})
    return ApiError(500, error.code, message)


def invalid(error: ValidationError) -> ApiError:
    """What pydantic found, field by field; never the values, which may be secrets."""
    details = [
        Detail(".".join(str(part) for part in each["loc"])[:100], each["msg"].removeprefix("Value error, ")[:300])
        for each in error.errors(include_url=False, include_input=False, include_context=False)[:MAX_DETAILS]
    ]
    return ApiError(422, "invalid", "The request has fields that cannot be taken.", details=details)
