"""A running `clipd up` over its API, for the commands that talk to one: where it is, who we are, and what it answered.

The token comes from CLIPD_TOKEN, else from the file `owner-token` of the data folder, and that one goes to this machine
only: a file of one installation is no business of another one's server. It is never an argument: those are seen by
everybody who can list processes.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import quote, urlsplit

import aiohttp

from configs import Settings, load_settings
from configs.api import OWNER_FILE, is_loopback, reachable
from configs.loader import TOKEN_VARIABLE
from core.errors import ClipdError, MissingPart, SourceRefused, StorageError, UsageError
from core.ids import is_safe_id

TIMEOUT_S: Final = 30.0
PUT_S: Final = 300.0  # for 8 MiB: 30 kB/s
MAX_ANSWER: Final = 8 << 20
MAX_TOKEN_FILE: Final = 512
PAGE: Final = 200
MAX_PAGES: Final = 500
Method = Literal["GET", "POST", "PATCH", "DELETE"]
_OF_SOURCE: Final = frozenset({"address_refused", "file_refused"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """One supervisor's API."""

    url: str
    token: str = field(repr=False)

    @classmethod
    def open(cls, *, url: str | None, config: Path | None, data_dir: Path | None) -> Self:
        """By the option, else by the settings. Raises UsageError where there is no token for it."""
        settings = load_settings(config=config, data_dir=data_dir)
        place = (url or settings.api.url or reachable(settings.api.host, settings.api.port)).rstrip("/")
        parts = urlsplit(place)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            raise UsageError("--url is no web address", remedy="Example: http://127.0.0.1:8700", code="bad_url")
        return cls(url=place, token=_token(parts.hostname, settings))

    def ask(self, method: Method, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer's JSON, or None where it has none. Raises the ClipdError that fits what went wrong."""
        headers = {"Idempotency-Key": secrets.token_hex(16)} if method == "POST" else {}
        return asyncio.run(self._ask(method, path, headers, TIMEOUT_S, json=body))

    def put(self, path: str, data: bytes, headers: Mapping[str, str]) -> Any:
        """Bytes instead of JSON; raises as `ask`."""
        sent = {"Content-Type": "application/octet-stream", **headers}
        return asyncio.run(self._ask("PUT", path, sent, PUT_S, data=io.BytesIO(data)))

    def all(self, path: str) -> Iterator[dict[str, Any]]:
        """Every item of a list, page by page."""
        after = ""
        for _ in range(MAX_PAGES):
            page = self.ask("GET", f"{path}?limit={PAGE}{after}")
            yield from page["items"]
            if not page["next"]:
                return
            after = f"&after={quote(page['next'], safe='')}"

    def stream_id(self, named: str) -> str:
        """The id of a stream that is called so, by id or by name. Raises UsageError."""
        return self.id_of("streams", named, "See `clipd ls`.")

    def id_of(self, path: str, named: str, remedy: str) -> str:
        """The id of what is called so in a list (`streams`, `rooms`), by id or by name. Raises UsageError."""
        found = [each for each in self.all(path) if named in (each["id"], each["name"])]
        if not found:
            raise UsageError(f"There is no {path[:-1]} {named[:80]!r}", remedy=remedy, code="not_found")
        exact = next((each for each in found if each["id"] == named), found[0])
        return safe(exact["id"])

    async def _ask(self, method: str, path: str, headers: Mapping[str, str], limit_s: float, **content: Any) -> Any:
        sent = {"Authorization": f"Bearer {self.token}", **headers}
        timeout = aiohttp.ClientTimeout(total=limit_s)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=False) as client,
                client.request(
                    method, f"{self.url}/api/v1/{path}", headers=sent, allow_redirects=False, **content
                ) as answer,
            ):
                return _read(answer.status, await _whole(answer))
        except (TimeoutError, aiohttp.ClientError, OSError) as err:
            raise MissingPart(
                f"Nothing answers at {self.url} ({type(err).__name__})",
                remedy="Start it with `clipd up`, or say where it is with --url or CLIPD_API__URL.",
                code="no_supervisor",
            ) from err


def safe(id_: object) -> str:
    """An id as a part of a path. Raises UsageError."""
    if not isinstance(id_, str) or not is_safe_id(id_):
        raise UsageError(f"{str(id_)[:80]!r} is no id", remedy="See the list.", code="not_found")
    return id_


def _token(host: str, settings: Settings) -> str:
    text = os.environ.get(TOKEN_VARIABLE, "").strip()
    data_dir = Path(settings.data_dir).expanduser()
    if not text and (is_loopback(host) or host == settings.api.host):
        text = _owner_token(data_dir / OWNER_FILE)
    if not text:
        raise UsageError(
            f"There is no token for {host}",
            remedy=f"Set {TOKEN_VARIABLE}; `clipd up` writes the first one to {data_dir / OWNER_FILE} when it starts.",
            code="no_token",
        )
    if not text.isascii() or not text.isprintable() or " " in text:
        raise UsageError("The token holds characters that none has", remedy=f"Check {TOKEN_VARIABLE}.", code="no_token")
    return text


def _owner_token(path: Path) -> str:
    """What `clipd up` wrote there; "" where there is nothing that this user may read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_TOKEN_FILE).decode("ascii", "replace").strip()
    except OSError:
        return ""


async def _whole(answer: aiohttp.ClientResponse) -> bytes:
    data = b""
    async for piece in answer.content.iter_chunked(1 << 16):
        data += piece
        if len(data) > MAX_ANSWER:
            raise aiohttp.ClientPayloadError("an answer that is too long")
    return data


def _read(status: int, data: bytes) -> Any:
    try:
        told = json.loads(data) if data else None
    except ValueError:
        told = None
    if 200 <= status < 300:
        return told
    error = told.get("error") if isinstance(told, dict) else None
    raise _error(status, error if isinstance(error, dict) else {})


def _error(status: int, error: Mapping[str, Any]) -> ClipdError:
    """The exit codes of DESIGN.md section 4: 3 the source, 5 the catalog, 2 what was asked, 70 a bug."""
    code = str(error.get("code", f"http_{status}"))[:60]
    message = shown(str(error.get("message", f"The server answered {status}"))).rstrip(".")
    details = error.get("details")
    if isinstance(details, list):
        told = [f"{each.get('field')}: {each.get('message')}" for each in details[:5] if isinstance(each, dict)]
        message = "; ".join([message, *(shown(text) for text in told)])
    trace = shown(str(error.get("trace_id", "")))[:40]
    if code in _OF_SOURCE:
        return SourceRefused(message, remedy="See docs/api.md.", code=code)
    if status == 401:
        return UsageError(
            message, remedy=f"Check {TOKEN_VARIABLE}, or the file {OWNER_FILE} of the data folder.", code=code
        )
    if status == 503:
        return StorageError(message, remedy="See the log of `clipd up`.", code=code)
    if status >= 500:
        return ClipdError(message, remedy=f"Please report it, with the log's lines about {trace}.", code=code)
    return UsageError(message, remedy="See docs/api.md.", code=code)


def shown(text: str) -> str:
    """What a server said, for a terminal: no control characters."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text[:2000])
