"""A Discord of our own: one webhook, with the real one's rules on methods, bodies, sizes and rates.

docs.discord.com: Webhook resource, "Uploading files", "Embed limits", "Rate limits" (five requests in two seconds for a
webhook, told in X-RateLimit-* and as 429 with `retry_after`), "JSON error codes".
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import BodyPartReader, web

from core.protocols import Clock
from core.times import ns, to_s

PATH: Final = "/api/webhooks/123/tok-en_1"
MAX_FILE: Final = 10 * 1024 * 1024
WINDOW_NS: Final = ns(2)
LIMIT: Final = 5


@dataclass
class Posted:
    """A message as Discord shows it."""

    embeds: list[dict[str, Any]]
    attachments: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # id: name and bytes
    edits: int = 0


class FakeDiscord:
    """`app` serves it; `messages` is what its readers see. `down` is a status that everything is answered with."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.messages: dict[str, Posted] = {}
        self.requests: list[tuple[str, str]] = []
        self.limited = 0
        self.down: int | None = None
        self._last = 1000
        self._times: deque[int] = deque()

    def app(self) -> web.Application:
        """Any other path or method is answered 404 or 405."""
        app = web.Application(client_max_size=MAX_FILE * 4)
        app.router.add_post("/api/webhooks/{id}/{token}", self._execute)
        app.router.add_patch("/api/webhooks/{id}/{token}/messages/{message}", self._edit)
        return app

    async def _execute(self, request: web.Request) -> web.Response:
        if (refused := self._refused(request)) is not None:
            return refused
        payload, files = await _read(request)
        if problem := _problem(payload, files):
            return self._error(400, 50035, problem)
        id_ = self._next()
        self.messages[id_] = Posted(payload["embeds"])
        self._attach(self.messages[id_], payload, files)
        if request.query.get("wait") != "true":
            return self._answer(None, 204)
        return self._answer(self._shown(id_))

    async def _edit(self, request: web.Request) -> web.Response:
        if (refused := self._refused(request)) is not None:
            return refused
        id_ = request.match_info["message"]
        payload, files = await _read(request)
        if id_ not in self.messages:
            return self._error(404, 10008, "Unknown Message")
        if any(len(data) > MAX_FILE for _, data in files.values()):
            return self._error(413, 40005, "Request entity too large")
        if problem := _problem(payload, files):
            return self._error(400, 50035, problem)
        message = self.messages[id_]
        message.embeds, message.edits = payload["embeds"], message.edits + 1
        self._attach(message, payload, files)
        return self._answer(self._shown(id_))

    def _attach(self, message: Posted, payload: dict[str, Any], files: dict[str, tuple[str, bytes]]) -> None:
        """Those that are named stay or come; all others go."""
        if "attachments" not in payload:
            return
        kept: dict[str, tuple[str, bytes]] = {}
        for each in payload["attachments"]:
            known = message.attachments.get(str(each["id"]))
            if known is not None:
                kept[str(each["id"])] = known
            else:
                kept[self._next()] = files[f"files[{each['id']}]"]
        message.attachments = kept

    def _refused(self, request: web.Request) -> web.Response | None:
        self.requests.append((request.method, request.path_qs))
        if self.down is not None:
            return self._error(self.down, 0, "down")
        if request.match_info["id"] != "123":
            return self._error(404, 10015, "Unknown Webhook")
        if request.match_info["token"] != "tok-en_1":
            return self._error(401, 50027, "Invalid Webhook Token")
        now_ns = self._clock.boottime_ns()
        while self._times and now_ns - self._times[0] >= WINDOW_NS:
            self._times.popleft()
        if len(self._times) >= LIMIT:
            self.limited += 1
            wait_s = to_s(WINDOW_NS - (now_ns - self._times[0]))
            body = {"message": "You are being rate limited.", "retry_after": wait_s, "global": False}
            return web.json_response(body, status=429, headers={"Retry-After": str(wait_s), **self._rates()})
        self._times.append(now_ns)
        return None

    def _shown(self, id_: str) -> dict[str, Any]:
        attachments = [
            {"id": each, "filename": name, "size": len(data)}
            for each, (name, data) in self.messages[id_].attachments.items()
        ]
        return {"id": id_, "embeds": self.messages[id_].embeds, "attachments": attachments}

    def _rates(self) -> dict[str, str]:
        left = LIMIT - len(self._times)
        reset_s = to_s(WINDOW_NS - (self._clock.boottime_ns() - self._times[0])) if self._times else 0
        return {
            "X-RateLimit-Limit": str(LIMIT), "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset-After": f"{reset_s:.3f}",
        }  # fmt: skip

    def _answer(self, body: dict[str, Any] | None, status: int = 200) -> web.Response:
        if body is None:
            return web.Response(status=status, headers=self._rates())
        return web.json_response(body, status=status, headers=self._rates())

    def _error(self, status: int, code: int, message: str) -> web.Response:
        return web.json_response({"code": code, "message": message}, status=status, headers=self._rates())

    def _next(self) -> str:
        self._last += 1
        return str(self._last)


async def _read(request: web.Request) -> tuple[dict[str, Any], dict[str, tuple[str, bytes]]]:
    if request.content_type == "application/json":
        return await request.json(), {}
    files: dict[str, tuple[str, bytes]] = {}
    payload: dict[str, Any] = {}
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        data = bytes(await part.read())
        if part.name == "payload_json":
            payload = json.loads(data)
        else:
            files[str(part.name)] = (str(part.filename), data)
    return payload, files


def _problem(payload: dict[str, Any], files: dict[str, tuple[str, bytes]]) -> str:
    embeds = payload.get("embeds")
    if not isinstance(embeds, list) or not 1 <= len(embeds) <= 10:
        return "Cannot send an empty message"
    texts = [text for each in embeds for text in (each.get("title", ""), each.get("description", ""))]
    if any(len(each.get("title", "")) > 256 or len(each.get("description", "")) > 4096 for each in embeds):
        return "Must be 256 or fewer in length."
    if sum(map(len, texts)) > 6000:
        return "Embed size exceeds maximum size of 6000"
    new = {f"files[{each['id']}]" for each in payload.get("attachments", []) if "filename" in each}
    if new != set(files):
        return "attachments and files do not agree"
    return ""
