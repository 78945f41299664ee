"""A profile over a session's log, whole and without a family of evidence."""

from __future__ import annotations

from core.game import GameKind
from core.moments import Family
from core.times import ns
from daemon.evaluation.systems import decide, families_in
from detectors import Profile
from tests.unit.detectors.games import kills, shows
from tests.unit.evaluation.made import moment, truth
from tests.unit.worker.test_relive import Log

FIGHT = [*kills(60, 63, 66, 70), shows(71, GameKind.ROUND_WON, source="banner"), shows(20, own=False, who="ash")]
PLAYED = Log(chunks=[], lines=[], played=FIGHT)


def clips(without: frozenset[Family] = frozenset()) -> list[tuple[int, int]]:
    """Of a session in which nothing but a fight was seen."""
    run = decide(
        PLAYED, truth(moment(60, 70)), Profile(), stream="a", end_ns=ns(200), has_chat=False, has_game=True,
        without=without,
    )  # fmt: skip
    return [(each.start_ns, each.end_ns) for each in run.candidates if each.shown_ns is not None]


def test_what_a_game_adds_is_what_is_lost_without_it() -> None:
    """The ablation of a session in which it is all there is: one clip, and none."""
    assert families_in(PLAYED) == [Family.GAME]
    [(start_ns, end_ns)] = clips()
    assert start_ns < ns(60)
    assert end_ns > ns(71)
    assert clips(frozenset({Family.GAME})) == []


def test_a_log_without_a_game_has_nothing_to_leave_out() -> None:
    """No row of the table is shown for it then."""
    assert Family.GAME not in families_in(Log(chunks=[], lines=[]))
