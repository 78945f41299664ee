"""Filter graphs: nothing but numbers, fixed words, our expressions and our names gets into one."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.ffmpeg.graph import Expression, Filter, Graph, Name, chain

META = set("[];,'\\\n\r:=%$`\"@ ")


def graph_of(**options: object) -> str:
    return Graph((chain("0:v", [Filter.of("scale", **options)], "out"),)).text()  # type: ignore[arg-type]


def test_a_graph_reads_as_ffmpeg_writes_it() -> None:
    graph = Graph((
        chain("0:v", [Filter.of("crop", "cam", w=608, h=1080, x=Expression("if(lt(t,2),10,20)"), y=0)], "cut"),
        chain(["cut", "1:v"], [Filter.of("overlay", x=8.5, y=8), Filter.of("fps", fps=Fraction(30000, 1001))], "out"),
        chain("out", [Filter.of("ass", filename=Name("captions.ass"), fontsdir=Name("fonts"))], "v"),
    ))  # fmt: skip
    assert graph.text() == (
        "[0:v]crop@cam=w=608:h=1080:x='if(lt(t,2),10,20)':y=0[cut];"
        "[cut][1:v]overlay=x=8.5:y=8,fps=fps=30000/1001[out];"
        "[out]ass=filename='captions.ass':fontsdir='fonts'[v]"
    )


@given(st.text(max_size=80))
def test_a_text_never_changes_a_graph(text: str) -> None:
    try:
        written = graph_of(flags=text)
    except ValueError:
        return
    assert set(text) <= {*"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_|+:x"}
    assert written == f"[0:v]scale=flags={text if text.startswith('0x') else repr(text)}[out]"


@given(st.text(max_size=40))
def test_a_name_is_one_of_ours_or_none(text: str) -> None:
    try:
        name = Name(text)
    except ValueError:
        return
    assert not {*META, "/"} & set(name)
    assert ".." not in name
    assert not name.startswith((".", "-"))


@given(st.text(max_size=60))
def test_an_expression_cannot_leave_its_quotes(text: str) -> None:
    try:
        expression = Expression(text)
    except ValueError:
        return
    assert not set("'\\[];:=\n") & set(expression)


@pytest.mark.parametrize("name", ["movie", "amovie", "drawtext", "sendcmd", "zmq", "azmq", "sendcmd;movie", ""])
def test_filters_that_open_files_or_doors_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a filter"):
        Filter.of(name)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_are_finite(value: float) -> None:
    with pytest.raises(ValueError, match="no number"):
        graph_of(w=value)


@pytest.mark.parametrize("pad", ["out]movie", "0:v][x", "", "Out", "0:s"])
def test_pads_are_names_of_ours(pad: str) -> None:
    with pytest.raises(ValueError, match="pad"):
        Graph((chain(pad, [Filter.of("null")], "out"),)).text()
