"""Who may ask what: every endpoint of the router, by every role, in one's own workspace and in another's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from core.control import Heartbeat
from core.ids import SessionId, StreamId
from supervisor.api.call import ForAll, ForUsers, ForWorkers
from supervisor.api.cookies import COOKIE, CSRF, csrf_of
from supervisor.api.openapi import success, template_of
from supervisor.api.roles import rank
from supervisor.api.scopes import SCOPES, needed
from supervisor.api.table import API, TABLE
from supervisor.catalog.room_values import RoomRow
from supervisor.catalog.values import (
    DEFAULT_WORKSPACE,
    ChannelRow,
    JobRow,
    JobState,
    Role,
    StepRow,
    StreamRow,
    UploadRow,
)
from supervisor.uploads import Upload
from tests.unit.api.described import problems
from tests.unit.api.recorded import record
from tests.unit.api.stage import FOREIGN, ROLES, Answer, Stage, stage

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
    ("POST", "/sessions/{id}/chat"): {"messages": [{"user": "bo", "text": "what a goal"}]},
    ("POST", "/tokens"): {"role": "viewer"},
    ("POST", "/tokens/{id}/rotate"): {"overlap_s": 60},
    ("POST", "/members"): {"name": "cleo", "role": "viewer", "password": "a very long word"},
    ("PATCH", "/members/{id}"): {"role": "viewer"},
    ("POST", "/workspaces"): {"name": "Another"},
    ("PATCH", "/workspaces/{id}"): {"name": "Renamed"},
    ("POST", "/uploads"): {"name": "a", "bytes": 1},
    ("PUT", "/uploads/{id}/chunks/{seq}.part"): b"x",
    ("POST", "/channels"): {"name": "n8n", "kind": "webhook", "target": "https://n8n.example.org/webhook/1"},
    ("PATCH", "/channels/{id}"): {"enabled": True},
    ("POST", "/channels/{id}/rotate"): {},
    ("POST", "/clips/{id}/publish"): {},
    ("POST", "/rooms"): {"name": "new room"},
    ("PATCH", "/rooms/{id}"): {"layout": "split"},
    ("POST", "/rooms/{id}/invites"): {"role": "guest"},
}
NOT_NARROWED: Final = {"/members", "/members/{id}", "/workspaces", "/tokens", "/tokens/{id}/rotate"}  # hand out a role
HEADERS: Final[dict[tuple[str, str], dict[str, str]]] = {  # that a body needs, beside those of JSON
    ("PUT", "/uploads/{id}/chunks/{seq}.part"): {
        "Content-Type": "application/octet-stream",
        "X-Clipd-Sha256": hashlib.sha256(b"x").hexdigest(),
    },
}
PARTS: Final[dict[str, str]] = {
    "seq": "0",
    "moment": "m1",
    "name": "gaming",
    "take": "t1",
}  # of a pattern, beside its id, by name


@dataclass(frozen=True)
class Row:
    """One endpoint: its pattern and the lowest role that passes; `home`: the workspace that asks."""

    method: str
    pattern: str
    role: Role
    home: str = DEFAULT_WORKSPACE

    def __str__(self) -> str:
        return f"{self.method} {self.pattern}"

    @property
    def body(self) -> Any:
        """One that is taken."""
        return BODIES.get((self.method, self.pattern))

    @property
    def endpoint(self) -> ForUsers:
        """Of the table."""
        [found] = [
            each for each in TABLE if (each.method, template_of(each.path)[0]) == (self.method, f"{API}{self.pattern}")
        ]
        assert isinstance(found, ForUsers)
        return found

    @property
    def scope(self) -> str | None:
        """What a narrowed token needs for it."""
        return needed(self.method, f"{API}{self.pattern}")


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
    Row("GET", "/live", "viewer"),
    Row("GET", "/sessions", "viewer"),
    Row("GET", "/sessions/{id}", "viewer"),
    Row("DELETE", "/sessions/{id}", "editor"),
    Row("GET", "/sessions/{id}/transcript", "viewer"),
    Row("GET", "/sessions/{id}/transcript.json", "viewer"),
    Row("GET", "/sessions/{id}/transcript.srt", "viewer"),
    Row("GET", "/sessions/{id}/transcript.vtt", "viewer"),
    Row("GET", "/sessions/{id}/signals", "viewer"),
    Row("GET", "/sessions/{id}/moments", "viewer"),
    Row("GET", "/sessions/{id}/near-misses", "viewer"),
    Row("GET", "/sessions/{id}/playlist.m3u8", "viewer"),
    Row("GET", "/clips", "viewer"),
    Row("GET", "/clips/{id}", "viewer"),
    Row("POST", "/clips/{id}/render", "editor"),
    Row("GET", "/clips/{id}/revisions", "viewer"),
    Row("DELETE", "/clips/{id}", "editor"),
    Row("POST", "/clips/{id}/approve", "editor"),
    Row("POST", "/clips/{id}/reject", "editor"),
    Row("PATCH", "/clips/{id}", "editor"),
    Row("POST", "/clips/{id}/trim", "editor"),
    Row("POST", "/sessions/{id}/cut", "editor"),
    Row("POST", "/sessions/{id}/chat", "editor"),
    Row("POST", "/sessions/{id}/near-misses/{moment}/cut", "editor"),
    Row("GET", "/profiles", "viewer"),
    Row("POST", "/profiles/{name}/diff", "editor"),
    Row("POST", "/jobs", "editor"),
    Row("GET", "/jobs", "viewer"),
    Row("GET", "/jobs/{id}", "viewer"),
    Row("DELETE", "/jobs/{id}", "editor"),
    Row("POST", "/jobs/{id}/retry", "editor"),
    Row("POST", "/uploads", "editor"),
    Row("GET", "/uploads/{id}", "editor"),
    Row("PUT", "/uploads/{id}/chunks/{seq}.part", "editor"),
    Row("POST", "/uploads/{id}/final", "editor"),
    Row("DELETE", "/uploads/{id}", "editor"),
    Row("POST", "/rooms", "editor"),
    Row("GET", "/rooms", "viewer"),
    Row("GET", "/rooms/{id}", "viewer"),
    Row("PATCH", "/rooms/{id}", "editor"),
    Row("DELETE", "/rooms/{id}", "editor"),
    Row("POST", "/rooms/{id}/invites", "editor"),
    Row("GET", "/rooms/{id}/invites", "viewer"),
    Row("DELETE", "/rooms/{id}/invites/{invite}", "editor"),
    Row("POST", "/rooms/{id}/start", "editor"),
    Row("POST", "/rooms/{id}/stop", "editor"),
    Row("GET", "/rooms/{id}/takes", "viewer"),
    Row("GET", "/rooms/{id}/takes/{take}", "viewer"),
    Row("POST", "/tokens", "admin"),
    Row("GET", "/tokens", "admin"),
    Row("DELETE", "/tokens/{id}", "admin"),
    Row("POST", "/tokens/{id}/rotate", "admin"),
    Row("GET", "/me", "viewer"),
    Row("POST", "/sign-out", "viewer"),
    Row("POST", "/members", "admin"),
    Row("GET", "/members", "admin"),
    Row("PATCH", "/members/{id}", "admin"),
    Row("DELETE", "/members/{id}", "admin"),
    Row("POST", "/workspaces", "owner"),
    Row("GET", "/workspaces", "admin"),
    Row("PATCH", "/workspaces/{id}", "owner", home=FOREIGN),  # owners of the first one rename all
    Row("GET", "/audit", "admin"),
    Row("GET", "/usage", "admin"),
    Row("GET", "/events", "viewer"),
    Row("POST", "/channels", "admin"),
    Row("GET", "/channels", "viewer"),
    Row("GET", "/channels/{id}", "viewer"),
    Row("PATCH", "/channels/{id}", "admin"),
    Row("DELETE", "/channels/{id}", "admin"),
    Row("POST", "/channels/{id}/test", "admin"),
    Row("POST", "/channels/{id}/rotate", "admin"),
    Row("GET", "/channels/{id}/deliveries", "viewer"),
    Row("POST", "/deliveries/{id}/replay", "editor"),
    Row("POST", "/clips/{id}/publish", "editor"),
    Row("GET", "/llm", "viewer"),
)
OPEN: Final = {
    "/api/v1/sign-in", "/api/v1/openapi.json", "/api/v1/hooks/rtmp/publish", "/api/v1/hooks/rtmp/done",
    "/api/v1/hooks/{name}", "/healthz", "/readyz", "/metrics", "/", "/assets/{name}",
    "/api/v1/sessions/{id}/segments/{name}", "/api/v1/clips/{id}/files/{name}",
    "/api/v1/rooms/{id}/takes/{take}/files/{name}", "/api/v1/rooms/{id}/notice", "/api/v1/rooms/{id}/join",
    "/api/v1/rooms/{id}/refresh", "/api/v1/rooms/{id}/mine", "/api/v1/rooms/{id}/segments", "/api/v1/rooms/{id}/ws",
    "/room/{id}", "/api/v1/whip", "/api/v1/whip/{key}", "/api/v1/whip/session/{offer}", "/api/v1/whip/{key}/{offer}",
}  # fmt: skip


def test_the_matrix_has_every_endpoint_of_the_router(api: Stage) -> None:
    """100 %: what is served is in the table, and what is in the table is here with its role, or open, or a worker's."""
    served = {
        (route.method, route.resource.canonical) for route in api.app.router.routes() if route.resource is not None
    }
    canonical = {(each.method, template_of(each.path)[0]) for each in TABLE}
    assert served == canonical
    users = {
        (each.method, template_of(each.path)[0].removeprefix(API)): each.role
        for each in TABLE
        if isinstance(each, ForUsers)
    }
    assert users == {(row.method, row.pattern): row.role for row in MATRIX}
    assert {template_of(each.path)[0] for each in TABLE if isinstance(each, ForAll)} == OPEN
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
    row = await api.stream(f"made-{workspace}", workspace=workspace, rights="own", options={"chat": "api"})
    channel = await api.catalog.add_channel(
        ChannelRow(
            id=f"a-{workspace}", workspace=workspace, name="there", kind="webhook", target="https://127.0.0.1:1/refused"
        )
    )
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
    record(Path(api.services.settings.data_dir), SessionId(f"s-{row.id}"))  # makes the session's folder
    room = await new_room(api, workspace)
    token, _ = await api.catalog.new_token(workspace, "viewer", "to be revoked")
    member = await api.catalog.add_member(workspace, f"ann@{workspace}", "viewer", "$argon2id$")
    brought = Row("PUT", "/uploads/{id}/chunks/{seq}.part", "owner")
    await api.catalog.add_upload(UploadRow(id=f"u-{workspace}", workspace=workspace, name="x", bytes=1), most_open=9)
    Upload(Path(api.services.settings.data_dir), f"u-{workspace}", 1).make()
    assert (
        await send(api, brought, f"uploads/u-{workspace}/chunks/0.part", role="owner", workspace=workspace)
    ).status == 200
    return {
        "streams": row.id, "sessions": f"s-{row.id}", "clips": f"c-{workspace}", "jobs": f"j-{workspace}",
        "tokens": token.id, "members": member.id, "workspaces": workspace, "uploads": f"u-{workspace}",
        **room, "channels": channel.id, "deliveries": (await api.catalog.deliveries(workspace, channel.id)).rows[0].id,
    }  # fmt: skip


