"""The internal API with a real catalog: what a worker's life looks like from the supervisor."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import pytest

from core.control import Acked, Heartbeat, Pulse, Welcome
from core.ids import StreamId
from core.times import ns
from supervisor.api import begin_drain
from supervisor.catalog.tokens import TOKEN_S
from telemetry import SystemClock
from tests.fakes import FakeClock
from tests.unit.api.stage import FOREIGN, Answer, Stage, stage

BASE: Final = "/internal/v1"
CLIP: Final = {"type": "clip", "id": "c1", "revision": 1, "state": "final", "title": "x", "files": {"master": "/m.mp4"}}


def hello(stream: str, claim_token: int = 1) -> dict[str, Any]:
    return {
        "stream": stream, "session": f"s-{stream}", "claim_token": claim_token, "attempt": claim_token, "pid": 7,
        "version": "0.1", "node": "here",
    }  # fmt: skip


def beat(stream: str, claim_token: int = 1, **changes: Any) -> dict[str, Any]:
    return Heartbeat(
        session=f"s-{stream}", claim_token=claim_token, state="live", progress=3, media_s=12.0, lag_s=0.5,
        rss_bytes=1, ring_bytes=2, disk_free_bytes=3, undelivered=0,
    ).to_json() | changes  # fmt: skip


def batch(stream: str, claim_token: int, *rows: tuple[int, str, dict[str, Any]]) -> dict[str, Any]:
    told = [{"seq": seq, "attempt": claim_token, "kind": kind, "line": line} for seq, kind, line in rows]
    return {"session": f"s-{stream}", "claim_token": claim_token, "rows": told}


async def say(api: Stage, token: str, path: str, body: Any) -> Answer:
    return await api.ask("POST", f"{BASE}/{path}", body, token=token)


async def test_a_worker_says_hello_lives_and_delivers(api: Stage) -> None:
    """Each answer is the message that core.control promises; the stream's health shows what was said."""
    row = await api.stream()
    token, _ = await api.worker(row.id)
    welcome = Welcome.from_json((await say(api, token, "hello", hello(row.id))).body)
    assert (welcome.acked, welcome.deliver_only, welcome.token_s) == (0, False, TOKEN_S)
    pulse = Pulse.from_json((await say(api, welcome.token, "heartbeat", beat(row.id))).body)
    assert pulse == Pulse(claimed=True)  # its token is fresh
    told = (1, "session", {"type": "session"}), (2, "clip", CLIP)
    for _ in range(2):  # the answer was lost: the same rows are stored once
        acked = Acked.from_json((await say(api, welcome.token, "events", batch(row.id, 1, *told))).body)
        assert acked == Acked(acked=2)
    assert len((await api.ask("GET", "clips")).body["items"]) == 1
    health = (await api.ask("GET", f"streams/{row.id}/health")).body
    assert (health["state"], health["beat"], health["progress"], health["health"]["media_s"]) == ("running", 1, 3, 12.0)


async def test_a_superseded_attempt_delivers_finished_clips_and_nothing_else(api: Stage) -> None:
    """It is told so on hello, by its heartbeat and on renewal."""
    row = await api.stream()
    token, renewal = await api.worker(row.id)
    await api.worker(row.id, after=1)
    assert Welcome.from_json((await say(api, token, "hello", hello(row.id))).body).deliver_only
    assert Pulse.from_json((await say(api, token, "heartbeat", beat(row.id))).body) == Pulse(claimed=False)
    renewed = Welcome.from_json((await say(api, renewal, "renew", {})).body)
    assert renewed.deliver_only
    rows = (1, "state", {"type": "state", "state": "live"}), (2, "clip", CLIP)
    acked = Acked.from_json((await say(api, renewed.token, "events", batch(row.id, 1, *rows))).body)
    assert acked.refused == (1,)
    assert (await api.ask("GET", "clips/c1")).body["id"] == "c1"


class AheadClock(SystemClock):
    """The machine's clock, moved on by hand."""

    ahead_ns = 0

    def boottime_ns(self) -> int:
        """Moved on."""
        return super().boottime_ns() + self.ahead_ns

    def wall_ns(self) -> int:
        """With it."""
        return super().wall_ns() + self.ahead_ns


