"""`clipd replay SESSION --profile P`: which clips another profile would have gained, lost or moved."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from configs import load_settings
from core.moments import Moment, MomentState
from core.times import clock_text, to_s
from daemon.cli import options as o
from daemon.journal import Journal
from daemon.worker.offline import session_folder
from daemon.worker.relive import relive
from detectors import Engine

KEPT = (MomentState.CONFIRMED, MomentState.FINAL, MomentState.PROVISIONAL)


@dataclass(frozen=True, slots=True)
class Difference:
    """Moments by fate; `moved` pairs the old with the new."""

    gained: tuple[Moment, ...]
    lost: tuple[Moment, ...]
    moved: tuple[tuple[Moment, Moment], ...]
    same: int


def replay(
    session: Annotated[str, typer.Argument(help="The session's id, or how it begins.")],
    profile: o.Profile = None,
    data_dir: o.DataDir = None,
    config: o.Config = None,
    clips_per_hour: o.ClipsPerHour = None,
    as_json: o.AsJson = False,
) -> None:
    """Run detection again over the signal log; nothing is recorded, cut or changed."""
    settings = load_settings(config=config, profile=profile, data_dir=data_dir, clips_per_hour=clips_per_hour)
    folder = session_folder(Path(settings.data_dir).expanduser(), session)
    with Journal.open(folder / "session.db", read_only=True) as journal:
        before = [moment for moment in journal.moments() if moment.state in KEPT]
        engine = Engine(settings.detection_profile(), journal.session)
        has_chat = bool(journal.meta("chat"))
        after = relive(engine, journal, has_chat=has_chat, finish=True).moments.values()
    difference = compare(before, [moment for moment in after if moment.state in KEPT])
    if as_json:
        print(json.dumps(_as_json(difference)), flush=True)  # noqa: T201
    else:
        _show(difference)


def compare(before: list[Moment], after: list[Moment]) -> Difference:
    """Match by overlap, best first: the same moment may have another anchor under another profile."""
    pairs = sorted(
        ((_overlap(old, new), old, new) for old in before for new in after if _overlap(old, new) > 0),
        key=lambda pair: -pair[0],
    )
    old_left, new_left = {moment.id for moment in before}, {id(moment) for moment in after}
    matched = []
    for _, old, new in pairs:
        if old.id in old_left and id(new) in new_left:
            old_left.discard(old.id)
            new_left.discard(id(new))
            matched.append((old, new))
    moved = [(old, new) for old, new in matched if (old.start_ns, old.end_ns) != (new.start_ns, new.end_ns)]
    return Difference(
        gained=tuple(moment for moment in after if id(moment) in new_left),
        lost=tuple(moment for moment in before if moment.id in old_left),
        moved=tuple(moved),
        same=len(matched) - len(moved),
    )


def _overlap(a: Moment, b: Moment) -> float:
    both = min(a.end_ns, b.end_ns) - max(a.start_ns, b.start_ns)
    return max(0, both) / (max(a.end_ns, b.end_ns) - min(a.start_ns, b.start_ns))


def _show(difference: Difference) -> None:
    typer.echo(f"{difference.same} the same")
    for moment in difference.gained:
        typer.echo(f"gained  {_line(moment)}")
    for moment in difference.lost:
        typer.echo(f"lost    {_line(moment)}")
    for old, new in difference.moved:
        typer.echo(f"moved   {_line(old)} -> {clock_text(new.start_ns)}-{clock_text(new.end_ns)}")


def _line(moment: Moment) -> str:
    reason = moment.reasons[0] if moment.reasons else ""
    return f"{clock_text(moment.start_ns)}-{clock_text(moment.end_ns)} p {moment.p:.2f} {reason}"


def _as_json(difference: Difference) -> dict[str, Any]:
    return {
        "same": difference.same,
        "gained": [_fields(moment) for moment in difference.gained],
        "lost": [_fields(moment) for moment in difference.lost],
        "moved": [[_fields(old), _fields(new)] for old, new in difference.moved],
    }


def _fields(moment: Moment) -> dict[str, Any]:
    return {
        "start_s": to_s(moment.start_ns),
        "end_s": to_s(moment.end_ns),
        "p": moment.p,
        "reasons": list(moment.reasons),
    }
