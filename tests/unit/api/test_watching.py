"""What is shown of a session: words, lines over time, moments and near-misses, from a journal that may be anything."""

from __future__ import annotations

import asyncio
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import apsw
import pytest

from core.ids import SessionId, StreamId
from core.times import ns
from daemon.journal import Journal
from supervisor.api.models.watching import MOST_POINTS
from supervisor.catalog.values import StreamRow
from tests.unit.api.recorded import LENGTH_S, LOUD_S, fill, record
from tests.unit.api.stage import Answer, Stage
from tests.unit.api.test_workers_side import batch, say
from tests.unit.ringbuffer.kit import encode, load

NEAR: dict[str, Any] = {
    "type": "moment", "id": "m1", "state": "rejected", "start_s": 1, "end_s": 6, "anchor_s": 3, "p": 0.3, "bar": 0.5,
    "parts": {"audio": 1.25}, "reason": "below_bar",
}  # fmt: skip


@pytest.fixture
async def session(api: Stage) -> SessionId:
    """A session that is recorded now."""
    row = await api.stream()
    await api.worker(row.id)
    return SessionId(f"s-{row.id}")


@pytest.fixture
def folder(api: Stage, session: SessionId) -> Path:
    """Its folder, with a journal."""
    return record(data_dir(api), session)


def data_dir(api: Stage) -> Path:
    return Path(api.services.settings.data_dir)


async def ask(api: Stage, session: SessionId, what: str) -> Answer:
    return await api.ask("GET", f"sessions/{session}/{what}", role="viewer")


async def test_words_come_by_their_span_as_text_and_subtitles(api: Stage, session: SessionId, folder: Path) -> None:
    assert folder.is_dir()
    whole = (await ask(api, session, "transcript")).body
    assert (len(whole["words"]), whole["language"], whole["next_s"]) == (90, "en", None)
    part = (await ask(api, session, "transcript?from_s=10&to_s=12.2")).body["words"]
    assert [(word["text"], word["start_s"]) for word in part] == [("word10.", 10), ("word11.", 11), ("word12.", 12)]
    assert (await ask(api, session, "transcript.json?from_s=10&to_s=12.2")).body["words"] == part
    srt, vtt = [await ask(api, session, f"transcript.{kind}?from_s=10&to_s=12.2") for kind in ("srt", "vtt")]
    assert "00:00:10,000 --> " in srt.text
    assert vtt.text.startswith("WEBVTT\n\n00:00:10.000")
    assert (srt.headers["Content-Type"], vtt.headers["Content-Type"]) == (
        "application/x-subrip; charset=utf-8",
        "text/vtt; charset=utf-8",
    )
    for bad in ("from_s=5&to_s=5", "from_s=nan", "to_s=inf", "from_s=-1", "points=3"):
        assert (await ask(api, session, f"transcript?{bad}")).code == "invalid", bad


