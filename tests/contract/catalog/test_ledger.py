"""Jobs, audit, settings, replies, nonces, and what is forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from core.errors import UsageError
from core.times import ns
from supervisor.catalog import Catalog, Conflict, NotFound
from supervisor.catalog.values import JobRow, Reply, StepRow
from tests.contract.catalog.rows import batch, claimed, clip, stream
from tests.fakes import FakeClock

STEPS = (StepRow(name="ingest", state="running", attempts=1), StepRow(name="transcribe", state="waiting"))
DAY_NS = ns(86_400)


async def job(catalog: Catalog, name: str = "j1") -> JobRow:
    row = await catalog.add_stream(stream(f"vod-{name}", kind="vod"))
    return await catalog.add_job(
        JobRow(
            id=name, workspace="default", stream=row.id, state="created", source="https://example.com/v", steps=STEPS
        )
    )


async def test_a_job_moves_on_with_its_steps(catalog: Catalog) -> None:
    """Steps in their order."""
    row = await job(catalog)
    moved = replace(row, state="ingesting", steps=(replace(STEPS[0], progress=0.5), STEPS[1]))
    await catalog.leading(1).set_job(moved)
    assert await catalog.job("default", "j1") == moved
    assert ((await catalog.jobs("default")).rows, await catalog.active_jobs()) == ((moved,), [moved])
    await catalog.leading(1).set_job(replace(moved, state="completed", ended_ns=5))
    assert await catalog.active_jobs() == []


async def test_a_cancel_is_not_lost_to_a_leader_that_read_before_it(catalog: Catalog) -> None:
    """The leader is told, reads again, and sees it."""
    row = await job(catalog)
    await catalog.change_job("default", "j1", cancel=True)
    with pytest.raises(Conflict) as said:
        await catalog.leading(1).set_job(replace(row, state="analyzing"))
    assert said.value.code == "job_changed"
    read = await catalog.job("default", "j1")
    assert (read.cancel, read.state) == (True, "created")
    await catalog.leading(1).set_job(replace(read, state="cancelled"))
    await catalog.leading(1).set_job(replace(read, state="cancelled", ended_ns=9))
    assert (await catalog.job("default", "j1")).ended_ns == 9


async def test_a_job_belongs_to_the_workspace_of_its_stream(catalog: Catalog) -> None:
    """And is taken once."""
    row = await job(catalog)
    with pytest.raises(NotFound):
        await catalog.add_job(replace(row, id="j2", workspace="other"))
    with pytest.raises(Conflict):
        await catalog.add_job(row)
    with pytest.raises(NotFound):
        await catalog.change_job("other", "j1", cancel=True)
    with pytest.raises(UsageError):
        await catalog.change_job("default", "j1", workspace="other")


async def test_audit_is_paged_newest_first(catalog: Catalog) -> None:
    """By workspace."""
    for n in range(5):
        await catalog.audit("default", "cli", "stream.added", f"s{n}", {"n": n})
    await catalog.audit("other", "cli", "stream.added", "x")
    first = await catalog.audits("default", limit=3)
    rest = await catalog.audits("default", limit=3, after=first.next)
    assert [row.target for row in (*first.rows, *rest.rows)] == ["s4", "s3", "s2", "s1", "s0"]
    assert rest.next is None


async def test_settings_of_the_installation(catalog: Catalog) -> None:
    """The last one counts; of several that begin, the first."""
    assert await catalog.get_meta("id") is None
    made = await asyncio.gather(*(catalog.new_meta("id", f"v{n}") for n in range(4)))
    assert len(set(made)) == 1
    await catalog.set_meta("id", "v9")
    assert await catalog.get_meta("id") == "v9"


async def test_a_repeated_request_is_answered_once(catalog: Catalog) -> None:
    """Whoever kept an answer first."""
    first = Reply(asked="hash", status=201, body="{}")
    assert await catalog.reply("default", "key") is None
    assert await catalog.keep_reply("default", "key", first) == first
    assert await catalog.keep_reply("default", "key", replace(first, body="other")) == first
    assert await catalog.reply("default", "key") == first
    assert await catalog.reply("other", "key") is None


async def test_a_nonce_is_used_once(catalog: Catalog, clock: FakeClock) -> None:
    """Of several at once by one; forgotten after its time."""
    until = clock.wall_ns() + ns(600)
    used = await asyncio.gather(*(catalog.use_nonce("hook", "n1", until) for _ in range(4)))
    assert sorted(used) == [False, False, False, True]
    clock.advance(ns(601))
    assert await catalog.forget(0) == 1
    assert await catalog.use_nonce("hook", "n1", until + ns(900))


async def test_old_rows_are_forgotten_and_what_was_made_stays(catalog: Catalog, clock: FakeClock) -> None:
    """Audit, events, commands and replies; more than one slice of them. What was forgotten is still acknowledged."""
    claim = await claimed(catalog)
    for start in range(1, 1200, 200):
        await catalog.store_events(batch(claim, *((start + n, "event", {"n": n}) for n in range(200))))
    await catalog.store_events(batch(claim, (2000, "clip", clip())))
    await catalog.add_command(claim.stream, "clip-now")
    await catalog.audit("default", "cli", "old", "x")
    clock.advance(90 * DAY_NS)
    await catalog.audit("default", "cli", "new", "x")
    assert await catalog.forget(clock.wall_ns() - DAY_NS) == 1200 + 1 + 1 + 1
    assert [row.action for row in (await catalog.audits("default")).rows] == ["new"]
    assert await catalog.events_after(0, workspace=None) == []
    assert ((await catalog.clip("default", "c1")).revision, await catalog.acked(claim.session)) == (1, 2000)
    assert await catalog.last_event() == 1201
