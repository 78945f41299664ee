"""Where ingest's tests play: media made by the bundled ffmpeg, and a web server that a test scripts."""

from __future__ import annotations

import gc
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import imageio_ffmpeg
from aiohttp import web
from av.container import InputContainer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=30")
SOUND = ("-f", "lavfi", "-i", "sine=440:r=48000")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-bf", "2", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac", "-b:a", "96k")


class Studio:
    """Makes media files; the same recipe is made once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, name: str, *arguments: str) -> Path:
        """Run ffmpeg with `arguments`, output to `name`."""
        path = self.folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *arguments, str(path)]
            subprocess.run(command, check=True, capture_output=True, timeout=120)
        return path

    def av(self, name: str, seconds: float = 6, *extra: str, video: tuple[str, ...] = H264) -> Path:
        """Picture and sound of a length."""
        return self.make(name, *PICTURE, *SOUND, "-t", str(seconds), *video, *AAC, *extra)

    def copy(self, name: str, source: Path, *extra: str) -> Path:
        """Another container for the same packets."""
        return self.make(name, "-i", str(source), "-c", "copy", *extra)

    def hls(self, name: str, source: Path, *extra: str) -> Path:
        """A folder with `i.m3u8` and two-second segments."""
        playlist = self.make(
            f"{name}/i.m3u8",
            "-i",
            str(source),
            "-c",
            "copy",
            "-f",
            "hls",
            "-hls_time",
            "2",
            "-hls_list_size",
            "0",
            *extra,
        )
        return playlist.parent


class Origin:
    """A web server on loopback. `at(path, handler)`; `seen` lists what was asked for."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}
        self.seen: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    def at(self, path: str, handler: Handler) -> str:
        """Serve a path; returns its URL."""
        self.handlers[path] = handler
        return self.url + path

    def body(
        self, path: str, body: bytes | str, *, status: int = 200, kind: str = "application/octet-stream", **headers: str
    ) -> str:
        """Serve fixed bytes with a content type and further headers."""
        data = body.encode() if isinstance(body, str) else body

        async def handler(_request: web.Request) -> web.Response:
            return web.Response(body=data, status=status, headers=headers, content_type=kind)

        return self.at(path, handler)

    def folder(self, prefix: str, folder: Path) -> str:
        """Serve every file of a folder, ranges included; returns the URL of the prefix."""
        for file in folder.iterdir():
            self.at(f"{prefix}/{file.name}", self._file(file))
        return self.url + prefix

    @staticmethod
    def _file(file: Path) -> Handler:
        async def handler(_request: web.Request) -> web.StreamResponse:
            return web.FileResponse(file)

        return handler

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Dispatch."""
        self.seen.append(request.path)
        self.headers.append(dict(request.headers))
        handler = self.handlers.get(request.path)
        return await handler(request) if handler else web.Response(status=404)


def open_containers() -> int:
    """Containers of PyAV's that are read, or wait to be collected."""
    return sum(isinstance(one, InputContainer) for one in gc.get_objects())
