"""`clipd replay SESSION... --profile P`: which clips another profile would have gained, lost or moved."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from configs import load_settings
from core.moments import Moment, MomentState
from core.times import clock_text, to_s
from daemon.cli import options as o
from daemon.journal import Journal
from daemon.worker.channel import start_lag
from daemon.worker.detection import open_detection
from daemon.worker.offline import session_folder
from daemon.worker.relive import decided_end, had_game, relive
from detectors import Profile

KEPT = (MomentState.CONFIRMED, MomentState.FINAL, MomentState.PROVISIONAL)


@dataclass(frozen=True, slots=True)
class Difference:
    """Moments by fate; `moved` pairs the old with the new."""

    gained: tuple[Moment, ...]
    lost: tuple[Moment, ...]
    moved: tuple[tuple[Moment, Moment], ...]
    same: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One session: what changed, how many moments there were (near misses too), how long it is, what it cost."""

    session: str
    difference: Difference
    moments: int
    media_s: float
    machine_s: float

    @property
    def machine_s_per_h(self) -> float | None:
        """Seconds of this machine per hour of stream."""
        return self.machine_s / self.media_s * 3600 if self.media_s > 0 else None


def replay(
    session: Annotated[list[str], typer.Argument(help="Sessions' ids, or how they begin.")],
    profile: o.Profile = None,
    data_dir: o.DataDir = None,
    config: o.Config = None,
    clips_per_hour: o.ClipsPerHour = None,
    as_json: o.AsJson = False,
) -> None:
    """Run detection again over the signal log; nothing is recorded, cut or changed."""
    settings = load_settings(config=config, profile=profile, data_dir=data_dir, clips_per_hour=clips_per_hour)
    root, chosen = Path(settings.data_dir).expanduser(), settings.detection_profile()
    folders = list(dict.fromkeys(session_folder(root, name) for name in session))
    for folder in folders:
        replayed = again(folder, chosen)
        if as_json:
            print(json.dumps(_as_json(replayed)), flush=True)  # noqa: T201
        else:
            _show(replayed, titled=len(folders) > 1)


def again(folder: Path, profile: Profile) -> Replayed:
    """One session under a profile, beside what it decided itself."""
    began = time.monotonic()
    with Journal.open(folder / "session.db", read_only=True) as journal:
        before = [moment for moment in journal.moments() if moment.state in KEPT]
        engine, end_ns = open_detection(profile, journal.session, lag=start_lag(journal)), decided_end(journal)
        has_chat, has_game = bool(journal.meta("chat")), had_game(journal)
        after = relive(engine, journal, has_chat=has_chat, has_game=has_game, until_ns=end_ns, finish=True).moments
        name = str(journal.session)
    return Replayed(
        session=name,
        difference=compare(before, [moment for moment in after.values() if moment.state in KEPT]),
        moments=len(after),
        media_s=to_s(end_ns),
        machine_s=time.monotonic() - began,
    )


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


def _show(replayed: Replayed, *, titled: bool) -> None:
    difference = replayed.difference
    if titled:
        typer.echo(f"session {replayed.session}")
    typer.echo(f"{difference.same} the same")
    for moment in difference.gained:
        typer.echo(f"gained  {_line(moment)}")
    for moment in difference.lost:
        typer.echo(f"lost    {_line(moment)}")
    for old, new in difference.moved:
        typer.echo(f"moved   {_line(old)} -> {clock_text(new.start_ns)}-{clock_text(new.end_ns)}")
    cost = "" if replayed.machine_s_per_h is None else f", {replayed.machine_s_per_h:.2f} s an hour of stream"
    length = clock_text(round(replayed.media_s * 1e9))[:-4]
    typer.echo(f"{replayed.moments} moments with near misses in {length}; {replayed.machine_s:.2f} s{cost}")


def _line(moment: Moment) -> str:
    reason = moment.reasons[0] if moment.reasons else ""
    return f"{clock_text(moment.start_ns)}-{clock_text(moment.end_ns)} p {moment.p:.2f} {reason}"


def _as_json(replayed: Replayed) -> dict[str, Any]:
    difference, per_h = replayed.difference, replayed.machine_s_per_h
    return {
        "session": replayed.session,
        "same": difference.same,
        "gained": [_fields(moment) for moment in difference.gained],
        "lost": [_fields(moment) for moment in difference.lost],
        "moved": [[_fields(old), _fields(new)] for old, new in difference.moved],
        "moments": replayed.moments,
        "media_s": round(replayed.media_s, 3),
        "machine_s": round(replayed.machine_s, 3),
        "machine_s_per_h": None if per_h is None else round(per_h, 3),
    }


def _fields(moment: Moment) -> dict[str, Any]:
    return {
        "start_s": to_s(moment.start_ns),
        "end_s": to_s(moment.end_ns),
        "p": moment.p,
        "reasons": list(moment.reasons),
    }
