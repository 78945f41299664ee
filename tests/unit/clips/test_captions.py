"""Captions can be read, stay in their clip and say every word once, whatever was said."""

from __future__ import annotations

import html
import json
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.times import Ns, ns
from core.words import Word, text_of
from daemon.clips.captions import LINE, MAX_NS, MIN_NS, Cue, caption_texts, cues, srt, vtt, words_json, words_of

HOSTILE = [
    "-->",
    "00:00:00.000 --> 00:09:00.000",
    "a\n\n2\n00:00:01,000",
    "WEBVTT",
    "NOTE",
    "<script>alert(1)</script>",
    "&lt;b&gt;",
    r"{\an8}",
    "\x00\x1b[31m",
    "\u2028",
    "\ud800",
    "  ",
    "\x00 \x01",
    "x" * 200,
]
TIME = r"(\d\d):(\d\d):(\d\d)[.,](\d\d\d)"
CUE = re.compile(rf"^{TIME} --> {TIME}$")


def said(text: str, *, start_s: float = 1.0, each_s: float = 0.25, gap_s: float = 0.05) -> list[Word]:
    """A sentence, said evenly."""
    return spoken_as(text.split(), start_s, each_s, gap_s)


def spoken_as(texts: list[str], start_s: float = 1.0, each_s: float = 0.25, gap_s: float = 0.05) -> list[Word]:
    """Words one after the other."""
    starts = [start_s + index * (each_s + gap_s) for index in range(len(texts))]
    return [
        Word(text=text, start_ns=ns(at), end_ns=ns(at + each_s), prob=0.9, vad=0.9, epoch=0)
        for text, at in zip(texts, starts, strict=True)
    ]


@st.composite
def speeches(draw: st.DrawFn) -> list[Word]:
    """What gates let through: words of 20 ms to 2 s in order, one not over the next by more than a little."""
    letters = st.text(st.sampled_from("abcXYZ'é.,?!…今日はไทย🎉&<>{}-"), min_size=1, max_size=14)
    texts = draw(st.lists(st.one_of(letters, st.sampled_from(HOSTILE)), max_size=60))
    words, at_ns = [], draw(st.integers(0, 3_000)) * 1_000_000
    for text in texts:
        length_ns = draw(st.integers(20, 2_000)) * 1_000_000
        words.append(Word(text=text, start_ns=Ns(at_ns), end_ns=Ns(at_ns + length_ns), prob=0.5, vad=0.5, epoch=0))
        at_ns += length_ns + draw(st.sampled_from([-10, 0, 30, 120, 499, 500, 4_000])) * 1_000_000
    return words


def letters_of(lines: list[str]) -> str:
    """What is seen, without spaces."""
    return "".join("".join(lines).split())


def shown(word: Word) -> str:
    """A word as a caption may have it."""
    kept = " ".join(re.sub(r"[\x00-\x08\x0e-\x1b\x7f\x80-\x84\x86-\x9f\ud800-\udfff]", "", word.text).split())
    return kept if len(kept) <= LINE else kept[: LINE - 1] + "…"


@given(speeches(), st.integers(0, 5_000), st.integers(1, 60_000))
def test_cues_stay_in_the_span_and_never_overlap(words: list[Word], start_ms: int, length_ms: int) -> None:
    """Relative to its start, in order, readable sizes; the words with half their time inside, each once."""
    start_ns, end_ns = Ns(start_ms * 1_000_000), Ns((start_ms + length_ms) * 1_000_000)
    found = cues(words, start_ns, end_ns)
    for cue in found:
        assert 0 <= cue.start_ns < cue.end_ns <= end_ns - start_ns
        assert cue.end_ns - cue.start_ns <= MAX_NS
        assert 1 <= len(cue.lines) <= 2
        assert all(line == line.strip() and 0 < len(line) <= LINE for line in cue.lines)
    for cue, following in pairwise(found):
        assert cue.end_ns <= following.start_ns
        assert cue.end_ns - cue.start_ns >= MIN_NS or cue.end_ns == following.start_ns
    inside = [
        word
        for word in words
        if 2 * (min(word.end_ns, end_ns) - max(word.start_ns, start_ns)) >= word.end_ns - word.start_ns
    ]
    assert letters_of([line for cue in found for line in cue.lines]) == letters_of([shown(word) for word in inside])


def blocks(text: str) -> list[list[str]]:
    """A file as a player reads it: blocks of lines, with an empty line between them."""
    return [block.split("\n") for block in text.strip("\n").split("\n\n")]


