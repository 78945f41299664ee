"""What becomes of local tracks: checked, kept under the take's files, and, when all are here, aligned by a worker."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from core.control import EventBatch
from core.errors import MissingPart
from core.ids import StreamId
from core.times import ns
from supervisor.catalog import Catalog
from supervisor.catalog.room_values import PersonRow, RoomRow, SegmentRow, TakeRow
from supervisor.catalog.values import StreamRow
from supervisor.reconcile.orders import is_gone
from supervisor.retention import DAY_NS, Sweeper
from supervisor.roomkeeper import EVERY_NS, GIVE_UP_NS, SETTLE_NS, Checked, RoomKeeper
from supervisor.segments import Segment
from tests.fakes import FakeClock
from tests.unit.supervisor.test_retention import OPTIONS

MIME = "video/webm;codecs=vp8,opus"


@dataclass
class Check:
    """A CheckTrack that says what it is told to."""

    reason: str = ""
    error: Exception | None = None
    seen: list[bytes] = field(default_factory=list)

    async def __call__(self, media: Path, mime: str) -> Checked:
        if self.error is not None:
            raise self.error
        self.seen.append(media.read_bytes())
        return Checked(reason=self.reason, report={"duration_s": 1.5, "errors": 0})


class Studio:
    """A room with a guest, whose worker has a session."""

    def __init__(self, catalog: Catalog, clock: FakeClock, data_dir: Path) -> None:
        self.catalog, self.clock, self.data_dir = catalog, clock, data_dir
        self.check = Check()
        self.leads = True
        self.keeper = RoomKeeper(catalog, data_dir, clock, lambda: self.leads, self.check)
        self.leading = catalog.leading(1)
        self.seq = 0
        self.person: PersonRow

    async def open(self) -> Studio:
        stream = StreamRow(
            id=StreamId("studio"), workspace="default", name="studio", source="room:", kind="stream", origin="api"
        )
        room = RoomRow(
            id="rm1", workspace="default", stream=stream.id, name="studio", layout="grid", notice="Recorded.",
            max_people=6,
        )  # fmt: skip
        await self.catalog.add_room(room, stream)
        await self.leading.claim(stream.id, after_token=0, session="s1", worker_runtime="process")  # type: ignore[arg-type]
        _, secret = await self.catalog.add_invite("default", "rm1", "guest", uses=1, expires_ns=None)
        accepted = hashlib.sha256(b"Recorded.").hexdigest()
        self.person = await self.catalog.join("rm1", secret, client="browser", name="Ann", notice=accepted)
        return self

    async def take(self, state: str, id: str = "t1", /, **fields: Any) -> None:
        """A line of the room's worker."""
        self.seq += 1
        people = [{"pid": self.person.id, "name": "Ann", "role": "guest"}]
        line = {"type": "take", "id": id, "room": "rm1", "state": state, "start_s": 2.5, "participants": people}
        rows = ({"seq": self.seq, "attempt": 1, "kind": "take", "line": line | fields},)
        await self.catalog.store_events(EventBatch(session="s1", claim_token=1, rows=rows))

    async def bring(self, id: str, *parts: bytes, is_final: bool = True, track: str = "cam") -> None:
        """A segment with parts, as the API stores it."""
        row = SegmentRow(
            id=id, room="rm1", workspace="default", take="t1", person=self.person.id, track=track, mime=MIME, t_ms=7.0  # type: ignore[arg-type]
        )  # fmt: skip
        await self.catalog.add_segment(row)
        folder = Segment(self.data_dir, id)
        folder.make()
        for seq, data in enumerate(parts):
            if data:
                with folder.receive(seq) as incoming:
                    incoming.write(data)
                    incoming.keep_first(hashlib.sha256(data).hexdigest())
        if is_final:
            link = b""
            for data in parts:
                link = hashlib.sha256(link + hashlib.sha256(data).digest()).digest()
            made = folder.join(len(parts), sum(map(len, parts)), link.hex())
            await self.catalog.finish_segment(id, chunks=made.chunks, bytes=made.bytes, sha256=made.sha256)

    async def look(self) -> None:
        """What its two tasks do, in turn."""
        await self.keeper.look()
        await self.keeper.check()
        await self.keeper.look()

    async def segment(self, id: str) -> SegmentRow:
        return await self.catalog.segment(self.person.id, id)

    async def the_take(self) -> TakeRow:
        return await self.catalog.take("default", "rm1", "t1")

    def local(self, id: str, track: str = "cam") -> Path:
        return self.data_dir / "rooms" / "rm1" / "t1" / self.person.id / track / f"local-{id}.webm"


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    clock = FakeClock()
    catalog = await Catalog.open(f"sqlite:///{tmp_path}/catalog.db", clock)
    yield await Studio(catalog, clock, tmp_path).open()
    await catalog.close()


