"""The game side of a session: a HUD that is looked at and listened to, or nothing at all."""

from __future__ import annotations

from typing import Protocol

from configs import Settings
from core.game import GameEvent
from core.media import AudioBlock, Epoch, Packet, Track
from telemetry import Metrics


class Looking(Protocol):
    """What analysis sees of a game: packets and sound in, events out. `there`: whether a game is set."""

    there: bool

    def begin(self, epoch: Epoch, picture: Track | None) -> None: ...
    def push(self, packet: Packet) -> list[GameEvent]: ...
    def listen(self, block: AudioBlock) -> list[GameEvent]: ...
    def cut(self) -> list[GameEvent]: ...


class NoGame:
    """A session whose profile has no game: nothing is loaded, decoded or imported."""

    there = False

    def begin(self, epoch: Epoch, picture: Track | None) -> None:
        """Nothing to do."""

    def push(self, packet: Packet) -> list[GameEvent]:  # noqa: ARG002
        """Nobody looks."""
        return []

    def listen(self, block: AudioBlock) -> list[GameEvent]:  # noqa: ARG002
        """Nobody listens."""
        return []

    def cut(self) -> list[GameEvent]:
        """Nothing is held."""
        return []


def open_looking(settings: Settings, metrics: Metrics) -> Looking:
    """The HUD of the game that is set. Raises UsageError for one that cannot be read."""
    game = settings.detection_profile().game
    if game is None:
        return NoGame()
    from daemon.looking import open_looker  # noqa: PLC0415 - OpenCV: 60 MB that no session without a game needs

    return open_looker(game, settings.player, settings.hud, metrics)
