"""Small truths, candidates and runs whose figures are known by hand. Times are seconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.times import ns
from daemon.evaluation.candidates import Candidate, Run
from daemon.evaluation.truth import TrueMoment, TrueNegative, Truth


def moment(start_s: float, end_s: float, **known: Any) -> TrueMoment:
    """Its peak in the middle unless said."""
    peak_s = known.pop("peak_s", (start_s + end_s) / 2)
    return TrueMoment(start_ns=ns(start_s), end_ns=ns(end_s), peak_ns=ns(peak_s), **known)


def negative(start_s: float, end_s: float, kind: str = "slam") -> TrueNegative:
    """Not worth a clip."""
    return TrueNegative(start_ns=ns(start_s), end_ns=ns(end_s), kind=kind)


def truth(
    *moments: TrueMoment,
    negatives: Sequence[TrueNegative] = (),
    quiet: Sequence[tuple[float, float]] = (),
    unsure: Sequence[tuple[float, float]] = (),
) -> Truth:
    """What happened."""
    return Truth(
        moments=moments,
        negatives=tuple(negatives),
        quiet=tuple((ns(a), ns(b)) for a, b in quiet),
        unsure=tuple((ns(a), ns(b)) for a, b in unsure),
    )


def said(anchor_s: float, score: float = 1.0, **known: Any) -> Candidate:
    """A candidate, shown 5 s after its anchor unless `shown_s` is None; its clip is 12 s before to 10 s after it."""
    start_s, end_s = known.pop("span", (anchor_s - 12, anchor_s + 10))
    shown_s = known.pop("shown_s", anchor_s + 5)
    confirmed_s = known.pop("confirmed_s", None)
    return Candidate(
        anchor_ns=ns(anchor_s),
        start_ns=ns(start_s),
        end_ns=ns(end_s),
        score=score,
        shown_ns=None if shown_s is None else ns(shown_s),
        confirmed_ns=None if confirmed_s is None else ns(confirmed_s),
        **known,
    )


def run(truth_: Truth, *candidates: Candidate, stream: str = "a", hours: float = 1.0, **known: Any) -> Run:
    """A system on one stream: 12 s of run-up, 6 s of post-roll, a budget of 6 an hour."""
    return Run(
        stream=stream,
        end_ns=ns(3600 * hours),
        truth=truth_,
        candidates=candidates,
        pre_s=known.pop("pre_s", 12),
        post_s=known.pop("post_s", 6),
        target_per_h=known.pop("target_per_h", 6),
        **known,
    )
