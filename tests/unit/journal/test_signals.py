"""Signals come back as they were written, in fewer pieces."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.ids import SessionId
from core.signals import SignalChunk
from core.times import Ns
from daemon.journal import Journal, codec

STEP = 100


def sound(start: int, *values: float, kind: str = "audio", columns: Sequence[str] = ("a",)) -> SignalChunk:
    """Rows of one value a column."""
    rows = np.array([[value] * len(columns) for value in values], np.float32).reshape(-1, len(columns))
    return SignalChunk(kind=kind, start_ns=Ns(start), step_ns=STEP, values=rows, columns=tuple(columns))


def point(at: int) -> SignalChunk:
    """A keyframe."""
    values, times = np.array([[1.0]], np.float32), np.array([at], np.int64)
    return SignalChunk(kind="scene", start_ns=Ns(at), step_ns=0, values=values, columns=("change",), times_ns=times)


def back(*chunks: SignalChunk) -> list[tuple[str, int, list[float]]]:
    """Through the columns of the table, each written by itself."""
    found = codec.signals_of(row for chunk in chunks for row in codec.signal_rows([chunk]))
    return [(chunk.kind, chunk.start_ns, chunk.values[:, 0].tolist()) for chunk in found]


def test_rows_that_follow_each_other_become_one_chunk(tmp_path: Path) -> None:
    """Also through a real journal, and what is read can be written to. A step's rows are one row of the table."""
    with Journal.open_or_create(tmp_path / "session.db", session=SessionId("s1")) as journal:
        journal.begin_attempt()
        journal.add_signals([sound(0, 1)])
        journal.add_signals([sound(100, 2), sound(200, 3), sound(300, 4)])
        [whole] = journal.signals()
        assert [chunk.values[:, 0].tolist() for chunk in journal.signals(Ns(300))] == [[2.0, 3.0, 4.0]]
    assert (whole.start_ns, whole.end_ns, whole.values[:, 0].tolist()) == (0, 400, [1.0, 2.0, 3.0, 4.0])
    whole.values[0] = 5.0


def test_a_hole_another_kind_or_other_columns_begin_a_new_one() -> None:
    """And keyframes stay points."""
    assert back(sound(0, 1), sound(101, 2)) == [("audio", 0, [1.0]), ("audio", 101, [2.0])]
    assert back(sound(0, 1), sound(100, 2, kind="x")) == [("audio", 0, [1.0]), ("x", 100, [2.0])]
    assert back(sound(0, 1), sound(100, 2, columns=("b",))) == [("audio", 0, [1.0]), ("audio", 100, [2.0])]
    assert back(point(100), point(200), point(150)) == [("scene", 100, [1.0, 1.0]), ("scene", 150, [1.0])]


def test_what_another_kind_says_in_between_ends_no_run() -> None:
    """Keyframes come every two seconds, and a minute of sound is one chunk all the same."""
    found = back(sound(0, 1), point(50), sound(100, 2), point(150), sound(200, 3))
    assert found == [("audio", 0, [1.0, 2.0, 3.0]), ("scene", 50, [1.0, 1.0])]
    [one, other] = codec.signal_rows([sound(0, 1), point(50), sound(100, 2), point(150)])
    assert (one[:3], other[:3]) == ((0, 200, "audio"), (50, 150, "scene"))


def test_a_chunk_has_an_end() -> None:
    """A day of sound is not one piece of memory."""
    lengths = [len(values) for _, _, values in back(*(sound(at * STEP, at) for at in range(1500)))]
    assert lengths == [600, 600, 300]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.booleans()), max_size=30))
def test_no_row_is_lost_or_moved(pieces: list[tuple[int, int, bool]]) -> None:
    """Whatever holes, empty chunks and keyframes lie between them."""
    at, written = 0, []
    for hole, rows, keyframe in pieces:
        at += hole * STEP
        written.append(sound(at, *range(rows)))
        at += rows * STEP
        written += [point(at)] if keyframe else []
    one_by_one = list(codec.signals_of(row for chunk in written for row in codec.signal_rows([chunk])))
    together = list(codec.signals_of(codec.signal_rows(written)))

    def flat(chunks: Sequence[SignalChunk]) -> list[tuple[str, int, float]]:
        found = [
            (chunk.kind, int(t), float(row[0]))
            for chunk in chunks
            for t, row in zip(chunk.known_ns(), chunk.values, strict=True)
        ]
        return sorted(found, key=lambda row: row[0])  # stable: each kind in its order

    assert flat(one_by_one) == flat(together) == flat(written)
