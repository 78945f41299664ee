"""The outbox: written with the clip it tells of, by filters and rights, and settled by the version that was told."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.catalog import PROFILE, Catalog, Conflict, NotFound
from supervisor.catalog.outbox import Settled
from supervisor.catalog.values import ChannelRow, ClaimRow, DeliveryRow, DeliveryState, WorkspaceRow
from tests.contract.catalog.rows import batch, claimed, clip
from tests.fakes import FakeClock

TARGET = "https://n8n.example.org/webhook/secret"


async def watched(catalog: Catalog, **changes: Any) -> ClaimRow:
    """A stream whose clips may be published."""
    claim = await claimed(catalog)
    await catalog.change_stream("default", claim.stream, **{"rights": "own", **changes})
    return claim


async def channel(catalog: Catalog, id: str = "a1", workspace: str = "default", **changes: Any) -> ChannelRow:
    row = ChannelRow(id=id, workspace=workspace, name=id, kind="webhook", target=TARGET)
    made = await catalog.add_channel(row)
    return await catalog.change_channel(None, made.id, **changes) if changes else made


async def told(catalog: Catalog, id: str = "a1") -> list[DeliveryRow]:
    return list((await catalog.deliveries(None, id)).rows)


def settled(row: DeliveryRow, state: DeliveryState = "sent", **changes: Any) -> Settled:
    values: dict[str, Any] = {"id": row.id, "version": row.version, "state": state, "attempts": 0, "next_ns": 0}
    return Settled(**values | changes)


async def test_a_clip_and_what_is_to_be_told_of_it_are_one_transaction(catalog: Catalog) -> None:
    """The same line again, or with other times, is no news; a batch that is refused tells nothing."""
    claim = await watched(catalog)
    await channel(catalog)
    await catalog.store_events(batch(claim, (1, "clip", clip())))
    await catalog.store_events(batch(claim, (1, "clip", clip())))
    await catalog.store_events(batch(claim, (2, "clip", clip(wall="later", latency_s=9))))
    [row] = await told(catalog)
    assert (row.kind, row.state, row.version, row.message_id) == ("alert", "waiting", 1, f"{row.id}.1")
    bad = batch(claim, (3, "clip", clip("c2")), (4, "clip", {"id": "c3", "state": "final"}))
    with pytest.raises(Exception, match="without revision"):
        await catalog.store_events(bad)
    assert [each.clip for each in await told(catalog)] == ["c1"]


async def test_later_states_make_one_message_of_what_waits(catalog: Catalog) -> None:
    """A new revision, a title that a person gave, a withdrawal: the version grows, the row stays. A review is none."""
    claim = await watched(catalog)
    await channel(catalog)
    await catalog.store_events(batch(claim, (1, "clip", clip(state="provisional"))))
    [first] = await told(catalog)
    await catalog.settle([settled(first, remote={"message": "7"})])
    await catalog.store_events(batch(claim, (2, "clip", clip(revision=2))))
    await catalog.name_clip("default", "c1", "Mine", actor="ann")
    await catalog.review_clip("default", "c1", "approved", actor="ann")
    [row] = await told(catalog)
    assert (row.id, row.version, row.state, row.remote) == (first.id, 3, "waiting", {"message": "7"})
    await catalog.store_events(batch(claim, (3, "clip", {"id": "c1", "state": "withdrawn"})))
    assert [each.version for each in await told(catalog)] == [4]


async def test_settled_is_the_version_that_was_told(catalog: Catalog, clock: FakeClock) -> None:
    """What came meanwhile goes on waiting, and knows what its message is called."""
    claim = await watched(catalog)
    await channel(catalog)
    await catalog.store_events(batch(claim, (1, "clip", clip())))
    [before] = await told(catalog)
    await catalog.store_events(batch(claim, (2, "clip", clip(revision=2))))
    await catalog.settle([settled(before, remote={"message": "7"})])
    [row] = await told(catalog)
    assert (row.state, row.version, row.remote) == ("waiting", 2, {"message": "7"})
    await catalog.settle([settled(row, "waiting", attempts=1, next_ns=clock.wall_ns() + 5, error="x" * 5000)])
    [row] = await told(catalog)
    assert (row.attempts, len(row.error), await catalog.due("a1", clock.wall_ns(), 9)) == (1, 2048, [])
    assert await catalog.channels_due(clock.wall_ns()) == []
    [due] = await catalog.due("a1", clock.wall_ns() + 5, 9)
    assert (due.clip.revision, due.stream_name, due.rights) == (2, "one", "own")
    assert [each.id for each in await catalog.channels_due(clock.wall_ns() + 5)] == ["a1"]


@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        ({}, True),
        ({"min_score": 0.9}, True),
        ({"min_score": 0.95}, False),
        ({"profiles": ["gaming"]}, True),
        ({"profiles": ["sports"]}, False),
        ({"streams": ["one", "two"]}, True),
        ({"streams": ["two"]}, False),
        ({"states": ["final"]}, True),
        ({"states": ["provisional"]}, False),
    ],
)
async def test_filters_say_which_clips_begin_a_message(catalog: Catalog, filters: dict[str, Any], passes: bool) -> None:
    """By score, profile (the installation's, where the stream names none), stream and state."""
    claim = await watched(catalog)
    await catalog.set_meta(PROFILE, "gaming")
    await channel(catalog, filters=filters)
    await catalog.store_events(batch(claim, (1, "clip", clip(score=0.9))))
    assert bool(await told(catalog)) == passes


async def test_what_was_begun_is_told_on_whatever_the_filters_say(catalog: Catalog) -> None:
    """A score that fell is an edit, not silence."""
    claim = await watched(catalog)
    await channel(catalog, filters={"min_score": 0.8})
    await catalog.store_events(batch(claim, (1, "clip", clip(score=0.9)), (2, "clip", clip(revision=2, score=0.1))))
    assert [row.version for row in await told(catalog)] == [2]


async def test_nothing_of_a_watch_only_stream_is_told_but_that_it_was_withdrawn(catalog: Catalog) -> None:
    """Also where rights were taken back after the first message; publishing by hand is refused too."""
    claim = await watched(catalog, rights="watch-only")
    await channel(catalog)
    await catalog.store_events(batch(claim, (1, "clip", clip())))
    assert await told(catalog) == []
    with pytest.raises(Conflict) as said:
        await catalog.publish("default", "c1", None)
    assert said.value.code == "watch_only"
    await catalog.change_stream("default", claim.stream, rights="consent")
    await catalog.store_events(batch(claim, (2, "clip", clip(revision=2))))
    await catalog.change_stream("default", claim.stream, rights="watch-only")
    await catalog.store_events(batch(claim, (3, "clip", clip(revision=3))))
    assert [row.version for row in await told(catalog)] == [1]
    await catalog.store_events(batch(claim, (4, "clip", {"id": "c1", "state": "withdrawn"})))
    assert [row.version for row in await told(catalog)] == [2]


async def test_only_channels_of_its_workspace_that_are_on_hear_of_a_clip(catalog: Catalog) -> None:
    """Neither a stranger's nor one that is switched off."""
    claim = await watched(catalog)
    await catalog.add_workspace(WorkspaceRow(id="w2", name="w2"))
    await channel(catalog, "a1", enabled=False)
    await channel(catalog, "a2", workspace="w2")
    await catalog.store_events(batch(claim, (1, "clip", clip())))
    assert (await told(catalog, "a1"), await told(catalog, "a2")) == ([], [])
    with pytest.raises(NotFound):
        await catalog.publish("default", "c1", ["a2"])
    with pytest.raises(Conflict) as said:
        await catalog.publish("default", "c1", ["a1"])
    assert said.value.code == "channel_off"
    with pytest.raises(NotFound):
        await catalog.publish("w2", "c1", None)


async def test_published_by_hand_a_clip_has_a_message_of_its_own(catalog: Catalog) -> None:
    """Whatever the filters say; again it is told anew; it is kept up to date like any other."""
    claim = await watched(catalog)
    await channel(catalog, filters={"min_score": 1.0})
    await catalog.store_events(batch(claim, (1, "clip", clip())))
    [first] = await catalog.publish("default", "c1", None)
    [again] = await catalog.publish("default", "c1", ["a1"])
    assert (first.kind, again.id, again.version) == ("publish", first.id, 2)
    await catalog.store_events(batch(claim, (2, "clip", clip(revision=2))))
    assert [row.version for row in await told(catalog)] == [3]
    await catalog.store_events(batch(claim, (3, "clip", clip(state="withdrawn", revision=2))))
    with pytest.raises(Conflict, match="withdrawn"):
        await catalog.publish("default", "c1", None)


async def test_what_is_deleted_or_old_is_told_no_more(catalog: Catalog, clock: FakeClock) -> None:
    """With its channel, with its clip; what waits does not grow old."""
    claim = await watched(catalog)
    await channel(catalog)
    await channel(catalog, "a2")
    await catalog.store_events(batch(claim, (1, "clip", clip()), (2, "clip", clip("c2"))))
    await catalog.erase_clip(None, "c2")
    await catalog.delete_channel("default", "a2")
    [row] = await told(catalog)
    assert (row.clip, await told(catalog, "a2")) == ("c1", [])
    await catalog.forget(clock.wall_ns() + 1)
    assert await told(catalog) == [row]
    await catalog.settle([settled(row)])
    await catalog.forget(clock.wall_ns() + 1)
    assert await told(catalog) == []


async def test_channels_are_a_workspaces_own(catalog: Catalog) -> None:
    """Names are one each; nobody sees, changes or deletes another's, nor replays what it was told."""
    claim = await watched(catalog)
    await catalog.add_workspace(WorkspaceRow(id="w2", name="w2"))
    made = await channel(catalog)
    with pytest.raises(Conflict, match="There is a channel"):
        await catalog.add_channel(ChannelRow(id="a9", workspace="default", name="a1", kind="discord", target="x"))
    await catalog.store_events(batch(claim, (1, "clip", clip())))
    [row] = await told(catalog)
    assert (await catalog.channels("w2")).rows == ()
    assert (await catalog.deliveries("w2", "a1")).rows == ()
    for asked in (
        catalog.channel("w2", "a1"), catalog.change_channel("w2", "a1", name="x"), catalog.delete_channel("w2", "a1"),
        catalog.replay("w2", row.id),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            await asked
    assert await catalog.channel("default", "a1") == made
    assert TARGET not in repr(made)
