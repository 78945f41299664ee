"""What is cleared up, and what never is: a real catalog, real folders, and the lock that workers hold."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from configs.streams import RetentionOptions
from core.control import EventBatch
from core.errors import StorageError
from core.ids import SessionId, StreamId
from core.times import ns
from daemon.journal.lock import session_lock
from supervisor.catalog import Catalog, Conflict, Leading, NotFound
from supervisor.catalog.values import JobRow, OverSession, StreamRow
from supervisor.erasing import erase_all_but, erase_clip, erase_ring, erase_session
from supervisor.reconcile.jobs import new_steps
from supervisor.retention import DAY_NS, HOUR_NS, JUMP_NS, Cutoffs, Sweeper, cutoffs, due, jumped
from tests.fakes import FakeClock

S = SessionId("s-ann")
OPTIONS = RetentionOptions()
KEPT = ("ring", "clips", "session.db", "lock", "report.html")


class House:
    """A catalog with sessions, their folders, and a sweeper."""

    def __init__(self, catalog: Catalog, clock: FakeClock, data_dir: Path) -> None:
        self.catalog, self.clock, self.data_dir = catalog, clock, data_dir
        self.leads = True
        self.sweeper = Sweeper(catalog, data_dir, OPTIONS, clock, lambda: self.leads)

    async def session(self, name: str = "ann", *, clips: tuple[str, ...] = (), over: bool = True) -> Path:
        """One with footage, a journal and these clips; its folder."""
        stream, session = StreamId(name), SessionId(f"s-{name}")
        await self.catalog.add_stream(
            StreamRow(id=stream, workspace="default", name=name, source="x", kind="stream", origin="cli")
        )
        await self.leading.claim(stream, after_token=0, session=session, worker_runtime="process")
        lines = [{"type": "clip", "id": clip, "revision": 1, "state": "final", "files": {}} for clip in clips]
        rows = tuple({"seq": seq, "attempt": 1, "kind": "clip", "line": line} for seq, line in enumerate(lines, 1))
        await self.catalog.store_events(EventBatch(session=session, claim_token=1, rows=rows))
        folder = self.data_dir / "sessions" / session
        (folder / "ring" / "main").mkdir(parents=True)
        (folder / "ring" / "main" / "1-0.ts").write_bytes(b"footage")
        for clip in clips:
            (folder / "clips" / clip / "r1").mkdir(parents=True)
            (folder / "clips" / clip / "r1" / "master.mp4").write_bytes(b"clip")
        (folder / "clips").mkdir(exist_ok=True)
        for file in ("session.db", "lock", "report.html"):
            (folder / file).touch()
        if over:
            await self.leading.set_claim(stream, 1, state="done")
            await self.leading.set_session(session, state="ended", ended=True)
        return folder

    @property
    def leading(self) -> Leading:
        """The leader's side of the catalog."""
        return self.catalog.leading(1)

    async def after(self, duration_ns: int) -> None:
        """A round, so much later."""
        self.clock.advance(duration_ns)
        await self.sweeper.round()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    clock = FakeClock()
    catalog = await Catalog.open(f"sqlite:///{tmp_path}/catalog.db", clock)
    (tmp_path / "sessions").mkdir()
    yield House(catalog, clock, tmp_path)
    await catalog.close()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("age_ns", "clips", "what"),
    [
        (23 * HOUR_NS, 0, ""),
        (25 * HOUR_NS, 0, "ring"),
        (89 * DAY_NS, 2, "ring"),
        (91 * DAY_NS, 2, "rest"),
        (91 * DAY_NS, 0, "all"),
    ],
)
def test_what_of_a_session_goes_when(age_ns: int, clips: int, what: str) -> None:
    """Its footage after a day, its journal after 90; never a clip that is still there."""
    now_ns = ns(10**9)
    assert due(OverSession(id=S, over_ns=now_ns - age_ns, clips=clips), cutoffs(OPTIONS, now_ns)) == what


def test_cutoffs_are_what_the_settings_say() -> None:
    """Hours and days."""
    options = RetentionOptions(ring_h=2, clips_days=3, journals_days=4)
    assert cutoffs(options, 5 * DAY_NS) == Cutoffs(5 * DAY_NS - 2 * HOUR_NS, 2 * DAY_NS, DAY_NS, -85 * DAY_NS)


