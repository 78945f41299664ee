"""nginx with its RTMP module, Debian's, in front: it asks who may publish; clipd pulls from it, or it pushes to us."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from core.pushhooks import PushAsk, parse_mediamtx, parse_nginx
from daemon.doors.address import parse_push
from daemon.doors.api import same_secret
from daemon.ingest.push import RtmpSource
from telemetry import SystemClock
from tests.fakes import RecordingSink
from tests.needs import require, require_file
from tests.publisher import Pushing, eventually, flv_file
from tests.unit.core.test_pushhooks import MEDIAMTX
from tests.unit.ingest.stage import Origin, Studio
from tests.unit.ingest.test_pull import HOST, OPTIONS, reached, running

KEY = "the-right-key"
MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")
CONFIG = """
load_module {module};
daemon off; master_process off; worker_processes 1;
pid {folder}/nginx.pid; error_log {folder}/error.log info;
events {{ worker_connections 64; }}
rtmp {{
  access_log off;
  server {{
    listen 127.0.0.1:{port};
    application live {{
      live on;
      on_publish {hook};
      {more}
    }}
  }}
}}
"""


class Keys:
    """What the API will answer: the gateways' questions, read by core.pushhooks, against one key."""

    def __init__(self, origin: Origin) -> None:
        self.asked: list[PushAsk | None] = []
        self.nginx = origin.at("/hooks/rtmp/publish", self._answer)
        self.mediamtx = origin.at("/hooks/rtmp/auth", self._answer)

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        ask = parse_nginx(body) if request.content_type.endswith("urlencoded") else parse_mediamtx(body)
        self.asked.append(ask)
        right = ask is not None and ask.app == "live" and same_secret(ask.key, KEY)
        return web.Response(status=200 if right else 403)


@pytest.fixture
def keys(origin: Origin) -> Keys:
    return Keys(origin)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@asynccontextmanager
async def nginx(folder: Path, hook: str, more: str = "") -> AsyncIterator[int]:
    """A running nginx; its RTMP port."""
    port = free_port()
    config = folder / "nginx.conf"
    module = require_file(MODULE, "libnginx-mod-rtmp")
    config.write_text(CONFIG.format(module=module, folder=folder, port=port, hook=hook, more=more))
    process = await asyncio.create_subprocess_exec(
        require("nginx"), "-p", str(folder), "-c", str(config), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await eventually(lambda: _listens(port))
        yield port
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _listens(port: int) -> bool:
    with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def onto(studio: Studio, port: int, key: str) -> Pushing:
    """ffmpeg in OBS's place."""
    return Pushing(flv_file(studio, 4), f"rtmp://127.0.0.1:{port}/live/{key}", "flv", at_once=False, loops=-1)


async def test_a_wrong_key_is_refused_at_nginx_and_the_right_one_is_pulled(
    studio: Studio, keys: Keys, sink: RecordingSink, tmp_path: Path
) -> None:
    """By our answer to its hook."""
    async with nginx(tmp_path, keys.nginx) as port:
        async with onto(studio, port, "a-guess") as guessing:
            assert await guessing.ended() != 0
        async with onto(studio, port, KEY):
            await eventually(lambda: len(keys.asked) == 2)
            async with running(f"rtmp://{HOST}:{port}/live/{KEY}", sink):
                await eventually(lambda: reached(sink) > 1)
    assert keys.asked == [PushAsk(what="publish", app="live", key=key, peer="127.0.0.1") for key in ("a-guess", KEY)]
    assert {track.codec for track in sink.tracks[0]} == {"h264", "aac"}


async def test_nginx_pushes_on_to_our_door(studio: Studio, keys: Keys, sink: RecordingSink, tmp_path: Path) -> None:
    """As one more publisher, with the key of our door."""
    source = RtmpSource(parse_push("rtmp://:0/live/inner-key"), clock=SystemClock(), options=OPTIONS)
    task = asyncio.create_task(source.run(sink))
    await source.listening.wait()
    more = f"push rtmp://127.0.0.1:{source.port}/live/inner-key;"
    async with nginx(tmp_path, keys.nginx, more) as port, onto(studio, port, KEY):
        await eventually(lambda: reached(sink) > 1)
    task.cancel()
    await asyncio.wait({task})
    assert sink.warnings == ["waiting_for_publisher"]


@pytest.mark.parametrize(("path", "status"), [(f"live/{KEY}", 200), ("live/a-guess", 403), (KEY, 403)])
async def test_the_question_of_mediamtx(path: str, status: int, keys: Keys) -> None:
    """Its `authMethod: http` posts this JSON, as its manual shows it; any 2xx is a yes."""
    body = json.dumps(MEDIAMTX | {"path": path})
    async with ClientSession() as client, client.post(keys.mediamtx, data=body) as answer:
        assert answer.status == status
