"""What a session's report knows of its speech, read from the journal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.ids import SessionId
from core.media import Gap
from core.times import ns
from core.words import Committed, Word
from daemon.journal import Journal
from daemon.worker.reporting import SHOWN_SENTENCES, write_session_report

SUMMARY = {"media_s": 20_000, "wall_s": 2, "speech_s": 5, "words": 5, "why_no_clips": "budget"}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open_or_create(tmp_path / "session.db", session=SessionId("s1")) as opened:
        opened.set_meta("source", "match.mp4")
        opened.begin_attempt()
        yield opened


def page(journal: Journal, folder: Path) -> str:
    path = write_session_report(journal, folder, SUMMARY, ended="eof", lag_s=None, data_dir=Path("/data"))
    return re.sub(r"\s+", " ", re.sub(r"<(style|script)>.*?</\1>|<[^>]+>", " ", path.read_text(), flags=re.DOTALL))


def commit(seq: int, text: str, start_s: float, language: str = "en") -> Committed:
    words = tuple(
        Word(text=word, start_ns=ns(start_s + at / 4), end_ns=ns(start_s + at / 4 + 0.2), prob=0.9, vad=0.9, epoch=0)
        for at, word in enumerate(text.split())
    )
    return Committed(seq=seq, words=words, language=language, reason="endpoint", known_ns=words[-1].end_ns)


def test_the_report_shows_what_was_said(journal: Journal, tmp_path: Path) -> None:
    """In the order of speaking, though a skipped stretch was heard later; with its model and language."""
    journal.set_meta("speech", {"model": "base", "sha256": "d01c", "compute_type": "int8", "language": "auto"})
    journal.add_words([commit(1, "Hola.", 1, "es"), commit(2, "That was close! We won.", 60), commit(3, "And then", 9)])
    journal.add_gap(Gap(start_ns=ns(3), end_ns=ns(5), reason="behind", track="speech"))
    text = page(journal, tmp_path)
    assert "Listened with base, int8 · language en · 0:00:05.0 of speech" in text
    assert "0:00:01.0 Hola. 0:00:09.0 And then 0:01:00.0 That was close! 0:01:00.7 We won." in text
    assert "Transcript 0:00:03.0 0:00:05.0 2.00 behind; the footage was kept" in text
    assert re.search(r"Words heard 8\b", text)


def test_a_session_nobody_listened_to_claims_nothing(journal: Journal, tmp_path: Path) -> None:
    """No transcript, no count of words."""
    text = page(journal, tmp_path)
    assert "Transcript" not in text
    assert "Words heard" not in text


def test_a_transcript_of_hours_is_cut_and_says_so(journal: Journal, tmp_path: Path) -> None:
    """The first 2,000 lines, and the command for all; a sentence without end becomes several lines."""
    journal.set_meta("speech", {"model": "base"})
    journal.add_words([commit(n, f"Sentence {n}.", n * 5) for n in range(SHOWN_SENTENCES)])
    journal.add_words([commit(9999, "on and " * 50, SHOWN_SENTENCES * 5)])
    text = page(journal, tmp_path)
    assert "2,003 sentences" in text
    assert "These are the first 2,000." in text
    assert "clipd transcript s1 --data-dir /data" in text
    assert "Sentence 1999." in text
    assert "on and" not in text
