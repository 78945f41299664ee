"""`clipd eval DIR`: scores recorded sessions against what really happened in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.table import Table

from configs import load_profile, load_settings
from core.errors import ClipdError, UsageError
from core.moments import Family
from core.times import FOREVER_NS, Ns, ns
from daemon.cli import options as o
from daemon.evaluation import tables
from daemon.evaluation.baselines import VALID_BELOW, baseline_runs, inputs, too_easy
from daemon.evaluation.candidates import Run
from daemon.evaluation.matching import by_anchor
from daemon.evaluation.measures import TOLERANCE_S
from daemon.evaluation.metrics import Figures, figures, paired
from daemon.evaluation.resampling import Difference
from daemon.evaluation.sessions import Labelled, find, profile_of, recorded
from daemon.evaluation.systems import FAMILIES, decide, families_in
from daemon.files import make_folder, publish_file
from daemon.journal import Journal
from daemon.worker.channel import start_lag
from daemon.worker.relive import had_game
from detectors import Profile
from detectors.fusion.calibration import Calibration, Pair, fit

RECORDED = "recorded"
NARROWEST = 118  # columns of the comparison; a pipe has no width of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to score beside what the sessions decided. `profile` None: each session's own."""

    profile: Profile | None
    fallback: Profile
    ablate: bool
    baselines: bool


@dataclass(slots=True)
class Scored:
    """Runs by system, over the same sessions in the same order; sessions that could not be read, with the reason."""

    runs: dict[str, list[Run]] = field(default_factory=dict)
    families: set[Family] = field(default_factory=set)  # that any of the sessions has
    skipped: dict[str, str] = field(default_factory=dict)

    def add(self, runs: dict[str, Run]) -> None:
        """One session."""
        for name, run in runs.items():
            self.runs.setdefault(name, []).append(run)


def evaluate(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="Holds sessions and their truth files; the data folder unless given."),
    ] = None,
    session: Annotated[list[str] | None, typer.Option("--session", help="Only these: ids, or how they begin.")] = None,
    profile: o.Profile = None,
    ablate: Annotated[
        bool, typer.Option("--ablate", help="Also score detection without each kind of evidence.")
    ] = False,
    baselines: Annotated[bool, typer.Option("--baselines", help="Also score simple baselines.")] = False,
    calibrate: Annotated[
        Path | None, typer.Option("--calibrate", help="Fit probabilities to these labels; a YAML file for a profile.")
    ] = None,
    data_dir: o.DataDir = None,
    config: o.Config = None,
    as_json: o.AsJson = False,
) -> None:
    """Precision, recall, latency and more of sessions that have a truth file; nothing in them is changed."""
    settings = load_settings(config=config, profile=profile, data_dir=data_dir)
    top = folder if folder is not None else Path(settings.data_dir).expanduser() / "sessions"
    found = find(top, session or ())
    wanted = Wanted(
        profile=settings.detection_profile() if profile is not None else None,
        fallback=load_profile("gaming"),
        ablate=ablate,
        baselines=baselines,
    )
    scored = score(found.labelled, wanted)
    scored.skipped |= dict.fromkeys(found.without, "no truth file")
    calibration = fit(pairs_of(scored.runs[_main(scored)])) if calibrate else None
    results = {name: figures(runs) for name, runs in scored.runs.items()}
    main = scored.runs[_main(scored)]
    differences = {name: paired(main, runs) for name, runs in scored.runs.items() if name != _main(scored)}
    (_print_json if as_json else _print)(scored, results, differences)
    if calibrate and calibration:
        write_calibration(calibrate, calibration)
        typer.echo(f"{calibration.method}, {calibration.labels} labels: {calibrate}", err=True)


def score(sessions: Sequence[Labelled], wanted: Wanted) -> Scored:
    """Every system on every session. One that cannot be read is skipped; raises UsageError when none is left."""
    out, last = Scored(), ""
    for session in sessions:
        try:
            out.add(_systems(session, wanted, out.families))
        except ClipdError as err:
            out.skipped[session.name] = last = err.what
    if not out.runs:
        raise UsageError(f"No session could be scored: {last}", remedy="Name sessions that recorded something.")
    for family in set(FAMILIES) - out.families:
        out.runs.pop(f"without {family}", None)
    return out


