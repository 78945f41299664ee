"""Sentences and names as machines read them off screens."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.game import NAME_LENGTH, GameEvent, GameKind, clean_name
from core.times import Ns
from detectors.hud.names import fold, is_player
from detectors.hud.phrases import fit, parse_phrase

MISSILE = "{victim} was mutilated by {who}'s missile."


@pytest.mark.parametrize(
    ("phrase", "line", "names"),
    [
        (MISSILE, "CONAN WAS MUTILATED BY PLISSKEN'S MISSILE.", {"victim": "CONAN", "who": "PLISSKEN"}),
        (MISSILE, "T800 WASMUTLATEDBY CLIPPERS MISSILE", {"victim": "T800", "who": "CLIPPER"}),
        (MISSILE, "Big Al was mutilated by The  Boss's missile.", {"victim": "Big Al", "who": "The Boss"}),
        (MISSILE, "Jones killed himself.", None),
        (MISSILE, "was mutilated by Jones's missile.", None),
        ("you killed {victim}", "YOU KlLLED bob", {"victim": "bob"}),
        ("{any} planted the {weapon}", "Eve planted the C4", {"weapon": "C4"}),
        ("round won", "ROUND WON!", {}),
        ("ace", "peace at last", None),
        ("{any}ace{any}", "peace at last", {}),
        ("{any}ace{any}", "ACE", {}),
        ("ace", ". ACE !", {}),
        ("victory", "", None),
    ],
)
def test_a_phrase_finds_its_names(phrase: str, line: str, names: dict[str, str] | None) -> None:
    assert fit(parse_phrase(phrase), line) == names


@pytest.mark.parametrize(
    "phrase", ["", "{who}", "{who}{victim} died", "{who} {victim} died", "{player} won", "a" * 101]
)
def test_a_phrase_that_cannot_be_found_is_refused(phrase: str) -> None:
    with pytest.raises(ValueError):
        parse_phrase(phrase)


@settings(max_examples=40)
@given(st.text(max_size=200), st.sampled_from([MISSILE, "{who} a {victim} a {weapon} a", "x{any}y"]))
def test_no_line_breaks_a_phrase_and_names_come_out_clean(line: str, phrase: str) -> None:
    for name in (fit(parse_phrase(phrase), line) or {}).values():
        assert name == clean_name(name) != ""


@given(who=st.text("ABCXYZ0189", min_size=1, max_size=16), victim=st.text("abcxyz", min_size=1, max_size=16))
def test_any_two_names_are_found_again(who: str, victim: str) -> None:
    line = f"{victim} was mutilated by {who}'s missile."
    found = fit(parse_phrase(MISSILE), line)
    assert found == {"victim": victim, "who": who}


@pytest.mark.parametrize(
    ("read", "player", "same"),
    [
        ("Clipper", "Clipper", True),
        ("C1ipper", "Clipper", True),
        ("CLIPPEP", "clipper", True),
        ("[TSM] Clipper", "Clipper", True),
        ("T8O0", "T800", True),
        ("Conan", "Clipper", False),
        ("", "Clipper", False),
        ("Clipper", "", False),
        ("xx", "x", False),
        ("s1mple", "simple", True),
        ("anything", "any", True),
        ("夜の猫", "夜の猫", True),
    ],
)
def test_a_player_is_known_by_a_name_nearly_read(read: str, player: str, same: bool) -> None:
    assert is_player(read, player) is same


@given(st.text(max_size=60))
def test_names_are_clean_bounded_and_stay_so(text: str) -> None:
    name = clean_name(text)
    assert len(name) <= NAME_LENGTH
    assert clean_name(name) == name
    assert name.isprintable()
    assert fold(name) == fold(name.upper()) or not name.isascii()


def test_an_event_refuses_what_it_must_not_carry() -> None:
    good = GameEvent(t_ns=Ns(5), known_ns=Ns(5), kind=GameKind.KILL, game="g", own=True, source="feed", who="A b")
    assert good.count == 1
    for bad in ({"known_ns": Ns(4)}, {"count": 0}, {"score": 1.5}, {"who": "a\x1b[31m"}, {"victim": "x" * 41}):
        with pytest.raises(ValueError):
            GameEvent(**{**{f: getattr(good, f) for f in GameEvent.__slots__}, **bad})
