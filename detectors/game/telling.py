"""One thing that a game showed, in a few words. Pure."""

from __future__ import annotations

from typing import Final

from core.game import GameEvent, GameKind

_WORDS: Final = {
    GameKind.ROUND_WON: "round won",
    GameKind.ROUND_LOST: "round lost",
    GameKind.VICTORY: "match won",
    GameKind.DEFEAT: "match lost",
    GameKind.CLUTCH: "clutch",
    GameKind.OBJECTIVE: "objective",
}
_DONE: Final = {GameKind.KILL: "kill", GameKind.DEATH: "death", GameKind.ASSIST: "assist"}


def tell(event: GameEvent) -> str:
    """For people, such as "kill: ash > bo (rifle)". Names are as they were read off the screen: untrusted."""
    if event.kind is GameKind.STREAK:
        said = f"{event.count} kills in a row"
    elif event.kind in _DONE:
        said = _DONE[event.kind] if event.count == 1 else f"{event.count} {_DONE[event.kind]}s"
    else:
        said = _WORDS[event.kind]
    names = " > ".join(name for name in (event.who, event.victim) if name)
    weapon = f" ({event.weapon})" if event.weapon else ""
    heard = ", heard" if event.source == "sound" else ""
    return f"{said}{': ' if names else ''}{names}{weapon}{heard}"
