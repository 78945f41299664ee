"""Local tracks of rooms: parts that come while they are recorded, in any order and again, joined and never lost."""

from __future__ import annotations

import asyncio
import errno
import os
import uuid
from pathlib import Path
from typing import Any

import pytest

from core.times import ns
from supervisor import uploads
from supervisor.disk import Disk
from supervisor.segments import PART, Segment
from supervisor.uploads import Damaged, Incomplete
from tests.fakes import FakeClock
from tests.unit.api.guests import EBML, PARTS, Guest, chain_of, sha
from tests.unit.api.stage import Stage, stage


def folder(api: Stage, seg: str) -> Path:
    return Path(api.services.settings.data_dir) / "uploads" / seg


async def test_a_track_comes_in_parts_and_is_joined(api: Stage) -> None:
    """Of any length, in any order, at once and twice; what is missing is said; the bytes are those of the recorder."""
    guest = await Guest.of(api)
    seg = await guest.begin()
    answers = await asyncio.gather(guest.put(seg, 2, PARTS[2]), guest.put(seg, 0, PARTS[0]))
    assert [each.status for each in answers] == [201, 201]
    again = await guest.put(seg, 0, PARTS[0])
    assert (again.status, again.body) == (200, {"seq": 0, "bytes": len(PARTS[0])})
    now = (await guest.ask("GET", f"uploads/{seg}")).body
    assert (now["state"], now["have"], now["bytes"]) == ("open", [[0, 1], [2, 3]], len(PARTS[0] + PARTS[2]))
    lacking = await guest.final(seg)
    assert (lacking.status, lacking.code) == (409, "upload_incomplete")
    assert lacking.body["error"]["details"] == [{"field": "missing", "message": "1,2"}]
    assert (await guest.put(seg, 1, PARTS[1])).status == 201
    for _ in range(2):  # the answer was lost
        whole = (await guest.final(seg)).body
        assert (whole["state"], whole["have"], whole["chunks"]) == ("whole", [[0, 3]], 3)
    assert (await guest.put(seg, 1, PARTS[1])).code == "upload_whole"
    assert (folder(api, seg) / "media").read_bytes() == b"".join(PARTS)
    [row] = await api.catalog.segments(room=guest.room)
    assert (row.sha256, row.t_stop_ms, row.reason) == (sha(b"".join(PARTS)), 99.0, "stopped")


async def test_a_segment_announced_again_is_the_same(api: Stage) -> None:
    """Until it is said to be of another track; its id is a UUID of the fourth version."""
    guest = await Guest.of(api)
    seg = str(uuid.uuid4())
    assert [(await guest.announce(seg=seg)).status for _ in range(2)] == [201, 200]
    assert (await guest.announce(seg=seg, track="mic")).code == "other_segment"
    wrong: tuple[dict[str, Any], ...] = (
        {"seg": "../../etc"}, {"seg": str(uuid.uuid1())}, {"mime": "text/html"}, {"track": "ears"}, {"take": "../t"},
        {"t_ms": -1}, {"settings": {str(n): n for n in range(65)}},
    )  # fmt: skip
    for fields in wrong:
        assert (await guest.announce(**fields)).code == "invalid", fields
    assert (await guest.announce(settings={"a": "x" * 5000})).code == "bad_value"


