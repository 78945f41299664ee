"""The area `channels`: targets that nobody sees again, a real test message, deliveries, publishing by hand."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from core.control import EventBatch
from tests.fakes_discord import PATH, FakeDiscord
from tests.fakes_receiver import FakeReceiver
from tests.fakes_slack import HOOK, FakeSlack
from tests.unit.alerts.plant import served
from tests.unit.api.stage import Stage, stage

SECRET: str = "tok-en_1"
DISCORD: str = f"https://discord.com/api/webhooks/123/{SECRET}"
SLACK: str = "xoxb-1234567890-abcdef@C0123456789"


async def add(api: Stage, kind: str, target: str, **fields: Any) -> Any:
    body = {"name": fields.pop("name", kind), "kind": kind, "target": target, **fields}
    return await api.ask("POST", "channels", body, role="admin")


@pytest.mark.parametrize(
    ("kind", "target", "shown"),
    [
        ("discord", DISCORD, "https://discord.com/***"),
        ("slack", SLACK, "xoxb-***@C0123456789"),
        ("slack", "https://hooks.slack.com/services/T0/B0/sec-ret", "https://hooks.slack.com/***"),
        ("webhook", "https://n8n.example.org/webhook/sec-ret?key=sec-ret", "https://n8n.example.org/***"),
        ("apprise", "tgram://123456789:sec-ret/12315544", "tgram://***"),
    ],
)
async def test_a_target_is_shown_to_nobody_again(api: Stage, kind: str, target: str, shown: str) -> None:
    """Not in the answer that makes it, not in lists, not in the audit; a webhook's secret is shown once."""
    made = await add(api, kind, target, filters={"min_score": 0.5, "states": ["final"]})
    assert (made.status, made.body["target"], made.body["enabled"]) == (201, shown, True)
    assert made.body["filters"] == {"min_score": 0.5, "profiles": None, "streams": None, "states": ["final"]}
    secret = made.body["secret"]
    assert (secret is not None) == (kind == "webhook")
    texts = [made.text.replace(str(secret), "")]
    for path in ("channels", f"channels/{made.body['id']}", "audit"):
        texts.append((await api.ask("GET", path)).text)
    for text in texts:
        assert all(part not in text for part in ("sec-ret", SECRET, "abcdef", str(secret)))
    if secret is not None:
        assert len(base64.b64decode(secret.removeprefix("whsec_"))) >= 32


@pytest.mark.parametrize(
    ("kind", "target", "status", "code"),
    [
        ("discord", "https://discord.com/channels/1/2", 400, "bad_target"),
        ("discord", "http://discord.com/api/webhooks/123/tok", 400, "bad_target"),
        ("discord", "https://127.0.0.1/api/webhooks/123/tok", 422, "address_refused"),
        ("slack", "xoxp-user-token", 400, "bad_target"),
        ("slack", "https://slack.com/archives/C1", 400, "bad_target"),
        ("webhook", "https://169.254.169.254/latest", 422, "address_refused"),
        ("webhook", "https://u:p@example.org/", 422, "address_refused"),
        ("webhook", "file:///etc/passwd", 422, "address_refused"),
        ("webhook", "https://example.org/#x", 400, "bad_target"),
        ("apprise", "dbus://", 400, "scheme_refused"),
        ("apprise", "mailto://u:p@example.org?template=/etc/passwd", 400, "bad_target"),
        ("pager", "x", 422, "invalid"),
    ],
)
async def test_a_target_that_cannot_be_meant_is_said_at_once(
    api: Stage, kind: str, target: str, status: int, code: str
) -> None:
    """With what to do, and without repeating it."""
    answer = await add(api, kind, target)
    assert (answer.status, answer.code) == (status, code)
    assert target not in answer.text


