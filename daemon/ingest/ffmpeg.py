"""One connection by the bundled ffmpeg, as a process of its own: it listens or calls, and copies what comes to a pipe.

Nothing is decoded. The address and its secrets go in by stdin as an ffconcat script, so that they stand in no process
list. Protocols and formats are listed, streams are counted, the output's format is ours; what comes out is still a
stranger's media and goes through daemon.avopen like any other.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import imageio_ffmpeg

from core.errors import MissingPart, UsageError
from daemon.avopen import DECODER_NAMES, MAX_STREAMS
from daemon.ingest import tether

READ_BYTES: Final = 1 << 16
EXIT_S: Final = 2.0
MAX_LINE: Final = 4096  # of what ffmpeg and libsrt say
PROBE_BYTES: Final = 2 << 20
PROBE_US: Final = 1_000_000  # which streams there are; our own reader looks further, for a picture's settings
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What ffmpeg is to open. `url` and `options` may hold secrets. `demuxer`: what the bytes have to be; `fmt`: what
    they are copied to, which has the same clock."""

    url: str = field(repr=False)
    options: Mapping[str, str] = field(repr=False)
    protocols: str
    demuxer: Literal["mpegts", "flv", "rtsp"]
    fmt: Literal["mpegts", "flv"]

    def script(self) -> bytes:
        """The ffconcat script. Raises UsageError for text that could not stand on one line of it."""
        limits = {"probesize": str(PROBE_BYTES), "analyzeduration": str(PROBE_US)}
        lines = ["ffconcat version 1.0", f"file {_quoted(self.url)}"]
        lines += [f"option {name} {_quoted(value)}" for name, value in {**limits, **self.options}.items()]
        return "".join(f"{one}\n" for one in lines).encode()


# Codes for what is said: the words themselves may hold an address or a key. At `-v verbose` by the pinned build
# (9.0.2), as bytes to look for; the first that fits counts
_SAYINGS: Final[Sequence[tuple[bytes, str]]] = (
    (b"accept streamid [", "accepted"),
    (b"rejecting per reception of a rejection HS response: ERROR:BADSECRET", "bad_key"),
    (b"rejecting per reception of a rejection HS response: ERROR:UNSECURE", "bad_key"),
    (b"connection rejected due to: INTERNAL REJECTION - ERROR:BADSECRET", "bad_key"),
    (b"connection rejected due to: INTERNAL REJECTION - ERROR:UNSECURE", "bad_key"),
    (b"Protocol 'rtsp' not on whitelist", "redirected"),
    (b"Address already in use", "taken"),
    (b"401 Unauthorized", "http_401"),
    (b"403 Forbidden", "http_403"),
    (b"404 Not Found", "http_404"),
    (b"NetStream.Play.StreamNotFound", "http_404"),
    (b"Server error: ", "refused"),
    (b"Connection timed out", "timeout"),
    (b"Operation timed out", "timeout"),
    (b"Connection refused", "unreachable"),
    (b"No route to host", "unreachable"),
    (b"Network is unreachable", "unreachable"),
    (b"Invalid data found when processing input", "not_media"),
)


class Child:
    """A running ffmpeg. Read it to its end; `on_heard` is called with what it says as it says it."""

    def __init__(self, process: asyncio.subprocess.Process, on_heard: Callable[[str], None]) -> None:
        self._process = process
        self._on_heard = on_heard
        self._over = False

    async def read(self) -> bytes:
        """The next bytes; empty at the end."""
        assert self._process.stdout is not None  # piped
        data = await self._process.stdout.read(READ_BYTES)
        self._over = not data
        return data

    def kill(self) -> None:
        """At once; `read` then ends."""
        if self._process.returncode is None:
            self._process.kill()

    async def reaped(self) -> None:
        """Return when it is gone, by itself when it has closed its pipe, else killed."""
        assert self._process.stdout is not None  # piped
        if self._over:  # it is about to end: a signal now would only cross the kernel's word that it has
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), EXIT_S)
        self.kill()
        while await self._process.stdout.read(READ_BYTES):
            pass  # until it is empty a full pipe holds `wait` up
        await self._process.wait()

    async def listen(self) -> None:
        """Understand what is said, line by line, to the end. Lines are as long as strangers make them."""
        assert self._process.stderr is not None  # piped
        line = b""
        while said := await self._process.stderr.read(READ_BYTES):
            *lines, line = (line + said).replace(b"\r", b"\n").split(b"\n")
            line = line[:MAX_LINE]
            for one in lines:
                self._understand(one)

    def _understand(self, line: bytes) -> None:
        code = next((code for words, code in _SAYINGS if words in line), None)
        if code is not None:
            self._on_heard(code)


@asynccontextmanager
async def connected(connection: Connection, on_heard: Callable[[str], None]) -> AsyncIterator[Child]:
    """ffmpeg for this connection, dead and reaped when the block is left. Raises MissingPart, UsageError."""
    script = connection.script()
    process = await asyncio.create_subprocess_exec(
        *tethered(_command(connection)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for us: we end it
        env={},
    )
    child = Child(process, on_heard)
    listening = asyncio.create_task(child.listen(), name="ffmpeg-words")
    try:
        assert process.stdin is not None  # piped
        process.stdin.write(script)  # small: it fits the pipe
        process.stdin.close()
        yield child
    finally:
        await asyncio.shield(_end(child, listening))


async def _end(child: Child, listening: asyncio.Task[None]) -> None:
    await child.reaped()
    await asyncio.gather(listening, return_exceptions=True)


def tethered(command: Sequence[str]) -> list[str]:
    """The command line of a program that dies with this process."""
    return [sys.executable, "-I", "-S", str(Path(tether.__file__).absolute()), str(os.getpid()), *command]


def _command(connection: Connection) -> list[str]:
    """`-auto_convert 0`: packets are left as they came. `-flush_packets`: each leaves at once."""
    return [
        _program(),
        *("-nostdin", "-hide_banner", "-nostats", "-v", "verbose"),
        *("-protocol_whitelist", f"pipe,{connection.protocols}", "-f", "concat"),
        *("-format_whitelist", f"concat,{connection.demuxer}", "-codec_whitelist", DECODER_NAMES),
        *("-max_streams", str(MAX_STREAMS), "-safe", "0", "-auto_convert", "0", "-i", "pipe:0"),
        *("-map", "0:v:0?", "-map", "0:a:0?", "-map_metadata", "-1", "-c", "copy"),
        *("-muxdelay", "0", "-muxpreload", "0", "-max_interleave_delta", "1000000"),
        *(("-flvflags", "no_duration_filesize") if connection.fmt == "flv" else ()),
        *("-flush_packets", "1", "-f", connection.fmt, "pipe:1"),
    ]


def _program() -> str:
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as err:
        raise MissingPart("No ffmpeg was found", remedy="Install it with: pip install imageio-ffmpeg") from err


def _quoted(text: str) -> str:
    """As the script's parser reads it back: only a quote ends a quoted text."""
    if _CONTROL.search(text):
        raise UsageError("The address holds control characters", remedy="Write them percent-encoded.")
    return "'" + text.replace("'", "'\\''") + "'"