@given(speeches().filter(lambda words: caption_texts(words, ns(600))))
def test_no_words_can_break_the_files(words: list[Word]) -> None:
    """A plain reader of both finds every cue in its place, and WebVTT's text to the letter."""
    found = cues(words, Ns(0), ns(600))
    texts = caption_texts(words, ns(600))
    numbered = [(number, bool(CUE.match(span)), len(lines)) for number, span, *lines in blocks(texts["srt"])]
    assert numbered == [(str(number), True, len(cue.lines)) for number, cue in enumerate(found, 1)]
    header, *timed = blocks(texts["vtt"])
    assert header == ["WEBVTT"]
    assert all(CUE.match(span) for span, *_ in timed)
    assert [tuple(html.unescape(line) for line in lines) for _, *lines in timed] == [cue.lines for cue in found]
    for text in texts.values():
        assert text.encode().count(b"-->") == len(found)


@given(speeches(), st.integers(0, 5_000))
def test_captions_can_be_made_again_from_the_recipe(words: list[Word], start_ms: int) -> None:
    """From what clip.json holds, after a trip through JSON, the same bytes."""
    start_ns = Ns(start_ms * 1_000_000 + 333_333)
    document = words_json(words, start_ns)
    again = words_of(json.loads(json.dumps(document)))
    assert words_json(again, Ns(0)) == document
    assert caption_texts(again, ns(30)) == caption_texts(words_of(document), ns(30))


def test_sentences_and_pauses_end_cues() -> None:
    """Each with its own times."""
    words = [*said("That was close.", start_s=1), *said("Next round", start_s=2), *said("now", start_s=3.2, each_s=1)]
    assert cues(words, ns(1), ns(9)) == [
        Cue(start_ns=ns(0), end_ns=ns(0.85), lines=("That was close.",)),
        Cue(start_ns=ns(1), end_ns=ns(1.7), lines=("Next round",)),
        Cue(start_ns=ns(2.2), end_ns=ns(3.2), lines=("now",)),
    ]


def test_a_long_sentence_is_broken_at_clauses_into_even_cues() -> None:
    """No orphan at the end, both lines of like length."""
    text = (
        "I was walking down the street the other day with my dog, and this guy comes up to me and says, "
        "hey, are you the one who clipped that ace?"
    )
    found = cues(said(text, each_s=0.15), ns(0), ns(60))
    assert [cue.lines for cue in found] == [
        ("I was walking down the street", "the other day with my dog,"),
        ("and this guy comes up to me and says,", "hey, are you the one who clipped that ace?"),
    ]


def test_words_too_short_to_be_seen_share_a_cue() -> None:
    """Three cues of a third of a second are a flicker."""
    [cue] = cues(said("Go! Go! Go!"), ns(0), ns(10))
    assert cue.lines == ("Go! Go! Go!",)


def test_slow_speech_is_cut_after_six_seconds() -> None:
    """Even when it would fit the screen."""
    found = cues(said("one two three four five six seven eight", each_s=0.9, gap_s=0.3), ns(0), ns(60))
    assert len(found) == 2
    assert all(cue.end_ns - cue.start_ns <= MAX_NS for cue in found)


def test_scripts_without_spaces_are_joined_without_them_and_take_half_the_letters() -> None:
    """A wide letter is two columns."""
    text = "今日の試合は本当にすごかったです、最後のラウンドの逆転は誰も予想していませんでした。"
    found = cues(spoken_as(list(text), each_s=0.1, gap_s=0), ns(0), ns(60))
    assert "".join(line for cue in found for line in cue.lines) == text
    assert max(len(line) for cue in found for line in cue.lines) <= LINE // 2


@pytest.mark.parametrize(("start_s", "kept"), [(1.2, True), (1.5, True), (1.6, False)])
def test_a_word_on_the_edge_belongs_to_the_side_with_more_of_it(start_s: float, kept: bool) -> None:
    """Half is enough; what is shown starts with the clip."""
    found = cues(said("Hello", start_s=1, each_s=1), ns(start_s), ns(9))
    assert [cue.start_ns for cue in found] == ([0] if kept else [])


def test_what_a_viewer_gets() -> None:
    """Both formats in full."""
    words = said("Wait <what> & -->why?")
    assert srt(cues(words, ns(0), ns(9))) == "1\n00:00:01,000 --> 00:00:02,150\nWait ‹what› & --›why?\n"
    assert vtt(cues(words, ns(3600 * -1), ns(9))) == (
        "WEBVTT\n\n01:00:01.000 --> 01:00:02.150\nWait &lt;what&gt; &amp; --&gt;why?\n"
    )
    assert text_of(words) == "Wait <what> & -->why?"


def test_silence_has_no_captions() -> None:
    """No file is made of nothing."""
    assert caption_texts([], ns(9)) == {}
    assert caption_texts(spoken_as([" ", "\n"]), ns(9)) == {}
    assert (srt([]), vtt([])) == ("", "WEBVTT\n")
