"""What people, recognisers and attackers write: cleaned, masked, and never more than text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UsageError
from core.times import ns
from core.words import Word
from daemon.captioning import CaptionOptions, caption_options, caption_words, masked_spans, styles, word_speakers
from daemon.captioning.ass import Change, Event, Tag, Text, script
from daemon.captioning.colour import contrast
from daemon.captioning.masking import masked, swear_words
from daemon.captioning.text import MAX_LETTERS, letters, pieces, shown


@given(st.text(max_size=300) | st.text(alphabet="{}\\N\u202e\u2066\n\r\0a\u0301\u200d", max_size=300))
def test_what_is_shown_is_one_line_of_plain_letters(text: str) -> None:
    seen = shown(text)
    assert not set(seen) & set("{}\\\n\r\t\u2028\u2029")
    assert not [letter for letter in seen if unicodedata.category(letter) in {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}]
    assert not set(seen) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
    assert len(letters(seen)) <= MAX_LETTERS
    assert seen == " ".join(seen.split())
    Text("Montserrat ExtraBold", 10, seen).written()


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (r"{\fs4000}big", "(/fs4000)big"),
        ("two\nlines\\N", "two lines/N"),
        ("\u202egnp.exe\u202c", "gnp.exe"),
        ("z" + "\u0335" * 50, "z" + "\u0335" * 3),
        ("e\u0301", "é"),
        ("1\ufe0f\u20e3", "1"),
        ("x" * 10_000, "x" * (MAX_LETTERS - 1) + "…"),
        ("\u200b\u0000", ""),
    ],
)
def test_what_becomes_of_hostile_words(text: str, seen: str) -> None:
    assert shown(text) == seen


def test_emoji_flags_and_marks_are_one_letter() -> None:
    assert letters("👩‍👩‍👧‍👦🇩🇪🇫🇷👍🏿e\u0301न्") == ["👩‍👩‍👧‍👦", "🇩🇪", "🇫🇷", "👍🏿", "e\u0301", "न्"]


def test_brackets_and_small_kana_stay_with_their_neighbours() -> None:
    assert pieces("この「ちょっと」。") == ["こ", "の", "「ちょっ", "と」。"]


@pytest.mark.parametrize(
    "bad",
    [
        lambda: Text("Montserrat", 10, "{").written(),
        lambda: Text("Montserrat", 10, "a\\Nb").written(),
        lambda: Text("Mont}serrat", 10, "a").written(),
        lambda: Tag("fn", (1,)).written(),
        lambda: Tag("pos", (float("nan"), 0)).written(),
        lambda: Tag("1c", ("FFFFFF&)(",)).written(),
        lambda: Change(0, 1, (Tag("t", (1,)),)).written(),
    ],
)
def test_a_script_takes_nothing_but_what_it_is_made_for(bad: object) -> None:
    assert callable(bad)
    with pytest.raises(ValueError, match=r"text|tag|number|colour"):
        bad()


def test_a_script_has_a_largest_size() -> None:
    event = Event(layer=0, start_cs=0, end_cs=1, tags=(), body=(Text("Montserrat", 10, "a"),))
    with pytest.raises(ValueError, match="events"):
        script(100, 100, [event] * 40_001)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("shit!", "s***!"),
        ("Bullshit", "B*******"),
        ("motherfucking", "m************"),
        ("sh1t", "s***"),
        ("a$$", "a**"),
        ("mother-fucking", "mother-f******"),
        ("Scunthorpe", "Scunthorpe"),
        ("shiitake", "shiitake"),
        ("class", "class"),
        ("Dickens", "Dickens"),
        ("assassin", "assassin"),
        ("cockpit", "cockpit"),
    ],
)
def test_swear_words_are_masked_as_whole_words_only(text: str, seen: str) -> None:
    assert masked(text, "letters", swear_words(["en"])) == seen


def test_masks_can_be_symbols_and_other_languages() -> None:
    assert masked("Scheiße!", "symbols", swear_words(["de"])) == "S@#%&!@!"
    assert masked("merde", "letters", swear_words(["en", "fr"])) == "m****"
    with pytest.raises(UsageError) as caught:
        swear_words(["xx"])
    assert caught.value.code == "no_word_list"


def test_the_sound_of_swear_words_is_spanned_and_joined() -> None:
    texts = ("what", "the", "fuck", "shit,", "mate")
    words = [
        Word(text=text, start_ns=ns(at), end_ns=ns(at + 1), prob=1.0, vad=1.0, epoch=0) for at, text in enumerate(texts)
    ]
    assert masked_spans(words) == ((ns(1.97), ns(4.03)),)


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({"style": "comic"}, "no caption style 'comic'"),
        ({"colours": {"text": "yellow"}}, "captions.colours.text"),
        ({"colours": {"text": "202020"}}, "cannot be read on"),
        ({"position": 2.0}, "captions.position"),
        ({"size": 9}, "captions.size"),
        ({"font": "x"}, "captions.font"),
        ({"mask": "bleep"}, "captions.mask"),
    ],
)
def test_a_wrong_option_is_named(document: dict[str, object], where: str) -> None:
    with pytest.raises(UsageError) as caught:
        caption_options(document)
    assert where in caught.value.what
    assert caught.value.code in {"bad_captions", "unknown_style"}


@pytest.mark.parametrize(
    ("word", "where"),
    [
        ("hello", "words[1]"),
        ({"text": 5, "start_s": 0, "end_s": 1}, "words[1].text"),
        ({"text": "a", "start_s": "0", "end_s": 1}, "words[1].start_s"),
        ({"text": "a", "start_s": 0, "end_s": float("nan")}, "words[1].end_s"),
        ({"text": "a", "start_s": 2, "end_s": 1}, "words[1].end_s"),
        ({"text": "a", "start_s": 0, "end_s": 1, "prob": 7}, "words[1].prob"),
        ({"text": "a", "start_s": 0, "end_s": 1e300}, "words[1].end_s"),
    ],
)
def test_a_wrong_word_is_named(word: object, where: str) -> None:
    with pytest.raises(UsageError, match=where.replace("[", r"\[").replace("]", r"\]")):
        caption_words([{"text": "fine", "start_s": 0.0, "end_s": 1.0}, word])


def test_options_survive_json_and_speakers_are_read_from_words() -> None:
    options = CaptionOptions(style="karaoke", position=0.4, mask="symbols", speakers={1: "56B4E9"})
    assert caption_options(options.model_dump(mode="json")) == options
    assert word_speakers([{"speaker": 1}, {}, {"speaker": 0}]) == {0: 1, 2: 0}


def test_every_styles_colours_can_be_read_on_its_own_outline_or_box() -> None:
    for style in styles().values():
        behind = style.box.colour if style.box else style.outline_colour
        assert contrast(style.colour, behind) >= 4.5
        assert style.active is None or contrast(style.active.colour, behind) >= 4.5
