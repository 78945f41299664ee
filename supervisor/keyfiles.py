"""Secrets that settings name and never hold: read where they are used, from a file or the environment, kept nowhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

MAX_SECRET: Final = 1024  # bytes; keys of providers have 40 to 200


class NoSecret(Exception):
    """Why there is none, in words that hold nothing of it."""


def read_secret(file: str, variable: str) -> str:
    """One line of printable ASCII, "" where there is nothing; the file wins. Raises NoSecret. Blocks on a file."""
    text = _from_file(file) if file else os.environ.get(variable, "").strip()
    if len(text) > MAX_SECRET or not text.isascii() or not text.isprintable() or " " in text:
        raise NoSecret("what is there is no key: one line of printable ASCII")
    return text


def _from_file(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_SECRET + 2).decode("ascii", "replace").strip()
    except (OSError, ValueError) as err:
        raise NoSecret(f"its key file cannot be read ({type(err).__name__})") from err
