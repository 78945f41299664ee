"""Hook titles: whatever a title says, it is one event of plain letters."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.times import Ns, ns
from daemon.brand import Branded, Kit, Title, brand_graph, title_script, title_text
from daemon.captioning import Stage
from daemon.ffmpeg import Filter, Graph, Limits, Name, chain, run_ffmpeg
from tests.unit.handoff.made import HOSTILE

STAGE = Stage(width=1080, height=1920, left=60, right=120, top=150, bottom=300)
TITLES = [
    *HOSTILE,
    "{\\fs4000\\blur200\\bord500}boom",
    "\\N\\n\\h{\\p1}m 0 0 l 9999 9999{\\p0}",
    "a,b,c:d;e'f[g]h=i",
    "Dialogue: 0,0:00:00.00,9:00:00.00,Title,,0,0,0,,x\nDialogue: 0",
    "[Fonts]\nfontname: evil.ttf",
    "W" * 120,
    "漢" * 120,
    "👨\u200d👩\u200d👧" * 40,
]


def of(text: str, **changes: object) -> Title:
    values: dict[str, object] = {
        "text": text,
        "start_ns": Ns(0),
        "end_ns": ns(3),
        "band": "top",
        "size": 80,
        "colour": "FFFFFF",
        "box": "FF3B5C",
    }
    return Title(**(values | changes))  # type: ignore[arg-type]


@given(st.one_of(st.text(max_size=400), st.sampled_from(TITLES)))
def test_a_title_is_one_event_without_an_order_of_its_own(text: str) -> None:
    """The only braces are ours, around one fade; the only backslashes are that and line breaks."""
    if not title_text(text):
        return
    script = title_script(of(text), STAGE, "Clipd Brand")
    [event] = [line for line in script.splitlines() if line.startswith("Dialogue:")]
    shown = event.split(",", 9)[9].removeprefix("{\\fad(0,180)}")
    assert not set("{}") & set(shown)
    assert "\\" not in shown.replace("\\N", "")
    assert shown.count("\\N") <= 2
    assert len(shown) <= 140
    assert len(script.splitlines()) == len(title_script(of("Goal!"), STAGE, "Clipd Brand").splitlines())
    assert all(line.isprintable() or "\u200d" in line or "\u200c" in line for line in script.splitlines())


def test_no_hostile_title_costs_the_renderer_its_memory(tmp_path: Path) -> None:
    """All of them in one child of 768 MB; a bare ffmpeg takes 0.4 GB of addresses."""
    filters = [Filter.of("scale", w=360, h=640)]
    for number, text in enumerate(text for text in TITLES if title_text(text)):
        name = Name(f"title{number}.ass")
        (tmp_path / name).write_text(title_script(of(text), STAGE, "DejaVu Sans"))
        filters.append(Filter.of("ass", filename=name))
    assert len(filters) > 20
    graph = Graph((chain((), [Filter.of("color", c="0x102030", r=5, d=0.4), *filters], "out"),))
    arguments = ["-filter_complex", graph.text(), "-map", "[out]", "-f", "null", "-"]
    said = run_ffmpeg(arguments, folder=tmp_path, limits=Limits(cpu_s=20, wall_s=40, memory_bytes=768 << 20))
    assert "Error" not in said


def test_the_graph_is_the_same_whatever_the_title_says(kit: Kit) -> None:
    shapes = {made(kit, text).graph.text() for text in TITLES if title_text(text)}
    assert len(shapes) == 1
    assert shapes != {made(kit, "").graph.text()}  # without a title there is no filter for it


def made(kit: Kit, title: str) -> Branded:
    return brand_graph(
        kit, STAGE, ns(10), Fraction(30), title=title, family="X", first_input=1, input_pad="a", output_pad="b"
    )


@pytest.mark.parametrize("text", ["", "   ", "\x00\x07", "\u202e\u2066", "\u0300\u0301", "\ud800"])
def test_a_title_without_a_letter_is_none(kit: Kit, text: str) -> None:
    assert title_text(text) == ""
    assert made(kit, text).files == {}


def test_letters_keep_two_marks_at_most() -> None:
    """Vietnamese and Hebrew stay, towers of accents do not."""
    assert title_text("Tiếng Việt") == "Tiếng Việt"
    assert title_text("שָׁלוֹם")
    assert len(title_text("z" + "\u0300" * 500)) <= 4


@pytest.mark.parametrize("bad", ["red", "FFFFFF&H", "12345", ""])
def test_a_colour_of_another_form_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="style"):
        title_script(of("Goal!", colour=bad), STAGE, "Clipd Brand")
    with pytest.raises(ValueError, match="style"):
        title_script(of("Goal!"), STAGE, "A,Evil")


def test_long_titles_get_smaller_and_then_shorter() -> None:
    sizes = [size_of(title_script(of("word " * count), STAGE, "X")) for count in (2, 10, 24)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 80
    assert "…" in title_script(of("word " * 24), STAGE, "X")
    assert "…" not in title_script(of("word " * 2), STAGE, "X")


def size_of(script: str) -> int:
    match = re.search(r"Style: Title,X,(\d+),", script)
    assert match
    return int(match[1])


def test_the_title_stays_clear_of_a_logo_at_the_same_edge(kit: Kit) -> None:
    """The logo reaches from 150 to 258; the title begins below."""
    script = (made(kit, "Goal!").files or {})[Name("brand-hook.ass")]
    margin = int(re.findall(r"Style: .*,(\d+),1\n", script)[0])
    assert margin > 258
