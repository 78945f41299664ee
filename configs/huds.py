"""Loads a game's HUD: a shipped one by its name, or a folder that a user made. Everything in it is hostile."""

from __future__ import annotations

from detectors.hud.model import LoadedHud

__all__ = ["LoadedHud", "hud_names", "load_hud"]


def hud_names() -> list[str]:
    """The shipped HUDs, in alphabetical order."""
    raise NotImplementedError


def load_hud(name_or_path: str) -> LoadedHud:
    """A shipped HUD by its name, or the folder with hud.yaml, marks and sounds at a path. Raises UsageError."""
    raise NotImplementedError
