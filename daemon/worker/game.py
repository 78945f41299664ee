"""The game side of a session: a HUD that is looked at and listened to, or nothing at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol, TypeVar

import structlog

from configs import Settings
from core.game import GameEvent
from core.media import AudioBlock, Epoch, Packet, Track
from telemetry import Metrics

LIBRARIES: Final = "LD_LIBRARY_PATH"
log = structlog.get_logger()
_Found = TypeVar("_Found")


class Looking(Protocol):
    """What analysis sees of a game: packets and sound in, events out. `there`: whether a game is set."""

    @property
    def there(self) -> bool: ...

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


class Guarded:
    """A boundary: what a HUD's reader stumbles over costs the session its game, and nothing else. `warn` gets a code, a
    sentence and a remedy, once."""

    def __init__(self, looking: Looking, warn: Callable[[str, str, str], None]) -> None:
        self._looking, self._warn = looking, warn

    @property
    def there(self) -> bool:
        """Not any more, once it has failed."""
        return self._looking.there

    def begin(self, epoch: Epoch, picture: Track | None) -> None:
        """Another epoch."""
        self._try(partial(self._looking.begin, epoch, picture))

    def push(self, packet: Packet) -> list[GameEvent]:
        """What the picture shows."""
        return self._try(partial(self._looking.push, packet)) or []

    def listen(self, block: AudioBlock) -> list[GameEvent]:
        """What the game sounds like."""
        return self._try(partial(self._looking.listen, block)) or []

    def cut(self) -> list[GameEvent]:
        """A gap, or the end of an epoch."""
        return self._try(self._looking.cut) or []

    def _try(self, look: Callable[[], _Found]) -> _Found | None:
        try:
            return look()
        except Exception as err:
            log.exception("hud.failed")
            self._looking = NoGame()
            self._warn(
                "hud_failed",
                f"The game's HUD cannot be read any more: {type(err).__name__}",
                "The recording and all other detectors go on. Please report it, with the worker's log.",
            )
            return None


def open_looking(settings: Settings, metrics: Metrics) -> Looking:
    """The HUD of the game that is set. Raises UsageError for one that cannot be read."""
    game = settings.detection_profile().game
    if game is None:
        return NoGame()
    before = os.environ.get(LIBRARIES)
    from daemon.looking import open_looker  # noqa: PLC0415 - OpenCV: 60 MB that no session without a game needs

    os.environ.pop(LIBRARIES, None)  # OpenCV adds a folder of its own, and the working one: children get this variable
    if before is not None:
        os.environ[LIBRARIES] = before
    return open_looker(game, settings.player, settings.hud, metrics)
