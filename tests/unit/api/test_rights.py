"""Who may ask what: every endpoint of the router, by every role, in one's own workspace and in another's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from core.control import Heartbeat
from core.ids import SessionId, StreamId
from supervisor.api.call import ForAll, ForUsers, ForWorkers
from supervisor.api.roles import rank
from supervisor.api.table import API, TABLE
from supervisor.catalog.values import JobRow, JobState, Role, StepRow
from tests.unit.api.stage import FOREIGN, ROLES, Stage

TWITCH: Final = {"source": "https://www.twitch.tv/new"}
BODIES: Final[dict[tuple[str, str], Any]] = {
    ("POST", "/streams"): TWITCH,
    ("PATCH", "/streams/{id}"): {"priority": 1},
    ("POST", "/streams/{id}/clip-now"): {"last_s": 5},
    ("POST", "/jobs"): {"source_url": "https://example.org/a.mp4"},
    ("POST", "/clips/{id}/render"): {"formats": ["square"]},
    ("PATCH", "/clips/{id}"): {"title": "A goal"},
    ("POST", "/clips/{id}/trim"): {"start_s": 1, "end_s": 5},
    ("POST", "/sessions/{id}/cut"): {"start_s": 1, "end_s": 5},
    ("POST", "/tokens"): {"role": "viewer"},
}


@dataclass(frozen=True)
class Row:
    """One endpoint: its pattern and the lowest role that passes."""

    method: str
    pattern: str
    role: Role

    @property
    def body(self) -> Any:
        """One that is taken."""
        return BODIES.get((self.method, self.pattern))


# The specification: an endpoint that is not written here fails the test below
MATRIX: Final = (
    Row("POST", "/streams", "editor"),
    Row("GET", "/streams", "viewer"),
    Row("GET", "/streams/{id}", "viewer"),
    Row("PATCH", "/streams/{id}", "editor"),
    Row("DELETE", "/streams/{id}", "editor"),
    Row("POST", "/streams/{id}/pause", "editor"),
    Row("POST", "/streams/{id}/resume", "editor"),
    Row("POST", "/streams/{id}/clip-now", "editor"),
    Row("GET", "/streams/{id}/health", "viewer"),
    Row("GET", "/sessions", "viewer"),
    Row("GET", "/sessions/{id}", "viewer"),
    Row("DELETE", "/sessions/{id}", "editor"),
    Row("GET", "/clips", "viewer"),
    Row("GET", "/clips/{id}", "viewer"),
    Row("POST", "/clips/{id}/render", "editor"),
    Row("DELETE", "/clips/{id}", "editor"),
    Row("POST", "/clips/{id}/approve", "editor"),
    Row("POST", "/clips/{id}/reject", "editor"),
    Row("PATCH", "/clips/{id}", "editor"),
    Row("POST", "/clips/{id}/trim", "editor"),
    Row("POST", "/sessions/{id}/cut", "editor"),
    Row("POST", "/sessions/{id}/near-misses/{moment}/cut", "editor"),
    Row("GET", "/profiles", "viewer"),
    Row("POST", "/profiles/{name}/diff", "editor"),
    Row("POST", "/jobs", "editor"),
    Row("GET", "/jobs", "viewer"),
    Row("GET", "/jobs/{id}", "viewer"),
    Row("DELETE", "/jobs/{id}", "editor"),
    Row("POST", "/jobs/{id}/retry", "editor"),
    Row("POST", "/tokens", "admin"),
    Row("GET", "/tokens", "admin"),
    Row("DELETE", "/tokens/{id}", "admin"),
    Row("GET", "/audit", "admin"),
    Row("GET", "/usage", "admin"),
    Row("GET", "/events", "viewer"),
)
OPEN: Final = {"/api/v1/hooks/rtmp/publish", "/api/v1/hooks/rtmp/done", "/healthz", "/readyz", "/metrics"}


def plain(path: str) -> str:
    """Without the expressions of its parts."""
    return re.sub(r"\{(\w+):.*?\}\}", r"{\1}", path)


def test_the_matrix_has_every_endpoint_of_the_router(api: Stage) -> None:
    """100 %: what is served is in the table, and what is in the table is here with its role, or open, or a worker's."""
    served = {
        (route.method, route.resource.canonical) for route in api.app.router.routes() if route.resource is not None
    }
    canonical = {(each.method, plain(each.path)) for each in TABLE}
    assert served == canonical
    users = {
        (each.method, plain(each.path).removeprefix(API)): each.role for each in TABLE if isinstance(each, ForUsers)
    }
    assert users == {(row.method, row.pattern): row.role for row in MATRIX}
    assert {each.path for each in TABLE if isinstance(each, ForAll)} == OPEN
    others = [each for each in TABLE if not isinstance(each, ForUsers | ForAll)]
    assert all(isinstance(each, ForWorkers) and each.path.startswith("/internal/v1/") for each in others)


