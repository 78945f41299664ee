"""Chat that is posted to a session: what its worker's file holds, and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

from core.ids import SessionId
from daemon.ingest.chat.lines import parse_line
from tests.unit.api.stage import Answer, Stage

LINE = {"user": "bo", "text": "what a goal", "emotes": ["Kappa"]}


async def session(api: Stage, chat: str | None = "api") -> Path:
    """The folder of a session that runs; its stream has this chat."""
    row = await api.stream(options={} if chat is None else {"chat": chat})
    await api.worker(row.id)
    folder = Path(api.services.settings.data_dir) / "sessions" / f"s-{row.id}"
    folder.mkdir(parents=True)
    return folder


async def post(api: Stage, folder: Path, *messages: object) -> Answer:
    """As an editor."""
    return await api.ask("POST", f"sessions/{folder.name}/chat", {"messages": list(messages)}, role="editor")


async def test_lines_lie_where_the_worker_follows_them(api: Stage) -> None:
    """In order, one write a request, each readable by a worker; without a time they are of now."""
    folder = await session(api)
    before_ns = api.services.clock.wall_ns()
    answer = await post(api, folder, LINE, {"text": "again", "t_s": 12.5, "kind": "raid", "n": 40})
    assert (answer.status, answer.body) == (202, {"taken": 2})
    after_ns = api.services.clock.wall_ns()
    await post(api, folder, {"text": "x" * 2000, "wall": "2026-11-22T10:00:00+01:00"})
    found = [parse_line(line) for line in (folder / "chat.jsonl").read_bytes().splitlines()]
    first, second, third = (post for post in found if post is not None)
    assert first.message.text == "what a goal"
    assert first.message.emotes == ("Kappa",)
    assert first.wall_ns is not None
    assert before_ns - 10**9 < first.wall_ns < after_ns + 10**9
    assert (second.wall_ns, second.message.t_ns, second.message.n) == (None, 12_500_000_000, 40)
    assert third.wall_ns == 1_795_338_000 * 10**9
    assert len(third.message.text) == 500


async def test_names_are_not_written_down(api: Stage) -> None:
    """One person stays one person."""
    folder = await session(api)
    await post(api, folder, LINE, LINE, {**LINE, "user": "ann"})
    users = [json.loads(line)["user"] for line in (folder / "chat.jsonl").read_text().splitlines()]
    assert users[0] == users[1] != users[2]
    assert "bo" not in users


async def test_a_stream_with_another_chat_takes_none(api: Stage) -> None:
    """What analysis reads elsewhere is not mixed with it."""
    folder = await session(api, chat="twitch:ann")
    answer = await post(api, folder, LINE)
    assert (answer.status, answer.code) == (409, "other_chat")
    assert not (folder / "chat.jsonl").exists()


async def test_a_session_that_is_over_takes_none(api: Stage) -> None:
    """Its decisions are made."""
    folder = await session(api)
    await api.leading.set_session(SessionId(folder.name), state="ended", ended=True)
    answer = await post(api, folder, LINE)
    assert (answer.status, answer.code) == (409, "session_ended")


async def test_what_is_no_message_is_refused_whole(api: Stage) -> None:
    """With the field's name; nothing of the request is written."""
    folder = await session(api)
    for bad in ({"t_s": -1}, {"t_s": 1, "wall": "2026-11-22T10:00:00Z"}, {"kind": "ad"}, {"n": 0}, {"who": "x"}):
        answer = await post(api, folder, LINE, bad)
        assert (answer.status, answer.code) == (422, "invalid"), bad
    assert (await post(api, folder)).status == 422
    assert (await post(api, folder, *[LINE] * 501)).status == 422
    assert not (folder / "chat.jsonl").exists()


async def test_no_link_or_pipe_of_a_worker_is_written_to(api: Stage, tmp_path: Path) -> None:
    """A worker parses hostile media; its folder may hold anything."""
    folder, other = await session(api), tmp_path / "other"
    other.write_text("mine")
    (folder / "chat.jsonl").symlink_to(other)
    assert (await post(api, folder, LINE)).status == 503
    assert other.read_text() == "mine"
    (folder / "chat.jsonl").unlink()
    os.mkfifo(folder / "chat.jsonl")
    assert (await post(api, folder, LINE)).status == 503


async def test_what_a_full_disk_broke_off_costs_itself_only(api: Stage) -> None:
    """The next message begins a line of its own."""
    folder = await session(api)
    (folder / "chat.jsonl").write_bytes(b'{"wall": 1, "te')
    await post(api, folder, LINE)
    broken, whole = (parse_line(line) for line in (folder / "chat.jsonl").read_bytes().splitlines())
    assert broken is None
    assert whole is not None
    assert whole.message.text == "what a goal"
