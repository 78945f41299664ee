"""Inbound hooks: orders that are signed as Standard Webhooks has it."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from supervisor.alerts.webhook import new_secret, signatures
from tests.fakes import FakeClock
from tests.unit.api.stage import Answer, Stage, stage

SECRET = new_secret()
OTHER = new_secret()


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Stage]:
    """With one hook of the default workspace and one of another."""
    (tmp_path / "secret").write_text(SECRET + "\n")
    (tmp_path / "short").write_text("whsec_" + base64.b64encode(b"short").decode())
    hooks = {
        "obs": {"secret_file": str(tmp_path / "secret")},
        "there": {"secret_file": str(tmp_path / "secret"), "workspace": "elsewhere"},
        "lost": {"secret_file": str(tmp_path / "secret"), "workspace": "nowhere"},
        "short": {"secret_file": str(tmp_path / "short")},
    }
    (tmp_path / "data").mkdir()
    async with stage(tmp_path / "data", clock=FakeClock(), CLIPD_API__HOOKS=json.dumps(hooks)) as running:
        yield running


async def send(
    api: Stage, order: Any, *, name: str = "obs", id_: str = "m1", late_s: int = 0, key: str = SECRET
) -> Answer:
    """Signed now, or so many seconds ago."""
    raw, at = json.dumps(order).encode(), api.services.clock.wall_ns() // 10**9 - late_s
    headers = {
        "webhook-id": id_, "webhook-timestamp": str(at), "webhook-signature": signatures([key], id_, at, raw),
        "Content-Type": "application/json",
    }  # fmt: skip
    return await api.ask("POST", f"hooks/{name}", role=None, headers=headers, data=raw)


async def test_orders_are_carried_out_and_noted(api: Stage) -> None:
    """With the rights of an editor of the hook's workspace."""
    row = await api.stream()
    await api.worker(row.id)
    answer = await send(api, {"do": "clip-now", "stream": row.id, "last_s": 20})
    assert (answer.status, answer.body) == (202, {"do": "clip-now", "target": row.id, "repeated": False})
    [command] = await api.catalog.commands(row.id, 1, after=0)
    assert (command.kind, command.args) == ("clip-now", {"last_s": 20.0})
    assert (await send(api, {"do": "pause", "stream": row.id}, id_="m2")).status == 202
    assert (await api.catalog.stream(None, row.id)).wanted == "paused"
    job = await send(api, {"do": "job", "source_url": "https://example.org/a.mp4"}, id_="m3")
    assert (await api.catalog.job("default", job.body["target"])).source == "https://example.org/a.mp4"
    noted = {(audit.actor, audit.action) for audit in (await api.catalog.audits("default")).rows}
    assert noted == {("hook:obs", f"hook.{do}") for do in ("clip-now", "pause", "job")}


async def test_the_same_message_again_does_nothing_again(api: Stage) -> None:
    """Whether its sender tries again or somebody listened."""
    row = await api.stream()
    await api.worker(row.id)
    for repeated in (False, True, True):
        answer = await send(api, {"do": "clip-now", "stream": row.id})
        assert (answer.status, answer.body["repeated"]) == (202, repeated)
    assert len(await api.catalog.commands(row.id, 1, after=0)) == 1


@pytest.mark.parametrize(
    "how",
    [{"late_s": 301}, {"late_s": -301}, {"key": OTHER}, {"id_": "é"}, {"name": "nobody"}],
    ids=["late", "early", "another key", "no id", "no hook"],
)
async def test_what_is_not_signed_now_is_refused(api: Stage, how: dict[str, Any]) -> None:
    """One answer to all of it: nobody learns which part was wrong."""
    row = await api.stream()
    answer = await send(api, {"do": "pause", "stream": row.id}, **how)
    assert (answer.status, answer.code) == (403, "bad_signature")
    assert (await api.catalog.stream(None, row.id)).wanted == "running"


async def test_a_changed_body_is_refused(api: Stage) -> None:
    """The signature is of the bytes."""
    at = api.services.clock.wall_ns() // 10**9
    headers = {
        "webhook-id": "m1", "webhook-timestamp": str(at), "Content-Type": "application/json",
        "webhook-signature": signatures([SECRET], "m1", at, b'{"do": "pause"}'),
    }  # fmt: skip
    answer = await api.ask("POST", "hooks/obs", role=None, headers=headers, data=b'{"do": "job"}')
    assert answer.code == "bad_signature"


async def test_a_hook_reaches_its_workspace_only(api: Stage) -> None:
    """Another one's streams are not there."""
    row = await api.stream()
    answer = await send(api, {"do": "pause", "stream": row.id}, name="there")
    assert answer.status == 404


async def test_a_weak_secret_signs_nothing(api: Stage) -> None:
    """The answer says where to look."""
    assert (await send(api, {"do": "pause", "stream": "x"}, name="short")).code == "no_secret"


@pytest.mark.parametrize(
    "order",
    [
        {"do": "erase", "stream": "a"},
        {"do": "job"},
        {"do": "pause"},
        {"do": "job", "source_url": "https://e.org", "stream": "a"},
        [],
    ],
)
async def test_other_orders_are_refused(api: Stage, order: Any) -> None:
    """With the field's name."""
    assert (await send(api, order)).status == 422


async def test_a_hook_of_a_workspace_that_is_not_there_does_nothing(api: Stage) -> None:
    """A slip in the settings is no failure of ours."""
    answer = await send(api, {"do": "job", "source_url": "https://example.org/a.mp4"}, name="lost")
    assert (answer.status, answer.code) == (404, "not_found")
