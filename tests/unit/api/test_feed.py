"""Events for many: the catalog is read once for all who follow, and by those alone who are behind."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from supervisor.api.feed import Feed
from supervisor.catalog import CatalogAway
from supervisor.catalog.values import StoredEvent
from tests.unit.api.stage import FOREIGN, Stage
from tests.unit.api.test_workers_side import batch, say


async def deliver(api: Stage, stream: str, token: str, *seqs: int) -> None:
    rows = [(seq, "state", {"type": "state", "n": seq}) for seq in seqs]
    assert (await say(api, token, "events", batch(stream, 1, *rows))).status == 200


async def numbers(feed: Feed, after: int, workspace: str, wanted: int) -> tuple[list[int], int]:
    """What a follower is sent, until it has so many."""
    found: list[int] = []
    while len(found) < wanted:
        turn = feed.turn()
        frames, after = await feed.after(after, workspace)
        found += [json.loads(frame.data.partition(b"data: ")[2])["line"]["n"] for frame in frames]
        if not frames:
            await asyncio.wait_for(turn.wait(), 60)
    return found, after


async def test_all_who_follow_get_everything_of_their_workspace_in_order(
    api: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes late reads the catalog, who has caught up is told from memory, however many there are."""
    monkeypatch.setattr("supervisor.api.feed.KEPT", 3)
    ours, theirs = await api.stream(), await api.stream("eve", workspace=FOREIGN)
    token, other = (await api.worker(ours.id))[0], (await api.worker(theirs.id))[0]
    await deliver(api, ours.id, token, 1, 2)
    feed = api.services.feed
    async with feed.following(), feed.following():
        first, place = await numbers(feed, 0, "default", 2)
        assert first == [1, 2]
        waiting = [asyncio.create_task(numbers(feed, place, "default", 2)) for _ in range(20)]
        await deliver(api, theirs.id, other, 7)
        await deliver(api, ours.id, token, 3, 4)
        assert [(await each)[0] for each in waiting] == [[3, 4]] * 20
        assert (await numbers(feed, 0, FOREIGN, 1))[0] == [7]
        await deliver(api, ours.id, token, *range(5, 10))
        assert (await numbers(feed, place, "default", 7))[0] == list(range(3, 10))  # more than is kept
        asked: list[asyncio.Task[Any] | None] = []
        real = api.catalog.events_after

        async def counted(*args: Any, **fields: Any) -> list[StoredEvent]:
            asked.append(asyncio.current_task())
            return await real(*args, **fields)

        _, place = await numbers(feed, 0, "default", 9)
        monkeypatch.setattr(api.catalog, "events_after", counted)
        waiting = [asyncio.create_task(numbers(feed, place, "default", 1)) for _ in range(50)]
        await deliver(api, ours.id, token, 10)
        assert [(await each)[0] for each in waiting] == [[10]] * 50
        assert {task.get_name() for task in asked if task is not None} == {"feed"}


async def test_a_catalog_that_is_away_ends_who_follow(api: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """They come again, and then it goes on."""
    row = await api.stream()
    token, _ = await api.worker(row.id)
    feed = api.services.feed

    async def away(*_: Any, **__: Any) -> list[StoredEvent]:
        raise CatalogAway("timeout", "away")

    async with feed.following():
        await numbers(feed, 0, "default", 0)
        with monkeypatch.context() as patched:
            patched.setattr(api.catalog, "events_after", away)
            api.services.wakes.wake("events")
            with pytest.raises(CatalogAway):
                await numbers(feed, 0, "default", 1)
    async with feed.following():
        await deliver(api, row.id, token, 1)
        assert (await numbers(feed, 0, "default", 1))[0] == [1]