async def test_a_take_is_what_its_worker_says_of_it(studio: Studio) -> None:
    """Told twice it is the same; people stay who left before its end; another room's line is no business of it."""
    await studio.take("recording")
    await studio.take("recording", participants=[{"pid": "p-late", "name": "Bob", "role": "host"}])
    recorded = await studio.the_take()
    assert (recorded.state, recorded.start_s, recorded.session) == ("recording", 2.5, "s1")
    assert recorded.people == {
        studio.person.id: {"name": "Ann", "role": "guest"}, "p-late": {"name": "Bob", "role": "host"},
    }  # fmt: skip
    stopped_ns = studio.clock.wall_ns()
    await studio.take("stopped", participants=[])
    studio.clock.advance(ns(5))
    await studio.take("stopped", participants="nobody", start_s="x")
    stopped = await studio.the_take()
    assert (stopped.state, stopped.stopped_ns, len(stopped.people)) == ("stopped", stopped_ns, 2)
    for hostile in ({"id": "../x"}, {"id": 7}, {"state": "gone"}, {"participants": [None, {"pid": "../p"}]}):
        await studio.take("recording", "t2", **hostile)
    assert [row.id for row in (await studio.catalog.takes("default", "rm1")).rows] == ["t2", "t1"]


async def test_a_whole_track_is_checked_and_then_kept_under_its_takes_files(studio: Studio) -> None:
    """The bytes that were sent, under one name; the upload's folder goes; only then it is verified."""
    await studio.take("recording")
    await studio.bring("seg-1", b"one", b"two")
    await studio.look()
    row = await studio.segment("seg-1")
    assert (row.state, row.report) == ("verified", {"duration_s": 1.5, "errors": 0, "cut": False})
    assert studio.check.seen == [b"onetwo"]
    assert studio.local("seg-1").read_bytes() == b"onetwo"
    assert list((studio.data_dir / "uploads").iterdir()) == []
    [told] = json.loads((studio.data_dir / "rooms" / "rm1" / "t1" / "local.json").read_text())
    assert told == {
        "seg": "seg-1", "pid": studio.person.id, "track": "cam", "file": f"{studio.person.id}/cam/local-seg-1.webm",
        "mime": MIME, "t_ms": 7.0, "t_stop_ms": None, "sha256": hashlib.sha256(b"onetwo").hexdigest(), "bytes": 6,
        "state": "verified",
    }  # fmt: skip


async def test_a_track_that_cannot_be_decoded_is_kept_and_said_to_be_damaged(studio: Studio) -> None:
    studio.check.reason = "undecodable"
    await studio.bring("seg-1", b"no media")
    await studio.look()
    row = await studio.segment("seg-1")
    assert (row.state, row.reason) == ("damaged", "undecodable")
    assert studio.local("seg-1").read_bytes() == b"no media"


async def test_what_cannot_be_checked_now_is_checked_later(studio: Studio) -> None:
    """Nothing is said to be safe that nobody has looked at; a file that somebody deleted is said to be lost."""
    studio.check.error = MissingPart("No ffmpeg", remedy="Install it.")
    await studio.bring("seg-1", b"one")
    await studio.bring("seg-2", b"two")
    (studio.data_dir / "uploads" / "seg-2" / "media").unlink()
    await studio.look()
    assert (await studio.segment("seg-1")).state == "whole"
    lost = await studio.segment("seg-2")
    assert (lost.state, lost.reason) == ("damaged", "lost")
    studio.check.error = None
    await studio.look()
    assert (await studio.segment("seg-1")).state == "verified"


async def test_a_leader_that_died_halfway_costs_nothing(studio: Studio) -> None:
    """The file has its name already: it keeps it."""
    await studio.bring("seg-1", b"one")
    studio.local("seg-1").parent.mkdir(parents=True)
    studio.local("seg-1").hardlink_to(studio.data_dir / "uploads" / "seg-1" / "media")
    await studio.look()
    assert (await studio.segment("seg-1")).state == "verified"
    assert studio.local("seg-1").read_bytes() == b"one"


async def test_what_nobody_finishes_is_closed_after_two_days(studio: Studio) -> None:
    """At its first hole; nothing at all is given up. Until then it may come."""
    await studio.take("recording")
    await studio.bring("seg-1", b"one", b"two", b"", b"four", is_final=False)
    await studio.bring("seg-2", is_final=False)
    await studio.look()
    assert (await studio.segment("seg-1")).state == "open"
    studio.clock.advance(GIVE_UP_NS + ns(1))
    await studio.look()
    row = await studio.segment("seg-1")
    assert (row.state, row.reason, row.report["cut"], row.chunks) == ("verified", "never_finished", True, 2)
    assert studio.local("seg-1").read_bytes() == b"onetwo"
    assert (await studio.segment("seg-2")).state == "given_up"
    assert list((studio.data_dir / "uploads").iterdir()) == []


