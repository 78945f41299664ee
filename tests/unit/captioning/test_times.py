"""Captions keep to the speech: each word within 80 ms of its aligned time, and nothing where nobody speaks."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.times import Ns, ns, to_s
from core.words import Word
from daemon.captioning import CaptionOptions, FontBook, Stage, caption_script, styles
from tests.unit.captioning.drawing import Line, captioned, film, ink, lines_of, of_colour, reference, said

TALL = Stage.plain(1080, 1920)
SMALL = Stage.plain(270, 480)
LATE_S = 0.08
SHOWN_WHEN_SAID = ("pop_in", "typewriter", "bounce")


@pytest.fixture(scope="module")
def book() -> FontBook:
    return FontBook()


def _lit(style: str, lines: list[Line]) -> list[tuple[float, str]]:
    """When each word lights up or appears, from the script's text alone."""
    active = styles()[style].active
    if style == "karaoke":  # \k waits, then \kf runs
        return [(line.start_s + line.number("k(?!f)") / 100, line.text) for line in lines]
    assert active is not None
    if style == "boxed_word":
        return [(line.start_s, line.text) for line in lines if "\\bord0" in line.tags]
    return [(line.start_s, line.text) for line in lines if line.colour == active.colour]


def _appears(lines: list[Line]) -> list[tuple[float, str]]:
    """Of words drawn by several events one after the other: when each begins."""
    found: list[tuple[float, str]] = []
    ends: dict[tuple[float, str], float] = {}
    for line in lines:
        if ends.get((line.x, line.text)) != line.start_s:
            found.append((line.start_s, line.text))
        ends[(line.x, line.text)] = line.end_s
    return found


@pytest.mark.parametrize("style", [name for name in styles() if name != "plain"])
def test_every_word_of_real_speech_lights_up_within_80_ms(style: str, book: FontBook) -> None:
    """Read back from the script's text: 109 words as a recogniser timed them."""
    words, length_ns = reference()
    lines = lines_of(caption_script(words, length_ns, CaptionOptions(style=style), TALL, book))
    times = _appears(lines) if style in SHOWN_WHEN_SAID else _lit(style, lines)
    capitals = styles()[style].capitals
    assert [text for _, text in times] == [word.text.upper() if capitals else word.text for word in words]
    late = [abs(t_s - to_s(word.start_ns)) for (t_s, _), word in zip(times, words, strict=True)]
    assert max(late) <= LATE_S


def test_a_plain_phrase_begins_with_its_first_word_and_holds_no_word_said_before(book: FontBook) -> None:
    words, length_ns = reference()
    lines = lines_of(caption_script(words, length_ns, CaptionOptions(style="plain"), TALL, book))
    starts = {line.start_s for line in lines}
    firsts = {to_s(word.start_ns) for word in words}
    assert all(min(abs(start - first) for first in firsts) <= LATE_S for start in starts)
    assert all(line.start_s <= to_s(word.start_ns) + LATE_S for line, word in zip(lines, words, strict=True))
    assert all(line.end_s >= to_s(word.end_ns) - 0.01 for line, word in zip(lines, words, strict=True))


@pytest.mark.parametrize("style", ["pop_in", "highlight_word"])
def test_the_picture_changes_when_a_word_is_said(style: str, book: FontBook, tmp_path: Path) -> None:
    """On rendered frames at 50 fps: nothing of the word (or of its colour) 40 ms before, and some of it 80 ms after."""
    words, _ = reference()
    made = captioned(words[:14], SMALL, book, style=style)
    colour = styles()[style].active
    assert colour is not None
    seen = [of_colour(frame, colour.colour, 60) for frame in film(tmp_path, SMALL, made, 6.0, 50)]
    lit = _appears(lines_of(made)) if style == "pop_in" else _lit(style, lines_of(made))
    places = {(line.start_s, line.text): line for line in lines_of(made)}
    for t_s, text in lit[1:9:2]:
        line = places[(t_s, text)]
        x, y = (round(value) for value in line.place)
        around = (slice(y - 8, y + 8), slice(x - 12, x + 12))
        frame = round(t_s * 50)
        assert not seen[frame - 2][around].any(), f"{text} is lit before it is said"
        assert seen[frame + 4][around].sum() > 5, f"{text} is not lit 80 ms after it was said"


def test_a_phrase_is_gone_in_a_pause_and_short_gaps_are_closed(book: FontBook, tmp_path: Path) -> None:
    """A gap of 0.2 s between phrases does not flicker; in one of 2 s the picture is clean after 0.3 s."""
    first = said("one two three. four five six.", word_s=0.3)
    later = [Word(text="seven", start_ns=ns(3.8), end_ns=ns(4.2), prob=1.0, vad=1.0, epoch=0)]
    made = captioned([*first, *later], SMALL, book, style="plain")
    frames = film(tmp_path, SMALL, made, 4.2, 25)
    drawn = [bool(ink(frame).any()) for frame in frames]
    assert drawn == [t < 2.1 or t >= 3.8 for t in (number / 25 for number in range(len(frames)))]


def test_phrases_are_short_and_never_over_each_other(book: FontBook) -> None:
    words, length_ns = reference()
    for style, fields in styles().items():
        made = caption_script(words, length_ns, CaptionOptions(style=style), TALL, book)
        for t_cs in range(0, length_ns // 10_000_000, 10):
            shown = {event.word for event in made.events if event.word >= 0 and event.start_cs <= t_cs < event.end_cs}
            assert len(shown) <= fields.words
            assert not shown or max(shown) - min(shown) < fields.words


def test_words_out_of_order_outside_the_clip_or_without_length_do_no_harm(book: FontBook) -> None:
    odd = [
        Word(text=text, start_ns=ns(start_s), end_ns=ns(end_s), prob=1.0, vad=1.0, epoch=0)
        for text, start_s, end_s in (
            *(("late", 3.0, 3.5), ("early", -0.5, 0.2), ("same", 1.0, 1.0), ("time", 1.0, 1.0)),
            *(("long", 2.0, 90.0), ("gone", 30.0, 31.0), ("", 1.5, 1.6)),
        )
    ]
    for style in styles():
        made = caption_script(odd, Ns(ns(4)), CaptionOptions(style=style), TALL, book)
        assert set(made.said_cs) == {0, 1, 2, 3, 4}
        assert all(0 <= event.start_cs < event.end_cs <= 400 for event in made.events)
