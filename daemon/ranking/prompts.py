"""Prompts: versioned files in prompts/*.md, or a file of the user's, or words of theirs in the settings.

A file begins with a front matter (name, version, description) between two lines `---`; its text says what to look for
and goes into one slot of `rules.md`, which holds everything that must not depend on it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final

from pydantic import BaseModel, Field, ValidationError

from configs.strict_yaml import parse_yaml
from core.errors import UsageError

MAX_BYTES: Final = 16 * 1024
_FOLDER: Final = Path(str(files("daemon"))) / "ranking" / "prompts"
_RULES: Final = "rules"
_FRONT: Final = re.compile(r"---\n(.*?\n)---\n(.*)", re.DOTALL)


class _Front(BaseModel, frozen=True, extra="forbid"):
    name: str = Field(pattern=r"[a-z0-9][a-z0-9-]{0,39}$")
    version: int = Field(ge=1, le=100_000)
    description: str = Field(max_length=200)


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is looked for (`aim`), inside the rules. `hash` is of all that a model is told beside its data."""

    name: str
    version: int
    aim: str
    rules: str

    @property
    def hash(self) -> str:
        """SHA-256."""
        return hashlib.sha256(f"{self.rules}\0{self.aim}".encode()).hexdigest()

    @property
    def label(self) -> str:
        """For lines and clip.json: `viral@1:3f2a9c0b1d4e5f60`."""
        return f"{self.name}@{self.version}:{self.hash[:16]}"

    def text(self, marker: str) -> str:
        """For one question."""
        return Template(self.rules).substitute(marker=marker, aim=self.aim)


def prompt_names() -> list[str]:
    """Those in the package, in alphabetical order."""
    return sorted(path.stem for path in _FOLDER.glob("*.md") if path.stem != _RULES)


def load_prompt(named: str, wish: str = "") -> Prompt:
    """A prompt of the package by its name, or a .md file by its path; `wish` is added to it. Raises UsageError."""
    path = _FOLDER / f"{named}.md"
    if named not in prompt_names():
        path = Path(named).expanduser()
        if path.suffix != ".md":
            raise UsageError(
                f"Unknown prompt {named[:60]!r}",
                remedy=f"Shipped: {', '.join(prompt_names())}; or name a .md file.",
                code="unknown_prompt",
            )
    front, aim = _read(path)
    rules_front, rules = _read(_FOLDER / f"{_RULES}.md")
    if wish.strip():
        aim = f"{aim}\n\nThe owner of this channel adds: {wish.strip()}"
    return Prompt(front.name, front.version, aim, f"{rules}\n\n(rules {rules_front.version})")


def _read(path: Path) -> tuple[_Front, str]:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        text = raw.decode()
    except (OSError, UnicodeDecodeError) as err:
        raise _bad(path, "it cannot be read as text") from err
    found = _FRONT.fullmatch(text)
    if len(raw) > MAX_BYTES or found is None or not found[2].strip():
        raise _bad(path, "it needs a front matter and a text, of 16 KiB at most")
    try:
        return _Front.model_validate(parse_yaml(found[1])), found[2].strip()
    except (ValidationError, ValueError) as err:
        raise _bad(path, "its front matter is name, version (a number), description") from err


def _bad(path: Path, what: str) -> UsageError:
    return UsageError(f"{path} is no prompt: {what}", remedy="docs/ranking.md has an example.", code="bad_prompt")
