"""Recording rooms: links into them, who is let in, and with what consent."""

from __future__ import annotations

import base64
import hmac
import json
import uuid
from pathlib import Path

import pytest

from core.times import ns
from tests.fakes import FakeClock
from tests.unit.api.guests import Guest, join, new_invite, new_room
from tests.unit.api.stage import FOREIGN, Stage, stage
from tests.unit.api.test_rights import give


async def test_a_room_is_a_stream_that_is_open_while_it_is_wanted(api: Stage) -> None:
    """Its stream has its name and its options; closing pauses it, and nobody but the room deletes it."""
    room = await new_room(api, layout="split", max_people=3)
    assert (room["state"], room["worker"]) == ("open", None)
    stream = (await api.ask("GET", f"streams/{room['stream']}")).body
    assert (stream["source"], stream["rights"], stream["wanted"]) == ("room:", "consent", "running")
    assert stream["options"] == {"room": room["id"], "room_layout": "split", "room_people": 3}
    assert (await api.ask("POST", "rooms", {"name": "studio"})).code == "room_taken"
    changed = await api.ask("PATCH", f"rooms/{room['id']}", {"name": "late show", "layout": "grid", "state": "closed"})
    assert (changed.body["state"], changed.body["name"]) == ("closed", "late show")
    stream = (await api.ask("GET", f"streams/{room['stream']}")).body
    assert (stream["name"], stream["wanted"], stream["options"]["room_layout"]) == ("late show", "paused", "grid")
    assert (await api.ask("DELETE", f"streams/{room['stream']}")).code == "room_stream"
    assert (await api.ask("PATCH", f"streams/{room['stream']}", {"source": "https://a.example/b"})).code == "other_kind"
    assert (await api.ask("POST", "streams", {"source": "room:"})).code == "file_refused"
    assert (await api.ask("PATCH", f"rooms/{room['id']}", {})).code == "invalid"
    assert (await api.ask("DELETE", f"rooms/{room['id']}")).status == 204
    assert (await api.ask("GET", f"rooms/{room['id']}")).code == "not_found"
    assert (await api.ask("GET", f"streams/{room['stream']}")).code == "not_found"


async def test_an_invite_is_a_link_whose_secret_no_server_keeps(api: Stage) -> None:
    """128 bits, in the fragment, shown once."""
    room = await new_room(api)
    made = await new_invite(api, room["id"], role="host", uses=None, expires_s=60)
    assert made["url"] == f"{api.url}/room/{room['id']}#{made['secret']}"
    assert len(made["secret"]) == 22
    [listed] = (await api.ask("GET", f"rooms/{room['id']}/invites")).body["items"]
    assert (listed["id"], listed["role"], listed["used"]) == (made["id"], "host", False)
    assert made["secret"] not in str(listed)
    assert made["secret"].encode() not in (Path(api.services.settings.data_dir) / "catalog.db").read_bytes()


async def test_who_has_a_link_joins_and_is_the_same_participant_again(api: Stage) -> None:
    """In the same browser; the name may change. A link for all makes a participant of each browser."""
    room = await new_room(api)
    client, link = str(uuid.uuid4()), await new_invite(api, room["id"])
    first = (await join(api, room["id"], link["secret"], client_id=client)).body
    again = (await join(api, room["id"], link["secret"], client_id=client, name="Anna")).body
    assert first["participant"] == again["participant"]
    assert (first["role"], first["room"]) == ("guest", {"id": room["id"], "name": "studio"})
    assert first["limits"] == {"chunk_bytes": 4 << 20, "max_kbps": 1200, "max_people": 6}
    assert (first["ice_servers"], first["token_s"], first["upload_token_s"]) == ([], 900, 604_800)
    for_all = await new_invite(api, room["id"], uses=None, role="producer")
    many = [(await join(api, room["id"], for_all["secret"])).body["participant"] for _ in range(3)]
    assert len({first["participant"], *many}) == 4
    people = await api.catalog.people(room["id"])
    assert people[first["participant"]].name == "Anna"


