"""From a request's bytes to values: bounded, strict, and with an error that names the field."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final, NoReturn, TypeVar, cast

from aiohttp import web
from pydantic import BaseModel, ValidationError

from core.control import MAX_BODY
from supervisor.api.errors import ApiError, Detail, invalid

M = TypeVar("M")
MAX_DEPTH: Final = 32  # of JSON inside JSON
READ_S: Final = 20.0  # for a whole body; one that trickles holds a connection and nothing else
_REPLACED: Final = "\ufffd"


async def read_json(request: web.Request, *, lenient: bool = False) -> tuple[bytes, Any]:
    """The body and what it holds. `lenient`, for workers: texts that no database takes are mended instead of refused,
    since a row that is refused would be sent again for ever. Raises ApiError."""
    if request.content_type != "application/json" or request.headers.get("Content-Encoding", "identity") != "identity":
        raise ApiError(415, "no_json", "The body has to be plain JSON, with Content-Type: application/json.")
    raw = await read_raw(request)
    try:
        found = json.loads(raw.decode("utf-8"), parse_constant=_nothing if lenient else _not_a_number)
    except (ValueError, RecursionError) as err:
        raise ApiError(400, "bad_json", "The body is no JSON.") from err
    return raw, _texts(found, lenient, MAX_DEPTH)


async def read_raw(request: web.Request) -> bytes:
    """The body, of MAX_BODY bytes at most. Raises ApiError."""
    if request.content_length is not None and request.content_length > MAX_BODY:
        raise web.HTTPRequestEntityTooLarge(max_size=MAX_BODY, actual_size=request.content_length)
    try:
        async with asyncio.timeout(READ_S):
            return await request.read()
    except TimeoutError as err:
        raise ApiError(408, "slow", "The body did not come in time.") from err


def read_body(model: type[M], found: Any) -> M:
    """A value of a pydantic model, or of a message of core.control. Raises ApiError, or UsageError(`bad_message`)."""
    if not issubclass(model, BaseModel):
        return cast("M", cast("Any", model).from_json(found))
    try:
        return cast("M", model.model_validate_json(json.dumps(found), strict=True))
    except ValidationError as err:
        raise invalid(err) from err


def read_query(model: type[BaseModel], request: web.Request) -> BaseModel:
    """The query; a name that stands twice is refused. Raises ApiError."""
    twice = next((name for name in request.query if len(request.query.getall(name)) > 1), None)
    if twice is not None:
        raise ApiError(422, "invalid", "The query has a name twice.", details=[Detail(twice[:100], "stands twice")])
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as err:
        raise invalid(err) from err


def _texts(value: Any, lenient: bool, depth: int) -> Any:
    """The same value with texts that UTF-8 and PostgreSQL can hold: no lone surrogates, no NUL."""
    if isinstance(value, str):
        return _text(value, lenient)
    if isinstance(value, int | float) or value is None:
        return value
    if depth == 0:
        raise ApiError(400, "bad_json", f"The body is nested deeper than {MAX_DEPTH}.")
    if isinstance(value, list):
        return [_texts(each, lenient, depth - 1) for each in value]
    return {_text(name, lenient): _texts(each, lenient, depth - 1) for name, each in value.items()}


def _text(text: str, lenient: bool) -> str:
    if "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text):
        return text
    if not lenient:
        raise ApiError(400, "bad_json", "The body holds text that is no Unicode, or a NUL.")
    return text.replace("\0", _REPLACED).encode("utf-8", "replace").decode("utf-8")


def _not_a_number(_: str) -> NoReturn:
    raise ValueError("JSON has no such number")


def _nothing(_: str) -> None:
    return None
