"""`clipd ranks`: how far the order of clips agrees with what people say of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from configs import load_settings
from core.errors import UsageError
from daemon.cli import options as o
from daemon.cli.listing import show
from daemon.cli.remote import Remote
from daemon.evaluation.resampling import Estimate
from daemon.journal import Journal
from daemon.ranking.report import Agreement, Judged, agreement, judged, verdicts_of
from daemon.worker.offline import session_folder

SYSTEMS: Final = ("ranker", "shadow")
COLUMNS: Final = ("system", "kept", "rejected", "pairs", "agreed", "detection", "gain", "so")
app = typer.Typer(name="ranks", help="How far the order of clips agrees with what people say.", no_args_is_help=True)


@app.callback()
def ranks() -> None:
    """A group with one command so far."""


@app.command("report")
def report(
    session: Annotated[list[str] | None, typer.Argument(help="Sessions' ids, or how they begin; none: all.")] = None,
    reviews: Annotated[
        Path | None, typer.Option(help='JSON lines {"clip", "review"}; unless given, a running clipd up is asked.')
    ] = None,
    url: o.Url = None,
    config: o.Config = None,
    data_dir: o.DataDir = None,
    as_json: o.AsJson = False,
) -> None:
    """Which of detection, ranker and shadow put clips that were approved above those that were rejected."""
    root = Path(load_settings(config=config, data_dir=data_dir).data_dir).expanduser()
    verdicts = verdicts_of(
        _lines(reviews) if reviews else _told(Remote.open(url=url, config=config, data_dir=data_dir))
    )
    clips = [clip for folder in _folders(root, session or []) for clip in _clips(folder, verdicts)]
    rows = [_row(agreement(system, [clip[system] for clip in clips]), as_json=as_json) for system in SYSTEMS]
    show(rows, COLUMNS, as_json=as_json, empty="")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as err:
        raise UsageError(f"{path} cannot be read as text", remedy="Check the path.", code="bad_reviews") from err


def _told(remote: Remote) -> Iterable[str]:
    return (json.dumps({"clip": clip["id"], "review": clip["review"]}) for clip in remote.all("clips"))


def _folders(root: Path, named: list[str]) -> list[Path]:
    if named:
        return list(dict.fromkeys(session_folder(root, name) for name in named))
    return sorted(path.parent for path in (root / "sessions").glob("*/session.db"))


def _clips(folder: Path, verdicts: Mapping[str, bool]) -> list[dict[str, Judged]]:
    with Journal.open(folder / "session.db", read_only=True) as journal:
        return judged(folder.name, journal.clips(), verdicts)


def _row(found: Agreement, *, as_json: bool) -> dict[str, Any]:
    if as_json:
        return asdict(found) | {"verdict": found.verdict}
    return {
        "system": found.system,
        "kept": found.kept,
        "rejected": found.rejected,
        "pairs": found.pairs,
        "agreed": _shown(found.agreed),
        "detection": _shown(found.heuristic),
        "gain": _shown(found.gain, signed=True),
        "so": found.verdict,
    }


def _shown(value: Estimate, *, signed: bool = False) -> str:
    if value.value is None:
        return ""
    sign = "+" if signed else ""
    text = f"{value.value:{sign}.2f}"
    return text if value.low is None else f"{text} ({value.low:{sign}.2f} to {value.high:{sign}.2f})"
