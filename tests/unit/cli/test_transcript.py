"""`clipd transcript`: what was said, in four forms, of sessions that ended and of one that runs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from core.errors import UsageError
from core.ids import SessionId
from core.media import Gap
from core.times import ns
from core.words import Committed, Word
from daemon.cli.main import app
from daemon.journal import Journal, session_lock
from tests.scenario.command import ROOT, clipd_argv, environment

SESSION = SessionId("s20260101t000000-abcdef")
NOTHING: dict[str, object] = {"session": SESSION, "language": None, "words": [], "gaps": []}


def commit(seq: int, text: str, start_s: float, language: str = "en") -> Committed:
    """A few words, half a second each, known when said."""
    words = tuple(
        Word(text=w, start_ns=ns(start_s + i / 2), end_ns=ns(start_s + i / 2 + 0.4), prob=0.9, vad=0.9, epoch=0)
        for i, w in enumerate(text.split())
    )
    return Committed(seq=seq, words=words, language=language, reason="agreed", known_ns=words[-1].end_ns)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    folder = tmp_path / "data" / "sessions" / SESSION
    folder.mkdir(parents=True)
    with Journal.open_or_create(folder / "session.db", session=SESSION) as opened:
        yield opened


@pytest.fixture
def talk(journal: Journal) -> Journal:
    """Two sentences, a word after a pause, and a stretch that nobody transcribed."""
    journal.add_words([commit(0, "What a shot! Look at", 1), commit(1, "that.", 3.5), commit(2, "Wow", 3725, "de")])
    journal.add_gap(Gap(start_ns=ns(60), end_ns=ns(80), reason="asr_behind", track="speech"))
    journal.add_gap(Gap(start_ns=ns(90), end_ns=ns(91), reason="http_404"))
    return journal


def run(tmp_path: Path, *arguments: str) -> Result:
    """The command in this process."""
    whole = ["transcript", SESSION[:12], "--data-dir", str(tmp_path / "data"), *arguments]
    return CliRunner().invoke(app, whole, catch_exceptions=False)


def test_text_has_a_line_a_sentence_with_its_time(talk: Journal, tmp_path: Path) -> None:
    """What was not transcribed stands in its place; a hole in the footage is not its business."""
    ran = run(tmp_path)
    assert ran.stdout.splitlines() == [
        "[0:00:01] What a shot!",
        "[0:00:02] Look at that.",
        "[not transcribed 0:01:00-0:01:20: asr_behind]",
        "[1:02:05] Wow",
    ]
    assert ran.stderr == ""


def test_subtitles_are_on_the_sessions_time(talk: Journal, tmp_path: Path) -> None:
    """Also when only a part is asked for."""
    assert run(tmp_path, "--format", "srt", "--from", "1:00:00").stdout == "1\n01:02:05,000 --> 01:02:05,700\nWow\n"
    assert run(tmp_path, "--format", "vtt", "--to", "2.5").stdout == (
        "WEBVTT\n\n00:00:01.000 --> 00:00:02.400\nWhat a shot!\n"
    )


def test_json_is_one_object(talk: Journal, tmp_path: Path) -> None:
    """Words as in every JSON line of ours, the language that most of them are in, and what is missing."""
    document = json.loads(run(tmp_path, "--format", "json", "--from", "3.5").stdout)
    assert document == {
        "session": SESSION,
        "language": "en",
        "words": [
            {"text": "that.", "start_s": 3.5, "end_s": 3.9, "prob": 0.9},
            {"text": "Wow", "start_s": 3725.0, "end_s": 3725.4, "prob": 0.9},
        ],
        "gaps": [{"start_s": 60.0, "end_s": 80.0, "reason": "asr_behind"}],
    }


def test_a_file_is_replaced_whole(talk: Journal, tmp_path: Path) -> None:
    """--out makes its folder, prints nothing and leaves no partial file."""
    path = tmp_path / "new" / "talk.vtt"
    assert run(tmp_path, "--format", "vtt", "--out", str(path)).stdout == ""
    assert path.read_text().startswith("WEBVTT\n")
    run(tmp_path, "--to", "2.5", "--out", str(path))
    assert path.read_text() == "[0:00:01] What a shot!\n"
    assert list(path.parent.iterdir()) == [path]


def test_no_words_come_with_the_reason(journal: Journal, tmp_path: Path) -> None:
    """Nobody listened, nobody spoke, nothing could be transcribed, or not in this span: said on stderr, exit 0."""
    ran = run(tmp_path, "--format", "json")
    assert (ran.exit_code, json.loads(ran.stdout)) == (0, NOTHING)
    assert "nothing listened" in ran.stderr
    journal.set_meta("speech", {"model": "base"})
    assert "no speech was heard" in run(tmp_path).stderr
    journal.add_gap(Gap(start_ns=ns(1), end_ns=ns(2), reason="asr_behind", track="speech"))
    ran = run(tmp_path)
    assert ran.stdout == "[not transcribed 0:00:01-0:00:02: asr_behind]\n"
    assert "not transcribed (asr_behind)" in ran.stderr
    journal.add_words([commit(0, "Hi", 1)])
    assert "in this span" in run(tmp_path, "--from", "9").stderr


def test_hostile_words_cannot_speak_to_the_terminal(journal: Journal, tmp_path: Path) -> None:
    """Control characters and line breaks are no words."""
    journal.add_words([commit(0, "a\x1b[31mb", 1)])
    assert run(tmp_path).stdout == "[0:00:01] a[31mb\n"


@pytest.mark.parametrize("span", [("--from", "9", "--to", "9"), ("--from", "soon")])
def test_a_span_that_is_none_is_refused(journal: Journal, tmp_path: Path, span: tuple[str, ...]) -> None:
    """Before anything is read."""
    with pytest.raises(UsageError):
        run(tmp_path, *span)


def command(tmp_path: Path, session: str) -> subprocess.CompletedProcess[str]:
    """The real command in its own process."""
    argv = clipd_argv("transcript", session, "--data-dir", str(tmp_path / "data"))
    home = environment(tmp_path)
    return subprocess.run(argv, env=home, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_a_running_session_can_be_read_while_its_worker_writes(talk: Journal, tmp_path: Path) -> None:
    """Nobody waits: the reader sees what was durable before the open transaction, and the writer goes on."""
    with session_lock(tmp_path / "data" / "sessions" / SESSION / "lock"), talk.batch():
        talk.add_words([commit(9, "Unfinished", 5000)])
        ran = command(tmp_path, SESSION)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[-1] == "[1:02:05] Wow"
    assert run(tmp_path).stdout.splitlines()[-1] == "[1:23:20] Unfinished"


def test_an_unknown_session_is_a_usage_error(talk: Journal, tmp_path: Path) -> None:
    """2, and what there is."""
    ran = command(tmp_path, "s1999")
    assert ran.returncode == 2
    assert "no session begins with s1999" in ran.stderr.replace("'", "")
