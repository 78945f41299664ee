"""From moments to clips: when a revision is due, what makes a new one, what a restart repeats and what it doesn't."""

from __future__ import annotations

from core.ids import MomentId, SessionId, clip_id
from core.moments import Moment, MomentState
from core.times import Ns, ns, to_s
from core.words import Word
from daemon.worker.planner import ClipPlanner, Due, Promise, Restate

SESSION = SessionId("s1")


def moment(state: MomentState, start_s: float = 10, end_s: float = 30, name: str = "m1") -> Moment:
    return Moment(
        id=MomentId(name),
        state=state,
        start_ns=ns(start_s),
        end_ns=ns(end_s),
        anchor_ns=ns(20),
        p=0.8,
        bar=0.5,
        parts={"audio": 1.2},
        reasons=("Crowd roar",),
        decided_ns=ns(25),
    )


def planner() -> ClipPlanner:
    return ClipPlanner(SESSION, {})


def test_a_clip_is_promised_at_once_and_cut_when_its_last_frame_has_been_analysed() -> None:
    """The promise pins the footage; the cut waits for the post-roll."""
    plan = planner()
    [promise] = plan.moment(moment(MomentState.PROVISIONAL))
    assert isinstance(promise, Promise)
    assert promise.first
    assert plan.advance(ns(29.5), ns(29.5)) == []
    [due] = plan.advance(ns(30), ns(30))
    assert isinstance(due, Due)
    assert (due.decision.revision, due.state) == (1, "provisional")
    assert plan.advance(ns(31), ns(31)) == []


def test_a_planner_that_is_closed_begins_no_clip_and_finishes_those_that_have_begun() -> None:
    """A worker drains."""
    plan = planner()
    plan.moment(moment(MomentState.PROVISIONAL))
    plan.closed = True
    assert plan.moment(moment(MomentState.PROVISIONAL, 12, 40, "m2")) == []
    assert plan.open_windows
    assert len(plan.advance(ns(30), ns(30))) == 1
    assert not plan.open_windows


def test_a_clip_waits_for_its_last_words_but_not_for_long() -> None:
    """Three seconds of media: then it is cut with the words there are."""
    plan = planner()
    plan.moment(moment(MomentState.PROVISIONAL))
    assert plan.advance(ns(30.5), ns(29.9)) == []
    assert len(plan.advance(ns(31), ns(30))) == 1
    late = planner()
    late.moment(moment(MomentState.PROVISIONAL))
    assert late.advance(ns(32.5), ns(12)) == []
    assert len(late.advance(ns(33), ns(12))) == 1


def test_a_title_is_what_was_said_before_the_moment() -> None:
    """The planner asks for the words from a run-up before the clip on."""
    asked: list[tuple[float, float]] = []

    def words(start_ns: Ns, end_ns: Ns, known_ns: Ns) -> list[Word]:
        asked.append((to_s(start_ns), to_s(end_ns)))
        texts = ["He", "never", "saw", "it."]
        return [
            Word(text=text, start_ns=ns(15 + i), end_ns=ns(15.5 + i), prob=0.9, vad=0.9, epoch=0)
            for i, text in enumerate(texts)
        ]

    [promise] = ClipPlanner(SESSION, {}, words).moment(moment(MomentState.PROVISIONAL))
    assert isinstance(promise, Promise)
    assert promise.decision.title == "He never saw it"
    assert asked[0][0] < to_s(promise.decision.start_ns) - 10


def test_a_span_that_moves_before_the_cut_changes_the_promise_not_the_revision() -> None:
    """Nobody has seen a file yet, so there is nothing to revise."""
    plan = planner()
    plan.moment(moment(MomentState.PROVISIONAL))
    [promise] = plan.moment(moment(MomentState.PROVISIONAL, end_s=35))
    assert isinstance(promise, Promise)
    assert promise.decision.revision == 1
    assert plan.advance(ns(30), ns(30)) == []
    assert len(plan.advance(ns(35), ns(35))) == 1


def test_a_span_that_moves_after_the_cut_is_a_new_revision_under_the_same_id() -> None:
    """The alert is edited, not repeated."""
    plan = planner()
    plan.moment(moment(MomentState.PROVISIONAL))
    plan.advance(ns(30), ns(30))
    plan.moment(moment(MomentState.CONFIRMED, end_s=40))
    [due] = plan.advance(ns(40), ns(40))
    assert isinstance(due, Due)
    assert (due.decision.clip, due.decision.revision) == (clip_id(MomentId("m1")), 2)


def test_a_quarter_of_a_second_is_not_worth_a_new_file() -> None:
    """Snapping that settles must not make revisions nobody can tell apart."""
    plan = planner()
    plan.moment(moment(MomentState.PROVISIONAL))
    plan.advance(ns(30), ns(30))
    assert plan.moment(moment(MomentState.CONFIRMED, end_s=30.2)) == []


def test_final_restates_the_clip_without_cutting_it_again() -> None:
    """Same files, new state."""
    plan = planner()
    plan.moment(moment(MomentState.PROVISIONAL))
    plan.advance(ns(30), ns(30))
    final = moment(MomentState.FINAL)
    assert plan.moment(final) == [Restate(clip_id(MomentId("m1")), "final", final)]


def test_a_withdrawn_moment_takes_its_clip_back_and_is_not_cut() -> None:
    """Whether or not a file exists already."""
    plan = planner()
    plan.moment(moment(MomentState.PROVISIONAL))
    [restate] = plan.moment(moment(MomentState.WITHDRAWN))
    assert isinstance(restate, Restate)
    assert restate.state == "withdrawn"
    assert plan.advance(ns(99), ns(99)) == []


def test_the_end_of_the_media_cuts_what_waited_with_what_there_is() -> None:
    """A stream that ends in the post-roll still gives its clip, shorter."""
    plan = planner()
    plan.moment(moment(MomentState.PROVISIONAL))
    [due] = plan.finish(ns(26))
    assert isinstance(due, Due)
    assert due.decision.end_ns == ns(26)


def test_a_restart_does_not_cut_again_what_an_earlier_attempt_finished() -> None:
    """The same moment with the same span is known by its clip id."""
    first = planner()
    [promise] = first.moment(moment(MomentState.CONFIRMED))
    assert isinstance(promise, Promise)
    done = {promise.decision.clip: promise.decision}
    assert ClipPlanner(SESSION, done).moment(moment(MomentState.CONFIRMED)) == []


def test_a_restart_that_decides_otherwise_makes_the_next_revision() -> None:
    """Revision numbers never go back."""
    first = planner()
    [promise] = first.moment(moment(MomentState.CONFIRMED))
    assert isinstance(promise, Promise)
    again = ClipPlanner(SESSION, {promise.decision.clip: promise.decision})
    [second] = again.moment(moment(MomentState.CONFIRMED, end_s=40))
    assert isinstance(second, Promise)
    assert second.decision.revision == 2


def test_rejected_and_open_moments_ask_for_nothing() -> None:
    """They stay in the near-miss ledger."""
    plan = planner()
    assert plan.moment(moment(MomentState.OPEN)) == plan.moment(moment(MomentState.REJECTED)) == []
    assert plan.finish(Ns(ns(99))) == []
