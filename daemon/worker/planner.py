"""Turns moments into promised clips and decides, in media time, when each revision is due; pure, no files, no clock.

A revision is due when its last frame has been analysed and what is said up to there is known, or HOLD_NS later. Until
then a changed span only changes the promise; after that it is a new revision under the same clip id.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from core.edits import EditDecision
from core.ids import ClipId, SessionId, clip_id
from core.moments import Moment, MomentState
from core.times import Ns, ns
from core.words import Word
from daemon.worker.titles import title_of

ClipState = Literal["provisional", "final", "withdrawn"]
SHOWN: Final = (MomentState.PROVISIONAL, MomentState.CONFIRMED, MomentState.FINAL)
HOLD_NS: Final = ns(3)  # for the last words: they move the end out of a sentence and stand in the captions
RUN_UP_NS: Final = ns(15)  # so that the first sentence of a clip is whole
SAME_SPAN_NS: Final = ns(0.25)  # a smaller move is not worth a new file: viewers do not see it


@dataclass(frozen=True, slots=True)
class Promise:
    """A decision was made or changed: journal it, pin its footage. `first` for a clip nobody heard of before."""

    decision: EditDecision
    moment: Moment
    first: bool


@dataclass(frozen=True, slots=True)
class Due:
    """All frames of this decision have been analysed: cut it. A manual cut has no moment."""

    decision: EditDecision
    moment: Moment | None
    state: ClipState


@dataclass(frozen=True, slots=True)
class Restate:
    """The files stay as they are; the clip's state changes, and with it what is known of why."""

    clip: ClipId
    state: ClipState
    moment: Moment


Step = Promise | Due | Restate


@dataclass(slots=True)
class _Entry:
    decision: EditDecision
    moment: Moment
    cut: bool = False


def _over(entry: _Entry, t_ns: Ns, heard_ns: Ns) -> bool:
    end_ns = entry.decision.end_ns
    return t_ns >= end_ns and (heard_ns >= end_ns or t_ns >= end_ns + HOLD_NS)


class ClipPlanner:
    """One per session. `done` are clips an earlier attempt finished: their revision is not cut again.

    `words` gives what was said in a span and known at a time, for titles.
    """

    def __init__(
        self,
        session: SessionId,
        done: dict[ClipId, EditDecision],
        words: Callable[[Ns, Ns, Ns], Sequence[Word]] = lambda _start, _end, _known: (),
    ) -> None:
        self._session = session
        self._done = done
        self._words = words
        self._entries: dict[ClipId, _Entry] = {}
        self._held: dict[ClipId, tuple[_Entry | None, list[Moment]]] = {}  # what it was, and what has happened since
        self.closed = False  # no clip is begun any more

    @property
    def open_windows(self) -> bool:
        """Whether a clip has begun whose last frame is still to come."""
        return any(not entry.cut for entry in self._entries.values())

    def moment(self, moment: Moment) -> list[Step]:
        """What a state change of a moment asks for."""
        clip = clip_id(moment.id)
        if clip in self._held:
            self._held[clip][1].append(moment)
            return []
        entry = self._entries.get(clip)
        if moment.state in SHOWN:
            return self._shown(clip, entry, moment)
        if entry is not None and moment.state in (MomentState.WITHDRAWN, MomentState.REJECTED):
            del self._entries[clip]
            return [Restate(clip, "withdrawn", moment)]
        return []

    def hold(self, clip: ClipId) -> None:
        """A person has given it another span: from now on it is theirs, and no moment moves or withdraws it."""
        if clip not in self._held:
            self._held[clip] = (self._entries.pop(clip, None), [])

    def release(self, clip: ClipId) -> list[Step]:
        """That could not be made: the clip is its moment's again, with what has happened since."""
        entry, since = self._held.pop(clip, (None, []))
        if entry is not None:
            self._entries[clip] = entry
        return [step for moment in since[-1:] for step in self.moment(moment)]

    def advance(self, t_ns: Ns, heard_ns: Ns) -> list[Step]:
        """Clips that are due at `t_ns`, when all that was said before `heard_ns` is known, and that are not cut."""
        return [self._due(entry) for entry in self._entries.values() if not entry.cut and _over(entry, t_ns, heard_ns)]

    def finish(self, end_ns: Ns) -> list[Step]:
        """The media ended: what waited for its post-roll is cut with what there is."""
        steps: list[Step] = []
        for entry in self._entries.values():
            if not entry.cut and entry.decision.start_ns < end_ns:
                entry.decision = replace(entry.decision, end_ns=min(entry.decision.end_ns, end_ns))
                steps.append(self._due(entry))
        return steps

    def _shown(self, clip: ClipId, entry: _Entry | None, moment: Moment) -> list[Step]:
        if entry is None:
            return self._first(clip, moment)
        steps: list[Step] = []
        before = entry.moment.state
        entry.moment = moment
        if self._moved(entry.decision, moment, SAME_SPAN_NS if entry.cut else 0):
            revision = entry.decision.revision + (1 if entry.cut else 0)
            entry.decision = self._decide(clip, revision, moment, title=entry.decision.title)
            entry.cut = False
            steps.append(Promise(entry.decision, moment, first=False))
        elif entry.cut and moment.state is MomentState.FINAL and before is not MomentState.FINAL:
            steps.append(Restate(clip, "final", moment))
        return steps

    def _first(self, clip: ClipId, moment: Moment) -> list[Step]:
        if self.closed:
            return []
        decision = self._decide(clip, 1, moment, title=self._title(moment))
        known = self._done.get(clip)
        if known is not None and known.moment is None:  # trimmed by hand in an earlier attempt
            self.hold(clip)
            return []
        if known is not None and not self._moved(known, moment, SAME_SPAN_NS):
            self._entries[clip] = _Entry(known, moment, cut=True)
            return []
        if known is not None:
            decision = replace(decision, revision=known.revision + 1, title=known.title)
        self._entries[clip] = _Entry(decision, moment)
        return [Promise(decision, moment, first=True)]

    def _due(self, entry: _Entry) -> Due:
        entry.cut = True
        state: ClipState = "final" if entry.moment.state is MomentState.FINAL else "provisional"
        return Due(entry.decision, entry.moment, state)

    def _decide(self, clip: ClipId, revision: int, moment: Moment, *, title: str) -> EditDecision:
        return EditDecision(
            clip=clip,
            revision=revision,
            session=self._session,
            start_ns=moment.start_ns,
            end_ns=moment.end_ns,
            title=title,
            score=moment.p,
            reasons=moment.reasons,
            moment=moment.id,
            anchor_ns=moment.anchor_ns,
        )

    def _title(self, moment: Moment) -> str:
        return title_of(moment, self._words(Ns(moment.start_ns - RUN_UP_NS), moment.end_ns, moment.decided_ns))

    @staticmethod
    def _moved(decision: EditDecision, moment: Moment, by_ns: int) -> bool:
        return max(abs(decision.start_ns - moment.start_ns), abs(decision.end_ns - moment.end_ns)) > by_ns