@pytest.mark.parametrize(
    ("seq", "data", "headers", "status", "code"),
    [
        (1, b"", {}, 422, "chunk_size"),
        (1, bytes(1001), {}, 413, "too_large"),
        (1, b"x", {"X-Clipd-Sha256": sha(b"y")}, 422, "chunk_damaged"),
        (1, b"x", {"X-Clipd-Sha256": "nothing"}, 415, "no_chunk"),
        (1, b"x", {"Content-Type": "text/plain"}, 415, "no_chunk"),
        (0, b"#!/bin/sh: no media at all", {}, 415, "no_media"),
        (999_999, b"x", {}, 422, "no_such_chunk"),
    ],
)
async def test_parts_that_are_none_are_refused(
    seq: int, data: bytes, headers: dict[str, str], status: int, code: str, api: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And leave nothing behind."""
    assert PART == 4 << 20
    monkeypatch.setattr("supervisor.api.segments.PART", 1000)
    guest = await Guest.of(api)
    seg = await guest.begin()
    answer = await guest.put(seg, seq, data, **headers)
    assert (answer.status, answer.code) == (status, code)
    assert [each.name for each in folder(api, seg).iterdir()] == ["lock"]


async def test_other_bytes_for_a_part_are_refused_and_the_first_ones_stay(api: Stage) -> None:
    """Also when both come at once: one of them is told that it is the other."""
    guest = await Guest.of(api)
    seg = await guest.begin()
    answers = await asyncio.gather(*(guest.put(seg, 1, data) for data in (b"one", b"other")))
    assert sorted(each.status for each in answers) == [201, 409]
    [kept] = [data for data, each in zip((b"one", b"other"), answers, strict=True) if each.status == 201]
    assert (folder(api, seg) / "1.part").read_bytes() == kept
    refused = await guest.put(seg, 1, b"third")
    assert (refused.status, refused.code) == (409, "chunk_differs")


async def test_a_wrong_chain_joins_nothing(api: Stage) -> None:
    """Nor another count or length; what is here can still be joined."""
    guest = await Guest.of(api)
    seg = await guest.begin()
    for seq, part in enumerate(PARTS):
        await guest.put(seg, seq, part)
    for fields in ({"chain": chain_of(PARTS[::-1])}, {"bytes": 1}, {"chunks": 2}):
        assert (await guest.final(seg, **fields)).code == "upload_damaged"
    assert (await guest.final(seg)).status == 200


async def test_a_participant_sees_their_own_tracks_only(api: Stage) -> None:
    """Another's is not there, for guests of the same room and for users; nor is a session's token good for uploads."""
    ann = await Guest.of(api)
    bob = await Guest.of(api, ann.room, name="Bob")
    seg = await ann.begin()
    for who in (bob,):
        assert (await who.ask("GET", f"uploads/{seg}")).code == "not_found"
        assert (await who.put(seg, 0, PARTS[0])).code == "not_found"
        assert (await who.final(seg)).code == "not_found"
        assert (await who.announce(seg=seg)).code == "not_found"
    assert (await api.ask("GET", f"uploads/{seg}")).code == "not_found"
    assert (await api.ask("GET", f"uploads/{seg}", role=None, token=ann.joined["token"])).code == "unauthorized"
    mine = (await ann.ask("GET", f"rooms/{ann.room}/mine")).body
    assert ([each["id"] for each in mine["segments"]], mine["participant"]) == ([seg], ann.id)
    assert (await bob.ask("GET", f"rooms/{ann.room}/mine")).body["segments"] == []
    other = await Guest.of(api, (await api.ask("POST", "rooms", {"name": "other"})).body["id"])
    assert (await other.ask("GET", f"rooms/{ann.room}/mine")).code == "not_found"


async def test_what_was_recorded_can_be_brought_for_a_week(tmp_path: Path) -> None:
    """Also when the room is closed and the link revoked; then the token is over."""
    clock = FakeClock()
    async with stage(tmp_path, clock=clock) as api:
        guest = await Guest.of(api)
        seg = await guest.begin()
        [link] = (await api.ask("GET", f"rooms/{guest.room}/invites")).body["items"]
        await api.ask("DELETE", f"rooms/{guest.room}/invites/{link['id']}")
        await api.ask("PATCH", f"rooms/{guest.room}", {"state": "closed"})
        clock.advance(ns(6 * 86_400))
        assert (await guest.put(seg, 0, PARTS[0])).status == 201
        clock.advance(ns(86_401))
        late = await guest.put(seg, 0, PARTS[0])
        assert (late.status, late.code) == (401, "token_over")


async def test_there_has_to_be_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the disk, before a part comes and while it is written; and in what a person may bring."""
    async with stage(tmp_path, CLIPD_ROOMS__PERSON_GB="0.000001") as api:
        guest = await Guest.of(api)
        seg = await guest.begin()
        monkeypatch.setattr(Disk, "free", lambda _: 1e6)
        full = await guest.put(seg, 0, PARTS[0])
        assert (full.status, full.code) == (507, "disk_full")
        monkeypatch.undo()

        def no_space(_: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", no_space)
        full = await guest.put(seg, 0, PARTS[0])
        assert (full.status, full.code) == (507, "disk_full")
        monkeypatch.undo()
        monkeypatch.setattr("supervisor.api.segments.TOUCH_NS", -1)
        assert (await guest.put(seg, 0, EBML + bytes(2000))).status == 201
        over = await guest.put(seg, 1, b"x")
        assert (over.status, over.code) == (409, "quota_room")


async def test_a_workspace_that_is_full_takes_no_more(tmp_path: Path) -> None:
    """What is being brought counts too."""
    async with stage(tmp_path, CLIPD_SUPERVISOR__QUOTAS='{"default": {"stored_gb": 1}}') as api:
        guest = await Guest.of(api)
        seg = await guest.begin()
        assert (await guest.put(seg, 0, PARTS[0])).status == 201
        await api.catalog.set_stored({"default": 999_999_999})
        assert (await guest.put(seg, 1, PARTS[1])).code == "quota_storage"


def filled(tmp_path: Path, parts: dict[int, bytes]) -> Segment:
    segment = Segment(tmp_path, "seg")
    segment.make()
    for seq, data in parts.items():
        with segment.receive(seq) as incoming:
            incoming.write(data)
            assert incoming.keep_first(sha(data))
    return segment


@pytest.mark.parametrize("dies_at", range(1, 6))
def test_who_dies_while_joining_goes_on_where_it_was(
    dies_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts of any length go only when what was joined of them is on the disk."""
    parts = [os.urandom(each) for each in (3, 5000, 1, 70, 9)]
    segment = filled(tmp_path, dict(enumerate(parts)))
    copied = 0

    def append(path: Path, target: int, offset: int) -> None:
        nonlocal copied
        copied += 1
        if copied == dies_at:
            raise KeyboardInterrupt
        uploads.append(path, target, offset)

    monkeypatch.setattr("supervisor.segments.SYNC_EVERY", 1)
    monkeypatch.setattr("supervisor.segments.append", append)
    with pytest.raises(KeyboardInterrupt):
        segment.join(5, sum(map(len, parts)), chain_of(parts))
    monkeypatch.undo()
    again = Segment(tmp_path, "seg")
    assert again.have() == [(0, 5)]
    made = again.join(5, sum(map(len, parts)), chain_of(parts))
    assert again.media.read_bytes() == b"".join(parts)
    assert (made.sha256, made.chunks) == (sha(b"".join(parts)), 5)
    assert {each.name for each in again.path.iterdir()} == {"lock", "plan", "media"}


def test_what_nobody_finishes_is_closed_at_its_first_hole(tmp_path: Path) -> None:
    """What lies behind the hole stays, and is not joined."""
    segment = filled(tmp_path, {0: b"a", 1: b"bc", 3: b"late"})
    made = segment.close()
    assert made is not None
    assert (segment.media.read_bytes(), made.chunks, made.bytes) == (b"abc", 2, 3)
    assert (segment.path / "3.part").read_bytes() == b"late"
    (tmp_path / "other").mkdir()
    assert filled(tmp_path / "other", {1: b"x"}).close() is None


def test_nothing_is_joined_that_is_not_what_was_announced(tmp_path: Path) -> None:
    segment = filled(tmp_path, {0: b"a", 1: b"b"})
    with pytest.raises(Incomplete):
        segment.join(3, 3, chain_of([b"a", b"b", b"c"]))
    for count, size, chain in ((1, 1, chain_of([b"a"])), (2, 3, chain_of([b"a", b"b"])), (2, 2, "0" * 64)):
        with pytest.raises(Damaged):
            segment.join(count, size, chain)
    assert uploads.JOINED not in {each.name for each in segment.path.iterdir()}