async def test_turn_servers_are_told_with_credentials_that_expire(tmp_path: Path) -> None:
    """Made of the secret that the server knows too, which nobody is shown; others are told as they stand."""
    servers = [
        {"urls": ["turn:turn.example.org"], "secret": "known to both"},
        {"urls": ["stun:stun.example.org"]},
    ]
    clock = FakeClock()
    async with stage(tmp_path, clock=clock, CLIPD_ROOMS__ICE_SERVERS=json.dumps(servers)) as api:
        guest = await Guest.of(api)
        turn, stun = guest.joined["ice_servers"]
        assert turn["username"] == f"{clock.wall_ns() // 10**9 + 86_400}:{guest.id}"
        right = hmac.digest(b"known to both", turn["username"].encode(), "sha1")
        assert base64.b64decode(turn["credential"]) == right
        assert stun == {"urls": ["stun:stun.example.org"], "username": None, "credential": None}
        assert "known to both" not in str(guest.joined)


async def test_links_that_let_nobody_in(tmp_path: Path) -> None:
    """Wrong, of another room, used by another browser, expired, revoked: each says which. Who came in before an expiry
    comes in again; after a revocation nobody does."""
    clock = FakeClock()
    async with stage(tmp_path, clock=clock) as api:
        room, other = (await new_room(api))["id"], (await new_room(api, "other"))["id"]
        link = await new_invite(api, room, expires_s=100)
        client = str(uuid.uuid4())
        refused = {
            "wrong": await join(api, room, "x" * 22),
            "foreign": await join(api, other, link["secret"]),
        }
        assert [(each.status, each.code) for each in refused.values()] == [(403, "invite_unknown")] * 2
        assert (await join(api, room, link["secret"], client_id=client)).status == 200
        used = await join(api, room, link["secret"])
        assert (used.status, used.code) == (403, "invite_used")
        clock.advance(ns(101))
        late = await new_invite(api, room, expires_s=1, uses=None)
        clock.advance(ns(2))
        expired = await join(api, room, late["secret"])
        assert (expired.status, expired.code) == (403, "invite_expired")
        assert (await join(api, room, link["secret"], client_id=client)).status == 200
        assert (await api.ask("DELETE", f"rooms/{other}/invites/{link['id']}")).code == "not_found"
        assert (await api.ask("DELETE", f"rooms/{room}/invites/{link['id']}")).status == 204
        revoked = await join(api, room, link["secret"], client_id=client)
        assert (revoked.status, revoked.code) == (403, "invite_revoked")
        assert (await join(api, "rm0", link["secret"])).code == "not_found"


async def test_nobody_joins_without_accepting_the_notice_as_it_is_now(api: Stage) -> None:
    """What was accepted is kept, text and hash, for each text once."""
    room = (await new_room(api, notice="You are recorded."))["id"]
    link = await new_invite(api, room)
    client = str(uuid.uuid4())
    assert (await join(api, room, link["secret"], consent=False)).code == "consent_missing"
    stale = await join(api, room, link["secret"], notice="0" * 64, client_id=client)
    assert (stale.status, stale.code) == (403, "consent_missing")
    for text in ("You are recorded.", "You are recorded, and published."):
        await api.ask("PATCH", f"rooms/{room}", {"notice": text})
        for _ in range(2):
            assert (await join(api, room, link["secret"], client_id=client)).status == 200
    kept = await api.catalog.consents(room)
    assert [each.text for each in kept] == ["You are recorded.", "You are recorded, and published."]
    assert {each.person for each in kept} == set(await api.catalog.people(room))


async def test_a_closed_room_lets_nobody_in(api: Stage) -> None:
    """Nor is anything recorded there."""
    room = await new_room(api)
    link = await new_invite(api, room["id"])
    await api.ask("PATCH", f"rooms/{room['id']}", {"state": "closed"})
    closed = await join(api, room["id"], link["secret"])
    assert (closed.status, closed.code) == (409, "room_closed")
    assert (await api.ask("POST", f"rooms/{room['id']}/stop")).code == "room_closed"


