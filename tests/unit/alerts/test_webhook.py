"""Webhooks as Standard Webhooks has them: signed, tried for three days with one id, never lost."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from core.times import NS_PER_S, ns
from supervisor.alerts.outcome import Outcome
from supervisor.alerts.schedule import TRIES, WAITS_S, next_try_ns
from supervisor.alerts.webhook import live_secrets, new_secret, signatures
from supervisor.catalog import CatalogAway
from supervisor.catalog.outbox import Settled
from supervisor.catalog.values import ChannelRow, Due
from tests.fakes_receiver import Came, FakeReceiver
from tests.unit.alerts.plant import plant, served


def is_signed(came: Came, secret: str) -> bool:
    """As a receiver checks it, by the specification's text."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"{came.id}.{came.headers['webhook-timestamp']}.".encode() + came.body
    made = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    return f"v1,{made}" in came.headers["webhook-signature"].split(" ")


def test_signatures_are_those_of_the_specification() -> None:
    """Its own example."""
    key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    assert signatures([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )
    assert len(base64.b64decode(new_secret().removeprefix("whsec_"))) == 32


async def test_a_clip_is_told_signed_by_both_secrets_while_both_count(tmp_path: Path) -> None:
    """After the overlap by the new one only."""
    async with plant(tmp_path, public_url="https://c.example") as p:
        receiver = FakeReceiver()
        async with served(receiver.app()) as url:
            channel = await p.channel("webhook", f"{url}/hook")
            old, new = channel.secrets["now"], new_secret()
            kept = {"now": new, "before": old, "until_ns": p.clock.wall_ns() + ns(60)}
            await p.catalog.change_channel(None, channel.id, secrets=kept)
            await p.clip(files=("master",))
            drainer = await p.drain()
            p.clock.advance(ns(61))
            await p.clip(state="final")
            await p.drain(drainer)
            first, second = receiver.came
            assert (is_signed(first, old), is_signed(first, new)) == (True, True)
            assert (is_signed(second, old), is_signed(second, new)) == (False, True)
            assert (first.data["state"], second.data["state"], first.data["url"]) == (
                "provisional", "final", "https://c.example/#/clips/c1",
            )  # fmt: skip
            assert first.data["files"] == ["master"]
            assert str(tmp_path) not in first.body.decode()
            assert first.id != second.id
    assert live_secrets({"now": new, "before": old, "until_ns": 5}, 5) == [new]


@pytest.mark.parametrize("answer", [500, 503, 404, (301, {"Location": "/elsewhere"}), (429, {"Retry-After": "30"})])
async def test_a_receiver_in_trouble_is_asked_again_with_the_same_id(tmp_path: Path, answer: Any) -> None:
    """And never followed elsewhere. Nothing is lost, nothing told twice."""
    async with plant(tmp_path) as p:
        receiver = FakeReceiver()
        receiver.answers = [answer] * 4
        async with served(receiver.app()) as url:
            channel = await p.channel("webhook", f"{url}/hook")
            await p.clip()
            await p.drain(hours=5)
            [row] = await p.rows(channel)
            assert (row.state, row.attempts, len(receiver.came)) == ("sent", 4, 5)
            assert {came.id for came in receiver.came} == {row.message_id}
            assert {came.headers["path"] for came in receiver.came} == {"/hook"}


async def test_a_receiver_that_was_down_for_six_hours_misses_nothing(tmp_path: Path) -> None:
    """No connection at all; each clip comes once, under the id of its first try."""
    async with plant(tmp_path) as p:
        receiver = FakeReceiver()
        async with TestServer(receiver.app()) as server:
            url, port = str(server.make_url("/hook")), server.port
        channel = await p.channel("webhook", url)
        for number in range(2):
            await p.clip(f"c{number}")
        drainer = await p.drain(hours=6)
        assert {row.state for row in await p.rows(channel)} == {"waiting"}
        async with TestServer(receiver.app(), port=port):
            await p.drain(drainer, hours=12)
        rows = await p.rows(channel)
        assert {row.state for row in rows} == {"sent"}
        assert sorted(came.id for came in receiver.came) == sorted(f"{row.id}.1" for row in rows)


async def test_after_three_days_it_is_a_dead_letter_that_can_be_replayed(tmp_path: Path) -> None:
    """Ten tries, as the specification's example has them."""
    async with plant(tmp_path) as p:
        receiver = FakeReceiver()
        receiver.always = 500
        async with served(receiver.app()) as url:
            channel = await p.channel("webhook", f"{url}/hook")
            await p.clip()
            began_ns = p.clock.wall_ns()
            drainer = await p.drain(hours=100)
            [row] = await p.rows(channel)
            assert (row.state, row.attempts, len(receiver.came)) == ("dead", TRIES, TRIES)
            assert 75 * 3600 < (p.clock.wall_ns() - began_ns) / NS_PER_S < 84 * 3600
            receiver.always = None
            await p.catalog.replay("default", row.id)
            p.clock.advance(ns(600))
            await p.drain(drainer)
            assert {came.id for came in receiver.came} == {row.message_id}
            [row] = await p.rows(channel)
            assert (row.state, row.error) == ("sent", "")


async def test_410_switches_the_channel_off_with_the_reason(tmp_path: Path) -> None:
    """The receiver wants no more; what waits there waits."""
    async with plant(tmp_path) as p:
        receiver = FakeReceiver()
        receiver.always = 410
        async with served(receiver.app()) as url:
            channel = await p.channel("webhook", f"{url}/hook")
            await p.clip()
            await p.drain()
            now = await p.catalog.channel(None, channel.id)
            assert (now.enabled, now.reason) == (False, "The receiver answered 410: it wants no more")
            assert [row.state for row in await p.rows(channel)] == ["waiting"]


async def test_killed_between_send_and_ack_it_is_sent_again_with_the_same_id(tmp_path: Path) -> None:
    """Forty clips, a catalog that goes away before each batch is settled: none lost, none under another id."""
    async with plant(tmp_path) as p:
        receiver = FakeReceiver()
        async with served(receiver.app()) as url:
            channel = await p.channel("webhook", f"{url}/hook")
            for number in range(40):
                await p.clip(f"c{number}")
            settle = p.catalog.settle

            async def killed(_: Iterable[Settled]) -> None:
                raise CatalogAway("timeout", "killed")

            p.catalog.settle = killed  # type: ignore[method-assign,assignment]
            for _ in range(2):
                drainer = p.drainer()
                await drainer.look()
                await drainer.empty()
            p.catalog.settle = settle  # type: ignore[method-assign]
            await p.drain()
            rows = await p.rows(channel)
            assert {row.state for row in rows} == {"sent"}
            assert sorted(receiver.accepted) == sorted(row.message_id for row in rows)
            assert len(receiver.came) == 120


async def test_a_state_that_comes_while_one_is_sent_is_told_after_it(tmp_path: Path) -> None:
    """Settled is the version that was told, no other."""
    async with plant(tmp_path) as p:
        receiver = FakeReceiver()
        async with served(receiver.app()) as url:
            channel = await p.channel("webhook", f"{url}/hook")
            await p.clip()

            class Meanwhile:
                """The clip becomes final while its first text is under way."""

                async def tell(self, channel: ChannelRow, due: Due) -> Outcome:
                    outcome = await p.senders.tell(channel, due)
                    if due.clip.state == "provisional":
                        await p.clip(state="final")
                    return outcome

            await p.drain(p.drainer(tells=Meanwhile()))
            [row] = await p.rows(channel)
            assert [came.data["state"] for came in receiver.came] == ["provisional", "final"]
            assert [came.id for came in receiver.came] == [f"{row.id}.1", f"{row.id}.2"]


def test_waits_grow_and_end() -> None:
    """With up to a tenth more, so that not all come back at once."""
    waits = [next_try_ns(failed, 0, 0.0) for failed in range(1, TRIES)]
    assert waits == [ns(each) for each in WAITS_S]
    assert next_try_ns(TRIES, 0, 0.0) is None
    assert next_try_ns(1, 0, 1.0) == ns(5.5)
