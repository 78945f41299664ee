"""A stranger's font -> one of ours: parsed and written again by fontTools in a child with limits."""

from __future__ import annotations

import subprocess
import sys
from os import getpid
from pathlib import Path
from typing import Final

from daemon.brand.intake import refused
from daemon.ffmpeg.launch import __file__ as _LAUNCH

FAMILY: Final = "Clipd Brand"  # as font_child.py names it
MAX_BYTES: Final = 20 << 20  # Noto Sans CJK, one language: 16 MiB
_CHILD: Final = Path(__file__).with_name("font_child.py")
_WALL_S: Final = 60.0
_CPU_S, _MEMORY, _FILE, _NICE = 40, 2 << 30, 64 << 20, 0
_MAGIC: Final = (b"\x00\x01\x00\x00", b"OTTO", b"true")
_TAKEN: Final = "Use a single .ttf or .otf file, not a collection or a web font."


def rebuild(blob: bytes, label: str, folder: Path) -> Path:
    """Write `folder`/brand.ttf or .otf from a font's bytes; its family is FAMILY. Raises UsageError."""
    if not blob.startswith(_MAGIC):
        raise refused(f"{label} is no TrueType or OpenType font, whatever its name says", remedy=_TAKEN)
    original = folder / "brand-font-original"
    made = folder / ("brand.otf" if blob.startswith(b"OTTO") else "brand.ttf")
    original.write_bytes(blob)
    command = [
        sys.executable,
        "-I",
        "-S",
        str(_LAUNCH),
        str(getpid()),
        str(_CPU_S),
        str(_MEMORY),
        str(_FILE),
        str(_NICE),
    ]
    command += [sys.executable, "-I", str(_CHILD), str(original), str(made)]
    try:
        # our own constants and paths; no shell, no environment
        child = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, env={}, timeout=_WALL_S, check=False
        )
    except subprocess.TimeoutExpired as err:
        made.unlink(missing_ok=True)
        raise refused(f"{label} takes too long to read", remedy=_TAKEN) from err
    finally:
        original.unlink(missing_ok=True)
    if child.returncode or not made.exists():
        made.unlink(missing_ok=True)
        said = child.stderr.decode(errors="replace").strip().splitlines()
        why = "".join(letter for letter in (said[-1] if said else "") if letter.isprintable())[:120]
        raise refused(f"{label} cannot be read as a font ({why or 'it takes too much'})", remedy=_TAKEN)
    return made
