"""Figures in the order and the words in which people read them, beside the design's targets. Pure.

Targets are those of detection.md section 5; a set of streams that somebody labelled has no target of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from daemon.evaluation.metrics import FALSE_PER_H, QUANTILES, Figure, Figures
from daemon.evaluation.resampling import Difference

LABELS: Final = {
    "ap.mean": "average precision, mean of 5, 10, 20 s",
    "ap.5": "average precision, 5 s",
    "ap.10": "average precision, 10 s",
    "ap.20": "average precision, 20 s",
    "recall_at.all": f"recall at <= {FALSE_PER_H:g} false/h",
    "recall_at.multi": f"recall at <= {FALSE_PER_H:g} false/h, several kinds of evidence",
    "recall_at.single": f"recall at <= {FALSE_PER_H:g} false/h, one kind, middle or strong",
    "recall_at.each": f"recall at <= {FALSE_PER_H:g} false/h, each stream its own threshold",
    "top4.precision": "precision at 4 clips/h",
    "top4.recall": "recall at 4 clips/h",
    "top8.precision": "precision at 8 clips/h",
    "top8.recall": "recall at 8 clips/h",
    "hit@3": "hit@3 an hour",
    "hit@5": "hit@5 an hour",
    "shown.precision": "precision of what was shown",
    "shown.recall": "recall of what was shown",
    "shown.per_h": "clips shown an hour",
    "shown.false_per_h": "false clips an hour",
    "false.no_cause_per_h": "false clips an hour, no hard negative near",
    "shown.duplicates": "duplicates, share of shown",
    "alarm_rate": "clips shown / budget, after 30 min",
    "quiet.false_per_h": "false clips an hour on quiet footage",
    "negatives.per_100": "false clips per 100 hard negatives",
    "iou0.3.precision": "precision, overlap >= 0.3",
    "iou0.3.recall": "recall, overlap >= 0.3",
    "iou0.5.precision": "precision, overlap >= 0.5",
    "iou0.5.recall": "recall, overlap >= 0.5",
    "iou0.7.precision": "precision, overlap >= 0.7",
    "iou0.7.recall": "recall, overlap >= 0.7",
    "provisional.after_peak": "first file decided after the peak, s",
    "provisional.after_end": "first file decided after the end, s",
    "provisional.after_peak.waited": "... clips that waited for chat, after the peak, s",
    "provisional.after_end.waited": "... clips that waited for chat, after the end, s",
    "confirmed.after_end.chat": "confirmed after the end, with chat, s",
    "confirmed.after_end.no_chat": "confirmed after the end, without chat, s",
    "waited_for_chat": "share of clips that waited for chat",
    "start_error": "start error, s",
    "end_error": "end error, s",
    "anchor_error": "anchor error, s",
    "inside": "moment wholly inside its clip",
    "words_cut": "clips that cut a word",
    "ece": "calibration error (ECE)",
    "brier": "Brier score",
    "machine_s_per_h": "machine seconds per stream-hour",
}
GROUPS: Final = {
    "recall.families.": "recall of what was shown, kinds of evidence: ",
    "recall.single.": "recall of what was shown, one kind: ",
    "recall.kind.": "recall of what was shown, moments of ",
    "negatives.": "false clips per 100, ",
}


@dataclass(frozen=True, slots=True)
class Target:
    """What ships and what is good; `lower` where less is better, `between` where both ends are bounds."""

    floor: float | tuple[float, float]
    good: float | tuple[float, float]
    lower: bool = False

    def verdict(self, value: float) -> str:
        """good, floor or missed."""
        if self._meets(value, self.good):
            return "good"
        return "floor" if self._meets(value, self.floor) else "missed"

    def _meets(self, value: float, bound: float | tuple[float, float]) -> bool:
        if isinstance(bound, tuple):
            return bound[0] <= value <= bound[1]
        return value <= bound if self.lower else value >= bound

    def text(self) -> str:
        """For people: floor / good."""
        return " / ".join(
            f"{bound[0]:g}-{bound[1]:g}" if isinstance(bound, tuple) else f"{bound:g}"
            for bound in (self.floor, self.good)
        )


TARGETS: Final[Mapping[str, Target]] = {
    "recall_at.multi": Target(0.90, 0.97),
    "recall_at.single": Target(0.70, 0.85),
    "negatives.per_100": Target(10, 4, lower=True),
    "quiet.false_per_h": Target(0.5, 0.2, lower=True),
    "provisional.after_peak.p95": Target(12, 6, lower=True),
    "confirmed.after_end.chat.p50": Target(60, 45, lower=True),
    "confirmed.after_end.chat.p95": Target(90, 75, lower=True),
    "confirmed.after_end.no_chat.p50": Target(20, 12, lower=True),
    "confirmed.after_end.no_chat.p95": Target(35, 20, lower=True),
    "start_error.p50": Target(4, 2, lower=True),
    "inside": Target(0.85, 0.95),
    "words_cut": Target(0.02, 0.0, lower=True),
    "alarm_rate": Target((0.6, 1.6), (0.8, 1.3)),
    "ece": Target(0.10, 0.06, lower=True),
}
COMPARED: Final = (  # heads fit beside a name on a terminal; "@0.5" is at half a false clip an hour
    ("AP", "ap.mean"),
    ("AP 10 s", "ap.10"),
    ("R@0.5", "recall_at.all"),
    ("several", "recall_at.multi"),
    ("one kind", "recall_at.single"),
    ("P 4/h", "top4.precision"),
    ("R 4/h", "top4.recall"),
    ("hit@5", "hit@5"),
    ("shown P", "shown.precision"),
    ("shown R", "shown.recall"),
    ("false/h", "shown.false_per_h"),
)
COMPARED_MEANS: Final = (
    "R@0.5: recall at half a false clip an hour, then of moments with several kinds of evidence, and with one."
    " P and R 4/h: of the best four an hour. shown: of the clips themselves."
)
Cells = list[str]


def figure_rows(figures: Figures, *, targets: bool) -> list[Cells]:
    """One row a figure: name, value, 95 % interval, what it rests on, and floor / good with the verdict."""
    rows = []
    for key, label in _ordered(figures):
        figure = figures[key]
        target = TARGETS.get(key) if targets else None
        row = [label, number(figure.value), interval(figure), number(figure.count)]
        if targets:
            judged = target is not None and figure.value is not None
            row += [target.text() if target else "", target.verdict(figure.value or 0.0) if target and judged else ""]
        rows.append(row)
    return rows


def comparison_rows(systems: Mapping[str, Figures], hours: Mapping[str, float]) -> list[Cells]:
    """One row a system."""
    return [
        [name, number(hours[name]), *(number(figures[key].value) if key in figures else "-" for _, key in COMPARED)]
        for name, figures in systems.items()
    ]


def difference_rows(differences: Mapping[str, Mapping[str, Difference]]) -> list[Cells]:
    """One row a pair and figure: difference, interval, how often chance is as far apart."""
    return [
        [name, LABELS[key], number(one.by.value), interval(Figure(one.by, 0)), f"{one.chance:.3f}"]
        for name, both in differences.items()
        for key, one in both.items()
    ]


def difference_json(difference: Difference) -> dict[str, Any]:
    """For JSON lines and result files."""
    value = Figure(difference.by, 0).as_json()
    return {"value": value["value"], "low": value["low"], "high": value["high"], "chance": round(difference.chance, 4)}


def number(value: float | None) -> str:
    """Three digits that matter, or a dash."""
    if value is None:
        return "-"
    if float(value).is_integer():
        return f"{value:.0f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def interval(figure: Figure) -> str:
    """`low .. high`, empty without one."""
    low, high = figure.estimate.low, figure.estimate.high
    return "" if low is None or high is None else f"{number(low)} .. {number(high)}"


def _ordered(figures: Figures) -> Iterator[tuple[str, str]]:
    for key, label in LABELS.items():
        if key in figures:
            yield key, label
        for share in QUANTILES.get(key, ()):
            if f"{key}.p{share}" in figures:
                yield f"{key}.p{share}", f"{label}, p{share}"
    for prefix in GROUPS:
        for key in sorted(figures):
            if key.startswith(prefix) and key not in LABELS:
                yield key, f"{GROUPS[prefix]}{key.removeprefix(prefix).replace('.', ' ').replace('_', ' ')}"