async def test_a_transcript_of_hours_comes_in_parts(
    api: Stage, session: SessionId, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parts make the whole."""
    assert folder.is_dir()
    monkeypatch.setattr("daemon.showing.reader.MOST_WORDS", 40)
    first = (await ask(api, session, "transcript")).body
    rest = (await ask(api, session, f"transcript?from_s={first['next_s']}")).body
    assert (len(first["words"]), first["next_s"], rest["words"][0]["text"]) == (40, 40.0, "word40.")


async def test_lines_over_time_keep_their_peaks_and_say_where_a_moment_was(
    api: Stage, session: SessionId, folder: Path
) -> None:
    """The roar at 60 s is loud, chat follows, p is over the bar there and nowhere else; the clip raised the bar."""
    assert folder.is_dir()
    found = (await ask(api, session, "signals?points=50")).body
    assert (found["start_s"], found["step_s"]) == (0.0, 2.0)
    lines = [found["series"]["loudness"], found["p"], found["bar"]]
    assert [len(line) for line in lines] == [50, 50, 50]
    at = round(LOUD_S / 2)
    assert [place for place, level in enumerate(found["series"]["loudness"]) if level == -10] == [at]
    over = [place for place in range(50) if found["p"][place] >= found["bar"][place]]
    assert over == [at]
    assert found["p"][at] == pytest.approx(0.93)
    assert found["p"][10] > found["p"][20]  # some evidence at 20 s
    assert found["bar"][45] > found["bar"][30]
    assert max(value for value in found["series"]["chat"] if value is not None) == 30
    near = (await ask(api, session, "signals?from_s=59&to_s=63&points=2000")).body
    assert (near["step_s"], len(near["p"])) == (0.5, 8)
    assert (await ask(api, session, "signals?points=1")).body["step_s"] == LENGTH_S
    beyond = (await ask(api, session, "signals?from_s=5000")).body
    assert (beyond["p"], beyond["series"]) == ([], {})
    assert (await ask(api, session, f"signals?points={MOST_POINTS + 1}")).code == "invalid"


async def test_what_a_game_showed_is_told_with_the_lines(api: Stage, session: SessionId, folder: Path) -> None:
    """By time, in words, and by its parts; only of the span that is asked for, also where it was read later."""
    assert folder.is_dir()
    other, kill = (await ask(api, session, "signals?from_s=50&to_s=60")).body["game"]
    assert (other["t_s"], other["own"], other["text"]) == (57.0, False, "kill: ash > bo (rifle)")
    assert (kill["t_s"], kill["kind"], kill["own"], kill["source"], kill["count"]) == (58.0, "kill", True, "feed", 1)
    assert (kill["who"], kill["victim"], kill["weapon"]) == ("me", "<b>", "")
    assert (await ask(api, session, "signals?from_s=58.5")).body["game"] == []


async def test_near_misses_say_why_and_whether_they_can_still_be_cut(
    api: Stage, session: SessionId, tmp_path: Path
) -> None:
    """While the session runs, footage goes 30 minutes after it came; afterwards with the ring."""
    record(data_dir(api), session, load(encode(tmp_path, "h264_aac")))
    stream = StreamId(session.removeprefix("s-"))
    token = await api.catalog.issue_worker_token(stream, 1, 60)
    lines = [NEAR, {**NEAR, "id": "m2", "start_s": 3, "end_s": 50}, {**NEAR, "id": "m3", "state": "final", "p": "high"}]
    rows = [(seq, "moment", line) for seq, line in enumerate(lines, 1)]
    assert (await say(api, token, "events", batch(stream, 1, *rows))).status == 200
    await api.leading.set_session(session, state="live")
    listed = (await ask(api, session, "near-misses?limit=1")).body
    second = (await ask(api, session, f"near-misses?limit=1&after={listed['next']}")).body
    late, near = listed["items"][0], second["items"][0]
    assert (near["id"], near["reason"], near["p"], near["bar"], near["parts"]) == (
        "m1", "below_bar", 0.3, 0.5, {"audio": 1.25},
    )  # fmt: skip
    assert (near["has_footage"], late["has_footage"], late["footage_until"]) == (True, False, None)
    kept_s = api.services.settings.ring.minutes * 60
    assert seconds_left(api, near) == pytest.approx(kept_s - 8 + 1, abs=20)
    await api.leading.set_session(session, state="ended", ended=True)
    over = (await ask(api, session, "near-misses")).body["items"]
    assert seconds_left(api, over[-1]) == pytest.approx(24 * 3600, abs=20)
    every = (await ask(api, session, "moments")).body["items"]
    assert [(item["id"], item["p"]) for item in every] == [("m3", 0.0), ("m2", 0.3), ("m1", 0.3)]


def seconds_left(api: Stage, moment: dict[str, Any]) -> float:
    until = datetime.fromisoformat(moment["footage_until"])
    return until.timestamp() - api.services.clock.wall_ns() / 1e9


async def test_a_session_whose_journal_is_gone_still_lists_its_moments(api: Stage, session: SessionId) -> None:
    """They stand in the catalog; words and lines do not."""
    for what in ("transcript", "transcript.srt", "signals"):
        assert (await ask(api, session, what)).code == "not_found"
    assert (await ask(api, session, "moments")).body["items"] == []


async def test_looking_holds_no_writer_up(api: Stage, session: SessionId) -> None:
    """In the middle of a worker's transaction: the look shows what was committed before, and the writer goes on."""
    path = data_dir(api) / "sessions" / session / "session.db"
    path.parent.mkdir(parents=True)
    with Journal.open_or_create(path, session=session) as journal:
        journal.begin_attempt()
        fill(journal)
        with journal.batch():
            journal.set_meta("said", "twice")
            seen = await asyncio.gather(*(ask(api, session, "transcript") for _ in range(6)))
            journal.pin("a", ns(1), ns(2))
        assert [len(answer.body["words"]) for answer in seen] == [90] * 6
        assert journal.meta("said") == "twice"


def broken_schema(path: Path) -> None:
    """A view in place of a table that never comes to an end."""
    connection = apsw.Connection(str(path))
    connection.execute("DROP TABLE words")
    endless = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a+1 FROM n) SELECT a"
    columns = "start_ns,end_ns,text,prob,vad,epoch,language,id"
    connection.execute(f"CREATE VIEW words({columns}) AS {endless},1,'','','','','',1 FROM n WHERE a<0")
    connection.close()


def other_values(path: Path) -> None:
    """Words whose times are texts."""
    connection = apsw.Connection(str(path))
    connection.execute("DROP TABLE words; CREATE TABLE words(start_ns,end_ns,text,prob,vad,epoch,language,id)")
    connection.execute("INSERT INTO words VALUES(1,'x',X'00','y',1,1,'en',1)")
    connection.close()


def other_file(path: Path) -> None:
    path.write_bytes(b"no database at all" * 100)


def link_to_another(path: Path) -> None:
    path.rename(path.with_name("other.db"))
    path.symlink_to("other.db")


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (broken_schema, "journal_slow"),
        (other_values, "journal_corrupt"),
        (other_file, "journal_corrupt"),
        (link_to_another, "not_found"),
        (pipe, "not_found"),
    ],
)
async def test_a_journal_that_may_be_anything_costs_nothing_but_its_own_answer(
    spoil: Any, code: str, api: Stage, session: SessionId, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.showing.reader.WITHIN_S", 0.3)
    spoil(folder / "session.db")
    assert (await ask(api, session, "transcript")).code == code
    assert (await api.ask("GET", "sessions")).status == 200


async def test_the_folder_of_another_session_is_out_of_reach(api: Stage, folder: Path) -> None:
    """By a link in place of a session's folder."""
    assert folder.is_dir()
    row: StreamRow = await api.stream("eve")
    await api.worker(row.id)
    (data_dir(api) / "sessions" / f"s-{row.id}").symlink_to(folder)
    assert (await ask(api, SessionId(f"s-{row.id}"), "transcript")).code == "disk_io"
    assert (await ask(api, SessionId(f"s-{row.id}"), "playlist.m3u8")).code == "no_footage"
