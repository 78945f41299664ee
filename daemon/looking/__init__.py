"""Looks at a game's HUD: packets to crops to events. Brings OpenCV; imported where a game is set only."""

from daemon.looking.looker import open_looker

__all__ = ["open_looker"]