def _systems(session: Labelled, wanted: Wanted, there: set[Family]) -> dict[str, Run]:
    own = recorded(session, wanted.fallback)
    runs = {RECORDED: own}
    if wanted.profile is None and not wanted.ablate and not wanted.baselines:
        return runs
    with Journal.open(session.journal, read_only=True) as journal:
        profile = wanted.profile or profile_of(journal, wanted.fallback)
        words = journal.words(Ns(0), FOREVER_NS)
        rerun = partial(
            decide,
            journal,
            session.truth,
            profile,
            stream=session.name,
            end_ns=own.end_ns,
            has_chat=own.has_chat,
            has_game=had_game(journal),
            words=words,
            lag=start_lag(journal),
        )
        if wanted.profile is not None:
            runs[f"profile {profile.name}"] = rerun()
        if wanted.ablate:
            there.update(families_in(journal))
            runs |= {f"without {family}": rerun(without=frozenset({family})) for family in FAMILIES}
        if wanted.baselines:
            data = inputs(session.name, own.end_ns, journal.signals(), journal.chat(), words)
            runs |= baseline_runs(data, replace(own, target_per_h=profile.clips_per_hour), profile)
    return runs


def pairs_of(runs: Sequence[Run]) -> list[Pair]:
    """Raw logits with whether they were moments, near misses too."""
    return [
        (match.candidate.score, match.fate == "hit")
        for run in runs
        for match in by_anchor(run.candidates, run.truth, ns(TOLERANCE_S))
        if match.fate != "ignored"
    ]


def write_calibration(path: Path, calibration: Calibration) -> None:
    """As a profile has it: `detect.calibration`."""
    document = {"detect": {"calibration": calibration.model_dump(mode="json", exclude_defaults=True)}}
    text = f"# Fitted to {calibration.labels} labels by `clipd eval --calibrate`; paste it into a profile.\n"
    text += yaml.safe_dump(document, sort_keys=False)
    make_folder(path.absolute().parent)
    publish_file(path.absolute(), partial(Path.write_text, data=text))


def _main(scored: Scored) -> str:
    """What the tables are about: the asked profile, else what the sessions decided."""
    return next((name for name in scored.runs if name.startswith("profile ")), RECORDED)


def _hours(runs: Sequence[Run]) -> float:
    return sum(run.hours for run in runs)


def _print_json(scored: Scored, results: dict[str, Figures], differences: dict[str, dict[str, Difference]]) -> None:
    lines: list[dict[str, Any]] = [
        {
            "type": "system",
            "system": name,
            "sessions": len(scored.runs[name]),
            "hours": round(_hours(scored.runs[name]), 4),
            "figures": {key: figure.as_json() for key, figure in found.items()},
        }
        for name, found in results.items()
    ]
    for name, both in differences.items():
        figures_ = {key: tables.difference_json(one) for key, one in both.items()}
        lines.append({"type": "difference", "system": _main(scored), "minus": name, "figures": figures_})
    if VALID_BELOW.keys() <= results.keys():
        lines.append({"type": "validity", "too_easy_for": _too_easy(results)})
    lines += [{"type": "skipped", "session": name, "reason": why} for name, why in scored.skipped.items()]
    for line in lines:
        print(json.dumps(line, ensure_ascii=False), flush=True)  # noqa: T201


def _too_easy(results: dict[str, Figures]) -> dict[str, float]:
    recalls = {name: found["recall_at.all"].value for name, found in results.items() if "recall_at.all" in found}
    return too_easy(recalls)


def _print(scored: Scored, results: dict[str, Figures], differences: dict[str, dict[str, Difference]]) -> None:
    console = Console(soft_wrap=False)
    if not console.is_terminal:
        console.width = max(console.width, NARROWEST)
    main = _main(scored)
    runs = scored.runs[main]
    moments = sum(len(run.truth.moments) for run in runs)
    count = f"{len(runs)} session{'s' if len(runs) != 1 else ''}"
    title = f"{main}: {count}, {_hours(runs):.2f} h, {moments} true moments, hit within {TOLERANCE_S:g} s"
    console.print(_table(title, ("", "figure", "95 %", "of"), tables.figure_rows(results[main], targets=False)))
    if len(results) > 1:
        hours = {name: _hours(all_) for name, all_ in scored.runs.items()}
        heads = ("system", "hours", *(head for head, _ in tables.COMPARED))
        console.print(_table("beside", heads, tables.comparison_rows(results, hours)))
        console.print(tables.COMPARED_MEANS, markup=False)
        rows = tables.difference_rows(differences)
        console.print(_table(f"{main} minus", ("system", "", "by", "95 %", "by chance"), rows))
    if VALID_BELOW.keys() <= results.keys():
        easy = _too_easy(results)
        known = ", ".join(f"{name} {recall:.2f}" for name, recall in easy.items())
        verdict = (
            f"too easy to measure anything: recall of {known}" if easy else "hard enough: every baseline below 0.6"
        )
        console.print(f"These sessions are {verdict} at 0.5 false clips an hour")
    for name, why in list(scored.skipped.items())[:20]:
        console.print(f"left out {name}: {why}", markup=False)
    if len(scored.skipped) > 20:
        console.print(f"left out {len(scored.skipped) - 20} more")


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place == 0 else "right", no_wrap=place != 0 or head != "")
    for row in rows:
        table.add_row(*row)
    return table