JOBS: Final[tuple[tuple[str, JobState], ...]] = (("j", "failed"), ("k", "ingesting"))


def test_the_page_for_users_names_every_endpoint() -> None:
    """With its role."""
    page = (Path(__file__).parents[3] / "docs" / "api.md").read_text()
    missing = [row for row in MATRIX if f"| `{row.method} {row.pattern}` | {row.role} |" not in page]
    assert missing == []
    assert [path for path in OPEN if path.removeprefix(API) not in page] == []


async def things(api: Stage, workspace: str) -> dict[str, str]:
    """One of everything that has an id, by the area it is in."""
    row = await api.stream(f"made-{workspace}", workspace=workspace)
    await api.worker(row.id)
    failed = (StepRow(name="ingest", state="failed"),)
    for id_, state in JOBS:
        await api.catalog.add_job(
            JobRow(
                id=f"{id_}-{workspace}",
                workspace=workspace,
                stream=row.id,
                state=state,
                source=row.source,
                steps=failed,
            )
        )
    line = {"type": "clip", "id": f"c-{workspace}", "revision": 1, "state": "final", "files": {"master": "/m.mp4"}}
    await give(api, str(row.id), "clip", line)
    await give(api, str(row.id), "moment", {"id": "m1", "state": "rejected", "start_s": 1.0, "end_s": 9.0})
    token, _ = await api.catalog.new_token(workspace, "viewer", "to be revoked")
    return {
        "streams": row.id, "sessions": f"s-{row.id}", "clips": f"c-{workspace}", "jobs": f"j-{workspace}",
        "tokens": token.id,
    }  # fmt: skip


async def give(api: Stage, stream: str, kind: str, line: dict[str, Any]) -> None:
    """A clip or a moment, as a worker hands it in."""
    text = await api.catalog.issue_worker_token(StreamId(stream), 1, 60)
    rows = [{"seq": 1 if kind == "clip" else 2, "attempt": 1, "kind": kind, "line": line}]
    body = {"session": f"s-{stream}", "claim_token": 1, "rows": rows}
    assert (await api.ask("POST", "/internal/v1/events", body, token=text)).status == 200


async def end(api: Stage, ids: dict[str, str]) -> None:
    """Nothing works on them any more; the folder of all sessions is there."""
    Path(api.services.settings.data_dir, "sessions").mkdir()
    await api.leading.set_claim(StreamId(ids["streams"]), 1, state="done")
    await api.catalog.change_job("default", "k-default", state="cancelled")


def path_of(row: Row, ids: dict[str, str]) -> str:
    """The pattern with an id in it; of jobs one that runs where it is to be cancelled, else one that failed."""
    if row.method == "DELETE" and "/jobs/" in row.pattern:
        ids = {**ids, "jobs": ids["jobs"].replace("j-", "k-")}
    named = {"{id}": ids.get(row.pattern.split("/")[1], ""), "{moment}": "m1", "{name}": "gaming"}
    return re.sub(r"\{\w+\}", lambda part: named[part[0]], row.pattern.lstrip("/"))


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: f"{row.method} {row.pattern}")
async def test_each_role_passes_where_it_may_and_nobody_else(row: Row, api: Stage) -> None:
    """Below the role: 403 and nothing done. No token, a wrong one: 401. Another workspace's thing: 404, as if it were
    not there, for its owner too."""
    ours, theirs = await things(api, "default"), await things(api, FOREIGN)
    if row.pattern == "/events":
        await check_events(row, api)
        return
    assert (await api.ask(row.method, path_of(row, ours), row.body, role=None)).code == "unauthorized"
    assert (await api.ask(row.method, path_of(row, ours), row.body, token="cd_x_y")).code == "unauthorized"
    worker = await api.catalog.issue_worker_token(StreamId(ours["streams"]), 1, 60)
    assert (await api.ask(row.method, path_of(row, ours), row.body, token=worker)).code == "unauthorized"
    for role in ROLES:
        if rank(role) < rank(row.role):
            answer = await api.ask(row.method, path_of(row, ours), row.body, role=role)
            assert (answer.status, answer.code) == (403, "forbidden"), role
        if "{id}" in row.pattern:
            answer = await api.ask(row.method, path_of(row, theirs), row.body, role=role)
            assert answer.status == (404 if rank(role) >= rank(row.role) else 403), role
            missing = dict.fromkeys(ours, "nobody")
            nothing = await api.ask(row.method, path_of(row, missing), row.body, role=role)
            theirs_id = path_of(row, theirs).split("/")[1]
            assert answer.body["error"]["message"].replace(theirs_id, "nobody") == nothing.body["error"]["message"]
    if row.method == "DELETE" and row.pattern.startswith(("/sessions", "/clips")):
        await end(api, ours)
    before = await api.catalog.audits(None, limit=200)
    assert not [audit for audit in before.rows if audit.actor in {each.id for each in api.rows.values()}]
    allowed = [role for role in ROLES if rank(role) >= rank(row.role)]
    first = await api.ask(row.method, path_of(row, ours), row.body, role=allowed[0])
    assert first.status in (200, 201, 202, 204), first
    if row.method == "GET":
        assert FOREIGN not in first.text
        seen = [(await api.ask("GET", path_of(row, ours), role=role)).status for role in allowed]
        assert set(seen) == {200}


