"""All figures of detection.md section 5 ("Report always") for one system over many streams, with intervals. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from core.times import ns
from daemon.evaluation.candidates import Run
from daemon.evaluation.matching import by_anchor, sure
from daemon.evaluation.measures import TOLERANCE_S, Measured, measure, single
from daemon.evaluation.resampling import (
    DRAWS,
    Difference,
    Estimate,
    Floats,
    Ints,
    Metric,
    Ranking,
    calibration_error,
    compare,
    draws,
    estimate,
    mean_of,
    quantile,
    ratio,
)
from daemon.evaluation.truth import TrueMoment

TOLERANCES_S: Final = (5.0, 10.0, 20.0)
FALSE_PER_H: Final = 0.5  # the rate at which recall is asked for
QUANTILES: Final = {
    "provisional.after_peak": (50, 95),
    "provisional.after_end": (50, 95),
    "provisional.after_peak.waited": (50, 95),
    "provisional.after_end.waited": (50, 95),
    "confirmed.after_end.chat": (50, 95),
    "confirmed.after_end.no_chat": (50, 95),
    "start_error": (50, 90),
    "end_error": (50, 90),
    "anchor_error": (50, 90),
}
RULE_OF_THREE: Final = 3.0  # nothing seen in H: at 95 % the rate is at most this over H


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure; `count` is what it rests on: moments, clips, candidates, hours or hard negatives."""

    estimate: Estimate
    count: float

    @property
    def value(self) -> float | None:
        """The figure itself."""
        return self.estimate.value

    def as_json(self) -> dict[str, Any]:
        """For JSON lines and result files."""
        rounded = (
            None if x is None else round(x, 4) for x in (self.estimate.value, self.estimate.low, self.estimate.high)
        )
        value, low, high = rounded
        return {"value": value, "low": low, "high": high, "count": round(self.count, 3)}


Figures = dict[str, Figure]


def figures(runs: Sequence[Run], *, count: int = DRAWS) -> Figures:
    """Every figure of one system; those that nothing could be counted for are absent."""
    measured = [measure(run) for run in runs]
    weights = draws(len(runs), count=count)
    out = _rankings(runs, weights)
    out |= _pairs(measured, weights)
    out |= _quantiles(measured, weights)
    out |= _claims(runs, weights)
    if "quiet.false_per_h" in out and out["quiet.false_per_h"].value == 0.0:
        hours = out["quiet.false_per_h"].count
        out["quiet.false_per_h"] = Figure(Estimate(0.0, 0.0, RULE_OF_THREE / hours), hours)
    return out


def ranking(runs: Sequence[Run], tolerance_s: float, *, only: str = "all") -> Ranking:
    """Every candidate of every stream, matched; `only` counts hits of "all", "multi" or "single" evidence."""
    rows: list[tuple[float, int, bool, bool]] = []
    moments: list[float] = []
    for place, run in enumerate(runs):
        wanted = [_wanted(moment, only) for moment in run.truth.moments]
        moments.append(sum(w and s for w, s in zip(wanted, sure(run.truth), strict=True)))
        for match in by_anchor(run.candidates, run.truth, ns(tolerance_s)):
            if match.fate != "ignored":
                hit = match.fate == "hit" and match.truth is not None
                rows.append((match.candidate.score, place, hit, hit and wanted[match.truth or 0]))
    return Ranking.of(rows, np.array(moments, dtype=np.float64), np.array([run.hours for run in runs]))


def paired(runs: Sequence[Run], others: Sequence[Run], *, count: int = DRAWS) -> dict[str, Difference]:
    """One system minus another on the same streams: mean AP, and recall at the allowed false rate."""
    if [run.stream for run in runs] != [run.stream for run in others]:
        raise ValueError("a paired comparison takes the same streams in the same order")
    tables = [ranking(runs, s).joined(ranking(others, s)) for s in TOLERANCES_S]
    headline = tables[TOLERANCES_S.index(TOLERANCE_S)]
    return {
        "ap.mean": compare(mean_of([table.average_precision for table in tables]), len(runs), count=count),
        "recall_at.all": compare(headline.recall_at(FALSE_PER_H), len(runs), count=count),
    }


