"""All scripts: what a word measures, which way a line runs, where it may break, and which font has the letters."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from core.errors import MissingPart
from core.times import ns
from daemon.captioning import CaptionOptions, FontBook, Stage, styles
from daemon.captioning.ass import Event, Tag
from daemon.captioning.fonts import SHIPPED
from daemon.captioning.layout import capacity, place
from daemon.captioning.phrases import phrases_of, tokens_of
from daemon.captioning.script import Captions
from daemon.captioning.setting import set_text
from daemon.captioning.text import NO_END, NO_START
from tests.unit.captioning.drawing import ASSETS, captioned, ink, lines_of, of_colour, pictures, said

TALL: Final = Stage.plain(540, 960)
WORDS: Final = (
    *("Wörld", "AVATO", "fi", "e\u0301x", "Ελληνικά", "Добрый", "Việt", "2024", "नमस्ते", "日本語", "정말"),
    *(
        "هدف",
        "رأيته",
        "مرحبا!",
        "می‌خواهم",
        "קצת",
        "שלום!",
        "😀",
        "👩‍👩‍👧‍👦",
        "👨🏽‍💻",
        "🇩🇪",
        "👍🏿",
        "❤️",
        "gg😂",
        "x😀y",
    ),
)


@pytest.fixture(scope="module")
def book() -> FontBook:
    """With the shipped fonts; the machine's others are a Japanese one and a Korean one with PostScript outlines."""
    return FontBook(folders=(ASSETS,))


def test_a_word_is_as_wide_as_it_was_measured(book: FontBook, tmp_path: Path) -> None:
    """Each letter's ink, drawn by libass, begins and ends where its measures say: within its side bearings and 2 px."""
    stage, em = Stage.plain(1200, 300), 100.0
    made = []
    for word in WORDS:
        setting, missing = set_text(word, book)
        assert setting is not None
        assert not missing
        left = 600 - setting.width * em / 2
        tags = (Tag("pos", (left + setting.anchor * em, 150)), Tag("bord", (0,)), Tag("shad", (0,)))
        event = Event(layer=0, start_cs=0, end_cs=100, tags=tags, body=setting.body(em))
        faces = tuple(run.face for run in setting.runs)
        made.append((Captions(script="", events=(event,), said_cs={}, faces=faces, missing=()), setting, left))
    drawn = pictures(tmp_path, stage, [(one, 0.5) for one, _, _ in made])
    for word, frame, (one, setting, left) in zip(WORDS, drawn, made, strict=True):
        columns = np.nonzero(ink(frame).any(axis=0))[0]
        room = em * (0.26 if any(face.name == "Noto Emoji Bold" for face in one.faces) else 0.14)  # side bearings
        assert -3 <= columns[0] - left <= room, word
        assert -3 <= left + setting.width * em - columns[-1] <= room, word


@pytest.mark.parametrize("text", ["هذا هو أفضل هدف", "זה הגול הכי יפה"])
def test_a_right_to_left_line_lights_up_from_the_right(text: str, book: FontBook, tmp_path: Path) -> None:
    """On frames: the coloured word moves to the left, while the words keep their places."""
    stage = Stage.plain(960, 540)
    made = captioned(said(text), stage, book, style="highlight_word", capitals=False)
    drawn = pictures(tmp_path, stage, [(made, 0.2), (made, 0.6), (made, 1.0)])
    middles = [np.nonzero(of_colour(frame, "FFE600"))[1].mean() for frame in drawn]
    assert all(left < right - 20 for right, left in pairwise(middles))
    extents = [np.nonzero(ink(frame).any(axis=0))[0][[0, -1]] for frame in drawn]
    assert np.ptp(extents, axis=0).max() <= 8  # the lit one is a little larger


def test_karaoke_fills_a_right_to_left_word_from_its_right(book: FontBook, tmp_path: Path) -> None:
    made = captioned(said("שלום", word_s=2.0), TALL, book, style="karaoke")
    drawn = pictures(tmp_path, TALL, [(made, 0.5), (made, 1.5)])
    for frame, share in zip(drawn, (0.25, 0.75), strict=True):
        sung, unsung = (np.nonzero(of_colour(frame, colour))[1] for colour in ("3DFF7C", "FFFFFF"))
        assert sung.min() >= unsung.max() - 2
        assert len(sung) / (len(sung) + len(unsung)) == pytest.approx(share, abs=0.2)


