"""A hub on this machine: serves the files of a folder at the paths of a repository, as well or badly as told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from daemon.speech.catalog import PinnedModel


@dataclass
class Hub:
    """What it serves, and what it was asked for."""

    model: PinnedModel
    files: dict[str, bytes]
    url: str = ""
    status: int = 200
    location: str | None = None  # answer everything with a redirect to it
    stop_after: int | None = None  # close the connection after so many bytes of model.bin
    ignores_ranges: bool = False
    ranges: list[str] = field(default_factory=list)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """One GET."""
        head, _, name = request.path.rpartition("/")
        asked = request.headers.get("Range", "")
        start = int(asked.removeprefix("bytes=").rstrip("-") or 0)
        if asked:
            self.ranges.append(asked)
        if self.ignores_ranges:
            start = 0
        body = self.files.get(name, b"")[start:]
        known = head == f"/{self.model.repository}/resolve/{self.model.revision}" and body
        ok = 206 if start and self.status == 200 else self.status
        request.send_response(302 if self.location else ok if known else 404)
        if self.location:
            request.send_header("Location", self.location)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        with suppress(ConnectionError):  # whoever asked may have had enough
            request.wfile.write(body[: self.stop_after] if name == "model.bin" else body)


@contextmanager
def serving(model: PinnedModel, folder: Path) -> Iterator[Hub]:
    """A hub that has the model's files out of a folder."""
    hub = Hub(model, {pin.name: (folder / pin.name).read_bytes() for pin in model.files})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hub.answer(self)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="hub")
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
