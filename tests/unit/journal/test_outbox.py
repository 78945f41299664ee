"""What a supervisor has to be told: in order, by numbers that only grow, together with what it speaks of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from core.ids import SessionId
from daemon.journal import Journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open_or_create(tmp_path / "session.db", session=SessionId("s1")) as journal:
        journal.begin_attempt()
        yield journal


def state(n: int, **more: object) -> dict[str, object]:
    return {"type": "state", "n": n, **more}


def seqs(journal: Journal, most: int = 100, most_chars: int = 1 << 20) -> list[int]:
    return [row.seq for row in journal.outbox.waiting(most=most, most_chars=most_chars)]


def test_rows_wait_in_order_until_they_are_told(journal: Journal, tmp_path: Path) -> None:
    """Over attempts too; each row knows its own."""
    journal.outbox.put(state(1), state(2))
    journal.begin_attempt()
    journal.outbox.put(state(3))
    rows = journal.outbox.waiting(most=100, most_chars=1000)
    assert [(row.seq, row.attempt, row.line["n"]) for row in rows] == [(1, 1, 1), (2, 1, 2), (3, 2, 3)]
    journal.outbox.tell_from(2)
    journal.close()
    with Journal.open(tmp_path / "session.db") as again:
        assert seqs(again) == [3]
        assert again.outbox.left == 1


def test_a_row_goes_with_its_transaction(journal: Journal) -> None:
    """A crash in it leaves neither what happened nor the word of it."""
    with suppress(RuntimeError), journal.batch():
        journal.outbox.put(state(1))
        raise RuntimeError
    assert journal.outbox.left == 0


def test_a_batch_is_bounded_by_number_and_length(journal: Journal) -> None:
    """A single row is given however long it is."""
    journal.outbox.put(state(1, text="x" * 5000), *(state(n) for n in range(2, 10)))
    assert seqs(journal, most=3) == [1, 2, 3]
    assert seqs(journal, most_chars=100) == [1]
    journal.outbox.tell_from(1)
    assert seqs(journal, most_chars=100) == [2, 3, 4, 5]


def test_a_journal_that_was_rebuilt_goes_on_after_what_a_supervisor_knows(journal: Journal) -> None:
    """Numbers it knows are given to no other row, whatever was put before it said so."""
    journal.outbox.put(state(1), state(2))
    journal.outbox.reach(500)
    journal.outbox.put(state(3))
    assert seqs(journal) == [501, 502, 503]


def test_a_supervisor_that_knows_less_is_told_again(journal: Journal) -> None:
    """Rows stay when they are told."""
    journal.outbox.put(state(1), state(2), state(3))
    journal.outbox.tell_from(3)
    journal.outbox.reach(1)
    assert seqs(journal) == [2, 3]
