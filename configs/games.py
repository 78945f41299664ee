"""Which games are known, and where their HUDs lie. Light: settings and the API ask here, nothing is loaded."""

from __future__ import annotations

import os
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Final

from core.errors import UsageError
from core.game import NO_GAME

HUD_FILE: Final = "hud.yaml"


def hud_names() -> list[str]:
    """The shipped HUDs, in alphabetical order."""
    folder = files("configs") / "huds"
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if (entry / HUD_FILE).is_file())


def hud_folder(name_or_path: str) -> Path:
    """The folder of a shipped HUD by its name, or of a user's own by its path. Raises UsageError where neither is."""
    shipped = hud_names()
    if name_or_path in shipped:
        return Path(str(files("configs"))) / "huds" / name_or_path
    shown = repr(name_or_path[:60])
    try:
        path = Path(os.path.expanduser(name_or_path))
        found = os.sep in name_or_path and path.is_dir()
    except (OSError, ValueError):  # a path too long, or with a zero byte
        found = False
    if found:
        return path
    close = get_close_matches(name_or_path[:60], shipped, 1)
    hint = f"Did you mean {close[0]}? " if close else ""
    known = ", ".join(shipped) or "none"
    raise UsageError(
        f"Unknown game {shown}",
        remedy=f"{hint}Shipped: {known}; or name a folder of your own with a slash in its path (docs/huds.md).",
        code="unknown_game",
    )


def is_folder(text: str) -> bool:
    """Whether a game is named by a path, which has a slash."""
    return os.sep in text


def known_game(text: str) -> str:
    """A name or `off` as it stands, a folder as an absolute path. Raises UsageError for a game nobody has heard of."""
    if text == NO_GAME:
        return text
    folder = hud_folder(text)
    if not is_folder(text):
        return text
    if not (folder / HUD_FILE).is_file():
        raise UsageError(
            f"There is no {HUD_FILE} in {folder}",
            remedy="Make one with `clipd hud record`; docs/huds.md shows how.",
            code="unknown_game",
        )
    return str(folder.absolute())