def test_a_latin_word_in_a_hebrew_line_keeps_its_own_direction_and_its_place(book: FontBook) -> None:
    made = captioned(said("זה OMG wow נכון"), TALL, book, style="plain", size=0.5)
    x = {line.text.strip("\u200e\u200f"): line.x for line in lines_of(made)}
    assert x["זה"] > x["wow"] > x["OMG"] > x["נכון"]


@pytest.mark.parametrize("style", styles())
def test_japanese_lines_break_by_kinsoku(style: str, book: FontBook) -> None:
    """No line begins with a closing bracket, a comma or a small kana, none ends with an opening bracket."""
    words = said(
        "まさか、 この 「ボス」 が また 出て 来るなんて、 誰も 教えて くれなかった。"
        " ちょっと まって、 「え〜っ」 て 大笑い した！",
        word_s=0.25,
    )
    stage, options = Stage.plain(300, 533), CaptionOptions(style=style)
    tokens, missing = tokens_of(words, ns(10), options, book)
    assert not missing
    lines = []
    for phrase in phrases_of(tokens, ns(10), styles()[style].words, capacity(styles()[style], stage)):
        placed = place(phrase, styles()[style], stage, None)
        for number in (0, 1):
            lines.append("".join(one.token.setting.text for one in placed if one.line == number))
    assert sum(map(bool, lines)) > 5
    for line in filter(None, lines):
        assert line[0] not in NO_START, line
        assert line[-1] not in NO_END, line


def test_a_long_japanese_sentence_in_one_word_is_broken_and_timed_by_its_letters(book: FontBook) -> None:
    made = captioned(
        said("まさかこのボスがまた出て来るなんて誰も教えてくれなかった", word_s=4.0), TALL, book, style="plain"
    )
    starts = sorted({line.start_s for line in lines_of(made)})
    assert len(starts) >= 2
    assert all(0.3 < later - sooner < 3 for sooner, later in pairwise(starts))
    assert "".join(line.text for line in lines_of(made)) == "まさかこのボスがまた出て来るなんて誰も教えてくれなかった"


def test_letters_without_a_font_are_told_and_left_out() -> None:
    """Never boxes: the message names Debian's package."""
    made = captioned(said("say สวัสดี now"), TALL, FontBook(folders=()), style="plain")
    assert [line.text for line in lines_of(made)] == ["say", "now"]
    [missing] = made.missing
    assert (missing.code, missing.script, missing.package) == ("font_missing", "Thai", "fonts-noto-core")
    assert "apt-get install fonts-noto-core" in missing.remedy
    assert "ส" in missing.message


def test_a_font_of_the_machine_is_found_by_its_file_name(book: FontBook) -> None:
    with_it, without = (captioned(said("これは"), TALL, one) for one in (book, FontBook(folders=())))
    assert [face.path.name for face in with_it.faces] == ["NotoSansJP-ExtraBold.ttf"]
    assert without.missing[0].package == "fonts-noto-cjk"


def test_a_brand_font_comes_first_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    made = captioned(said("これは 2024"), TALL, FontBook(brand=(ASSETS / "NotoSansJP-ExtraBold.ttf",), folders=()))
    assert [face.name for face in made.faces] == ["Noto Sans JP ExtraBold", "Montserrat ExtraBold"]
    (tmp_path / "broken.ttf").write_bytes(b"\0\1\0\0" + b"x" * 400)
    with pytest.raises(MissingPart, match=r"broken\.ttf"):
        FontBook(brand=(tmp_path / "broken.ttf",))


def test_the_shipped_fonts_cover_europe_arabic_hebrew_and_emoji() -> None:
    book = FontBook(folders=())
    for text in ("ĄĘłżşğőű", "ЙЩЇўђ", "ΆΩώΐ", "ابتثجحخپچژگی", "אבגדהוזחטיכך", "अआइकखग", "😀🔥🇧🇷👏🏽❤️", "€£¥₺„“«»…–—"):
        runs, missing = book.runs(text)
        assert not missing
        assert {run.face.path.name for run in runs} <= set(SHIPPED)
