"""What may be called a game: the name of a shipped HUD, a folder of one, or `off`. Looks at names only.

Reading a HUD is the work of configs.huds, and no command without a game shall wait for that.
"""

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
    folder = Path(str(files("configs"))) / "huds"
    return sorted(path.parent.name for path in folder.glob(f"*/{HUD_FILE}"))


def is_folder(text: str) -> bool:
    """Whether a game is named by a path. A name has no slash and does not begin with a dot or a tilde."""
    return os.sep in text or text.startswith((".", "~"))


def known_game(text: str) -> str:
    """A name or `off` as it stands, a folder as an absolute path. Raises UsageError for a game nobody has heard of."""
    if text == NO_GAME:
        return text
    if is_folder(text):
        folder = Path(text).expanduser().absolute()
        if not (folder / HUD_FILE).is_file():
            raise UsageError(
                f"There is no {HUD_FILE} in {folder}",
                remedy="Make one with `clipd hud record`; docs/huds.md shows how.",
                code="unknown_game",
            )
        return str(folder)
    shipped = hud_names()
    if text in shipped:
        return text
    close = get_close_matches(text, shipped, 1)
    hint = f"Did you mean {close[0]}? " if close else ""
    raise UsageError(
        f"Unknown game {text[:60]!r}",
        remedy=f"{hint}Shipped: {', '.join(shipped) or 'none'}; or name the folder of a HUD: ./{text[:40]}.",
        code="unknown_game",
    )