async def test_a_token_is_renewed_before_it_ends_and_after_an_outage(tmp_path: Path) -> None:
    """Half spent: with a heartbeat. Gone: by the renewal secret. One from elsewhere is of unknown age: at once."""
    clock = AheadClock()
    async with stage(tmp_path, clock=clock) as api:
        row = await api.stream()
        token, renewal = await api.worker(row.id)
        first = Pulse.from_json((await say(api, token, "heartbeat", beat(row.id))).body)
        assert first.token
        assert not Pulse.from_json((await say(api, first.token, "heartbeat", beat(row.id))).body).token
        clock.ahead_ns = int((TOKEN_S / 2 + 1) * 1e9)
        second = Pulse.from_json((await say(api, first.token, "heartbeat", beat(row.id))).body)
        assert second.token not in ("", first.token)
        clock.ahead_ns = int(3 * TOKEN_S * 1e9)
        assert (await say(api, second.token, "heartbeat", beat(row.id))).code == "unauthorized"
        third = Welcome.from_json((await say(api, renewal, "renew", {})).body)
        assert not third.deliver_only
        assert (await say(api, third.token, "heartbeat", beat(row.id))).status == 200


async def test_workers_that_come_back_together_all_renew(api: Stage) -> None:
    """After an outage each is told first that its token has expired, all from one address; users are not held up."""
    for n in range(12):
        row = await api.stream(f"s{n}")
        _, renewal = await api.worker(row.id)
        expired = await api.catalog.issue_worker_token(row.id, 1, -1)
        assert (await say(api, expired, "heartbeat", beat(row.id))).code == "unauthorized"
        assert (await say(api, renewal, "renew", {})).status == 200
    assert (await api.ask("GET", "streams")).status == 200


async def poll(api: Stage, token: str, after: int = 0, wait_s: float = 20) -> list[dict[str, Any]]:
    answer = await api.ask("GET", f"{BASE}/commands?after={after}&wait_s={wait_s}", token=token)
    assert answer.status == 200, answer
    return list(answer.body["commands"])


async def test_a_command_ends_a_long_poll_at_once(api: Stage) -> None:
    """It is told once more until it is asked behind, and counted in the heartbeat's answer."""
    row = await api.stream()
    token, _ = await api.worker(row.id)
    assert await poll(api, token, wait_s=0) == []
    waiting = asyncio.create_task(poll(api, token))
    await polls(api, row.id)
    ordered = (await api.ask("POST", f"streams/{row.id}/clip-now", {"last_s": 5})).body["command"]
    assert await waiting == [{"id": ordered, "kind": "clip-now", "args": {"last_s": 5.0}}]
    assert Pulse.from_json((await say(api, token, "heartbeat", beat(row.id))).body).commands == 1
    assert await poll(api, token, after=ordered, wait_s=0) == []
    assert Pulse.from_json((await say(api, token, "heartbeat", beat(row.id))).body).commands == 0


async def polls(api: Stage, stream: StreamId) -> None:
    """Until a poll of this stream waits."""
    wakes = api.services.wakes
    async with asyncio.timeout(60):
        while not wakes.is_waited_for(stream):  # noqa: ASYNC110 - the poll is on the other side of a socket
            await asyncio.sleep(0.01)


async def test_a_command_that_came_to_another_process_is_found(api: Stage) -> None:
    """By looking again every second."""
    row = await api.stream()
    token, _ = await api.worker(row.id)
    waiting = asyncio.create_task(poll(api, token))
    await polls(api, row.id)
    number = await api.catalog.add_command(row.id, "drain", {})
    assert [command["id"] for command in await waiting] == [number]


async def test_a_drain_and_a_second_poll_end_the_first(api: Stage) -> None:
    """Without a command, long before its time."""
    row = await api.stream()
    token, _ = await api.worker(row.id)
    first = asyncio.create_task(poll(api, token))
    await polls(api, row.id)
    second = asyncio.create_task(poll(api, token))
    assert await first == []
    await polls(api, row.id)
    begin_drain(api.app)
    assert await second == []


