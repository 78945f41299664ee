"""`clipd demo`: plays a bundled live stream over loopback and clips it live, like any other stream.

The worker gets two URLs and an ordinary profile. What was planted is looked at once the worker has ended.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from configs import Settings, load_settings
from core.errors import StorageError, UsageError
from core.lines import Line
from daemon.cli import options as o
from daemon.cli.view import View, open_view
from daemon.cli.watching import WatchRequest, build_spec
from daemon.cli.watching import watch as run
from daemon.demo import LiveOrigin, Recipe
from telemetry import SystemClock

PROFILE: Final = "gaming"
MARK: Final = ".clipd-demo"


def demo(
    seed: Annotated[int, typer.Option(help="Another stream: other voices, times and sounds.", min=0)] = 1,
    out: o.Out = Path("demo-out"),
    data_dir: o.DataDir = None,
    as_json: o.AsJson = False,
) -> None:
    """Play a two-minute live stream on this machine and clip it while it runs."""
    assert out is not None
    _fresh(out)
    settings = load_settings(profile=PROFILE, data_dir=data_dir or out / "data")
    recipe = Recipe.from_seed(seed)
    view = open_view(as_json=as_json)
    try:
        code = asyncio.run(_play(recipe, view, settings, out))
    finally:
        view.close()
    raise typer.Exit(code)


def _fresh(out: Path) -> None:
    """An empty folder. What an earlier demo left there goes; a folder that is not a demo's is never emptied."""
    mark = out / MARK
    if mark.exists():
        shutil.rmtree(out)
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is not empty", remedy="Name another folder with --out.")
    try:
        out.mkdir(parents=True, exist_ok=True)
        mark.touch()
    except OSError as err:
        raise StorageError(
            f"Cannot write to {out}: {err.strerror}", remedy="Name another folder with --out.", code="unwritable"
        ) from err


async def _play(recipe: Recipe, view: View, settings: Settings, out: Path) -> int:
    async with LiveOrigin(recipe, SystemClock()) as origin:
        spec = build_spec(
            WatchRequest(
                kind="stream",
                source=origin.url,
                settings=settings,
                out_dir=out,
                speed=1.0,
                chat=origin.chat_url,
                chat_delay_s=0.0,
                duration_s=None,
            )
        )
        held = _SummaryLast(view, recipe)
        code = await run([spec], view, on_line=held.line)
    held.close()
    return code


class _SummaryLast:
    """Puts the `truth` line before the summary, and keeps the clips' spans to say which were found."""

    def __init__(self, view: View, recipe: Recipe) -> None:
        self._view = view
        self._recipe = recipe
        self._summary: Line | None = None
        self._clips: dict[str, Line] = {}

    def line(self, line: Line) -> None:
        """Pass a line on, but hold the summary back."""
        if line["type"] == "clip":
            self._clips[str(line["id"])] = line
        if line["type"] == "summary":
            self._summary = line
        else:
            self._view.line(line)

    def close(self) -> None:
        """The worker has ended: only now what was planted is read."""
        if self._summary is None:
            return
        planted = [self._with_result(moment) for moment in self._recipe.planted()]
        head = {name: self._summary[name] for name in ("session", "t_s", "wall")}
        self._view.line({"type": "truth", **head, "planted": planted})
        self._view.line(self._summary)

    def _with_result(self, moment: dict[str, Any]) -> dict[str, Any]:
        shown = [clip for clip in self._clips.values() if clip["state"] != "withdrawn"]
        found = any(clip["start_s"] <= moment["start_s"] and clip["end_s"] >= moment["end_s"] for clip in shown)
        return {**moment, "found": found}
