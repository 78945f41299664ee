"""What a person sees while streams are watched: rich progress on a terminal, plain lines elsewhere, JSON when asked.

A view is a function of JSON lines, so a person and a script learn the same things.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, Final, Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from core.lines import Line, describe_stream
from core.times import clock_text, ns
from core.words import one_line

SAID_LETTERS: Final = 48  # of the newest words, beside the state
PLAIN_EVERY_S: Final = 10.0  # media seconds between plain progress lines, DESIGN.md section 4


class View(Protocol):
    """Takes every line of every session."""

    def line(self, line: Line) -> None: ...
    def close(self) -> None: ...


class JsonView:
    """One JSON object a line on stdout, as it came; `progress` is for people and no part of the contract."""

    def line(self, line: Line) -> None:
        """Print it; flushed, because a script reads along."""
        if line["type"] != "progress":
            print(json.dumps(line, ensure_ascii=False), flush=True)  # noqa: T201

    def close(self) -> None:
        """Nothing is held back."""


class TextView:
    """Plain lines for logs and pipes; with `live`, a progress line that redraws below them."""

    def __init__(self, console: Console, *, live: bool) -> None:
        self._console = console
        self._progress = _progress_bar(console) if live else None
        self._tasks: dict[str, TaskID] = {}
        self._last_plain_s: dict[str, float] = {}
        self._said: dict[str, str] = {}
        self._clips: dict[str, dict[str, tuple[int, str]]] = {}  # by session and id: what was said last
        if self._progress:
            self._progress.start()

    def line(self, line: Line) -> None:
        """Show one line, or nothing: not every event is worth a person's attention."""
        if line["type"] == "progress":
            self._show_progress(line)
        elif line["type"] == "transcript":
            self._hear(line)
        elif text := self._of_clip(line) if line["type"] == "clip" else _describe(line):
            self._console.print(text, highlight=False, soft_wrap=True)
        if line["type"] == "summary":
            self._forget(str(line["session"]))

    def close(self) -> None:
        """Give the terminal back."""
        if self._progress:
            self._progress.stop()

    def _forget(self, session: str) -> None:
        """It is over: channels are watched for months, one session after another."""
        self._last_plain_s.pop(session, None)
        self._said.pop(session, None)
        self._clips.pop(session, None)
        task = self._tasks.pop(session, None)
        if self._progress and task is not None:
            self._progress.remove_task(task)

    def _show_progress(self, line: Line) -> None:
        if self._progress is None:
            self._plain_progress(line)
            return
        session = str(line["session"])
        if session not in self._tasks:
            self._tasks[session] = self._progress.add_task(session, total=line.get("total_s"))
        self._progress.update(
            self._tasks[session],
            completed=line["media_s"],
            total=line.get("total_s"),
            description=escape(_progress_text(line)) + _newest(self._said.get(session, "")),
        )

    def _of_clip(self, line: Line) -> str:
        """A clip that is said again as it was has got files since: they are all that is new."""
        clips = self._clips.setdefault(str(line["session"]), {})
        known, now = clips.get(str(line["id"])), (int(line["revision"]), str(line["state"]))
        clips[str(line["id"])] = now
        return _finished(line) if known == now else _clip(line)

    def _hear(self, line: Line) -> None:
        """Kept for the state; lines of their own would flood a terminal, and a log even more."""
        if line["final"]:
            session = str(line["session"])
            words = [self._said.get(session, ""), *(str(word["text"]) for word in line["words"])]
            self._said[session] = one_line(" ".join(words))[-SAID_LETTERS:]

    def _plain_progress(self, line: Line) -> None:
        session, media_s = str(line["session"]), float(line["media_s"])
        every_s = PLAIN_EVERY_S * max(1.0, float(line.get("speed_x", 1.0)))
        if media_s - self._last_plain_s.get(session, -every_s) >= every_s:
            self._last_plain_s[session] = media_s
            self._console.print(escape(_progress_text(line)), highlight=False, soft_wrap=True)


def open_view(*, as_json: bool) -> View:
    """The view that fits where stdout goes."""
    if as_json:
        return JsonView()
    console = Console(stderr=False)
    return TextView(console, live=console.is_terminal and sys.stdout.isatty())


def _progress_bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn(), console=console, transient=True
    )


