"""Reads a game's HUD frame by frame: crops in, events out. No files, no clock; one thread."""

from __future__ import annotations

from core.game import GameEvent
from detectors.hud.frames import Box, Found, HudFrame, ObjectReader, Picture, TextLine, TextReader
from detectors.hud.model import LoadedHud
from detectors.hud.places import region_box

__all__ = ["Box", "Found", "HudFrame", "HudReader", "ObjectReader", "Picture", "TextLine", "TextReader"]


class HudReader:
    """What a HUD says over time. `player` is the streamer's name (over the HUD's own); "any" makes everyone's own."""

    def __init__(
        self,
        loaded: LoadedHud,
        text: TextReader | None,
        *,
        player: str = "",
        objects: ObjectReader | None = None,
    ) -> None:
        self._hud = loaded.hud
        self._text, self._objects = text, objects
        self._player = player or loaded.hud.player
        self.shortest_s = min((rule.shown_s for rule in loaded.hud.rules if hasattr(rule, "shown_s")), default=60.0)

    def boxes(self, width: int, height: int) -> dict[str, Box]:
        """Which part of a picture each region is; a frame's crops are these."""
        return {name: region_box(self._hud, region, width, height) for name, region in self._hud.regions.items()}

    def differs(self, frame: HudFrame) -> bool:
        """Would this frame change anything against the last one pushed, or settle what that one left open?

        Cheap: no text is read, and nothing changes here.
        """
        raise NotImplementedError

    def push(self, frame: HudFrame) -> list[GameEvent]:
        """Take the next frame, later than the last one."""
        raise NotImplementedError

    def cut(self) -> None:
        """A gap or a new epoch: nothing before is continued, and what stands in the next frame is not new."""
        raise NotImplementedError