def _wanted(moment: TrueMoment, only: str) -> bool:
    return {"all": True, "multi": len(moment.families) > 1, "single": single(moment)}[only]


def _rankings(runs: Sequence[Run], weights: Floats) -> Figures:
    out: Figures = {}
    tables = {seconds: ranking(runs, seconds) for seconds in TOLERANCES_S}
    total = float(sum(tables[TOLERANCE_S].moments))
    if not total:
        return out
    for seconds, table in tables.items():
        out[f"ap.{seconds:g}"] = Figure(estimate(table.average_precision, weights), total)
    out["ap.mean"] = Figure(estimate(mean_of([t.average_precision for t in tables.values()]), weights), total)
    for only in ("all", "multi", "single"):
        part = ranking(runs, TOLERANCE_S, only=only)
        count = float(sum(part.moments))
        if count:
            out[f"recall_at.{only}"] = Figure(estimate(part.recall_at(FALSE_PER_H), weights), count)
    return out | _recall_each(tables[TOLERANCE_S], weights)


def _recall_each(table: Ranking, weights: Floats) -> Figures:
    """With a threshold of its own for every stream, pooled afterwards."""
    streams = len(table.moments)
    alone = table.recall_at(FALSE_PER_H)
    each = np.nan_to_num(np.concatenate([alone(np.eye(1, streams, place)) for place in range(streams)]))
    return {
        "recall_at.each": Figure(
            estimate(ratio(each * table.moments, table.moments), weights), float(sum(table.moments))
        )
    }


def _pairs(measured: Sequence[Measured], weights: Floats) -> Figures:
    keys = dict.fromkeys(key for one in measured for key in one.pairs)
    out: Figures = {}
    for key in keys:
        sums = np.array([one.pairs.get(key, (0.0, 0.0)) for one in measured])
        found = estimate(ratio(sums[:, 0], sums[:, 1]), weights)
        if found.value is not None:
            out[key] = Figure(found, float(sums[:, 1].sum()))
    return out


def _quantiles(measured: Sequence[Measured], weights: Floats) -> Figures:
    out: Figures = {}
    for key, shares in QUANTILES.items():
        values, owners = _pooled(measured, key)
        for share in shares if len(values) else ():
            out[f"{key}.p{share}"] = Figure(
                estimate(quantile(values, owners, share / 100), weights), float(len(values))
            )
    return out


def _pooled(measured: Sequence[Measured], key: str) -> tuple[Floats, Ints]:
    rows = [(value, place) for place, one in enumerate(measured) for value in one.values.get(key, ())]
    return np.array([value for value, _ in rows]), np.array([place for _, place in rows], dtype=np.int64)


def _claims(runs: Sequence[Run], weights: Floats) -> Figures:
    """How far claimed probabilities can be believed: ECE and Brier, over everything that claimed one."""
    rows = [
        (match.candidate.p, match.fate == "hit", place)
        for place, run in enumerate(runs)
        for match in by_anchor(run.candidates, run.truth, ns(TOLERANCE_S))
        if match.fate != "ignored" and match.candidate.p is not None
    ]
    if not rows:
        return {}
    p, hits, owners = (np.array(column) for column in zip(*rows, strict=True))
    squares = np.bincount(owners, weights=(p - hits) ** 2, minlength=len(runs)).astype(np.float64)
    counts = np.bincount(owners, minlength=len(runs)).astype(np.float64)
    claimed: dict[str, Metric] = {
        "ece": calibration_error(p, hits, owners, len(runs)),
        "brier": ratio(squares, counts),
    }
    return {key: Figure(estimate(metric, weights), float(len(rows))) for key, metric in claimed.items()}