async def new_room(api: Stage, workspace: str) -> dict[str, str]:
    """With a link, a take, and a worker that is there."""
    room = RoomRow(
        id=f"rm-{workspace}", workspace=workspace, stream=StreamId(f"room-{workspace}"), name="room", layout="grid",
        notice="You are recorded.", max_people=6,
    )  # fmt: skip
    await api.catalog.add_room(
        room,
        StreamRow(id=room.stream, workspace=workspace, name="room", source="room:", kind="stream", origin="api"),
    )
    invite, _ = await api.catalog.add_invite(workspace, room.id, "guest", uses=1, expires_ns=None)
    await api.worker(room.stream)
    line = {"id": "t1", "room": room.id, "state": "stopped", "start_s": 1.0, "participants": []}
    await give(api, room.stream, "take", line)
    return {"rooms": room.id, "invites": invite.id}


async def give(api: Stage, stream: str, kind: str, line: dict[str, Any]) -> None:
    """A clip or a moment, as a worker hands it in."""
    text = await api.catalog.issue_worker_token(StreamId(stream), 1, 60)
    rows = [{"seq": 1 if kind == "clip" else 2, "attempt": 1, "kind": kind, "line": line}]
    body = {"session": f"s-{stream}", "claim_token": 1, "rows": rows}
    assert (await api.ask("POST", "/internal/v1/events", body, token=text)).status == 200