async def test_footage_goes_after_a_day_and_all_else_stays(house: House) -> None:
    """The clip's own links to it too."""
    folder = await house.session(clips=("c1",))
    await house.after(DAY_NS - HOUR_NS)
    assert names(folder) == set(KEPT)
    await house.after(2 * HOUR_NS)
    assert names(folder) == set(KEPT) - {"ring"}
    assert (folder / "clips" / "c1" / "r1" / "master.mp4").exists()


async def test_clips_nobody_approved_go_after_a_week(house: House) -> None:
    """Files and row; an approved one stays for good, and its session's row with it, but not words and journal."""
    folder = await house.session(clips=("c1", "c2", "c3"))
    await house.catalog.review_clip("default", "c1", "approved", actor="t")
    await house.catalog.review_clip("default", "c3", "rejected", actor="t")
    await house.after(8 * DAY_NS)
    assert names(folder / "clips") == {"c1"}
    assert {row.id for row in (await house.catalog.clips(None)).rows} == {"c1"}
    await house.after(400 * DAY_NS)
    assert (names(folder), names(folder / "clips")) == ({"lock", "clips"}, {"c1"})
    assert (await house.catalog.session(None, S)).state == "ended"


async def test_a_session_without_clips_is_gone_after_90_days(house: House) -> None:
    """Folder and rows; its stream can be watched again, with a claim token that was never used."""
    folder = await house.session()
    await house.after(91 * DAY_NS)
    assert not folder.exists()
    with pytest.raises(NotFound):
        await house.catalog.session(None, S)
    assert (await house.leading.claims()) == []
    new = SessionId("s-new")
    claim = await house.leading.claim(StreamId("ann"), after_token=0, session=new, worker_runtime="process")
    assert claim.token == 2
    with pytest.raises(Conflict):
        await house.leading.claim(StreamId("ann"), after_token=0, session=new, worker_runtime="docker")


@pytest.mark.parametrize("how", ["claim", "lock", "job"])
async def test_a_session_that_runs_is_never_touched(how: str, house: House) -> None:
    """By its claim, by the lock of its worker whatever the catalog says, or by a job that may go on with it."""
    folder = await house.session(clips=("c1",), over=how != "claim")
    if how == "job":
        job = JobRow(
            id="j", workspace="default", stream=StreamId("ann"), state="analyzing", source="x", steps=new_steps()
        )
        await house.catalog.add_job(job)
    if how == "lock":
        with session_lock(folder / "lock"):
            await house.after(2 * DAY_NS)
            assert names(folder) == set(KEPT)
            for erase in (erase_ring, erase_session):
                with pytest.raises(Conflict, match="running"):
                    erase(house.data_dir, S)
        return
    await house.after(400 * DAY_NS)
    assert (names(folder), names(folder / "clips")) == (set(KEPT), {"c1"})
    assert await house.catalog.is_busy(S)


async def test_a_stream_paused_between_two_attempts_is_over_too(house: House) -> None:
    """Nobody wrote an end; its last attempt's counts."""
    folder = await house.session(over=False)
    await house.leading.set_claim(StreamId("ann"), 1, state="failed", reason="source_gone")
    await house.after(25 * HOUR_NS)
    assert names(folder) == set(KEPT) - {"ring"}


async def test_who_does_not_lead_deletes_nothing(house: House) -> None:
    """Asked before each step."""
    folder = await house.session(clips=("c1",))
    house.leads = False
    await house.after(400 * DAY_NS)
    assert (names(folder), names(folder / "clips")) == (set(KEPT), {"c1"})


async def test_a_clip_that_is_approved_in_the_last_moment_stays(house: House) -> None:
    """The row decides, in the transaction that deletes it."""
    await house.session(clips=("c1",))
    [old] = await house.catalog.unpicked_clips(house.clock.wall_ns() + 1)
    await house.catalog.review_clip("default", "c1", "approved", actor="t")
    assert not await house.catalog.drop_unpicked(old.id)
    assert (await house.catalog.clip(None, "c1")).review == "approved"