async def test_a_take_is_aligned_when_all_its_tracks_are_here(studio: Studio) -> None:
    """Once, as an order to a worker; again when another track comes later."""
    await studio.take("recording")
    await studio.bring("seg-1", b"one")
    await studio.bring("seg-2", b"two", is_final=False, track="mic")
    await studio.take("stopped")
    studio.clock.advance(SETTLE_NS + ns(1))
    await studio.look()
    assert (await studio.the_take()).conform == ""
    await studio.bring("seg-2", b"two", track="mic")
    await studio.look()
    await studio.look()
    [job] = await studio.catalog.active_jobs()
    assert (await studio.the_take()).conform == job.id
    assert job.asked == {"kind": "conform", "order": job.id, "clip": "t1", "room": "rm1", "take": "t1"}
    assert (job.session, is_gone(job, None)) == ("s1", "")
    stream = await studio.catalog.stream(None, job.stream)
    assert (stream.kind, stream.options["order"], stream.options["session"]) == ("render", job.asked, "s1")
    await studio.bring("seg-3", b"late")
    await studio.look()
    assert (await studio.the_take()).conform == ""  # the first one is under way
    await studio.catalog.change_job(None, job.id, state="completed")
    await studio.catalog.delete_stream(None, job.stream)
    await studio.look()
    assert (await studio.the_take()).conform not in ("", job.id)


async def test_nothing_is_ordered_for_a_take_that_nobody_brought_anything_for(studio: Studio) -> None:
    """Nor where all of it is damaged."""
    studio.check.reason = "empty"
    await studio.take("recording")
    await studio.bring("seg-1", b"one")
    await studio.take("stopped")
    studio.clock.advance(SETTLE_NS + ns(1))
    await studio.look()
    assert (await studio.the_take()).conform == "none"
    assert await studio.catalog.active_jobs() == []


async def test_a_take_whose_room_was_closed_and_whose_worker_is_gone_is_over(studio: Studio) -> None:
    """Its worker could not say so. While either is there, it may go on."""
    await studio.take("recording")
    await studio.look()
    await studio.catalog.change_stream(None, StreamId("studio"), wanted="paused")
    await studio.look()
    assert (await studio.the_take()).state == "recording"
    await studio.leading.set_claim(StreamId("studio"), 1, state="lost")
    await studio.look()
    assert (await studio.the_take()).state == "stopped"


async def test_nothing_waits_for_a_long_track(studio: Studio) -> None:
    """A take of another room is over while one is decoded; the end of a term ends both."""
    begun, goes_on = asyncio.Event(), asyncio.Event()

    async def slow(media: Path, mime: str) -> Checked:
        begun.set()
        await goes_on.wait()
        return Checked(reason="")

    await studio.bring("seg-1", b"one")
    keeper = RoomKeeper(studio.catalog, studio.data_dir, studio.clock, lambda: True, slow)
    running = asyncio.create_task(keeper.run())
    await begun.wait()
    await studio.take("recording")
    await studio.catalog.change_stream(None, StreamId("studio"), wanted="paused")
    await studio.leading.set_claim(StreamId("studio"), 1, state="lost")
    async with asyncio.timeout(60):
        while (await studio.the_take()).state != "stopped":
            studio.clock.advance(EVERY_NS)
            await asyncio.sleep(0)
    assert (await studio.segment("seg-1")).state == "whole"
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_who_does_not_lead_does_nothing(studio: Studio) -> None:
    studio.leads = False
    await studio.bring("seg-1", b"one")
    await studio.look()
    assert (await studio.segment("seg-1")).state == "whole"


async def test_old_takes_go_with_their_tracks_and_rooms_that_nobody_knows_too(studio: Studio) -> None:
    """Consents go with the room, not with a take."""
    await studio.take("recording")
    await studio.bring("seg-1", b"one")
    await studio.take("stopped")
    await studio.look()
    (studio.data_dir / "rooms" / "unknown").mkdir()
    sweeper = Sweeper(studio.catalog, studio.data_dir, OPTIONS, studio.clock, lambda: True)
    assert (await sweeper.round()).takes == 0
    assert [each.name for each in (studio.data_dir / "rooms").iterdir()] == ["rm1"]
    studio.clock.advance(90 * DAY_NS + ns(1))
    assert (await sweeper.round()).takes == 1
    assert list((studio.data_dir / "rooms" / "rm1").iterdir()) == []
    assert await studio.catalog.segments(room="rm1") == []
    assert len(await studio.catalog.consents("rm1")) == 1