async def end(api: Stage, ids: dict[str, str]) -> None:
    """Nothing works on them any more."""
    await api.leading.set_claim(StreamId(ids["streams"]), 1, state="done")
    await api.catalog.change_job("default", "k-default", state="cancelled")
    room = await api.catalog.room(None, ids["rooms"])
    await api.leading.set_claim(room.stream, 1, state="done")


def path_of(row: Row, ids: dict[str, str]) -> str:
    """The pattern with an id in it; of jobs one that runs where it is to be cancelled, else one that failed."""
    if row.method == "DELETE" and "/jobs/" in row.pattern:
        ids = {**ids, "jobs": ids["jobs"].replace("j-", "k-")}
    parts = {**PARTS, "invite": ids["invites"]}
    return row.pattern.lstrip("/").format(id=ids.get(row.pattern.split("/")[1], ""), **parts)


@pytest.mark.parametrize("row", [row for row in MATRIX if row.method != "GET"], ids=str)
async def test_the_least_that_may_does_it(row: Row, api: Stage) -> None:
    """The lowest role, narrowed to this one scope, or with the page's cookie."""
    ours = await things(api, row.home)
    if row.method == "DELETE" and row.pattern.startswith(("/sessions", "/clips", "/rooms")):
        await end(api, ours)
    actor = await check_the_least_passes(row, api, ours)
    done = [audit.action for audit in (await api.catalog.audits(row.home)).rows if audit.actor == actor]
    assert done == ([row.endpoint.action] if row.endpoint.action else [])


