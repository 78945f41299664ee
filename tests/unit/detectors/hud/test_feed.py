"""A kill feed: one event a row, whatever happens to it on the screen."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.game import GameEvent, GameKind
from core.times import to_s
from detectors.hud.reader import HudReader
from tests.hud_scenes import FEED, TREE, Line, Screen, SpellingReader, draw, drawn_hud, frame, play

NAMES = ["Alice", "Bob", "Carol", "Dave", "Erin", "Frank", "Grace", "Heidi"]
ALICE = Line("Alice", "Bob", own=True)
CAROL = Line("Carol", "Dave")
ERIN = Line("Alice", "Erin", own=True)


def feed(**changes: Any) -> dict[str, object]:
    """The drawn HUD with another feed rule, and only that."""
    tree = copy.deepcopy(TREE)
    tree["rules"] = [{**FEED, **changes}]
    return tree


def seen(*rows: list[Line], **screen: Any) -> list[Screen]:
    """A screen a look; the scenery moves all the time."""
    return [Screen(list(lines), seed=i, **screen) for i, lines in enumerate(rows)]


def kills(events: list[GameEvent]) -> list[tuple[str, str, bool]]:
    return [(event.who, event.victim, event.own) for event in events]


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (640, 480), (1720, 720)])
def test_each_row_is_one_kill_at_any_size_and_aspect(size: tuple[int, int]) -> None:
    reader = SpellingReader(NAMES, height=size[1])
    rows = [[], [ALICE], [ALICE], [ALICE, CAROL], [ALICE, CAROL, ERIN], [CAROL, ERIN], [ERIN], []]
    events = play(seen(*rows), text=reader, size=size)
    assert kills(events) == [("Alice", "Bob", True), ("Carol", "Dave", False), ("Alice", "Erin", True)]
    assert [to_s(event.t_ns) for event in events] == [0.25, 1.25, 1.75]  # between two looks
    assert [to_s(event.known_ns) for event in events] == [1.0, 2.0, 2.5]  # at the second look
    assert reader.crops == 6  # two names a row, once


def test_a_row_that_shows_once_is_nothing() -> None:
    assert not play(seen([], [ALICE], [], [], []), text=SpellingReader(NAMES))


def test_what_stands_there_at_first_is_not_new() -> None:
    events = play(seen([CAROL], [CAROL], [CAROL, ALICE], [CAROL, ALICE]), text=SpellingReader(NAMES))
    assert kills(events) == [("Alice", "Bob", True)]


@pytest.mark.parametrize("missed", [Screen(lost=True), Screen(white=1.0), Screen()])
def test_a_row_that_is_missed_once_is_the_same(missed: Screen) -> None:
    there = seen([], [ALICE], [ALICE], [ALICE], [ALICE])
    assert len(play([*there[:3], missed, *there[3:]], text=SpellingReader(NAMES))) == 1


def test_a_long_flash_hides_rows_and_makes_none() -> None:
    flash = [Screen([ALICE], white=1.0)] * 5
    screens = [*seen([], [ALICE], [ALICE]), *flash, *seen([ALICE, CAROL], [ALICE, CAROL], [CAROL])]
    assert kills(play(screens, text=SpellingReader(NAMES))) == [("Alice", "Bob", True), ("Carol", "Dave", False)]


def test_rows_that_slide_stay_themselves() -> None:
    screens = [Screen([], seed=0), *(Screen([ALICE, CAROL], seed=i, top=3 * i) for i in range(1, 8))]
    assert len(play(screens, text=SpellingReader(NAMES))) == 2


def test_a_new_row_in_the_place_of_an_old_one_is_new() -> None:
    rows = [[], [ALICE], [ALICE], [CAROL], [CAROL], [ERIN], [ERIN]]
    assert len(play(seen(*rows), text=SpellingReader(NAMES))) == 3


def test_the_same_kill_twice_in_sight_is_two() -> None:
    events = play(seen([], [ALICE], [ALICE], [ALICE, ALICE], [ALICE, ALICE], [ALICE]), text=SpellingReader(NAMES))
    assert len(events) == 2


def test_the_same_kill_long_after_is_another() -> None:
    gone: list[list[Line]] = [[]] * 20
    assert len(play(seen([], [ALICE], [ALICE], *gone, [ALICE], [ALICE]), text=SpellingReader(NAMES))) == 2


def test_the_player_is_known_by_a_name_that_was_nearly_read() -> None:
    rows = seen([], [CAROL], [CAROL], [CAROL, Line("Dave", "Carol")], [CAROL, Line("Dave", "Carol")])
    events = play(rows, text=SpellingReader(NAMES, wrong={"Carol": "Car0I"}), player="Caroi", tree=feed(own_kill=None))
    assert [(event.kind, event.own) for event in events] == [(GameKind.KILL, True), (GameKind.DEATH, True)]


def test_in_a_broadcast_every_kill_counts() -> None:
    events = play(seen([], [CAROL], [CAROL]), text=SpellingReader(NAMES), player="any")
    assert kills(events) == [("Carol", "Dave", True)]


def test_names_in_the_other_order() -> None:
    [event] = play(seen([], [CAROL], [CAROL]), text=SpellingReader(NAMES), tree=feed(names="victim-who"))
    assert (event.who, event.victim) == ("Dave", "Carol")


def test_without_a_reader_rows_are_kills_without_names() -> None:
    assert kills(play(seen([], [ALICE], [ALICE], [ALICE, CAROL], [ALICE, CAROL]))) == [("", "", True), ("", "", False)]


def test_rows_by_colour_are_read_where_the_colour_is() -> None:
    white = {"colours": [{"saturation": [0, 0.2], "value": [0.85, 1]}], "share": [0.05, 1]}
    tree = feed(marks=[], gate=white, own_kill=None)
    rows = [[], [ALICE], [ALICE], [ALICE, CAROL], [CAROL], [CAROL]]
    events = play(seen(*rows), text=SpellingReader(NAMES), player="Alice", tree=tree)
    assert kills(events) == [("Alice", "Bob", True), ("Carol", "Dave", False)]


def test_a_row_that_fits_no_phrase_is_no_event() -> None:
    white = {"colours": [{"saturation": [0, 0.2], "value": [0.85, 1]}], "share": [0.05, 1]}
    tree = feed(marks=[], gate=white, own_kill=None, phrases=["{who} beat {victim}"])
    reader = SpellingReader(NAMES, wrong={"Alice": "Alice beat"})
    events = play(seen([], [ALICE, CAROL], [ALICE, CAROL], [ALICE, CAROL], []), text=reader, tree=tree)
    assert kills(events) == [("Alice", "Bob", False)]


def test_differs_says_when_to_look_closer() -> None:
    reader = HudReader(drawn_hud(feed()), SpellingReader(NAMES))
    screens = seen([], [], [ALICE], [ALICE], [ALICE], [ALICE, CAROL])
    told = []
    for i, screen in enumerate(screens):
        one = frame(reader, draw(screen), i * 2.0)
        told.append(reader.differs(one))
        reader.push(one)
    assert told[1:] == [False, True, False, False, True]  # nothing, new, still there, known, new


def test_a_row_that_went_before_it_was_sure_differs() -> None:
    """It may have been there for long enough to count."""
    reader = HudReader(drawn_hud(feed()), SpellingReader(NAMES))
    for i, rows in enumerate([[], [ALICE]]):
        reader.push(frame(reader, draw(Screen(rows)), i * 4.0))
    assert reader.differs(frame(reader, draw(Screen([])), 8.0))
    reader.push(frame(reader, draw(Screen([ALICE])), 8.0))
    assert not reader.differs(frame(reader, draw(Screen([])), 12.0))


def test_a_flash_that_begins_is_worth_a_look() -> None:
    reader = HudReader(drawn_hud(feed()), None)
    reader.push(frame(reader, draw(Screen()), 0.0))
    flash = frame(reader, draw(Screen(white=1.0)), 2.0)
    assert reader.differs(flash)
    reader.push(flash)
    assert not reader.differs(frame(reader, draw(Screen(white=1.0)), 4.0))


def test_after_a_cut_nothing_goes_on() -> None:
    reader = HudReader(drawn_hud(feed()), SpellingReader(NAMES))
    for t_s, screen in enumerate([Screen(), Screen([ALICE])]):
        assert not reader.push(frame(reader, draw(screen), t_s))
    reader.cut()
    for t_s in (10, 11, 12):
        assert not reader.push(frame(reader, draw(Screen([ALICE])), t_s))


@settings(max_examples=40, deadline=None)
@given(
    arrivals=st.lists(st.integers(1, 24), min_size=1, max_size=6, unique=True).map(sorted),
    flashes=st.sets(st.integers(0, 30), max_size=4),
    lost=st.sets(st.integers(3, 30), max_size=2),
)
def test_every_kill_is_told_once(arrivals: list[int], flashes: set[int], lost: set[int]) -> None:
    """Rows stay eight looks (4 s); some looks fall into flashes, some frames never come."""
    lines = [Line(NAMES[i], NAMES[-1 - i], own=i % 2 == 0) for i in range(len(arrivals))]
    screens = [
        Screen(
            [line for line, at in zip(lines, arrivals, strict=True) if at <= look < at + 8],
            white=float(look in flashes),
            lost=look in lost,
            seed=look,
        )
        for look in range(36)
    ]
    events = play([Screen(seed=99), *screens], tree=feed(names="none"))
    assert [event.own for event in events] == [line.own for line in lines]
    for event, at in zip(events, arrivals, strict=True):
        hidden = len({look for look in flashes | lost if look in range(at - 4, at + 4)})
        assert abs(to_s(event.t_ns) - (at + 1) / 2) <= 0.3 + hidden / 2
