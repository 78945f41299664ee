"""Jobs, hooks, repeated requests, event streams, and what orchestrators and Prometheus ask."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest
import structlog
from aiohttp import web

from configs import Settings
from core.control import EventBatch
from core.errors import UsageError
from daemon.showing import JournalReader
from supervisor.api import Health, begin_drain, ensure_owner, make_app, serve
from supervisor.api.exposition import exposition, known
from supervisor.catalog import Catalog
from supervisor.catalog.values import StepRow
from telemetry import Metrics, SystemClock
from tests.fakes import FakeClock
from tests.unit.api.stage import FOREIGN, Answer, Stage, no_replay, settings_of, stage
from tests.unit.api.test_workers_side import CLIP, batch, beat, say

URL = "https://example.org/a.mp4"


async def test_a_job_is_made_cancelled_and_tried_again_at_the_step_that_failed(api: Stage) -> None:
    """With the stream of kind vod that does it; the same recording may be clipped twice."""
    first, second = [(await api.ask("POST", "jobs", {"source_url": URL}, role="editor")).body for _ in range(2)]
    assert first["id"] != second["id"]
    assert [step["state"] for step in first["steps"]] == ["waiting"] * 5
    stream = (await api.ask("GET", f"streams/{first['stream']}")).body
    assert (stream["kind"], stream["source"]) == ("vod", URL)
    assert (await api.ask("DELETE", f"jobs/{first['id']}")).body["cancel"]
    assert (await api.ask("POST", f"jobs/{first['id']}/retry")).code == "job_not_over"
    steps = (StepRow(name="ingest", state="done", attempts=1), StepRow(name="transcribe", state="failed", attempts=2))
    await api.catalog.change_job(None, first["id"], state="failed", steps=steps, error="x")
    again = (await api.ask("POST", f"jobs/{first['id']}/retry")).body
    assert (again["state"], again["cancel"], again["error"]) == ("created", False, "")
    assert [(step["state"], step["attempts"]) for step in again["steps"]] == [("done", 1), ("waiting", 0)]
    await api.catalog.change_job(None, first["id"], state="completed")
    assert (await api.ask("DELETE", f"jobs/{first['id']}")).code == "job_over"
    assert (await api.ask("POST", "jobs", {"source_url": "door:live"})).code == "no_recording"


async def test_a_clip_is_asked_for_in_more_formats_and_shows_its_renders(api: Stage) -> None:
    """Told as a job; what cannot be is said with its reason. Its stream is nobody's business."""
    row = await api.stream()
    await api.worker(row.id)
    claim = (await api.catalog.newest_claims([row.id]))[row.id]
    line = {"id": "c1", "revision": 1, "state": "final", "title": "A goal", "files": {"master": "/x/master.mp4"}}
    event = {"seq": 1, "attempt": 1, "kind": "clip", "line": line}
    await api.catalog.store_events(EventBatch(session=claim.session, claim_token=claim.token, rows=(event,)))

    made = await api.ask("POST", "clips/c1/render", {"formats": ["square", "vertical", "square"]}, role="editor")
    assert (made.status, made.body["clip"], made.body["formats"]) == (202, "c1", ["square", "vertical"])
    assert [(step["name"], step["state"]) for step in made.body["steps"]] == [("render", "waiting")]
    shown = (await api.ask("GET", "clips/c1")).body
    assert [each["revision"] for each in shown["revisions"]] == [1]
    assert shown["renders"] == [made.body]
    assert (await api.ask("GET", f"streams/{made.body['stream']}")).status == 404
    again = await api.ask("POST", "clips/c1/render", {"formats": ["square", "vertical"]})
    assert (again.status, again.code) == (409, "render_underway")
    strange = await api.ask("POST", "clips/c1/render", {"formats": ["oval"]})
    assert (strange.status, strange.code) == (422, "unknown_format")
    assert "square, vertical" in strange.body["error"]["details"][0]["message"]
    assert (await api.ask("POST", "clips/c1/render", {"formats": []})).status == 422
    assert (await api.ask("POST", "clips/c2/render", {"formats": ["square"]})).status == 404
    await api.catalog.change_job(None, made.body["id"], state="failed")
    assert (await api.ask("POST", f"jobs/{made.body['id']}/retry")).code == "job_is_render"