async def test_live_is_two_a_second_and_of_the_newest_attempt(tmp_path: Path) -> None:
    """Numbers only, kept for as long as somebody says them."""
    clock = FakeClock()
    async with stage(tmp_path, clock=clock) as api:
        row = await api.stream()
        token, _ = await api.worker(row.id)
        body = {
            "session": f"s-{row.id}", "claim_token": 1, "t_s": 4.5, "words": "hi",
            "signals": {"audio": {"level": -20.5, "y": "<b>"}, "x": "<b>"},
        }  # fmt: skip
        assert [(await say(api, token, "live", body)).body["kept"] for _ in range(4)] == [True, True, False, False]
        clock.advance(ns(0.5))
        assert [(await say(api, token, "live", body)).body["kept"] for _ in range(2)] == [True, False]
        seen = (await api.ask("GET", f"streams/{row.id}/health")).body["live"]
        assert seen == {"t_s": 4.5, "signals": {"audio.level": -20.5}, "words": "hi"}


async def test_texts_that_no_database_takes_are_mended(api: Stage) -> None:
    """A row that is refused would be sent again for ever."""
    row = await api.stream()
    token, _ = await api.worker(row.id)
    line = b'{"type": "clip", "id": "c9", "revision": 1, "state": "final", "title": "a\\u0000\\ud800b", "score": NaN}'
    raw = b'{"session": "s-%s", "claim_token": 1, "rows": [{"seq": 1, "attempt": 1, "kind": "clip", "line": %s}]}'
    headers = {"Content-Type": "application/json"}
    data = raw % (row.id.encode(), line)
    answer = await api.ask("POST", f"{BASE}/events", data=data, headers=headers, token=token)
    assert answer.status == 200, answer
    assert (await api.ask("GET", "clips/c9")).body["title"] == "a\ufffd?b"


async def test_doors_learn_where_a_publisher_belongs(api: Stage, tmp_path: Path) -> None:
    """By the key of a stream that is being recorded; nobody else may ask."""
    made = (await api.ask("POST", "streams", {"source": "door:live", "name": "cam"})).body
    door, other = await api.stream("door", kind="door"), await api.stream("other")
    token, _ = await api.worker(door.id)
    stranger, _ = await api.worker(other.id)
    ask = {"app": "live", "key": made["key"], "peer": "192.0.2.7"}
    assert (await say(api, stranger, "keys", ask)).status == 403
    assert (await say(api, token, "keys", ask)).code == "bad_key"  # nobody records it yet
    await api.worker(StreamId(made["id"]))
    found = await say(api, token, "keys", ask)
    assert found.body == {"socket": str(tmp_path / "sessions" / f"s-{made['id']}" / "door.sock")}
    for wrong in ({"key": made["key"] + "x"}, {"app": "studio"}):
        assert (await say(api, token, "keys", {**ask, **wrong})).status == 404


@pytest.mark.parametrize("query", ["after=-1", "wait_s=26", "wait_s=x", "after=1&after=2"])
async def test_long_polls_are_bounded(query: str, api: Stage) -> None:
    row = await api.stream()
    token, _ = await api.worker(row.id)
    assert (await api.ask("GET", f"{BASE}/commands?{query}", token=token)).code == "invalid"


async def test_a_worker_hears_that_its_workspace_has_no_renders_left_today(tmp_path: Path) -> None:
    """With its next heartbeat; what another workspace has used is its own affair, and capture is not asked about."""
    quotas = '{"default": {"renders_a_day": 1}, "elsewhere": {"renders_a_day": 9}}'
    async with stage(tmp_path, CLIPD_SUPERVISOR__QUOTAS=quotas) as api:
        ours, theirs = await api.stream(), await api.stream(workspace=FOREIGN)
        tokens = {row.id: (await api.worker(row.id))[0] for row in (ours, theirs)}
        done = (1, "render", {"type": "render", "id": "c1", "revision": 1, "state": "done"})
        for row, may in ((ours, True), (theirs, True), (ours, False), (theirs, True)):
            pulse = Pulse.from_json((await say(api, tokens[row.id], "heartbeat", beat(row.id))).body)
            assert pulse == Pulse(claimed=True, renders=may, token=pulse.token, token_s=pulse.token_s)
            await say(api, tokens[row.id], "events", batch(row.id, 1, done))
