"""A program that listens for webhooks: it keeps what came, and answers as it is told to."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Came:
    """A request."""

    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """`webhook-id`."""
        return self.headers["webhook-id"]

    @property
    def data(self) -> dict[str, Any]:
        """What it tells."""
        found: dict[str, Any] = json.loads(self.body)["data"]
        return found


class FakeReceiver:
    """`answers` are used one after the other, then 200; each a status, or a status with headers."""

    def __init__(self) -> None:
        self.came: list[Came] = []
        self.answers: list[int | tuple[int, dict[str, str]]] = []
        self.always: int | None = None

    def app(self) -> web.Application:
        """One address, and one that nobody should be led to."""
        app = web.Application()
        app.router.add_post("/hook", self._hook)
        app.router.add_route("*", "/elsewhere", self._hook)
        return app

    @property
    def accepted(self) -> list[str]:
        """What a receiver that drops what it has seen keeps: each id once."""
        return list(dict.fromkeys(each.id for each in self.came))

    async def _hook(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.came.append(Came({**headers, "path": request.path}, await request.read()))
        if self.always is not None:
            return web.Response(status=self.always)
        if not self.answers:
            return web.Response(status=200)
        answer = self.answers.pop(0)
        status, extra = answer if isinstance(answer, tuple) else (answer, {})
        return web.Response(status=status, headers=extra)