def nginx(key: str, call: str = "publish", app: str = "live") -> bytes:
    """As nginx-rtmp sends it."""
    return urlencode({"call": call, "app": app, "name": key, "addr": "192.0.2.7", "type": "live"}).encode()


def mediamtx(key: str, action: str = "publish", **more: str) -> bytes:
    """As MediaMTX sends it."""
    fields = {"user": "", "password": "", "ip": "192.0.2.7", "action": action, "path": f"live/{key}", "query": ""}
    return json.dumps({**fields, **more}).encode()


async def hook(api: Stage, name: str, body: bytes) -> Answer:
    kind = "application/json" if body.startswith(b"{") else "application/x-www-form-urlencoded"
    return await api.ask("POST", f"hooks/rtmp/{name}", data=body, role=None, headers={"Content-Type": kind})


async def test_gateways_let_in_who_has_the_key_of_a_stream_that_is_wanted(api: Stage) -> None:
    """2xx is yes, 403 is no; a paused stream's key is none. The key is in no answer, audit or list."""
    made = (await api.ask("POST", "streams", {"source": "door:", "name": "cam"})).body
    key = made["key"]
    for body in (nginx(key), mediamtx(key), mediamtx("x", path="live", query=f"key={key}")):
        assert (await hook(api, "publish", body)).status == 204, body
    for body in (nginx(key, "publish_done"), mediamtx(key)):
        assert (await hook(api, "done", body)).status == 204
    wrong = (nginx(key[:-1]), nginx(key, app="x"), nginx(key, "play"), mediamtx(key, "read"), b"", b"{", b"\xff" * 40)
    assert [(await hook(api, "publish", body)).code for body in wrong] == ["bad_key"] * len(wrong)
    audit = await api.ask("GET", "audit")
    assert [row["action"] for row in audit.body["items"]].count("push.publish") == 3
    assert key not in audit.text + (await api.ask("GET", f"streams/{made['id']}")).text
    assert "key_sha256" not in (await api.ask("GET", "streams")).text


async def test_a_key_of_a_stream_that_is_paused_is_none(api: Stage) -> None:
    """Nor may two streams have the same."""
    body = {"source": "door:live", "name": "a", "key": "0123456789abcdef", "wanted": "paused"}
    assert (await api.ask("POST", "streams", body)).status == 201
    assert (await hook(api, "publish", nginx("0123456789abcdef"))).code == "bad_key"
    assert (await api.ask("POST", "streams", {**body, "name": "b"})).code == "key_taken"


async def test_a_repeated_request_gets_the_same_answer_and_does_nothing_again(api: Stage) -> None:
    """By token and key; another body under the same key is a mistake."""
    key = {"Idempotency-Key": "abc"}
    body = {"source": "https://www.twitch.tv/ann"}
    first = await api.ask("POST", "streams", body, headers=key)
    again = await api.ask("POST", "streams", body, headers=key)
    assert (again.status, again.body) == (201, first.body)
    assert ("Idempotency-Replayed" in first.headers, again.headers["Idempotency-Replayed"]) == (False, "true")
    assert (await api.ask("POST", "streams", {**body, "name": "b"}, headers=key)).code == "key_reused"
    assert (await api.ask("POST", "jobs", {"source_url": URL}, headers=key)).code == "key_reused"
    assert (await api.ask("POST", "streams", body, headers=key, role="admin")).code == "stream_taken"  # another token's
    assert len((await api.ask("GET", "streams")).body["items"]) == 1
    assert (await api.ask("POST", "streams", body, headers={"Idempotency-Key": "x" * 201})).code == "bad_key"


async def test_the_same_request_at_the_same_time_is_done_once(api: Stage) -> None:
    """While it is being answered the others are told to ask again."""
    body = {"source": "https://www.twitch.tv/ann"}
    asked = (api.ask("POST", "streams", body, headers={"Idempotency-Key": "k"}) for _ in range(5))
    answers = await asyncio.gather(*asked)
    assert {answer.status for answer in answers} <= {201, 409}
    assert {answer.code for answer in answers if answer.status == 409} <= {"underway"}
    assert len({answer.body["id"] for answer in answers if answer.status == 201}) == 1
    assert len((await api.ask("GET", "streams")).body["items"]) == 1


