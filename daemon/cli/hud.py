"""`clipd hud list|record|check`: which games are known, and how to teach clipd another one's HUD from a frame."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from configs import load_settings
from configs.games import HUD_FILE, hud_names
from configs.hud import HudOptions
from configs.huds import load_hud
from core.errors import UsageError
from core.game import GameEvent, GameKind
from core.times import to_s
from daemon.cli import options as o
from daemon.cli.picking import pick
from daemon.files import make_folder, publish_file
from daemon.looking.checking import Check, Checked
from daemon.looking.draw import annotated, ruled
from daemon.looking.frames import is_picture, read_frame, read_picture
from daemon.looking.making import Drawn, Wishes, record
from detectors.hud.explain import Seen
from detectors.hud.frames import Box, Picture

FRAME: Final = "frame.jpg"
app = typer.Typer(name="hud", help="HUDs of games: what clipd reads off the screen.", no_args_is_help=True)
At = Annotated[float, typer.Option("--at", help="Of a recording: the second to look at.", min=0)]
Frame = Annotated[Path, typer.Argument(help="A picture (PNG, JPEG) of the game, or a recording and --at SECONDS.")]


@app.command("list")
def list_all(as_json: o.AsJson = False) -> None:
    """The games whose HUD clipd knows."""
    for name in hud_names():
        hud = load_hud(name).hud
        if as_json:
            rules = [{"name": rule.name, "kind": rule.kind} for rule in hud.rules]
            typer.echo(json.dumps({"name": name, "title": hud.title, "rules": rules}, ensure_ascii=False))
        else:
            typer.echo(f"{name:<14} {hud.title}: {', '.join(sorted({rule.kind for rule in hud.rules}))}")


@app.command("record")
def record_one(
    folder: Annotated[Path, typer.Argument(help="Folder of the HUD; what is in it already is added to.")],
    frame: Frame,
    at: At = 0.0,
    feed: Annotated[str | None, typer.Option(help="Where rows of kills come: X,Y,WIDTH,HEIGHT in pixels.")] = None,
    row: Annotated[str | None, typer.Option(help="One row of it, close around its letters.")] = None,
    icon: Annotated[list[str] | None, typer.Option(help="A mark that rows have, in place of their colour.")] = None,
    phrase: Annotated[list[str] | None, typer.Option(help="A row as a sentence: '{victim} was shot by {who}'.")] = None,
    banner: Annotated[list[str] | None, typer.Option(help="EVENT[*COUNT]=BOX: a medal, ACE, VICTORY.")] = None,
    counter: Annotated[list[str] | None, typer.Option(help="EVENT=BOX: a number that rises, of kills say.")] = None,
    scene: Annotated[list[str] | None, typer.Option(help="NAME=BOX: a part of a menu, scoreboard, replay.")] = None,
    playing: Annotated[str | None, typer.Option(help="A part of the HUD that always shows while one plays.")] = None,
    shown: Annotated[
        float | None,
        typer.Option(help="Seconds that rows and medals stay, at least; 4 and 1.5 unless said.", min=0.4, max=60),
    ] = None,
    player: o.Player = None,
    title: Annotated[str | None, typer.Option(help="What the game is called.")] = None,
    by_mouse: Annotated[bool, typer.Option("--pick", help="Draw the boxes in a page of this machine.")] = False,
) -> None:
    """Make a HUD from a frame. Without boxes: draw the frame with rulers, to read boxes off."""
    picture = _picture(frame, at)
    drawn = [
        *(
            Drawn(kind=kind, box=_box(text))
            for kind, text in (("feed", feed), ("row", row), ("playing", playing))
            if text
        ),
        *(Drawn(kind="icon", box=_box(text)) for text in icon or ()),
        *(_told("banner", text) for text in banner or ()),
        *(_told("counter", text) for text in counter or ()),
        *(_scene(text) for text in scene or ()),
    ]
    wishes = Wishes(title=title or "", player=player or "", phrases=tuple(phrase or ()), shown_s=shown)
    if by_mouse:
        picked = pick(picture, typer.echo)
        drawn += picked.drawn
        phrases = (*wishes.phrases, *picked.phrases)
        wishes = replace(wishes, player=wishes.player or picked.player, phrases=phrases)
    if not drawn:
        _write(folder / FRAME, ruled(picture))
        typer.echo(f"{folder / FRAME} shows the frame with rulers: {picture.shape[1]} by {picture.shape[0]} pixels.")
        typer.echo("Say what is where: --feed, --row, --banner, --counter, --scene, --playing, each X,Y,WIDTH,HEIGHT;")
        typer.echo("or draw the boxes with the mouse: --pick.")
        return
    for file in record(folder, picture, drawn, wishes):
        typer.echo(f"wrote {folder / file}")
    check = Check(_named(folder), HudOptions())
    seen = check.picture(picture)
    _write(folder / FRAME, annotated(picture, check.loaded, seen))
    typer.echo(f"In this frame, drawn in {folder / FRAME}:")
    _say(seen)


@app.command("check")
def check_one(
    hud: Annotated[str, typer.Argument(help="A game that `clipd hud list` shows, or the folder of a HUD.")],
    frame: Annotated[Path, typer.Argument(help="A picture of the game, or a recording.")],
    at: Annotated[float | None, typer.Option("--at", help="Of a recording: this second only.", min=0)] = None,
    from_s: Annotated[float, typer.Option("--from", help="Of a recording: begin here, in seconds.", min=0)] = 0.0,
    to_s: Annotated[float | None, typer.Option("--to", help="Of a recording: end here.", min=0)] = None,
    player: o.Player = None,
    out: Annotated[Path, typer.Option("--out", help="The frame, with what was found drawn in.")] = Path(
        "hud-check.jpg"
    ),
    config: o.Config = None,
    as_json: o.AsJson = False,
) -> None:
    """What a HUD sees in a frame, with scores; or which events it finds in a recording."""
    check = Check(_named(Path(hud)) if Path(hud, HUD_FILE).is_file() else hud, _options(config), player or "")
    if at is None and not is_picture(frame):
        checked = check.recording(frame, from_s=from_s, to_s=to_s)
        _tell(checked, as_json=as_json)
        if checked.events:
            return
        at = max(from_s, (min(to_s or checked.length_s, checked.length_s) + from_s) / 2)
        print(f"Nothing happened. At {at:g} s it sees:", file=sys.stderr)  # noqa: T201
    picture = _picture(frame, at or 0.0)
    seen = check.picture(picture)
    _write(out, annotated(picture, check.loaded, seen))
    if as_json:
        for one in seen:
            typer.echo(json.dumps(_as_json(one), ensure_ascii=False))
        return
    _say(seen)
    typer.echo(f"Drawn in {out}")


def _say(seen: list[Seen]) -> None:
    """One line a look, by region; under it what to change where nothing was found."""
    for region in dict.fromkeys(one.region for one in seen):
        typer.echo(f"{region}:")
        for one in seen:
            if one.region != region:
                continue
            word = "found" if one.found else "not found"
            score = f" {one.score:.2f}" + (f" of {one.needs:g}" if one.needs else "")
            typer.echo(f"  {one.rule} ({one.kind}): {one.what} {word}{score}{f': {one.text!r}' if one.text else ''}")
            if one.advice:
                typer.echo(f"    {one.advice}")


def _tell(checked: Checked, *, as_json: bool) -> None:
    for event in checked.events:
        typer.echo(json.dumps(_event_json(event), ensure_ascii=False) if as_json else _event_line(event))
    if not as_json:
        typer.echo(f"{len(checked.events)} events in {checked.length_s:.1f} s, {checked.looks} frames looked at")


def _event_line(event: GameEvent) -> str:
    whose = "own " if event.own else ""
    names = f": {event.who or '?'} -> {event.victim or '?'}" if event.who or event.victim else ""
    count = f" x{event.count}" if event.count > 1 else ""
    return f"{to_s(event.t_ns):8.2f} s  {whose}{event.kind}{count} ({event.source}, {event.score:.2f}){names}"


def _event_json(event: GameEvent) -> dict[str, Any]:
    document = {key: value for key, value in asdict(event).items() if not key.endswith("_ns")}
    return {"type": "game", "t_s": round(to_s(event.t_ns), 3), "known_s": round(to_s(event.known_ns), 3), **document}


def _as_json(one: Seen) -> dict[str, Any]:
    return {"type": "look", **asdict(one), "box": list(one.box), "score": round(one.score, 3)}


def _picture(path: Path, at_s: float) -> Picture:
    return read_picture(path) if is_picture(path) else read_frame(path, at_s)


def _told(kind: str, text: str) -> Drawn:
    """EVENT[*COUNT]=BOX."""
    what, _, box = text.partition("=")
    name, _, count = what.partition("*")
    known = [event.value for event in GameKind]
    if name not in known or not (count or "1").isdecimal():
        raise UsageError(
            f"--{kind} {text[:60]!r} does not begin with an event",
            remedy=f"Write EVENT=X,Y,WIDTH,HEIGHT; events are {', '.join(known)}; streak*3 is one of three.",
        )
    return Drawn(kind=kind, box=_box(box), event=GameKind(name), count=int(count or 1))


def _scene(text: str) -> Drawn:
    name, _, box = text.rpartition("=")
    return Drawn(kind="scene", box=_box(box), name=name or "scene")


def _box(text: str) -> Box:
    parts = text.split(",")
    if len(parts) != 4 or not all(part.strip().isdecimal() and len(part) < 8 for part in parts):
        raise UsageError(
            f"{text[:60]!r} is no box", remedy="A box is X,Y,WIDTH,HEIGHT in pixels of the frame: 0,0,320,40."
        )
    return Box(*(int(part) for part in parts))


def _named(folder: Path) -> str:
    """A folder as settings name it: with a slash."""
    return str(folder.expanduser().absolute())


def _options(config: Path | None) -> HudOptions:
    return load_settings(config=config).hud


def _write(path: Path, raw: bytes) -> None:
    make_folder(path.absolute().parent)
    publish_file(path, lambda partial: partial.write_bytes(raw))