async def send(api: Stage, row: Row, path: str, headers: Mapping[str, str] | None = None, **who: Any) -> Answer:
    """With a body that is taken, of JSON or of bytes."""
    sent = {**HEADERS.get((row.method, row.pattern), {}), **(headers or {})}
    body = {"data": row.body} if isinstance(row.body, bytes) else {"body": row.body}
    return await api.ask(row.method, path, headers=sent, **body, **who)


async def check_the_least_passes(row: Row, api: Stage, ours: dict[str, str]) -> str:
    """What comes back is as it is described. Gives who asked."""
    scopes = () if row.scope is None or row.pattern in NOT_NARROWED else (row.scope,)
    token, text = await api.catalog.new_token(row.home, row.role, "least", scopes=scopes)
    _, cookie = await api.catalog.new_sign_in(token)
    sent: dict[str, Any] = {"token": text} if scopes else {"headers": cookies(cookie)}
    answer = await send(api, row, path_of(row, ours), role=None, **sent)
    assert answer.status == success(row.endpoint), (row, answer)
    assert problems(row.endpoint, answer.status, answer.body) == [], row
    return token.id


@pytest.mark.parametrize("part", range(4))
async def test_nobody_else_passes(part: int, tmp_path: Path) -> None:
    """Below the role or without the scope: 403. No token, a wrong one, the cookie without its CSRF text: no. Another
    workspace's thing: 404, as if it were not there, for its owner too. And nothing is done."""
    async with stage(tmp_path, CLIPD_API__REQUESTS_PER_MINUTE="100000", CLIPD_API__SIGN_IN_FAILURES="1000") as api:
        ids = {workspace: await things(api, workspace) for workspace in (DEFAULT_WORKSPACE, FOREIGN)}
        for row in MATRIX[part::4]:
            ours, theirs = ids[row.home], ids[DEFAULT_WORKSPACE if row.home == FOREIGN else FOREIGN]
            await check_who_may_not(row, api, ours)
            if "{id}" in row.pattern:
                await check_theirs(row, api, ours, theirs)
            if row.method == "GET" and row.pattern != "/events":
                await check_the_least_passes(row, api, ours)
                await check_seen(row, api, ours)
        assert (await api.catalog.audits(None)).rows == ()