def _progress_text(line: Mapping[str, Any]) -> str:
    """`live 0:01:20, lag 3.1 s, 214 words, 2 clips, best candidate 0.41 of 0.58 at 0:01:02`."""
    parts = [f"{line['state']} {clock_text(ns(line['media_s']))[:-4]}"]
    if line.get("lag_s") is not None:
        parts.append(f"lag {line['lag_s']:.1f} s")
    if line.get("speed_x", 1.0) > 1.5:
        parts.append(f"{line['speed_x']:.0f}x")
    if words := line.get("words"):
        parts.append(f"{words:,} word" + "s" * (words != 1))
    if (speech := line.get("speech")) and speech["level"]:
        parts.append(f"speech {speech['lag_s']:.0f} s behind (level {speech['level']})")
    parts.append(f"{line['clips']} clip" + "s" * (line["clips"] != 1))
    if renders := line.get("renders"):
        parts.append(f"{renders} to be finished")
    if best := line.get("best"):
        parts.append(f"best candidate {best['p']:.2f} of {best['bar']:.2f} at {clock_text(ns(best['t_s']))[:-4]}")
    return ", ".join(parts)


def _newest(said: str) -> str:
    """Words that were just heard; one that was cut in two is left out."""
    whole = said.partition(" ")[2] if len(said) == SAID_LETTERS else said
    return f" [dim]… {escape(whole)}[/dim]" if whole else ""


def _describe(line: Line) -> str | None:
    """One line of text for a person, or None. Everything from outside is escaped."""
    describe = _DESCRIBERS.get(str(line["type"]))
    return describe(line) if describe else None


def _session(line: Line) -> str:
    streams = ", ".join(describe_stream(stream) for stream in line["streams"])
    return f"[bold]{escape(str(line['source']))}[/bold] ({escape(streams)}), profile {escape(str(line['profile']))}"


def _state(line: Line) -> str:
    reason = f" ({escape(str(line['reason']))})" if line.get("reason") else ""
    whose = f"{escape(str(line['source']))}: " if line.get("source") else ""  # a channel's, rather than a worker's
    return f"[dim]{whose}{escape(str(line['state']))}{reason}[/dim]"


def _gap(line: Line) -> str:
    what = "not transcribed" if line["track"] == "speech" else "gap"
    return f"[yellow]{what}[/yellow] {line['start_s']:.1f}-{line['end_s']:.1f} s: {escape(str(line['reason']))}"


def _problem(line: Line) -> str:
    colour = "red" if line["type"] == "error" else "yellow"
    return f"[{colour}]{line['type']}[/{colour}] {escape(str(line['message']))}. {escape(str(line['remedy']))}"


def _clip(line: Line) -> str:
    span = f"{clock_text(ns(line['start_s']))[:-4]}-{clock_text(ns(line['end_s']))[:-4]}"
    state = f"{line['state']}, revision {line['revision']}"
    head = f"[green]clip[/green] {escape(str(line['title']))} {span} {state}"
    if line["state"] != "provisional":
        return head  # its reasons and files stand where it first came up
    latency = f", {line['latency_s']:.1f} s after its last frame" if line.get("latency_s") is not None else ""
    reasons = "".join(f"\n     {escape(str(reason))}" for reason in line["reasons"][:4])
    return f"{head}{latency}{reasons}\n     {escape(str(line['files'].get('master', '')))}"


def _finished(line: Line) -> str:
    """Paths of finished files; nothing when only captions came."""
    made = [str(path) for kind, path in line["files"].items() if kind != "master" and str(path).endswith(".mp4")]
    paths = "".join(f"\n     {escape(path)}" for path in made)
    return f"[green]finished[/green] {escape(str(line['title']))}{paths}" if made else ""


def _truth(line: Line) -> str:
    planted = ", ".join(
        f"{moment['kind'].replace('_', ' ')} at {moment['start_s']:.0f} s ({'found' if moment['found'] else 'missed'})"
        for moment in line["planted"]
    )
    return f"[dim]planted: {escape(planted)}[/dim]"


def _summary(line: Line) -> str:
    text = (
        f"[bold]done[/bold]: {line['media_s']:.0f} s of media in {line['wall_s']:.0f} s, {line['clips']} clips, "
        f"{line['near_misses']} near misses, {line['gaps']} gaps"
    )
    if (chat := line.get("chat")) is not None:
        lost = ", ".join(f"{count:,} {reason}" for reason, count in chat["lost"].items())
        text += f"\nChat: {chat['messages']:,} messages" + (f" (lost: {escape(lost)})" if lost else "")
    if line.get("why_no_clips"):
        text += f"\nNo clips: {escape(str(line['why_no_clips']))}"
    if line.get("report"):
        text += f"\nReport: {escape(str(line['report']))}"
    return text


_DESCRIBERS: Final = {
    "session": _session,
    "state": _state,
    "gap": _gap,
    "warning": _problem,
    "error": _problem,
    "truth": _truth,
    "summary": _summary,
}
