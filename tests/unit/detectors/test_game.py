"""From what a game shows to evidence: one kill told by many is one, many kills are one streak that grows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.game import GameKind
from core.moments import Family
from core.times import ns, to_s
from detectors import Profile
from detectors.game.detector import GameDetector
from tests.unit.detectors.games import judge, kills, newest, shows

GAME = Profile().detect.game


def test_kills_in_a_row_are_one_event_that_grows() -> None:
    """Each kill revises the event of the first: later end, more evidence, how many in how long, and whom."""
    versions = judge([shows(t, victim=who) for t, who in ((60, "ash"), (63, "bo"), (68, "cy"), (71, "di"))])
    assert {(e.kind, e.family, e.values["onset_s"]) for e in versions} == {("streak", Family.GAME, 60.0)}
    assert [e.values["kills"] for e in versions] == [1, 2, 3, 4]
    assert [e.llr for e in versions] == sorted(e.llr for e in versions) == [0.2, 0.6, 1.5, 2.2]
    assert [to_s(e.end_ns) for e in versions] == [pytest.approx(t, abs=0.01) for t in (60, 63, 68, 71)]
    assert versions[-1].why == "4 kills in 11 s (ash, bo, cy, di) (less than once an hour)"
    assert [to_s(e.found_ns) for e in versions] == [61.0, 64.0, 69.0, 72.0]


def test_only_kills_inside_the_window_count_together() -> None:
    """Four kills in a chain of 12 s gaps are one fight, of two kills at a time."""
    [*_, last] = judge(kills(60, 72, 84, 96))
    assert last.values == {"onset_s": 60.0, "kills": 2.0}
    assert last.llr == GAME.kills[1]


def test_kills_further_apart_are_two_streaks() -> None:
    """After the window nothing goes on."""
    assert set(newest(judge(kills(30, 34, 60, 64)))) == {("streak", 30.0), ("streak", 60.0)}


@pytest.mark.parametrize(
    "others",
    [
        [shows(61.2, source="counter")],
        [shows(60.6, source="banner"), shows(59.8, source="sound", score=0.9)],
        [shows(60.1, source="model", victim="B0t1"), shows(61.5, GameKind.STREAK, source="banner")],
    ],
)
def test_a_kill_that_several_tell_of_is_one(others: list[object]) -> None:
    """Feed, counter, medal, sound and model within three seconds; names as far as they can be read."""
    [*_, last] = judge([shows(60.0, victim="Bot1"), *others])  # type: ignore[list-item]
    assert last.values["kills"] == 1


def test_two_kills_at_once_are_two() -> None:
    """One source tells of each kill once: two rows, a counter's step of two, two medals."""
    both = [*kills(60.0, 60.4), shows(61.0, source="counter", count=2), *kills(60.9, 61.3, source="banner")]
    [*_, last] = judge(both)
    assert last.values["kills"] == 2


def test_different_victims_are_different_kills() -> None:
    """Also when two sources tell of them, a second apart."""
    [*_, last] = judge([shows(60, victim="ash"), shows(61, source="text", victim="winnie")])
    assert last.values["kills"] == 2


def test_a_sound_alone_is_weak_and_times_what_is_seen() -> None:
    """Three kill sounds are not three kills; one beside a banner says when."""
    [*_, heard] = judge(kills(60, 62, 64, source="sound"))
    assert heard.llr < GAME.kills[0]
    assert heard.why.startswith("the sound of 3 kills")
    [*_, seen] = judge([shows(60.5, source="banner"), shows(60.1, source="sound")])
    assert (to_s(seen.start_ns), seen.values["kills"]) == (60.1, 1.0)


def test_what_the_game_counts_is_taken_for_half_a_kill_less() -> None:
    """A medal of five whose first kills were long ago: kills of a round are spread wider than 15 s."""
    [*_, last] = judge([*kills(60, 62), shows(62.5, GameKind.STREAK, source="banner", count=5)])
    assert last.values["kills"] == 4.5
    assert GAME.kills[3] < last.llr < GAME.kills[4]
    assert last.why.startswith("2 kills in 2 s, 5 by the game's count")


def test_other_peoples_streaks_count_little_and_their_single_kills_nothing() -> None:
    """Each player's own; rows whose killer could not be read are nobody's streak."""
    seen = [shows(60 + t, own=False, who="winnie", victim="ash") for t in range(4)]
    [*_, last] = judge(seen)
    assert 0 < last.llr <= GAME.others * GAME.kills[3]
    assert last.why.startswith("winnie: 4 kills in 3 s")
    assert judge([shows(60.0, own=False, who="winnie")]) == []
    assert judge([shows(60 + t, own=False, who=name) for t, name in enumerate(("winnie", "ash", "bob", "cyd"))]) == []
    assert judge([replace(event, who="") for event in seen]) == []


