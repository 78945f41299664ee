"""The reader as a whole: streams that change their size, frames that are nonsense, and how its parts meet."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.game import GameKind
from core.times import ns
from detectors.hud.reader import HudFrame, HudReader
from tests.hud_scenes import Line, Screen, SpellingReader, draw, drawn_hud, frame, play

ALICE = Line("Alice", "Bob", own=True)
SIZES = [(1280, 720), (1920, 1080), (960, 720), (640, 360)]


def test_a_stream_that_changes_its_size_goes_on() -> None:
    reader = HudReader(drawn_hud(), None)
    told = []
    for i in range(8):
        screen = Screen([ALICE] if i else [], medal=2 if i > 2 else 0, seed=i)
        told += reader.push(frame(reader, draw(screen, *SIZES[i // 2]), i / 2))
    assert [(event.kind, event.own) for event in told] == [(GameKind.KILL, True), (GameKind.STREAK, True)]


def test_what_a_kill_shows_in_several_places_comes_from_each() -> None:
    screens = [Screen(frags=3), Screen(frags=3), *[Screen([ALICE], medal=2, frags=4, seed=i) for i in range(3)]]
    events = play(screens, text=SpellingReader(["Alice", "Bob"]))
    assert sorted(event.source for event in events) == ["banner", "counter", "feed"]
    assert {event.known_ns for event in events} == {ns(1.5)}


@pytest.mark.parametrize("gap", range(1, 8))
def test_another_victim_in_the_same_place_is_another_kill(gap: int) -> None:
    names = ["Alice", "Bob", "Rob"]
    rows = [[], [ALICE], [ALICE], [ALICE], *[[]] * gap, *[[Line("Alice", "Rob", own=True)]] * 3]
    screens = [Screen(lines, seed=i) for i, lines in enumerate(rows)]
    assert [event.victim for event in play(screens, text=SpellingReader(names))] == ["Bob", "Rob"]


def test_looking_twice_at_a_frame_changes_nothing() -> None:
    one, two = (HudReader(drawn_hud(), None) for _ in range(2))
    for i in range(10):
        picture = draw(Screen([ALICE] if 2 <= i < 7 else [], menu=i == 8, frags=i // 4, seed=i))
        twice, once = frame(one, picture, i / 2), frame(two, picture, i / 2)
        assert one.differs(twice) == one.differs(twice)
        assert one.push(twice) == two.push(once)


def test_a_frame_that_was_taken_differs_from_nothing() -> None:
    """Rows, banners, numbers and words, sure or not."""
    reader = HudReader(drawn_hud(), None)
    told = []
    for i in range(16):
        picture = draw(Screen([ALICE] if i % 7 > 2 else [], menu=i in (9, 10), frags=i // 4, seed=i))
        one = frame(reader, picture, i / 2)
        told.append(reader.differs(one))
        reader.push(one)
        assert not reader.differs(one)
    assert 3 < sum(told) < 12


@settings(max_examples=25, deadline=None)
@given(
    sides=st.lists(st.tuples(st.integers(1, 90), st.integers(1, 90)), min_size=1, max_size=6),
    fill=st.sampled_from(["noise", "black", "white"]),
    dropped=st.sets(st.sampled_from(["feed", "medal", "frags", "middle"])),
    height=st.sampled_from([36, 240, 720, 4320]),
)
def test_no_frame_breaks_it(sides: list[tuple[int, int]], fill: str, dropped: set[str], height: int) -> None:
    reader = HudReader(drawn_hud(), SpellingReader(["Alice"]))
    rng = np.random.default_rng(1)
    for i, (w, h) in enumerate(sides):
        crop = {
            "noise": rng.integers(0, 256, (h, w, 3)),
            "black": np.zeros((h, w, 3)),
            "white": np.full((h, w, 3), 255),
        }
        crops = {
            n: crop[fill].astype(np.uint8) for n in ("feed", "medal", "frags", "middle", "more") if n not in dropped
        }
        one = HudFrame(t_ns=ns(i / 2), width=height * 16 // 9, height=height, crops=crops)
        reader.differs(one)
        assert reader.push(one) == []