async def test_a_secret_is_shown_once_even_to_a_repeated_request(api: Stage) -> None:
    """The catalog keeps none in clear."""
    key = {"Idempotency-Key": "abc"}
    first = await api.ask("POST", "tokens", {"role": "viewer"}, headers=key)
    again = await api.ask("POST", "tokens", {"role": "viewer"}, headers=key)
    assert (again.body["id"], again.body["secret"]) == (first.body["id"], None)
    assert len((await api.ask("GET", "tokens")).body["items"]) == 5


async def test_no_secret_is_in_the_log(api: Stage) -> None:
    """Neither tokens nor stream keys nor queries, of what succeeds and what does not; the route's pattern is."""
    with structlog.testing.capture_logs() as logs:
        made = (await api.ask("POST", "streams", {"source": "door:", "name": "cam"})).body
        await hook(api, "publish", nginx(made["key"]))
        await hook(api, "publish", nginx("another-secret-key"))
        secret = (await api.ask("POST", "tokens", {"role": "viewer"})).body["secret"]
        await api.ask("GET", f"streams?token={secret}", token=secret)
        await api.ask("GET", f"/{made['key']}", role=None)
    assert [log["route"] for log in logs][:2] == ["/api/v1/streams", "/api/v1/hooks/rtmp/publish"]
    assert {log["event"] for log in logs} == {"api.answered"}
    canaries = (made["key"], "another-secret-key", secret, api.tokens["default", "owner"])
    assert not [canary for canary in canaries if canary in str(logs)]


async def test_requests_of_a_token_and_of_an_address_are_limited(tmp_path: Path) -> None:
    """429 with the time to wait; another token is not held up."""
    async with stage(tmp_path, clock=FakeClock(), CLIPD_API__REQUESTS_PER_MINUTE="10") as api:
        answers = [await api.ask("GET", "streams") for _ in range(12)]
        assert [answer.status for answer in answers].count(429) == 2
        assert int(answers[-1].headers["Retry-After"]) >= 1
        assert (await api.ask("GET", "streams", role="viewer")).status == 200
        assert [await api.ask("GET", "/healthz", role=None) for _ in range(20)][-1].code == "too_many"


async def test_wrong_tokens_hold_up_their_address_but_not_who_was_right_before(tmp_path: Path) -> None:
    """One broken script on a machine does not lock out everybody on it."""
    async with stage(tmp_path, clock=FakeClock(), CLIPD_API__SIGN_IN_FAILURES="3") as api:
        assert (await api.ask("GET", "streams")).status == 200
        wrong = [await api.ask("GET", "streams", token=f"cd_{n}_x") for n in range(5)]
        assert [answer.status for answer in wrong] == [401, 401, 401, 429, 429]
        assert (await api.ask("GET", "streams", role="viewer")).status == 429  # right, but never seen here
        assert (await api.ask("GET", "streams")).status == 200


async def frames(answer: aiohttp.ClientResponse) -> AsyncIterator[dict[str, str]]:
    """Server-sent events, field by field."""
    while frame := await answer.content.readuntil(b"\n\n"):
        pairs = [line.split(": ", 1) for line in frame.decode().strip().splitlines() if not line.startswith(":")]
        fields = {name: value for name, value in pairs}
        if "id" in fields:
            yield fields


async def test_events_are_followed_and_resumed(api: Stage) -> None:
    """By Last-Event-ID; files by name, not by path. A drain ends them."""
    row = await api.stream()
    token, _ = await api.worker(row.id)
    headers = {"Authorization": f"Bearer {api.tokens['default', 'viewer']}"}
    async with api.client.get(f"{api.url}/api/v1/events", headers=headers) as answer:
        assert answer.content_type == "text/event-stream"
        told = (1, "state", {"type": "state"}), (2, "clip", CLIP)
        await say(api, token, "events", batch(row.id, 1, *told))
        following = frames(answer)
        seen = [await anext(following), await anext(following)]
    assert [event["event"] for event in seen] == ["state", "clip"]
    clip = json.loads(seen[1]["data"])
    assert (clip["stream"], clip["line"]["files"]) == (row.id, ["master"])
    resumed = {**headers, "Last-Event-ID": seen[0]["id"]}
    async with api.client.get(f"{api.url}/api/v1/events", headers=resumed) as answer:
        assert (await anext(frames(answer)))["id"] == seen[1]["id"]
        begin_drain(api.app)
        assert await asyncio.wait_for(answer.content.read(), 60) == b""
    bad = await api.ask("GET", "events", headers={"Last-Event-ID": "x"})
    assert bad.code == "bad_event_id"