async def check_events(row: Row, api: Stage) -> None:
    """It never ends by itself: only its beginning is looked at."""
    assert (await api.ask("GET", "events", role=None)).code == "unauthorized"
    for role in ROLES:
        headers = {"Authorization": f"Bearer {api.tokens['default', role]}"}
        async with api.client.get(f"{api.url}/api/v1/events?after=0", headers=headers) as answer:
            assert answer.status == 200
            text = b"".join([await answer.content.readuntil(b"\n\n") for _ in range(2)])
        assert b"c-default" in text
        assert FOREIGN.encode() not in text


@pytest.mark.parametrize("endpoint", [each for each in TABLE if isinstance(each, ForWorkers)], ids=lambda e: e.path)
async def test_users_tokens_open_no_worker_endpoint(endpoint: ForWorkers, api: Stage) -> None:
    """Not the owner's either; nor do a worker's token and its renewal secret stand in for each other."""
    row = await api.stream()
    token, renewal = await api.worker(row.id)
    wrong = token if endpoint.renewal else renewal
    for text in (None, api.tokens["default", "owner"], wrong, "cw_x_y"):
        answer = await api.ask(endpoint.method, endpoint.path, {}, role=None, token=text)
        assert answer.code == "unauthorized"


async def test_a_worker_speaks_for_its_own_claim_only(api: Stage) -> None:
    """Whatever its body says: not for another session, attempt or stream."""
    one, two = await api.stream("one"), await api.stream("two")
    token, _ = await api.worker(one.id)
    await api.worker(two.id)
    beat = Heartbeat(
        session=f"s-{two.id}", claim_token=1, state="live", progress=1, media_s=1, lag_s=0, rss_bytes=1, ring_bytes=1,
        disk_free_bytes=1, undelivered=0,
    )  # fmt: skip
    hello = {
        "stream": two.id, "session": f"s-{one.id}", "claim_token": 1, "attempt": 1, "pid": 1, "version": "", "node": "",
    }  # fmt: skip
    for path, body in (
        ("heartbeat", beat.to_json()),
        ("heartbeat", {**beat.to_json(), "session": f"s-{one.id}", "claim_token": 2}),
        ("hello", hello),
        ("events", {"session": f"s-{two.id}", "claim_token": 1, "rows": []}),
        ("live", {"session": f"s-{two.id}", "claim_token": 1, "t_s": 1}),
    ):
        answer = await api.ask("POST", f"/internal/v1/{path}", body, token=token)
        assert (answer.status, answer.code) == (403, "foreign_claim"), path
    assert (await api.catalog.session(None, SessionId(f"s-{two.id}"))).state == "starting"


async def test_nobody_hands_out_more_than_they_have(api: Stage) -> None:
    """An admin makes admins, not owners, and revokes none of these."""
    assert (await api.ask("POST", "tokens", {"role": "owner"}, role="admin")).code == "forbidden"
    owner = api.rows["default", "owner"].id
    assert (await api.ask("DELETE", f"tokens/{owner}", role="admin")).code == "forbidden"
    made = await api.ask("POST", "tokens", {"role": "admin", "name": "ci", "expires_in_s": 3600}, role="admin")
    assert (made.status, made.body["role"], made.body["expires"] is not None) == (201, "admin", True)
    assert (await api.ask("GET", "streams", token=made.body["secret"])).status == 200
    assert (await api.ask("DELETE", f"tokens/{made.body['id']}", token=made.body["secret"])).status == 204
    assert (await api.ask("GET", "streams", token=made.body["secret"])).code == "unauthorized"
    listed = await api.ask("GET", "tokens", role="admin")
    assert made.body["secret"] not in listed.text
    assert [item["revoked"] for item in listed.body["items"]].count(True) == 1
