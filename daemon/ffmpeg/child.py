"""Runs the bundled ffmpeg as a separate process with limits, progress and an end."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

import imageio_ffmpeg

from core.errors import ClipdError, MissingPart
from core.times import Ns
from daemon.ffmpeg.launch import PASSED

_LAUNCH: Final = Path(__file__).with_name("launch.py")
_SAID_BYTES: Final = 1 << 20  # of stderr; a damaged stream can complain for hours
_NS_PER_US: Final = 1000
_BUSY: Final = "The machine is too busy; try again, or ask for fewer renders at once."
_DAMAGED: Final = "The footage there is damaged, or the disk is full."


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a child may cost. The wall-clock limit is `wall_s`; the kernel holds the others."""

    cpu_s: float
    wall_s: float
    memory_bytes: int = 4 << 30  # x264 with its lookahead needs 0.6 GB of address space for 1080p, libass 0.1 GB
    file_bytes: int = 8 << 30
    nice: int = 0


class FfmpegFailed(ClipdError):
    """ffmpeg ended with an error, or did not end: `code` is ffmpeg_failed, ffmpeg_slow or ffmpeg_cancelled."""

    said: str = ""  # on stderr, for those who look for one line of it


def ffmpeg_path() -> str:
    """The bundled ffmpeg. Raises MissingPart."""
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as err:
        raise MissingPart("No ffmpeg was found", remedy="Install it with: pip install imageio-ffmpeg") from err


def run_ffmpeg(
    arguments: Sequence[str],
    *,
    folder: Path,
    limits: Limits,
    progress: Callable[[Ns], None] | None = None,
    cancelled: threading.Event | None = None,
    devices: bool = False,
) -> str:
    """Run to the end in `folder`, the only place whose files it names; returns what it said on stderr (1 MiB at most).

    `progress` is told how far the output has come, in ns, some times a second, from a thread of its own. `devices`
    hands on the variables that drivers of hardware encoders need (launch.PASSED), and no others. Blocks.
    Raises FfmpegFailed, also soon after `cancelled` is set.
    """
    command = [sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid()), str(int(limits.cpu_s) + 1)]
    command += [str(limits.memory_bytes), str(limits.file_bytes), str(limits.nice)]
    command += [ffmpeg_path(), "-nostdin", "-hide_banner", "-y", "-nostats", "-progress", "pipe:1", *arguments]
    # S603: the command is our own constants, numbers and generated names; no shell, no environment but PASSED
    passed = {name: os.environ[name] for name in PASSED if name in os.environ} if devices else {}
    child = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=passed
    )
    told, said = _Follower(child, progress, cancelled), _Listener(child)
    late = False
    try:
        child.wait(limits.wall_s)
    except subprocess.TimeoutExpired:
        late = True
    finally:
        child.kill()
        child.wait()
        told.join()
        said.join()
    if cancelled is not None and cancelled.is_set():
        raise FfmpegFailed("The render was cancelled", remedy="Ask for it again.", code="ffmpeg_cancelled")
    if late:
        raise FfmpegFailed(f"ffmpeg took more than {limits.wall_s:.0f} s", remedy=_BUSY, code="ffmpeg_slow")
    if child.returncode:
        failed = FfmpegFailed(_last_words(said.text, child.returncode), remedy=_DAMAGED, code="ffmpeg_failed")
        failed.said = said.text
        raise failed
    return said.text


class _Follower(threading.Thread):
    """Reads `-progress`: lines of key=value, twice a second."""

    def __init__(
        self, child: subprocess.Popen[bytes], tell: Callable[[Ns], None] | None, cancelled: threading.Event | None
    ) -> None:
        super().__init__(name="ffmpeg-progress", daemon=True)
        self._child, self._tell, self._cancelled = child, tell, cancelled
        self.start()

    def run(self) -> None:
        with cast(IO[bytes], self._child.stdout) as lines:
            for line in lines:
                if self._cancelled is not None and self._cancelled.is_set():
                    self._child.kill()
                key, _, value = line.partition(b"=")
                if self._tell is not None and key == b"out_time_us" and value.strip().isdigit():  # N/A before a frame
                    self._tell(Ns(int(value) * _NS_PER_US))


class _Listener(threading.Thread):
    """Reads stderr to its end, so that the child never waits, and keeps the last of it."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        super().__init__(name="ffmpeg-stderr", daemon=True)
        self._child, self._said = child, bytearray()
        self.start()

    def run(self) -> None:
        with cast(IO[bytes], self._child.stderr) as file:
            while chunk := file.read(1 << 16):
                self._said += chunk
                del self._said[:-_SAID_BYTES]

    @property
    def text(self) -> str:
        """What was said."""
        return self._said.decode(errors="replace")


def _last_words(text: str, code: int) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"ffmpeg ended with {code}: {lines[-1][-200:]}" if lines else f"ffmpeg ended with {code}"