def test_in_a_broadcast_every_player_has_a_streak_of_their_own() -> None:
    """Where everybody's kills are own; a misread letter makes no new player."""
    ash, winnie = ([shows(60 + t, who=who) for t in (0, 2, 4)] for who in ("ashlynn", "winnie"))
    found = judge([*ash, *winnie, shows(66, who="ash1ynn")])
    assert sorted((e.values["kills"], e.why.split(":")[0]) for e in {e.why: e for e in found}.values())[-2:] == [
        (3.0, "winnie"),
        (4.0, "ashlynn"),
    ]


def test_a_fight_begins_with_its_first_row_and_ends_with_its_last() -> None:
    """Also when these are others' kills, as long as rows follow each other; not more than the run-up of a clip back."""
    rows = [shows(t, own=False, who=f"player {t}") for t in (20, 41, 52, 56, 74, 79, 86)]
    [*_, last] = judge([*rows, *kills(60, 63, 70)])
    assert (to_s(last.start_ns), to_s(last.end_ns)) == (52.0, 79.0)
    assert to_s(last.peak_ns) == 70.0


def test_a_fight_is_no_longer_than_a_clip_can_hold() -> None:
    """Kills every three seconds for two minutes: several streaks, each within max_s less pre- and post-roll."""
    clip = Profile().clip
    found = newest(judge(kills(*range(20, 140, 3)), until_s=200.0)).values()
    assert len(found) >= 3
    assert all(to_s(e.end_ns - e.start_ns) <= clip.max_s - clip.pre_s - clip.post_s + clip.pre_s for e in found)
    assert all(to_s(e.end_ns) - e.values["onset_s"] <= clip.max_s - clip.pre_s - clip.post_s for e in found)


def test_what_comes_all_the_time_says_nothing() -> None:
    """In a deathmatch where three in a row come twice a minute the tenth is no news."""
    found = [e for e in judge(kills(*(30 * n + t for n in range(1, 60) for t in (0, 2, 4))), until_s=1800.0)]
    threes = [e for e in found if e.values["kills"] == 3]
    assert threes[0].llr == GAME.kills[2]
    assert threes[-1].llr < 0.3
    assert threes[-1].surprise_per_h > 15


def test_calls_are_told_once() -> None:
    """A victory by its banner, its sound and its text is one; a clutch says as much as three kills and more."""
    won = [
        shows(90, GameKind.VICTORY, source="banner"),
        shows(91, GameKind.VICTORY, source="sound"),
        shows(95, GameKind.VICTORY, source="text"),
    ]
    [event] = judge(won)
    assert (event.kind, event.llr, to_s(event.start_ns)) == ("victory", GAME.victory.worth, 90.0)
    assert event.why == "the match won (about once an hour)"
    [clutch] = judge([shows(90, GameKind.CLUTCH, source="banner")])
    assert clutch.llr > GAME.kills[2]
    assert judge([shows(90, GameKind.VICTORY, own=False)]) == []
    assert judge([shows(90, kind) for kind in (GameKind.DEFEAT, GameKind.ROUND_LOST, GameKind.DEATH)]) == []


def test_nothing_is_used_before_it_is_known() -> None:
    """However early it is fed, and however late it is known."""
    late = [shows(60), shows(62, known_s=70.0), shows(61, known_s=75.5)]
    versions = judge(late)
    assert [(e.values["kills"], to_s(e.found_ns)) for e in versions] == [(1, 61.0), (2, 70.0), (3, 75.5)]


def test_it_is_there_once_a_game_has_shown_something() -> None:
    """Where no game is set nobody waits for it; the screen is read a little late."""
    detector = GameDetector(Profile())
    detector.advance(ns(50))
    assert not detector.available()
    detector.game(kills(60))
    detector.advance(ns(61))
    assert detector.available()
    assert detector.watermark() == ns(61 - GAME.known_s)


def test_a_reader_gone_wild_is_bounded() -> None:
    """A thousand kills a second of hundreds of players: what is kept and said stays small."""
    wild = [shows(60 + n / 1000, own=n % 2 == 0, who=f"{n % 300:03d}" * 3, victim="x", count=9) for n in range(2000)]
    found = judge(wild, until_s=65.0)
    assert len(found) < 200
    assert max(e.values["kills"] for e in found) <= 100


def test_the_streamers_own_name_goes_without_saying() -> None:
    """However it was read; where others' kills count as well each streak says whose it is."""
    [*_, last] = judge([shows(60, who="clipper"), shows(62, who="c1ipper"), shows(64, who="clipder")])
    assert last.why.startswith("3 kills in 4 s")
