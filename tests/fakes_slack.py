"""A Slack of our own: one channel, with the real one's rules on methods, forms, uploads and rates.

docs.slack.dev: chat.postMessage, chat.update, files.getUploadURLExternal, files.completeUploadExternal, files.delete,
incoming webhooks, "Rate limits" (a message a second and channel; 429 with Retry-After).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from core.protocols import Clock
from core.times import ns

TOKEN: Final = "xoxb-1234567890-abcdef"
CHANNEL: Final = "C0123456789"
HOOK: Final = "/services/T000/B000/XXXX"


@dataclass
class Written:
    """A message, its blocks, and what stands in its thread."""

    blocks: list[dict[str, Any]]
    text: str
    files: dict[str, bytes] = field(default_factory=dict)
    edits: int = 0


class FakeSlack:
    """`app` serves it. `error`: what every method answers with."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.messages: dict[str, Written] = {}
        self.hooked: list[dict[str, Any]] = []
        self.limited = 0
        self.error = ""
        self._places: dict[str, tuple[int, bytes | None]] = {}  # file: length, and what came
        self._last_ns = -ns(10)
        self._count = 0

    def app(self) -> web.Application:
        """Methods, the place for uploads, and a webhook."""
        app = web.Application(client_max_size=1 << 27)
        app.router.add_post("/api/{method}", self._method)
        app.router.add_post("/upload/{file}", self._upload)
        app.router.add_post(HOOK, self._hook)
        return app

    async def _method(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"ok": False, "error": "invalid_auth"})
        if self.error:
            return web.json_response({"ok": False, "error": self.error})
        method = request.match_info["method"].replace(".", "_")
        is_json = request.content_type == "application/json"
        args = await request.json() if is_json else dict(await request.post())
        if method == "files_getUploadURLExternal" and is_json:
            return web.json_response({"ok": False, "error": "invalid_arguments"})  # it reads forms
        found = getattr(self, f"_{method}", None)
        if found is None:
            return web.json_response({"ok": False, "error": "unknown_method"})
        said = found(args, request)
        if said.get("error") == "ratelimited":
            return web.json_response(said, status=429, headers={"Retry-After": "1"})
        return web.json_response(said)

    def _chat_postMessage(self, args: dict[str, Any], _: web.Request) -> dict[str, Any]:
        if args["channel"] != CHANNEL:
            return {"ok": False, "error": "channel_not_found"}
        if self._clock.boottime_ns() - self._last_ns < ns(1):
            self.limited += 1
            return {"ok": False, "error": "ratelimited"}
        self._last_ns = self._clock.boottime_ns()
        self._count += 1
        ts = f"1700000000.{self._count:06}"
        self.messages[ts] = Written(_checked(args["blocks"]), args["text"])
        return {"ok": True, "ts": ts, "channel": CHANNEL}

    def _chat_update(self, args: dict[str, Any], _: web.Request) -> dict[str, Any]:
        message = self.messages.get(args["ts"])
        if message is None:
            return {"ok": False, "error": "message_not_found"}
        message.blocks, message.text, message.edits = _checked(args["blocks"]), args["text"], message.edits + 1
        return {"ok": True, "ts": args["ts"], "channel": CHANNEL}

    def _files_getUploadURLExternal(self, args: dict[str, Any], request: web.Request) -> dict[str, Any]:
        assert "." in args["filename"]
        self._count += 1
        file = f"F{self._count:08}"
        self._places[file] = (int(args["length"]), None)
        return {"ok": True, "file_id": file, "upload_url": f"http://{request.host}/upload/{file}"}

    async def _upload(self, request: web.Request) -> web.Response:
        file, data = request.match_info["file"], await request.read()
        length, _ = self._places[file]
        if len(data) != length:
            return web.Response(status=400, text="length differs")
        self._places[file] = (length, data)
        return web.Response(text=f"OK - {length}")

    def _files_completeUploadExternal(self, args: dict[str, Any], _: web.Request) -> dict[str, Any]:
        message = self.messages.get(args["thread_ts"])
        [file] = args["files"]
        data = self._places[file["id"]][1]
        if message is None or data is None or args["channel_id"] != CHANNEL:
            return {"ok": False, "error": "file_not_found"}
        message.files[file["id"]] = data
        return {"ok": True, "files": [{"id": file["id"]}]}

    def _files_delete(self, args: dict[str, Any], _: web.Request) -> dict[str, Any]:
        found = [message for message in self.messages.values() if message.files.pop(args["file"], None) is not None]
        return {"ok": True} if found else {"ok": False, "error": "file_not_found"}

    async def _hook(self, request: web.Request) -> web.Response:
        body = await request.json()
        _checked(body["blocks"])
        self.hooked.append(body)
        return web.Response(text="ok")


def _checked(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As Slack checks them: 50 blocks, a header of 150 characters in plain text, a section of 3000."""
    assert 1 <= len(blocks) <= 50
    for block in blocks:
        limit = {"header": 150, "section": 3000}[block["type"]]
        assert 1 <= len(block["text"]["text"]) <= limit
        assert block["type"] != "header" or block["text"]["type"] == "plain_text"
    return blocks
