"""The journal keeps words with their commits, and what was not transcribed apart from the holes in the footage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from core.ids import SessionId
from core.media import Gap
from core.times import Ns, ns
from core.words import CommitReason, Committed, Word
from daemon.journal import Journal
from daemon.journal.schema import VERSION

SESSION = SessionId("s1")
VERSION_1 = Path(__file__).with_name("version-1.sql")  # as released: never edited
UNHEARD = Gap(start_ns=ns(90), end_ns=ns(95), reason="asr_behind", track="speech")


def word(text: str, start_s: float, end_s: float) -> Word:
    """A word with numbers that JSON or float32 would bend."""
    return Word(text=text, start_ns=ns(start_s), end_ns=ns(end_s), prob=0.1 + 0.2, vad=1 / 3, epoch=2)


def commit(seq: int, known_s: float, *words: Word, reason: CommitReason = "agreed") -> Committed:
    """Words that became known together."""
    return Committed(seq=seq, words=words, language="en", reason=reason, known_ns=ns(known_s))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with Journal.open_or_create(path, session=SESSION) as opened:
        yield opened


def old_journal(path: Path) -> None:
    """A session that version 1 recorded."""
    connection = apsw.Connection(str(path))
    connection.execute(VERSION_1.read_text())
    connection.execute("INSERT INTO meta VALUES('session','\"s1\"')")
    connection.execute("INSERT INTO gaps(attempt,start_ns,end_ns,reason,track) VALUES(1,5,9,'http_404','all')")
    connection.close()


def version_of(path: Path) -> int:
    """The file's schema version."""
    connection = apsw.Connection(str(path))
    ((version,),) = connection.execute("PRAGMA user_version")
    connection.close()
    return int(version)


def test_commits_come_back_as_they_were_told(journal: Journal, path: Path) -> None:
    """Equal to the last bit, in the order of knowing; a later attempt counts its own from 0 again."""
    late = commit(1, 9.0, word("late", 1, 1.5), reason="catchup")
    first = commit(0, 4.0, word("“So,", 2, 2.25), word("今日", 2.5, 3))
    journal.begin_attempt()
    journal.add_words([late, first, commit(2, 9.5)])
    journal.begin_attempt()
    second = commit(0, 9.0, word("again", 8, 8.5), reason="forced")
    journal.add_words([second])
    journal.close()
    with Journal.open(path, read_only=True) as again:
        assert list(again.committed()) == [first, late, second]
        assert list(again.committed(ns(4.5))) == [late, second]
        assert list(again.committed(ns(9))) == [late, second]


def test_words_are_found_by_time(journal: Journal) -> None:
    """Those that overlap a span, by start, whenever they became known."""
    a, b, c, d = word("a", 1, 2), word("b", 2, 3), word("c", 3, 4), word("d", 4, 5)
    journal.add_words([commit(0, 5, a, c, d), commit(1, 9, b)])
    assert journal.words(ns(0), ns(10)) == [a, b, c, d]
    assert journal.words(ns(1.5), ns(3.5)) == [a, b, c]
    assert journal.words(ns(2), ns(3)) == [b]


def test_speech_that_was_not_transcribed_is_no_hole_in_the_footage(journal: Journal) -> None:
    """Cuts, reports and the resume point look at footage gaps only."""
    lost = Gap(start_ns=ns(10), end_ns=ns(12), reason="http_404")
    journal.add_gap(UNHEARD)
    journal.add_gap(lost)
    assert journal.gaps() == [lost]
    assert journal.speech_gaps() == [UNHEARD]
    assert journal.media_end_ns() == ns(12)


def test_forgotten_analysis_forgets_what_was_said(journal: Journal) -> None:
    """The same bytes are heard again from their start."""
    journal.add_words([commit(0, 5, word("a", 1, 2))])
    journal.add_gap(UNHEARD)
    journal.forget_analysis()
    assert list(journal.committed()) == []
    assert journal.words(ns(0), ns(10)) == []
    assert journal.speech_gaps() == []


def test_a_journal_without_words_learns_them_when_it_is_written(path: Path) -> None:
    """Version 1 becomes the present one and keeps what it had."""
    old_journal(path)
    said = commit(0, 5, word("a", 1, 2))
    with Journal.open(path) as journal:
        journal.add_words([said])
        assert list(journal.committed()) == [said]
        assert journal.gaps() == [Gap(start_ns=Ns(5), end_ns=Ns(9), reason="http_404")]
    assert version_of(path) == VERSION


def test_a_journal_without_words_reads_as_one_in_which_nobody_spoke(path: Path) -> None:
    """Reading changes nothing, not even the version."""
    old_journal(path)
    before = path.read_bytes()
    with Journal.open(path, read_only=True) as journal:
        assert list(journal.committed()) == []
        assert journal.words(ns(0), ns(10)) == []
        assert journal.speech_gaps() == []
        assert len(journal.gaps()) == 1
    assert path.read_bytes() == before


def test_a_migration_is_whole_or_did_not_happen(path: Path) -> None:
    """It fails at its last statement: the tables are those of before, and the next try starts there."""
    old_journal(path)
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE words_start(x)")
    with pytest.raises(apsw.SQLError, match="words_start"):
        Journal.open(path)
    assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name='words'").fetchall() == [(0,)]
    assert version_of(path) == 1
    connection.execute("DROP TABLE words_start")
    connection.close()
    with Journal.open(path) as journal:
        assert journal.words(ns(0), ns(10)) == []
    assert version_of(path) == VERSION