async def test_what_orchestrators_ask(api: Stage) -> None:
    """Alive is not ready: it is with a catalog that answers and a lease that is known, until it drains."""
    assert (await api.ask("GET", "/healthz", role=None)).body == {"status": "ok"}
    assert (await api.ask("GET", "/readyz", role=None)).body == {"status": "ready", "lease": "held"}
    api.health.append(Health(lease="unknown"))
    assert (await api.ask("GET", "/readyz", role=None)).code == "lease_unknown"
    api.health.append(Health(lease="elsewhere"))
    begin_drain(api.app)
    assert (await api.ask("GET", "/readyz", role=None)).code == "draining"
    assert (await api.ask("GET", "/healthz", role=None)).status == 200


async def test_the_leader_shows_every_workers_figures_by_stream(api: Stage) -> None:
    """Others show their own only: a figure is in one place."""
    row = await api.stream()
    token, _ = await api.worker(row.id)
    figures = 'clipd_events_total{kind="roar"} 4.0\nclipd_ring_bytes 7\n'
    assert (await say(api, token, "heartbeat", beat(row.id, metrics=figures))).status == 200
    text = (await api.ask("GET", "/metrics", role=None)).text
    assert f'clipd_events_total{{kind="roar",stream="{row.id}"}} 4.0' in text
    assert text.count("# TYPE clipd_events_total counter") == 1
    api.health.append(Health(lease="elsewhere"))
    assert row.id not in (await api.ask("GET", "/metrics", role=None)).text


HOSTILE = (
    'clipd_ring_bytes{stream="victim"} 1',
    'clipd_events_total{kind="roar",stream="victim"} 1',
    'clipd_events_total{kind="x\\"} 9\\nclipd_ring_bytes{stream=\\"victim"} 1',
    'clipd_ring_bytes 1\r\nclipd_ring_bytes{stream="victim"} 2',
    "clipd_ring_bytes NaN",
    "clipd_ring_bytes 1e999",
    "up 0",
    "# TYPE clipd_ring_bytes counter",
    "# HELP clipd_ring_bytes \nclipd_lease_held 1",
    'clipd_events_total{kind="' + "k" * 100 + '"} 1',
    'clipd_events_total{kind="a",kind="b"} 1',
    "clipd_events_total 1",
    'clipd_render_seconds_bucket{kind="x",le="nan"} 1',
)


@pytest.mark.parametrize("line", HOSTILE)
def test_a_hostile_worker_adds_no_series_but_its_own(line: str) -> None:
    """Not under another stream's label, not under a name of nobody's, not by closing a quote."""
    text = exposition(Metrics().registry, {"mine": line + "\n", "victim": ""}).decode()
    plain = exposition(Metrics().registry, {}).decode()
    added = [got for got in text.splitlines() if got not in plain.splitlines() and "_created" not in got]
    assert all(re.search(r'[{,]stream="mine"[,}]', got) for got in added), added
    assert not any('stream="victim"' in got for got in added)


def test_what_workers_expose_comes_through_whole() -> None:
    """Every family of a worker's, histograms too."""
    metrics = Metrics()
    metrics.render_seconds.labels(kind="vertical").observe(3)
    metrics.gap_seconds_total.labels(reason='a"b\\c').inc(2)
    text = exposition(Metrics().registry, {"s1": exposition(metrics.registry, {}).decode()}).decode()
    assert 'clipd_render_seconds_count{kind="vertical",stream="s1"} 1.0' in text
    assert 'clipd_render_seconds_bucket{kind="vertical",le="+Inf",stream="s1"} 1.0' in text
    assert 'clipd_gap_seconds_total{reason="a\\"b\\\\c",stream="s1"} 2.0' in text
    assert len(known()) >= len(list(metrics.registry.collect()))


async def test_the_first_start_makes_an_owner_once(tmp_path: Path) -> None:
    """Also of two that start at the same time; a file that was deleted means that the token was lost."""
    catalog = await Catalog.open(f"sqlite:///{tmp_path}/catalog.db", SystemClock())
    made = await asyncio.gather(*(ensure_owner(catalog, tmp_path) for _ in range(3)))
    [secret] = [text for text in made if text is not None]
    file = tmp_path / "owner-token"
    assert (file.read_text(), file.stat().st_mode & 0o777) == (f"{secret}\n", 0o600)
    who = await catalog.check_token(secret)
    assert who is not None
    assert (who.role, who.workspace) == ("owner", "default")
    file.write_text("")  # shall not be kept there
    assert await ensure_owner(catalog, tmp_path) is None
    file.unlink()
    assert await ensure_owner(catalog, tmp_path) not in (None, secret)
    await catalog.close()


