"""Banners, numbers, words, objects, and the scenes in which none of them counts."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from core.game import GameEvent, GameKind
from core.times import to_s
from detectors.hud.reader import Found, HudReader, Picture, TextLine
from tests.hud_scenes import TREE, Line, Screen, SpellingReader, draw, drawn_hud, frame, play

GOLD_GATE = {"colours": [{"hue": [35, 55], "saturation": [0.5, 1], "value": [0.6, 1]}], "share": [0.05, 0.6]}
RED_GATE = {"colours": [{"hue": [345, 15], "saturation": [0.4, 1], "value": [0.4, 1]}], "share": [0.01, 0.9]}


def rules(*names: str, extra: Sequence[dict[str, Any]] = ()) -> dict[str, object]:
    """The drawn HUD with some of its rules."""
    tree: dict[str, Any] = copy.deepcopy(TREE)
    tree["rules"] = [rule for rule in tree["rules"] if rule["name"] in names] + list(extra)
    return tree


def medals(*counts: int, **changes: Any) -> list[Screen]:
    return [Screen(medal=count, seed=i, **changes) for i, count in enumerate(counts)]


def told(events: list[GameEvent]) -> list[tuple[GameKind, int]]:
    return [(event.kind, event.count) for event in events]


def test_a_medal_is_one_event_and_the_next_one_another() -> None:
    events = play(medals(0, 2, 2, 2, 3, 3, 0, 0, 0), tree=rules("two", "three"))
    assert told(events) == [(GameKind.STREAK, 2), (GameKind.STREAK, 3)]
    assert [to_s(event.t_ns) for event in events] == [0.25, 1.75]
    assert all(event.own and event.source == "banner" and event.score > 0.9 for event in events)


def test_a_medal_that_came_again_is_told_again() -> None:
    assert len(play(medals(0, 2, 2, 0, 0, 0, 2, 2), tree=rules("two", "three"))) == 2


def test_a_medal_that_is_missed_once_or_hidden_by_a_flash_is_the_same() -> None:
    there = medals(0, 2, 2, 0, 2, 2)
    assert len(play(there, tree=rules("two"))) == 1
    there[3] = Screen(medal=2, white=1.0)
    assert len(play(there, tree=rules("two"))) == 1


def test_colours_decide_where_the_shape_is_the_same() -> None:
    tree: dict[str, Any] = rules("two")
    tree["marks"]["medal2"]["gate"] = GOLD_GATE
    assert len(play(medals(0, 2, 2), tree=tree)) == 1
    tree["marks"]["medal2"]["gate"] = {**GOLD_GATE, "colours": [{"hue": [200, 240], "saturation": [0.5, 1]}]}
    assert not play(medals(0, 2, 2), tree=tree)


def test_a_flash_that_washes_the_colours_out_takes_no_medal_away() -> None:
    tree: dict[str, Any] = rules("two")
    tree["marks"]["medal2"]["gate"] = GOLD_GATE
    pale = [Screen(medal=2, white=0.7, seed=i) for i in range(4)]
    assert len(play([*medals(0, 2, 2), *pale, *medals(2, 2)], tree=tree)) == 1


def test_a_rising_number_is_as_many_kills() -> None:
    numbers = [7, 7, 8, 8, 8, 10, 10, 10, 9, 9, 10, 10]
    events = play([Screen(frags=n, seed=i) for i, n in enumerate(numbers)], tree=rules("frags"))
    assert told(events) == [(GameKind.KILL, 1), (GameKind.KILL, 2), (GameKind.KILL, 1)]
    assert [to_s(event.t_ns) for event in events] == [0.75, 2.25, 4.75]
    assert events[0].source == "counter"


@pytest.mark.parametrize("numbers", [[7, 7, 8, 7, 7], [3, 3, 30, 30, 30], [9, 9, None, None, 9, 9], [5, 5, 0, 0, 0]])
def test_a_number_misread_once_or_that_jumps_is_no_kill(numbers: list[int | None]) -> None:
    assert not play([Screen(frags=n, seed=i) for i, n in enumerate(numbers)], tree=rules("frags"))


def test_a_number_out_of_sight_for_long_is_taken_as_it_is() -> None:
    numbers = [3, 3, *[None] * 16, 4, 4, 4]
    assert not play([Screen(frags=n, seed=i) for i, n in enumerate(numbers)], tree=rules("frags"))


@dataclass
class Script:
    """A TextReader that reads what the script says, one entry a crop; empty when it is over."""

    texts: list[list[str]] = field(default_factory=list)

    def read(self, crops: Sequence[Picture]) -> list[list[TextLine]]:
        """One list of lines a crop."""
        return [
            [TextLine(text, 0.9, float(i), 0.0) for i, text in enumerate(self.texts.pop(0) if self.texts else [])]
            for _ in crops
        ]


def test_a_number_without_marks_is_read_when_it_changes() -> None:
    tree = rules(extra=[{"kind": "counter", "name": "n", "region": "frags", "gate": RED_GATE}])
    script = Script([["7"], ["B"], ["x"], ["10"]])
    numbers = [7, 7, 7, 7, 8, 8, 8, 9, 9, 9, 10, 10]
    events = play([Screen(frags=n, seed=i) for i, n in enumerate(numbers)], text=script, tree=tree)
    assert told(events) == [(GameKind.KILL, 1), (GameKind.KILL, 2)]  # B is an 8, and x nothing
    assert not script.texts


def words(**changes: Any) -> dict[str, object]:
    rule = {"kind": "text", "name": "t", "region": "middle", "event": "kill", "phrases": ["{who} smashed {victim}"]}
    gate = {"colours": [{"saturation": [0, 0.2], "value": [0.8, 1]}], "share": [0.02, 1]}
    return rules(extra=[{**rule, "gate": gate, **changes}])


def shown(*there: bool) -> list[Screen]:
    return [Screen(menu=on, seed=i) for i, on in enumerate(there)]


def test_words_are_read_once_and_told_when_they_fit_a_phrase() -> None:
    script = Script([["Al smashed Bo", "Bo picked up a shell"], ["Al smashed Bo"]])
    events = play(shown(False, True, True, True, True), text=script, player="Al", tree=words())
    assert [(e.who, e.victim, e.own, e.source) for e in events] == [("Al", "Bo", True, "text")]
    assert len(script.texts) == 1


def test_a_line_that_is_read_again_is_not_told_again() -> None:
    script = Script([["Al smashed Bo"], ["AL smashed B0", "Cy smashed Al"]])
    events = play(shown(False, True, True, False, False, True, True), text=script, player="Al", tree=words())
    assert [(e.kind, e.own) for e in events] == [(GameKind.KILL, True), (GameKind.DEATH, True)]


def test_words_without_a_name_belong_to_the_rule() -> None:
    tree = words(phrases=["victory"], event="victory", own=True)
    [event] = play(shown(False, True, True), text=Script([["VlCTORY"]]), tree=tree)
    assert (event.kind, event.own) == (GameKind.VICTORY, True)


@dataclass
class Objects:
    """An ObjectReader that finds a label at some of its looks."""

    looks: list[float]

    def find(self, rule: str, crops: Sequence[Picture]) -> list[list[Found]]:
        """One list a crop."""
        score = self.looks.pop(0)
        return [[Found("ace", score, 1.0, 1.0), Found("other", 0.99, 1.0, 1.0)] for _ in crops]


def test_what_a_model_finds_is_debounced_like_all_else() -> None:
    labels = {"ace": {"event": "streak", "count": 5}}
    tree = rules(
        extra=[{"kind": "model", "name": "m", "region": "medal", "file": "m.onnx", "labels": labels, "threshold": 0.5}]
    )
    looks = [0.1, 0.8, 0.1, 0.1, 0.9, 0.9, 0.9, 0.1]
    reader = HudReader(drawn_hud(tree), None, objects=Objects(list(looks)))
    events = [e for i in range(len(looks)) for e in reader.push(frame(reader, draw(Screen(seed=i)), i / 2))]
    assert [(e.kind, e.count, e.source, to_s(e.t_ns)) for e in events] == [(GameKind.STREAK, 5, "model", 1.75)]


def test_nothing_is_reported_while_a_menu_is_seen_nor_what_it_left_behind() -> None:
    kill = [Line("Alice", "Bob", own=True)]
    screens = [Screen(), Screen(menu=True), *[Screen(kill, menu=True, medal=2)] * 3, *[Screen(kill, medal=2)] * 4]
    assert not play(screens)


def test_a_kill_just_before_a_menu_counts() -> None:
    kill = [Line("Alice", "Bob", own=True)]
    assert len(play([Screen(), Screen(kill), Screen(kill, menu=True), Screen(kill, menu=True)])) == 1


def test_after_a_menu_things_are_reported_again_a_little_later() -> None:
    first, second = Line("Alice", "Bob", own=True), Line("Carol", "Dave")
    menu = [Screen(menu=True)] * 3
    after = [Screen(), Screen(), Screen(), *[Screen([first, second])] * 3]
    assert len(play([Screen(), *menu, *after])) == 2


def test_without_the_hud_nothing_is_reported() -> None:
    need = {"kind": "scene", "name": "hud", "region": "frags", "marks": ["d0"], "requires": True, "linger_s": 0.6}
    tree = rules("two", extra=[need])
    replay = [Screen(medal=2, seed=i) for i in range(5)]
    live = [Screen(medal=2 if i > 2 else 0, frags=0, seed=i) for i in range(6)]
    assert not play([Screen(), *replay], tree=tree)
    assert len(play([Screen(), *replay, *live], tree=tree)) == 1


def test_a_scene_that_begins_or_ends_differs_and_one_that_goes_on_does_not() -> None:
    reader = HudReader(drawn_hud(), SpellingReader([]))
    told = []
    for i, screen in enumerate([Screen(), Screen(menu=True), Screen(menu=True, medal=2), Screen(medal=2)]):
        one = frame(reader, draw(screen), i * 2.0)
        told.append(reader.differs(one))
        reader.push(one)
    assert told[1:] == [True, False, True]


def test_the_shortest_thing_says_how_closely_to_look() -> None:
    assert HudReader(drawn_hud(), None).shortest_s == 1.5
    assert HudReader(drawn_hud(rules("frags")), None).shortest_s == 2.0