async def test_a_channel_is_changed_and_switched_on_again(api: Stage) -> None:
    """Its reason is over then; a target that is not given stays."""
    made = (await add(api, "webhook", "https://n8n.example.org/webhook/1")).body
    await api.catalog.change_channel(None, made["id"], enabled=False, reason="The receiver answered 410")
    shown = (await api.ask("GET", f"channels/{made['id']}")).body
    assert (shown["enabled"], shown["reason"]) == (False, "The receiver answered 410")
    change = {"enabled": True, "name": "n8n", "filters": {"streams": ["ann"]}}
    changed = (await api.ask("PATCH", f"channels/{made['id']}", change)).body
    assert (changed["enabled"], changed["reason"], changed["name"]) == (True, "", "n8n")
    assert (await api.catalog.channel(None, made["id"])).target == "https://n8n.example.org/webhook/1"
    assert (await add(api, "webhook", "https://x.example.org/", name="n8n")).code == "channel_taken"
    assert (await api.ask("PATCH", f"channels/{made['id']}", {"kind": "slack"})).code == "invalid"


async def test_rotated_both_secrets_sign_for_the_overlap(api: Stage) -> None:
    """The new one is shown this once; other kinds have none."""
    made = (await add(api, "webhook", "https://n8n.example.org/webhook/1")).body
    again = (await api.ask("POST", f"channels/{made['id']}/rotate", {"overlap_h": 1})).body
    kept = (await api.catalog.channel(None, made["id"])).secrets
    assert (kept["now"], kept["before"]) == (again["secret"], made["secret"])
    other = (await add(api, "discord", DISCORD)).body
    assert (await api.ask("POST", f"channels/{other['id']}/rotate", {})).code == "no_secret"


async def test_a_test_is_a_real_message_and_says_what_happened(tmp_path: Path) -> None:
    """To each kind; where it fails, with the receiver's answer. What a channel cannot do stands in its notes."""
    async with stage(tmp_path, CLIPD_NET__ALLOW=json.dumps(["127.0.0.0/8"])) as api:
        clock = api.services.clock
        discord, slack, receiver = FakeDiscord(clock), FakeSlack(clock), FakeReceiver()
        async with served(discord.app()) as one, served(slack.app()) as two, served(receiver.app()) as three:
            for kind, target in (("discord", one + PATH), ("slack", two + HOOK), ("webhook", f"{three}/hook")):
                made = (await add(api, kind, target)).body
                said = (await api.ask("POST", f"channels/{made['id']}/test", role="admin")).body
                assert (said["ok"], said["what"]) == (True, "The message was accepted."), kind
                assert any("no links" in note for note in made["notes"])
                assert any("text only" in note for note in made["notes"]) == (kind == "slack")
            [posted] = discord.messages.values()
            assert "a test of this channel" in posted.embeds[0]["title"]
            assert (len(slack.hooked), receiver.came[0].data["state"]) == (1, "provisional")
            receiver.always = 500
            said = (await api.ask("POST", f"channels/{made['id']}/test", role="admin")).body
            assert (said["ok"], said["what"]) == (False, "The receiver answered 500")


async def test_a_clip_is_published_by_hand_and_its_delivery_replayed(api: Stage) -> None:
    """Rights count, filters do not."""
    made = (await add(api, "webhook", "https://n8n.example.org/webhook/1", filters={"min_score": 1})).body
    row = await api.stream(rights="own")
    await api.worker(row.id)
    claim = (await api.catalog.newest_claims([row.id]))[row.id]
    line = {"id": "c1", "revision": 1, "state": "final", "title": "A goal", "files": {"master": "/x/master.mp4"}}
    event = {"seq": 1, "attempt": 1, "kind": "clip", "line": line}
    await api.catalog.store_events(EventBatch(session=claim.session, claim_token=claim.token, rows=(event,)))
    assert (await api.ask("GET", f"channels/{made['id']}/deliveries")).body["items"] == []
    [delivery] = (await api.ask("POST", "clips/c1/publish", {"channels": [made["id"]]}, role="editor")).body["items"]
    assert (delivery["kind"], delivery["state"], delivery["clip"]) == ("publish", "waiting", "c1")
    [listed] = (await api.ask("GET", f"channels/{made['id']}/deliveries", role="viewer")).body["items"]
    assert listed == delivery
    replayed = await api.ask("POST", f"deliveries/{delivery['id']}/replay", role="editor")
    assert (replayed.status, replayed.body["webhook_id"]) == (202, delivery["webhook_id"])
    await api.catalog.change_stream(None, row.id, rights="watch-only")
    assert (await api.ask("POST", "clips/c1/publish", {})).code == "watch_only"
    assert (await api.ask("POST", "clips/c1/publish", {"channels": []})).code == "invalid"