def health() -> Health:
    return Health(lease="held")


def app_of(catalog: Catalog, settings: Settings) -> web.Application:
    reader = JournalReader(Path(settings.data_dir))
    return make_app(
        catalog,
        settings=settings,
        clock=SystemClock(),
        health=health,
        formats=("square",),
        sessions=reader,
        replays=no_replay,
    )


@pytest.mark.parametrize(
    ("env", "code"), [({"CLIPD_API__HOST": "0.0.0.0"}, "no_token"), ({"CLIPD_API__HOST": "192.0.2.1"}, "no_token")]
)
async def test_nobody_listens_to_the_network_without_a_token(env: Mapping[str, str], code: str, tmp_path: Path) -> None:
    """With one it does."""
    catalog = await Catalog.open(f"sqlite:///{tmp_path}/catalog.db", SystemClock())
    settings = settings_of(tmp_path, **env)
    app = app_of(catalog, settings)
    with pytest.raises(UsageError) as caught:
        async with serve(app, settings):
            pass
    assert caught.value.code == code
    await catalog.close()


async def test_a_port_that_is_taken_is_named(api: Stage, tmp_path: Path) -> None:
    port = api.url.rpartition(":")[2]
    settings = settings_of(tmp_path, CLIPD_API__PORT=port)
    app = app_of(api.catalog, settings)
    with pytest.raises(UsageError) as caught:
        async with serve(app, settings):
            pass
    assert caught.value.code == "no_port"


async def test_what_is_deleted_is_gone_with_its_files_and_not_while_it_runs(api: Stage) -> None:
    """A clip, then its session; 409 until its worker has ended."""
    row = await api.stream()
    token, _ = await api.worker(row.id)
    line = {"type": "clip", "id": "c1", "revision": 1, "state": "final", "files": {}}
    rows = [{"seq": 1, "attempt": 1, "kind": "clip", "line": line}]
    await api.ask(
        "POST", "/internal/v1/events", {"session": f"s-{row.id}", "claim_token": 1, "rows": rows}, token=token
    )
    folder = Path(api.services.settings.data_dir) / "sessions" / f"s-{row.id}"
    (folder / "clips" / "c1" / "r1").mkdir(parents=True)
    for path in ("clips/c1", f"sessions/s-{row.id}"):
        assert (await api.ask("DELETE", path)).code == "session_running"
    await api.leading.set_claim(row.id, 1, state="done")
    assert (await api.ask("DELETE", "clips/c1")).status == 204
    assert (list((folder / "clips").iterdir()), (await api.ask("GET", "clips/c1")).status) == ([], 404)
    assert (await api.ask("DELETE", f"sessions/s-{row.id}")).status == 204
    assert (folder.exists(), (await api.ask("GET", f"sessions/s-{row.id}")).status) == (False, 404)


async def test_usage_is_shown_by_day_and_paged(api: Stage) -> None:
    """Of one's own workspace, from what its workers said."""
    row = await api.stream()
    token, _ = await api.worker(row.id)
    assert (await api.ask("GET", "usage")).body == {"items": [], "next": None}
    await say(api, token, "heartbeat", beat(row.id, media_s=90.0))
    await say(api, token, "events", batch(row.id, 1, (1, "clip", CLIP)))
    await api.catalog.set_stored({"default": 12})
    [day] = (await api.ask("GET", "usage?limit=1", role="admin")).body["items"]
    assert day == {
        "day": day["day"], "minutes": 1.5, "stored_bytes": 12, "clips": 1, "renders": 0, "llm_usd": 0.0,
        "accepted": 0, "llm_usd_per_accepted_clip": None,
    }  # fmt: skip
    assert (await api.ask("GET", "usage?after=nonsense")).code == "bad_cursor"
    [foreign] = (await api.ask("GET", "usage", workspace=FOREIGN)).body["items"]
    assert (foreign["minutes"], foreign["stored_bytes"]) == (0.0, 0)
