"""Twitch's chat beside a live stream, through the real command."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.times import to_s
from daemon.demo import LiveOrigin, Recipe
from daemon.journal import Journal
from telemetry import SystemClock
from tests.scenario.command import Ran, clipd
from tests.unit.ingest.twitch_server import SENT_MS, Connection, Script, let_in, noticed, said, twitch

SECONDS = 24  # the last three quarters of them in real time: enough to connect to a chat twice


async def watch(home: Path, *scripts: Script) -> Ran:
    """The beginning of a live stream with a channel's chat."""
    async with twitch(*scripts) as room, LiveOrigin(Recipe.from_seed(3), SystemClock()) as origin:
        return await asyncio.to_thread(
            clipd, "watch", origin.url, "--json", "--duration", str(SECONDS), "--chat", "twitch:Somebody",
            home=home, env={"CLIPD_INGEST__TWITCH_CHAT_URL": room.url},
        )  # fmt: skip


async def test_what_viewers_say_lies_on_media_time(tmp_path: Path) -> None:
    """The connection breaks once and nothing is counted twice; no name is kept."""
    lines: list[str] = []

    async def breaks(client: Connection) -> None:
        await let_in(client)
        now_s = SystemClock().wall_ns() / 1e9 - SENT_MS / 1000
        lines.extend(said(f"line {n}", number=n, at_s=now_s) for n in range(5))
        lines.append(noticed("raid", at_s=now_s, viewerCount="12"))
        await client.say(*lines[:3])
        client.abort()

    async def stays(client: Connection) -> None:
        await let_in(client)
        await client.say(*lines)
        await client.stays()

    ran = await watch(tmp_path, breaks, stays)
    assert ran.code == 0, ran.stderr[-2000:]
    assert ran.summary["chat"] == {"messages": 6, "lost": {}, "aside": {"repeated": 3}}
    [path] = tmp_path.rglob("session.db")
    with Journal.open(path, read_only=True) as journal:
        heard = list(journal.chat())
    assert [m.text for m in heard] == [*(f"line {n}" for n in range(5)), ""]
    assert [m.kind for m in heard].count("raid") == 1
    assert all(0 < to_s(m.t_ns) < SECONDS for m in heard)
    assert b"iewer0" not in path.read_bytes()


async def test_a_chat_that_is_refused_costs_the_chat_only(tmp_path: Path) -> None:
    """A warning with its reason and remedy; the stream is recorded as ever."""

    async def refuses(client: Connection) -> None:
        await client.until("NICK .*")
        await client.say("@msg-id=msg_channel_suspended :tmi.twitch.tv NOTICE #somebody :This channel does not exist.")
        await client.stays()

    ran = await watch(tmp_path, refuses)
    assert ran.code == 0
    [warning] = ran.of("warning")
    assert warning["code"] == "chat_refused"
    assert "does not exist" in warning["message"]
    assert warning["remedy"]
    assert ran.summary["media_s"] == pytest.approx(SECONDS, abs=2.1)
