"""What one system's run on one stream adds to each figure: numerators and denominators, and single values. Pure.

The keys are those of `metrics.LABELS`. Lengths are seconds, latencies are media time, and a shown moment that was
withdrawn later counts like any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from core.times import Ns, ns, to_s
from daemon.evaluation.candidates import Candidate, Run
from daemon.evaluation.matching import Match, by_anchor, by_overlap, negative_of, sure
from daemon.evaluation.truth import TrueMoment

TOLERANCE_S: Final = 10.0  # the headline of 5, 10 and 20
OVERLAPS: Final = (0.3, 0.5, 0.7)
RATES: Final = (4, 8)  # clips an hour
TOPS: Final = (3, 5)  # best of each hour
_HOUR_NS: Final = ns(3600)
_SETTLED_NS: Final = ns(1800)  # the alarm rate is judged from here on: the bucket of the first clips is spent


@dataclass(slots=True)
class Measured:
    """Figures of one run: `pairs` are summed over streams and divided, `values` are pooled for quantiles."""

    pairs: dict[str, tuple[float, float]] = field(default_factory=dict)
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, key: str, numerator: float, denominator: float) -> None:
        """Add to a pair."""
        old = self.pairs.get(key, (0.0, 0.0))
        self.pairs[key] = old[0] + numerator, old[1] + denominator

    def note(self, key: str, seconds: float) -> None:
        """Add a value."""
        self.values.setdefault(key, []).append(seconds)


def measure(run: Run) -> Measured:
    """Everything but the rankings, at the headline tolerance."""
    out = Measured()
    ranked = [match for match in _anchored(run, shown=False) if match.fate != "ignored"]
    _budgets(run, ranked, out)
    _hourly(run, ranked, out)
    if run.shows:
        _shown(run, out)
    if run.machine_s is not None:
        out.add("machine_s_per_h", run.machine_s, run.hours)
    return out


def _shown(run: Run, out: Measured) -> None:
    shown = [match for match in _anchored(run, shown=True) if match.fate != "ignored"]
    hits = {match.truth: match.candidate for match in shown if match.fate == "hit" and match.truth is not None}
    _recall(run, hits, out)
    _alarms(run, shown, out)
    _quiet(run, shown, out)
    _negatives(run, shown, out)
    for place, candidate in hits.items():
        _times(run, run.truth.moments[place], candidate, out)
        _edges(run, run.truth.moments[place], candidate, out)
    for least in OVERLAPS:
        _overlaps(run, least, out)


def single(moment: TrueMoment) -> bool:
    """A moment of one kind of evidence that is loud enough to be asked for: +6 dB or x4 chat."""
    return len(moment.families) == 1 and moment.level != "weak"


def _anchored(run: Run, *, shown: bool) -> list[Match]:
    candidates = [candidate for candidate in run.candidates if candidate.shown or not shown]
    return by_anchor(candidates, run.truth, ns(TOLERANCE_S))


def _moments(run: Run) -> list[tuple[int, TrueMoment]]:
    known = sure(run.truth)
    return [(place, moment) for place, moment in enumerate(run.truth.moments) if known[place]]


def _recall(run: Run, hits: dict[int, Candidate], out: Measured) -> None:
    for place, moment in _moments(run):
        found, families = float(place in hits), len(moment.families)
        keys = ["shown.recall"]
        if families:
            keys.append(f"recall.families.{families}")
        if families == 1 and moment.level:
            keys.append(f"recall.single.{moment.families[0]}.{moment.level}")
        if moment.kind:
            keys.append(f"recall.kind.{moment.kind}")
        for key in keys:
            out.add(key, found, 1.0)


def _alarms(run: Run, shown: Sequence[Match], out: Measured) -> None:
    hits = sum(match.fate == "hit" for match in shown)
    out.add("shown.per_h", len(shown), run.hours)
    out.add("shown.precision", hits, len(shown))
    out.add("shown.false_per_h", len(shown) - hits, run.hours)
    out.add("shown.duplicates", sum(match.fate == "duplicate" for match in shown), len(shown))
    out.add("waited_for_chat", sum(match.candidate.waited_for_chat for match in shown), len(shown))
    cuts = [match.candidate.cuts_word for match in shown if match.candidate.cuts_word is not None]
    out.add("words_cut", sum(cuts), len(cuts))
    if run.end_ns > _SETTLED_NS:
        late = sum((match.candidate.shown_ns or 0) >= _SETTLED_NS for match in shown)
        out.add("alarm_rate", late, run.target_per_h * to_s(run.end_ns - _SETTLED_NS) / 3600)


def _quiet(run: Run, shown: Sequence[Match], out: Measured) -> None:
    hours = sum(to_s(b - a) for a, b in run.truth.quiet) / 3600
    inside = [m for m in shown if any(a <= m.candidate.anchor_ns < b for a, b in run.truth.quiet)]
    if hours > 0:
        out.add("quiet.false_per_h", sum(match.fate != "hit" for match in inside), hours)


def _negatives(run: Run, shown: Sequence[Match], out: Measured) -> None:
    for negative in run.truth.negatives:
        out.add("negatives.per_100", 0.0, 1.0)
        out.add(f"negatives.{negative.kind}", 0.0, 1.0)
    for match in shown:
        if match.fate == "hit":
            continue
        cause = negative_of(match.candidate.anchor_ns, run.truth)
        if cause is not None:
            out.add("negatives.per_100", 100.0, 0.0)
            out.add(f"negatives.{cause.kind}", 100.0, 0.0)
        elif match.fate == "false":
            out.add("false.no_cause_per_h", 1.0, 0.0)
    out.add("false.no_cause_per_h", 0.0, run.hours)


def _times(run: Run, moment: TrueMoment, clip: Candidate, out: Measured) -> None:
    waited = ".waited" if clip.waited_for_chat else ""
    if clip.shown_ns is not None:
        out.note(f"provisional.after_end{waited}", to_s(clip.shown_ns - moment.end_ns))
        out.note(f"provisional.after_peak{waited}", to_s(clip.shown_ns - moment.peak_ns))
    if clip.confirmed_ns is not None:
        chat = "chat" if run.has_chat else "no_chat"
        out.note(f"confirmed.after_end.{chat}", to_s(clip.confirmed_ns - moment.end_ns))


def _edges(run: Run, moment: TrueMoment, clip: Candidate, out: Measured) -> None:
    wanted_start_ns = Ns(max(moment.start_ns - ns(run.pre_s), 0))
    wanted_end_ns = Ns(min(moment.end_ns + ns(run.post_s), run.end_ns))
    out.note("start_error", abs(to_s(clip.start_ns - wanted_start_ns)))
    out.note("end_error", abs(to_s(clip.end_ns - wanted_end_ns)))
    out.note("anchor_error", abs(to_s(clip.anchor_ns - moment.start_ns)))
    out.add("inside", float(clip.start_ns <= moment.start_ns and clip.end_ns >= moment.end_ns), 1.0)


def _budgets(run: Run, ranked: Sequence[Match], out: Measured) -> None:
    """The best n of the stream, near misses too: what a budget of so many clips an hour would give."""
    moments = len(_moments(run))
    for rate in RATES:
        best = ranked[: max(1, round(rate * run.hours))]
        hits = sum(match.fate == "hit" for match in best)
        out.add(f"top{rate}.precision", hits, len(best))
        out.add(f"top{rate}.recall", hits, moments)


def _hourly(run: Run, ranked: Sequence[Match], out: Measured) -> None:
    """Of the best k of each hour, the hits among what k could hit at most: 1 for a ranking without a fault."""
    moments = Counter(moment.start_ns // _HOUR_NS for _, moment in _moments(run))
    hours: dict[int, list[bool]] = {}
    for match in ranked:
        hit = match.fate == "hit" and match.truth is not None
        at_ns = (
            run.truth.moments[match.truth].start_ns if hit and match.truth is not None else match.candidate.anchor_ns
        )
        hours.setdefault(at_ns // _HOUR_NS, []).append(hit)
    for top in TOPS:
        for hour, count in moments.items():
            out.add(f"hit@{top}", sum(hours.get(hour, [])[:top]), min(top, count))


def _overlaps(run: Run, least: float, out: Measured) -> None:
    shown = [candidate for candidate in run.candidates if candidate.shown]
    matches = [m for m in by_overlap(shown, run.truth, least, ns(run.pre_s), ns(run.post_s)) if m.fate != "ignored"]
    hits = sum(match.fate == "hit" for match in matches)
    out.add(f"iou{least}.precision", hits, len(matches))
    out.add(f"iou{least}.recall", hits, len(_moments(run)))
