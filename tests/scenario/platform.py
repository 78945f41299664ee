"""A Twitch-like platform with TLS on a loopback address of its own, and the command run where its names lead there.

A mount namespace with another /etc/hosts is all that differs from a user's machine: streamlink's real plugin, real
names, real sockets, the real command. That takes root.
"""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web

from daemon.demo import LiveOrigin, Recipe
from telemetry import SystemClock
from tests.needs import require, require_root
from tests.unit.channels.twitch import TwitchLike

Handler = Callable[[web.Request], Awaitable[web.Response]]
SEGMENTS = 4
HOSTS = ("gql.twitch.tv", "usher.ttvnw.net", "video.hls.ttvnw.net")


@dataclass
class Platform:
    """`mode` as in TwitchLike; the stream's playlist ends when it is offline. `recorded` is set once SEGMENTS of it
    have been served."""

    folder: Path
    mode: str = "offline"
    segments: int = 0
    recorded: asyncio.Event = field(default_factory=asyncio.Event)
    address: str = field(default_factory=lambda: f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.7")

    @property
    def certificate(self) -> Path:
        """Signs itself."""
        return self.folder / "cert.pem"

    def argv(self, *command: str) -> list[str]:
        """The command, in a mount namespace where the platform's names lead to it."""
        hosts = self.folder / "hosts"
        hosts.write_text("".join(f"{self.address} {name}\n" for name in HOSTS) + "127.0.0.1 localhost\n")
        script = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'
        return [require("unshare"), "--mount", "sh", "-c", script, "sh", str(hosts), *command]

    def settings(self, **more: str) -> dict[str, str]:
        """Environment for the command."""
        return {"SSL_CERT_FILE": str(self.certificate), "CLIPD_NET__ALLOW": '["127.0.0.0/8"]', **more}


@asynccontextmanager
async def twitch_like(folder: Path) -> AsyncIterator[Platform]:
    """Serves until the end of the block."""
    require_root()
    platform = Platform(folder)
    await asyncio.to_thread(_make_certificate, folder)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(platform.certificate, folder / "key.pem")
    async with LiveOrigin(Recipe.from_seed(3), SystemClock()) as origin, aiohttp.ClientSession() as client:
        api = TwitchLike(lambda: platform.mode, variant="https://video.hls.ttvnw.net/media/main.m3u8")
        app = api.app()
        app.router.add_get("/media/{name}", _media(platform, origin, client))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, platform.address, socket.getservbyname("https"), ssl_context=tls).start()
            yield platform
        finally:
            await runner.cleanup()


def _media(platform: Platform, origin: LiveOrigin, client: aiohttp.ClientSession) -> Handler:
    async def media(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        async with client.get(origin.url.replace("stream.m3u8", name)) as answer:
            body, status = await answer.read(), answer.status
        if name.endswith(".ts") and status == 200:
            platform.segments += 1
            if platform.segments >= SEGMENTS:
                platform.recorded.set()
        if name.endswith(".m3u8") and platform.mode == "offline":
            body += b"#EXT-X-ENDLIST\n"
        return web.Response(body=body, status=status, content_type=answer.content_type)

    return media


def _make_certificate(folder: Path) -> None:
    names = ",".join(f"DNS:{name}" for name in HOSTS)
    command: Sequence[str] = (
        require("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"), "-days", "2", "-subj", "/CN=platform",
        "-addext", f"subjectAltName={names}",
    )  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=30)