async def test_links_are_not_tried_by_the_thousand(api: Stage) -> None:
    """By address."""
    room = (await new_room(api))["id"]
    answers = [await join(api, room, "x" * 22) for _ in range(31)]
    assert (answers[0].status, answers[-1].status) == (403, 429)
    assert int(answers[-1].headers["Retry-After"]) >= 1


async def test_a_session_is_refreshed_while_it_is_good(tmp_path: Path) -> None:
    """15 minutes; not by an upload token, not for another room, not after the link was revoked."""
    clock = FakeClock()
    async with stage(tmp_path, clock=clock) as api:
        guest = await Guest.of(api)
        token = guest.joined["token"]
        path = f"rooms/{guest.room}/refresh"
        assert (await guest.ask("POST", path)).code == "unauthorized"
        other = await new_room(api, "other")
        assert (await api.ask("POST", f"rooms/{other['id']}/refresh", role=None, token=token)).code == "not_found"
        clock.advance(ns(899))
        fresh = (await api.ask("POST", path, role=None, token=token)).body
        clock.advance(ns(2))
        assert (await api.ask("POST", path, role=None, token=token)).code == "token_over"
        assert (await api.ask("POST", path, role=None, token=fresh["token"])).status == 200
        forged = fresh["token"][:-1] + ("A" if fresh["token"][-1] != "A" else "B")
        assert (await api.ask("POST", path, role=None, token=forged)).code == "unauthorized"
        [link] = (await api.ask("GET", f"rooms/{guest.room}/invites")).body["items"]
        await api.ask("DELETE", f"rooms/{guest.room}/invites/{link['id']}")
        assert (await api.ask("POST", path, role=None, token=fresh["token"])).code == "invite_revoked"
        assert (await guest.ask("GET", f"rooms/{guest.room}/mine")).status == 200


async def test_start_and_stop_are_told_to_the_rooms_worker(tmp_path: Path) -> None:
    """A closed room is opened; without a worker in time one is asked to come again."""
    async with stage(tmp_path) as api:
        room = await new_room(api)
        token, _ = await api.worker(room["stream"])
        await api.ask("PATCH", f"rooms/{room['id']}", {"state": "closed"})
        told = await api.ask("POST", f"rooms/{room['id']}/start", role="editor")
        assert told.status == 202
        assert (await api.ask("GET", f"rooms/{room['id']}")).body["state"] == "open"
        assert (await api.ask("POST", f"rooms/{room['id']}/stop", role="editor")).body["take"] is None
        [start, stop] = (await api.ask("GET", "/internal/v1/commands?after=0&wait_s=0", token=token)).body["commands"]
        assert (start["kind"], start["args"]) == ("rec-start", {"take": told.body["take"]})
        assert stop["kind"] == "rec-stop"
        line = {"id": told.body["take"], "room": room["id"], "state": "recording", "start_s": 0.0, "participants": []}
        await give(api, room["stream"], "take", line)
        again = await api.ask("POST", f"rooms/{room['id']}/start", role="editor")
        assert again.body["take"] == told.body["take"]


async def test_rooms_are_their_workspaces_only(api: Stage) -> None:
    room = await new_room(api)
    assert (await api.ask("GET", "rooms", workspace=FOREIGN)).body["items"] == []
    assert [each["id"] for each in (await api.ask("GET", "rooms")).body["items"]] == [room["id"]]


@pytest.mark.parametrize("name", ["rm0", "studio"])
async def test_the_page_is_the_same_for_all_rooms(name: str, api: Stage) -> None:
    """It says nothing of whether there is such a room; it may use the devices, and nobody may frame it."""
    answer = await api.ask("GET", f"/room/{name}", role=None)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "camera=(self)" in answer.headers["Permissions-Policy"]
