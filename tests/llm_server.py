"""A provider on a real socket: OpenAI's chat completions and Anthropic's messages, strict about both, with faults.

It refuses what the real ones refuse: a wrong key, a body of another shape, a form of answer that it does not know.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

KEY: Final = "sk-canary-4f1d2c9b8a7e6053"
GOOD: Final = '{"order": [2, 1, 3]}'
USAGE: Final = (120, 30)
TEXTS: Final = {
    "truncated": '{"order": [2, 1',
    "prose": "Sure! I would put the second clip first.",
    "misfit": '{"order": "2, 1, 3"}',
    "extra": '{"order": [1], "ids": ["c9"]}',
    "nan": '{"order": [NaN]}',
    "twice": '{"order": [1], "order": [2]}',
    "fenced": f"```json\n{GOOD}\n```",
    "deep": "[" * 100_000,
}


@dataclass
class LlmServer:
    """`faults`: what happens to the next requests, one each; after them all is well, as `answer` has it."""

    url: str = ""
    faults: list[str] = field(default_factory=list)
    forms: tuple[str, ...] = ("json_schema", "json_object", "none")
    answer: Callable[[dict[str, Any]], str] = lambda body: GOOD  # noqa: ARG005 - to a request's body
    always: str = ""  # a fault of every request
    retry_after: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    followed: int = 0

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/chat/completions."""
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.json_response({"error": {"message": f"Incorrect API key {KEY}"}}, status=401)
        body = await self._body(request)
        form = body.get("response_format", {"type": "none"})["type"]
        if form not in self.forms:
            return web.json_response({"error": {"message": "response_format is not supported"}}, status=400)
        if form == "json_object" and "json" not in str(body["messages"]).lower():
            return web.json_response({"error": {"message": "messages must contain the word json"}}, status=400)

        def whole(text: str, finish: str) -> dict[str, Any]:
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
            return {
                "object": "chat.completion",
                "choices": [choice],
                "usage": {"prompt_tokens": USAGE[0], "completion_tokens": USAGE[1], "total_tokens": sum(USAGE)},
            }

        return await self._answer(request, body, whole)

    async def messages(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/messages."""
        if request.headers.get("x-api-key") != KEY or request.headers.get("anthropic-version") != "2023-06-01":
            return web.json_response({"type": "error", "error": {"type": "authentication_error"}}, status=401)
        body = await self._body(request)
        assert all(each["role"] in ("user", "assistant") for each in body["messages"]), "system stands apart"
        form = "json_schema" if "tools" in body else "none"
        if form not in self.forms:
            return web.json_response({"type": "error", "error": {"type": "invalid_request_error"}}, status=400)

        def whole(text: str, finish: str) -> dict[str, Any]:
            block = {"type": "text", "text": text}
            if form == "json_schema" and text == GOOD:
                block = {"type": "tool_use", "id": "t", "name": body["tools"][0]["name"], "input": json.loads(text)}
            stop = {"stop": "tool_use", "length": "max_tokens"}[finish]
            usage = {"input_tokens": USAGE[0], "output_tokens": USAGE[1]}
            return {"type": "message", "content": [block], "stop_reason": stop, "usage": usage}

        return await self._answer(request, body, whole)

    async def _body(self, request: web.Request) -> dict[str, Any]:
        body: dict[str, Any] = await request.json()
        assert isinstance(body["model"], str)
        assert body["messages"]
        assert all(set(each) == {"role", "content"} for each in body["messages"])
        self.bodies.append(body)
        self.arrived.release()
        return body

    async def _answer(self, request: web.Request, body: dict[str, Any], whole: Any) -> web.StreamResponse:
        fault = self.always or (self.faults.pop(0) if self.faults else "")
        if fault.isdigit():
            headers = {"Retry-After": self.retry_after} if self.retry_after else {}
            return web.json_response({"error": f"no, {KEY}"}, status=int(fault), headers=headers)
        if fault == "redirect":
            return web.Response(status=307, headers={"Location": f"{self.url}/elsewhere"})
        if fault == "hang":
            await self.ended.wait()
        if fault == "reset":
            assert request.transport is not None
            request.transport.abort()
        found = whole(TEXTS.get(fault) or self.answer(body), "length" if fault == "length" else "stop")
        if fault == "no_usage":
            del found["usage"]
        if fault == "lying":
            found["usage"] = {name: -5 for name in found["usage"]}
        if fault == "big":
            found["padding"] = "x" * (1 << 20)
        data = b"<html>502</html>" if fault == "html" else json.dumps(found).encode()
        if fault == "gzip":
            return web.Response(body=gzip.compress(data), headers={"Content-Encoding": "gzip"})
        if fault in ("drip", "cut"):
            return await self._slowly(request, data, is_cut=fault == "cut")
        return web.Response(body=data, content_type="application/json")

    async def _slowly(self, request: web.Request, data: bytes, *, is_cut: bool) -> web.StreamResponse:
        """A byte, and then nothing more: for ever, or the end of the connection."""
        response = web.StreamResponse(headers={"Content-Length": str(len(data))})
        await response.prepare(request)
        await response.write(data[:1])
        if is_cut:
            assert request.transport is not None
            request.transport.close()
        await self.ended.wait()
        return response

    async def elsewhere(self, _: web.Request) -> web.Response:
        """Where nobody must come."""
        self.followed += 1
        return web.json_response({})


@asynccontextmanager
async def llm_server() -> AsyncIterator[LlmServer]:
    """On 127.0.0.1, any port."""
    server = LlmServer()
    app = web.Application(client_max_size=1 << 22)
    app.router.add_post("/v1/chat/completions", server.chat)
    app.router.add_post("/v1/messages", server.messages)
    app.router.add_route("*", "/elsewhere", server.elsewhere)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        server.ended.set()
        await runner.cleanup()