async def check_seen(row: Row, api: Stage, ours: dict[str, str]) -> None:
    """Nothing of another workspace, but their names for the owners of the first one."""
    for role in ROLES[ROLES.index(row.role) :]:
        answer = await api.ask("GET", path_of(row, ours), role=role)
        assert answer.status == 200, (row, role)
        assert FOREIGN not in answer.text or (row.pattern, role) == ("/workspaces", "owner"), row


async def check_who_may_not(row: Row, api: Stage, ours: dict[str, str]) -> None:
    """Each is told why, and nothing is done."""
    path = path_of(row, ours)
    worker = await api.catalog.issue_worker_token(StreamId(ours["streams"]), 1, 60)
    for wrong in (None, "cd_x_y", worker):
        assert (await send(api, row, path, role=None, token=wrong)).code == "unauthorized", row
    for role in ROLES:
        if rank(role) < rank(row.role):
            answer = await send(api, row, path, role=role, workspace=row.home)
            assert (answer.status, answer.code) == (403, "forbidden"), (row, role)
    if row.scope is not None:
        narrow = tuple(scope for scope in SCOPES if scope not in (row.scope, row.scope.replace(":read", ":write")))
        _, text = await api.catalog.new_token(row.home, "owner", "narrow", scopes=narrow)
        assert (await send(api, row, path, token=text)).code == "scope", row
    _, cookie = await api.catalog.new_sign_in(api.rows[row.home, "owner"])
    assert (await send(api, row, path, role=None, headers=cookies(cookie[:-1] + "~"))).status == 401
    if row.method != "GET":
        right = cookies(cookie)
        for name, wrong_value in (
            (CSRF, None), (CSRF, "0" * 64), ("Origin", None), ("Origin", "https://stranger.example"),
            ("Origin", "null"), ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site"),
        ):  # fmt: skip
            sent = {key: value for key, value in {**right, name: wrong_value}.items() if value is not None}
            assert (await send(api, row, path, role=None, headers=sent)).code == "csrf", (row, name)


def cookies(text: str) -> dict[str, str]:
    """What our page sends in its browser."""
    return {
        "Cookie": f"{COOKIE}={text}",
        CSRF: csrf_of(text),
        "Origin": "http://127.0.0.1:8700",
        "Host": "127.0.0.1:8700",
    }


async def check_theirs(row: Row, api: Stage, ours: dict[str, str], theirs: dict[str, str]) -> None:
    """By its id it is answered like what is not there, by token and by cookie."""
    for role in ROLES:
        allowed = rank(role) >= rank(row.role)
        answer = await send(api, row, path_of(row, theirs), role=role, workspace=row.home)
        assert answer.status == (404 if allowed else 403), (row, role)
        missing = dict.fromkeys(ours, "nobody")
        nothing = await send(api, row, path_of(row, missing), role=role, workspace=row.home)
        theirs_id = path_of(row, theirs).split("/")[1]
        assert answer.body["error"]["message"].replace(theirs_id, "nobody") == nothing.body["error"]["message"]
    _, cookie = await api.catalog.new_sign_in(api.rows[row.home, "owner"])
    assert (await send(api, row, path_of(row, theirs), role=None, headers=cookies(cookie))).status == 404


async def test_events_are_told_to_their_workspace(api: Stage) -> None:
    """They never end by themselves: only the beginning is looked at."""
    await things(api, DEFAULT_WORKSPACE)
    await things(api, FOREIGN)
    _, cookie = await api.catalog.new_sign_in(api.rows[DEFAULT_WORKSPACE, "viewer"])
    tokens = [{"Authorization": f"Bearer {api.tokens[DEFAULT_WORKSPACE, role]}"} for role in ROLES]
    for headers in (*tokens, {"Cookie": f"{COOKIE}={cookie}"}):
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
