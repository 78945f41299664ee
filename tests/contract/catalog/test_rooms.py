"""Rooms, links, people and their tracks, on both databases."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from typing import Any

import pytest

from core.ids import SessionId
from core.times import ns
from supervisor.catalog import Catalog, Conflict, JoinRefused, NotFound
from supervisor.catalog.room_values import PersonRow, RoomRow, SegmentRow
from supervisor.catalog.values import WorkspaceRow
from tests.contract.catalog.rows import SESSION, batch, claimed, stream
from tests.fakes import FakeClock

NOTICE = "Recorded. \N{LARGE RED CIRCLE}"
ACCEPTED = hashlib.sha256(NOTICE.encode()).hexdigest()
ROOM = RoomRow(
    id="rm1", workspace="default", stream=stream("one").id, name="studio", layout="grid", notice=NOTICE, max_people=6
)
SEGMENT = SegmentRow(
    id="seg", room="rm1", workspace="default", take="t1", person="", track="cam", mime="video/webm", t_ms=1.5
)


@pytest.fixture
async def room(catalog: Catalog) -> RoomRow:
    return await catalog.add_room(ROOM, stream("one", name="studio", source="room:"))


async def joined(catalog: Catalog, client: str = "a", **fields: Any) -> PersonRow:
    _, secret = await catalog.add_invite("default", "rm1", "guest", uses=None, expires_ns=None)
    return await catalog.join("rm1", secret, client=client, name="Ann", notice=ACCEPTED, **fields)


async def test_a_room_and_its_stream_come_and_go_together(catalog: Catalog, room: RoomRow) -> None:
    """A name that is taken leaves neither; deleting forgets links, people and tracks, and frees the name."""
    with pytest.raises(Conflict) as said:
        await catalog.add_room(replace(ROOM, id="rm2", stream=stream("two").id), stream("two", name="studio"))
    assert said.value.code == "room_taken"
    with pytest.raises(NotFound):
        await catalog.stream(None, stream("two").id)
    person = await joined(catalog)
    await catalog.add_segment(replace(SEGMENT, person=person.id))
    changed = await catalog.change_room("default", "rm1", name="late", layout="split", notice="Other.")
    assert (await catalog.stream("default", room.stream)).name == "late"
    assert await catalog.room("default", "rm1") == changed
    assert await catalog.room_workspaces() == {"rm1": "default"}
    assert await catalog.upload_workspaces() == {"seg": "default"}
    await catalog.delete_room("default", "rm1")
    assert (await catalog.stream(None, room.stream)).deleted
    assert await catalog.segments(room="rm1") == [] == await catalog.consents("rm1")
    await catalog.add_room(replace(ROOM, id="rm3", stream=stream("three").id), stream("three", name="late"))


async def test_a_room_is_its_workspaces_only(catalog: Catalog, room: RoomRow) -> None:
    await catalog.add_workspace(WorkspaceRow(id="other", name="other"))
    invite, _ = await catalog.add_invite("default", "rm1", "host", uses=1, expires_ns=None)
    for refused in (
        catalog.room("other", "rm1"),
        catalog.change_room("other", "rm1", name="x"),
        catalog.delete_room("other", "rm1"),
        catalog.add_invite("other", "rm1", "guest", uses=1, expires_ns=None),
        catalog.invites("other", "rm1"),
        catalog.revoke_invite("other", "rm1", invite.id),
        catalog.takes("other", "rm1"),
        catalog.take("other", "rm1", "t1"),
    ):
        with pytest.raises(NotFound):
            await refused
    assert (await catalog.rooms("other")).rows == ()
    assert [row.revoked for row in (await catalog.invites("default", "rm1")).rows] == [False]


async def test_a_link_for_one_is_used_by_one_however_many_come_at_once(catalog: Catalog, room: RoomRow) -> None:
    _, secret = await catalog.add_invite("default", "rm1", "guest", uses=1, expires_ns=None)

    async def come(client: str) -> str:
        try:
            return (await catalog.join("rm1", secret, client=client, name=client, notice=ACCEPTED)).id
        except JoinRefused as err:
            return err.code

    came = await asyncio.gather(*(come(client) for client in "abcd"))
    assert came.count("invite_used") == 3
    assert len(await catalog.people("rm1")) == 1
    assert (await come(next(iter((await catalog.people("rm1")).values())).client)) in came


async def test_the_same_browser_at_once_is_one_participant(catalog: Catalog, room: RoomRow) -> None:
    """A page that was loaded twice."""
    _, secret = await catalog.add_invite("default", "rm1", "guest", uses=1, expires_ns=None)
    come = (catalog.join("rm1", secret, client="a", name="Ann", notice=ACCEPTED) for _ in range(4))
    assert len({person.id for person in await asyncio.gather(*come)}) == 1


async def test_why_nobody_is_let_in(catalog: Catalog, room: RoomRow, clock: FakeClock) -> None:
    """In this order: the link, its time, its use, the notice, the room."""
    invite, secret = await catalog.add_invite("default", "rm1", "guest", uses=1, expires_ns=clock.wall_ns() + ns(10))

    async def code(secret: str = secret, client: str = "b", notice: str = ACCEPTED) -> str:
        with pytest.raises(JoinRefused) as said:
            await catalog.join("rm1", secret, client=client, name="x", notice=notice)
        return said.value.code

    assert await code(secret="unknown") == "invite_unknown"
    assert await code(notice="0" * 64) == "consent_missing"
    person = await catalog.join("rm1", secret, client="a", name="Ann", notice=ACCEPTED)
    assert await code() == "invite_used"
    clock.advance(ns(11))
    assert await code() == "invite_expired"
    assert (await catalog.join("rm1", secret, client="a", name="Ann", notice=ACCEPTED)).id == person.id
    await catalog.change_stream(None, room.stream, wanted="paused")
    assert await code(client="a") == "room_closed"
    await catalog.revoke_invite("default", "rm1", invite.id)
    assert await code(client="a") == "invite_revoked"
    assert await catalog.person("rm1", person.id) == (await _again(catalog, person), False)


async def _again(catalog: Catalog, person: PersonRow) -> PersonRow:
    return (await catalog.people("rm1"))[person.id]


async def test_segments_are_announced_once_and_counted(catalog: Catalog, room: RoomRow, clock: FakeClock) -> None:
    ann, bob = await joined(catalog), await joined(catalog, "b")
    mine = replace(SEGMENT, person=ann.id, settings={"width": 640})
    (first, is_new), (again, is_newer) = await catalog.add_segment(mine), await catalog.add_segment(mine)
    assert (is_new, is_newer, first) == (True, False, again)
    with pytest.raises(NotFound):
        await catalog.add_segment(replace(mine, person=bob.id))
    with pytest.raises(NotFound):
        await catalog.segment(bob.id, "seg")
    await catalog.add_segment(replace(mine, id="seg-2", person=bob.id))
    await catalog.touch_segment("seg", 100)
    await catalog.touch_segment("seg-2", 11)
    assert await catalog.brought_bytes("rm1", ann.id) == (111, 100)
    clock.advance(ns(5))
    await catalog.finish_segment("seg", chunks=2, bytes=120, sha256="ab", t_stop_ms=9.0, reason="")
    await catalog.touch_segment("seg", 7)  # a part that came late is no news of a whole one
    [whole] = await catalog.segments_in("whole")
    assert (whole.bytes, whole.chunks, whole.t_stop_ms) == (120, 2, 9.0)
    assert [row.id for row in await catalog.segments_in("open", before_ns=clock.wall_ns())] == ["seg-2"]
    await catalog.settle_segment("seg", "verified", "", {"duration_s": 1.0})
    assert (await catalog.segment(ann.id, "seg")).report == {"duration_s": 1.0}
    await catalog.settle_segment("gone", "verified", "", {})


async def test_takes_are_told_by_the_rooms_own_worker(catalog: Catalog, room: RoomRow, clock: FakeClock) -> None:
    """A line of another stream's worker is stored as an event, and makes no take."""
    line = {"type": "take", "id": "t1", "room": "rm1", "state": "recording", "start_s": 0.5, "participants": []}
    stranger = await claimed(catalog, "stranger", session=SessionId("s-stranger"))
    await catalog.store_events(batch(stranger, (1, "take", line)))
    assert (await catalog.takes("default", "rm1")).rows == ()
    claim = await catalog.leading(1).claim(room.stream, after_token=0, session=SESSION, worker_runtime="process")
    await catalog.store_events(batch(claim, (1, "take", line)))
    await catalog.store_events(batch(claim, (1, "take", line), (2, "take", {**line, "state": "stopped"})))
    [take] = (await catalog.takes("default", "rm1")).rows
    assert (take.state, take.session, take.stopped_ns) == ("stopped", SESSION, clock.wall_ns())
    assert await catalog.waiting_takes() == [take]
    await catalog.change_take("rm1", "t1", conform="j1")
    assert await catalog.waiting_takes() == []
    assert await catalog.old_takes(clock.wall_ns() + 1) == [replace(take, conform="j1")]
    await catalog.erase_take("rm1", "t1")
    with pytest.raises(NotFound):
        await catalog.take("default", "rm1", "t1")
