"""Writes the marks of the HUDs that were made on drawn replicas: `python -m tests.synthetic_streams.huds.marks`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from tests.synthetic_streams.huds import cs_like, valorant_like
from tests.synthetic_streams.huds.drawing import Patch, plate, stack
from tests.synthetic_streams.huds.scenes import scene_mark
from tests.synthetic_streams.huds.weapons import weapon_icon

HUDS: Final = Path(__file__).parents[3] / "configs" / "huds"
HEIGHT: Final = 720
SCENES: Final = ("menu", "buy", "replay", "scoreboard")
WEAPONS: Final = (
    "ak47", "awp", "bayonet", "cz75a", "deagle", "famas", "galilar", "glock", "hegrenade", "hkp2000", "inferno",
    "knife_default_ct", "m4a1", "m4a1_silencer", "mac10", "mag7", "mp7", "mp9", "p250", "sg556", "ssg08", "ump45",
    "usp_silencer",
)  # fmt: skip


def marks(game: str) -> dict[str, Patch]:
    """By name, as they look in a picture of 720 lines."""
    found = {kind: scene_mark(game, kind, _px(0.05)) for kind in SCENES}
    if game == "valorant":
        for kind in valorant_like.TEXTS:
            found[kind] = valorant_like.mark(kind, _px(0.075))
        return {**found, "medal": valorant_like.mark("medal", _px(0.085))}
    for kind in ("round_won", "round_lost", "victory", "defeat"):
        found[kind] = cs_like.mark(kind, _px(0.085))
    for weapon in WEAPONS:
        icon = weapon_icon(weapon, _px(0.019), "round")
        ground = plate(icon.shape[1] + 4, icon.shape[0] + 4, cs_like.DARK)
        stack(ground, icon, 2, 2)
        found[weapon] = ground
    return found


def _px(heights: float) -> int:
    return round(heights * HEIGHT)


def main() -> None:
    """Into configs/huds."""
    for game in ("valorant", "cs2"):
        (HUDS / game).mkdir(parents=True, exist_ok=True)
        for name, patch in marks(game).items():
            Image.fromarray(np.ascontiguousarray(patch)).save(HUDS / game / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
