"""What a system said about a stream: candidates with a score and the times of their states. Pure."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from core.moments import Moment, MomentState
from core.times import Ns, to_s
from core.words import Word
from daemon.evaluation.truth import Span, Truth

SHOWN: Final = frozenset({MomentState.PROVISIONAL, MomentState.CONFIRMED, MomentState.FINAL})
ANOTHERS: Final = frozenset({"merged", "duplicate", "replay"})  # rejections in favour of another moment: no near misses
CUT_SLACK_NS: Final = 20_000_000  # a word's edge is not known better than this


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Something that might be a moment. Whatever ever had a file was shown, also when it was withdrawn later.

    `score` ranks within one system (a logit, or what a baseline measures); `p` is the probability that was claimed.
    `cuts_word` is None where nobody knows the words.
    """

    anchor_ns: Ns
    start_ns: Ns
    end_ns: Ns
    score: float
    p: float | None = None
    shown_ns: Ns | None = None  # media time of the first provisional state
    confirmed_ns: Ns | None = None
    waited_for_chat: bool = False
    cuts_word: bool | None = None

    @property
    def shown(self) -> bool:
        """Whether it was a clip at any time."""
        return self.shown_ns is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One system on one stream, beside the truth. `pre_s`, `post_s`, `target_per_h` are those of its profile."""

    stream: str
    end_ns: Ns
    truth: Truth
    candidates: tuple[Candidate, ...]
    pre_s: float
    post_s: float
    target_per_h: float
    has_chat: bool = True
    shows: bool = True  # a baseline only ranks: nobody has set its bar
    machine_s: float | None = None  # CPU or wall seconds the decisions took, where measured

    @property
    def hours(self) -> float:
        """Length of the stream."""
        return to_s(self.end_ns) / 3600


def candidates_of(history: Iterable[Moment], words: Sequence[Word] = ()) -> tuple[Candidate, ...]:
    """Every state of every moment, in the order of deciding, as one candidate a moment."""
    states: dict[str, list[Moment]] = {}
    for moment in history:
        states.setdefault(moment.id, []).append(moment)
    said = WordSpans(words)
    found = (_candidate(moments, said) for moments in states.values())
    return tuple(candidate for candidate in found if candidate is not None)


def _candidate(moments: list[Moment], said: WordSpans) -> Candidate | None:
    last = moments[-1]
    shown = [moment for moment in moments if moment.state in SHOWN]
    if not shown and last.reason in ANOTHERS:
        return None
    clip = shown[-1] if shown else last
    return Candidate(
        anchor_ns=clip.anchor_ns,
        start_ns=clip.start_ns,
        end_ns=clip.end_ns,
        score=raw_logit(last),
        p=last.p,
        shown_ns=shown[0].decided_ns if shown else None,
        confirmed_ns=next((m.decided_ns for m in shown if m.state is not MomentState.PROVISIONAL), None),
        waited_for_chat=clip.waited_for_chat,
        cuts_word=said.cut_by(clip.start_ns, clip.end_ns) if said.known else None,
    )


def raw_logit(moment: Moment) -> float:
    """The logit before any calibration: what the families, the agreement, the penalties and the prior add up to."""
    if moment.parts:
        return sum(moment.parts.values())
    p = min(max(moment.p, 1e-9), 1.0 - 1e-9)
    return math.log(p / (1.0 - p))


class WordSpans:
    """Words by their starts, to ask whether a cut goes through one."""

    def __init__(self, words: Sequence[Word]) -> None:
        self._spans: list[Span] = sorted((word.start_ns, word.end_ns) for word in words)

    @property
    def known(self) -> bool:
        """Whether there are any."""
        return bool(self._spans)

    def cut_by(self, *times_ns: Ns) -> bool:
        """Whether one of these times lies inside a word, by more than a word's edge is uncertain."""
        return any(self._inside(t_ns) for t_ns in times_ns)

    def _inside(self, t_ns: Ns) -> bool:
        place = bisect_right(self._spans, t_ns, key=lambda span: span[0])
        near = self._spans[max(place - 3, 0) : place]  # two people may talk at once
        return any(start + CUT_SLACK_NS < t_ns < end - CUT_SLACK_NS for start, end in near)
