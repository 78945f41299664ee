"""A page of this machine on which a person draws boxes over a frame, once. Reached from here only, by a secret path."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.resources import files
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, ValidationError

from core.errors import UsageError
from core.game import NAME_LENGTH, GameKind
from daemon.looking.draw import png_of
from daemon.looking.making import Drawn
from detectors.hud.frames import Box, Picture

PATIENCE_S: Final = 1800.0
MAX_BODY: Final = 64 << 10
Pixel = Annotated[int, Field(ge=0, le=16384)]


class _Part(BaseModel, frozen=True, extra="forbid"):
    kind: Literal["feed", "row", "icon", "banner", "counter", "scene", "playing"]
    box: tuple[Pixel, Pixel, Pixel, Pixel]
    name: str = Field("", pattern=r"^([a-z0-9][a-z0-9_-]{0,39})?$")
    event: GameKind = GameKind.KILL
    count: int = Field(1, ge=1, le=100)


class _Said(BaseModel, frozen=True, extra="forbid"):
    parts: Annotated[tuple[_Part, ...], Field(min_length=1, max_length=64)]
    phrases: Annotated[tuple[Annotated[str, Field(max_length=100)], ...], Field(max_length=16)] = ()
    player: str = Field("", max_length=NAME_LENGTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """What was drawn and said on the page."""

    drawn: list[Drawn]
    phrases: tuple[str, ...]
    player: str


def pick(picture: Picture, say: Callable[[str], object], *, patience_s: float = PATIENCE_S) -> Picked:
    """Serve the page until it is sent back. Raises UsageError when nobody does."""
    with _Page(picture) as page:
        say(f"Open {page.url} in a browser of this machine, draw the boxes, then press Save. Ctrl-C gives up.")
        until_s = time.monotonic() + patience_s
        while page.said is None and time.monotonic() < until_s:
            page.handle_request()
        said = page.said
    if said is None:
        raise UsageError("Nobody drew anything", remedy="Call it again, or give the boxes as options.")
    drawn = [
        Drawn(kind=part.kind, box=Box(*part.box), name=part.name, event=part.event, count=part.count)
        for part in said.parts
    ]
    return Picked(drawn=drawn, phrases=said.phrases, player=said.player)


class _Page(HTTPServer):
    timeout = 1.0  # seconds between two looks at the clock

    def __init__(self, picture: Picture) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.secret = secrets.token_urlsafe(16)
        self.said: _Said | None = None
        self.files: dict[str, tuple[str, bytes]] = {
            "": ("text/html; charset=utf-8", (files("daemon") / "templates" / "hud-pick.html").read_bytes()),
            "frame.png": ("image/png", png_of(picture)),
        }

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def url(self) -> str:
        """With the secret: whoever does not know it gets nothing."""
        return f"http://{self.host}/{self.secret}/"


class _Handler(BaseHTTPRequestHandler):
    server: _Page
    timeout = 10  # seconds for a request: one that dawdles would hold up the page

    def do_GET(self) -> None:
        """The page or the frame."""
        found = self.server.files.get(self._path() or "") if self._path() is not None else None
        self._answer(404, "text/plain", b"") if found is None else self._answer(200, *found)

    def do_POST(self) -> None:
        """What was drawn; a mistake is said on the page."""
        length = self.headers.get("Content-Length", "")
        if self._path() != "save" or not length.isdecimal() or int(length) > MAX_BODY:
            self._answer(404, "text/plain", b"")
            return
        try:
            self.server.said = _Said.model_validate_json(self.rfile.read(int(length)))
        except ValidationError as err:
            first = err.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            self._answer(422, "text/plain; charset=utf-8", f"{where}: {first['msg']}".encode())
            return
        self._answer(200, "text/plain; charset=utf-8", b"Saved. You can close this page.")

    def log_message(self, format: str, *args: Any) -> None:
        """Its path is a secret."""

    def _path(self) -> str | None:
        """Below the secret; None for others, and for pages of other names that resolve to this machine."""
        _, secret, *rest = [*self.path.split("?")[0].split("/"), ""]
        own = secrets.compare_digest(secret.encode(), self.server.secret.encode())
        return "/".join(rest).strip("/") if own and self.headers.get("Host") == self.server.host else None

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", "default-src 'self' 'unsafe-inline'; frame-ancestors 'none'")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)