async def test_one_folder_that_cannot_be_cleared_does_not_keep_the_others(house: House) -> None:
    """Its rows stay, for the next round."""
    stuck, other = await house.session("ann"), await house.session("ben")
    (stuck / "lock").unlink()
    (stuck / "lock").symlink_to("/dev/null")
    await house.after(91 * DAY_NS)
    assert (stuck.exists(), other.exists()) == (True, False)
    assert (await house.catalog.session(None, S)).id == S


async def test_the_first_round_of_a_term_waits_and_a_clock_that_jumped_is_not_believed(house: House) -> None:
    """Five minutes, then an hour each; a wall clock that is set forward by a year deletes nothing."""

    class Jumping(FakeClock):
        """Set forward by a year while the first wait lasts; ends the loop after three."""

        async def sleep(self, duration_ns: int) -> None:
            if len(self.slept_ns) == 3:
                raise EOFError
            await super().sleep(duration_ns)
            if len(self.slept_ns) == 1:
                self._wall_ns += 365 * DAY_NS
                assert names(folder) == set(KEPT)
            if len(self.slept_ns) == 2:
                seen.append(names(folder))

    seen: list[set[str]] = []
    folder = await house.session()
    clock = Jumping(wall_ns=house.clock.wall_ns(), boottime_ns=house.clock.boottime_ns())
    with pytest.raises(EOFError):
        await Sweeper(house.catalog, house.data_dir, OPTIONS, clock, lambda: True).run()
    assert clock.slept_ns == [ns(300), HOUR_NS, HOUR_NS]
    assert seen == [set(KEPT)]  # after the jump was seen; the next look finds both clocks in step, and goes on
    assert not folder.exists()


@pytest.mark.parametrize(("wall_ns", "is_jump"), [(HOUR_NS, False), (HOUR_NS + 2 * JUMP_NS, True), (-HOUR_NS, True)])
def test_a_jump_is_a_difference_of_the_clocks(wall_ns: int, is_jump: bool) -> None:
    """Whichever way."""
    assert jumped((0, 0), (wall_ns, HOUR_NS)) is is_jump


async def test_no_link_is_followed(house: House, tmp_path: Path) -> None:
    """A worker parses hostile media and writes its folder: what it links to is not ours to delete."""
    folder = await house.session(clips=("c1",))
    outside = tmp_path / "outside"
    (outside / "c1").mkdir(parents=True)
    (outside / "precious").touch()
    (folder / "ring" / "link").symlink_to(outside)
    assert erase_ring(house.data_dir, S)
    (folder / "ring").symlink_to(outside)
    assert erase_ring(house.data_dir, S)
    os.rename(folder / "clips", folder / "before")
    (folder / "clips").symlink_to(outside)
    with pytest.raises(StorageError):
        erase_clip(house.data_dir, S, "c1")
    assert erase_session(house.data_dir, S)
    (house.data_dir / "sessions" / S).symlink_to(outside)
    with pytest.raises(StorageError):
        erase_session(house.data_dir, S)
    with pytest.raises(StorageError):
        erase_session(house.data_dir, SessionId("../outside"))
    assert names(outside) == {"c1", "precious"}


async def test_what_a_crash_left_is_finished_by_the_next_call(house: House) -> None:
    """A folder that was renamed and not yet deleted."""
    folder = await house.session(clips=("c1", "c2"))
    for name in ("ring", "report.html"):
        (folder / name).rename(folder / f".{name}.gone")
    (folder / "clips" / "c1").rename(folder / "clips" / ".c1.gone")
    assert erase_ring(house.data_dir, S)
    assert erase_clip(house.data_dir, S, "c1")
    assert not erase_clip(house.data_dir, S, "c1")
    assert erase_all_but(house.data_dir, S, {"c2"})
    assert (names(folder), names(folder / "clips")) == ({"lock", "clips"}, {"c2"})
    folder.rename(folder.with_name(f".{S}.gone"))
    assert erase_session(house.data_dir, S)
    assert not erase_session(house.data_dir, S)
    assert names(house.data_dir / "sessions") == set()
