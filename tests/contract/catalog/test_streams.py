"""Streams as users see them: names, workspaces, pages."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import UsageError
from core.ids import StreamId
from supervisor.catalog import Catalog, Conflict, NotFound, cursors
from supervisor.catalog.limits import MAX_DOCUMENT
from supervisor.catalog.values import WorkspaceRow
from tests.contract.catalog.rows import batch, claimed, clip, stream
from tests.fakes import FakeClock


async def test_a_stream_is_added_changed_and_deleted(catalog: Catalog, clock: FakeClock) -> None:
    """It is labelled with the time; a deleted one is gone for users and known to the supervisor."""
    added = await catalog.add_stream(stream(options={"profile": "sport", "title": "né\0"}))
    assert added == await catalog.stream("default", added.id)
    assert added.created_ns == clock.wall_ns()
    changed = await catalog.change_stream("default", added.id, wanted="paused", priority=5)
    assert (changed.wanted, changed.priority, changed.options) == ("paused", 5, added.options)
    await catalog.delete_stream("default", added.id)
    with pytest.raises(NotFound):
        await catalog.stream("default", added.id)
    with pytest.raises(NotFound):
        await catalog.change_stream("default", added.id, wanted="running")
    assert (await catalog.stream(None, added.id)).deleted
    assert ((await catalog.streams("default")).rows, await catalog.all_streams()) == ((), [])


async def test_a_name_is_taken_once_until_its_stream_is_deleted(catalog: Catalog) -> None:
    """In a workspace; another one may use it too."""
    await catalog.add_workspace(WorkspaceRow(id="other", name="Other"))
    await catalog.add_stream(stream("one"))
    await catalog.add_stream(stream("two", name="one", workspace="other"))
    with pytest.raises(Conflict) as said:
        await catalog.add_stream(stream("three", name="one"))
    assert said.value.code == "stream_taken"
    await catalog.add_stream(stream("four"))
    with pytest.raises(Conflict):
        await catalog.change_stream("default", StreamId("four"), name="one")
    await catalog.delete_stream("default", StreamId("one"))
    assert (await catalog.change_stream("default", StreamId("four"), name="one")).name == "one"


async def test_another_workspace_sees_and_changes_nothing(catalog: Catalog) -> None:
    """What is another's is not told apart from what is not there."""
    claim = await claimed(catalog)
    await catalog.store_events(batch(claim, (1, "clip", clip())))
    row, _ = await catalog.new_token("default", "viewer")
    for asked in (
        catalog.stream("other", claim.stream), catalog.change_stream("other", claim.stream, wanted="paused"),
        catalog.delete_stream("other", claim.stream), catalog.session("other", claim.session),
        catalog.clip("other", "c1"), catalog.review_clip("other", "c1", "approved", actor="t"),
        catalog.revisions("other", "c1"), catalog.erase_clip("other", "c1"),
        catalog.erase_session("other", claim.session), catalog.revoke_token("other", row.id),
        catalog.token("other", row.id), catalog.add_command(claim.stream, "drain", workspace="other"),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            await asked
    pages: list[Any] = [
        await catalog.streams("other"), await catalog.sessions("other"), await catalog.clips("other"),
        await catalog.tokens("other"), await catalog.jobs("other"), await catalog.audits("other"),
        await catalog.moments("other", claim.session),
    ]  # fmt: skip
    assert [page.rows for page in pages] == [()] * len(pages)
    assert await catalog.events_after(0, workspace="other") == []
    assert await catalog.attempts("other", claim.stream) == []


async def test_pages_hold_every_row_once_newest_first(catalog: Catalog, clock: FakeClock) -> None:
    """Also where several have one time, and rows are added meanwhile."""
    for n in range(7):
        await catalog.add_stream(stream(f"s{n}"))
        clock.advance(n % 2)
    first = await catalog.streams("default", limit=3)
    await catalog.add_stream(stream("later"))
    names, after = [row.name for row in first.rows], first.next
    while after is not None:
        page = await catalog.streams("default", limit=3, after=after)
        names, after = names + [row.name for row in page.rows], page.next
    assert names == ["s6", "s5", "s4", "s3", "s2", "s1", "s0"]


@pytest.mark.parametrize(
    "cursor",
    ["", "!", "x" * 500, "bnVsbA", "W10", cursors.encode("clips", 1, "a"), cursors.encode("streams", 1 << 70, "a"), "é",
     cursors.encode("streams", 1, "a") + "=", cursors.encode("streams", 1, "\0")],
)  # fmt: skip
async def test_hostile_cursors_are_refused(catalog: Catalog, cursor: str) -> None:
    """Of another list, of no list, too long, with numbers that no database holds."""
    with pytest.raises(UsageError) as said:
        await catalog.streams("default", after=cursor)
    assert said.value.code == "bad_cursor"


@pytest.mark.parametrize("limit", [0, -1, 201])
async def test_pages_have_a_size(catalog: Catalog, limit: int) -> None:
    """1 to 200 rows."""
    with pytest.raises(UsageError, match="200"):
        await catalog.clips("default", limit=limit)


HOSTILE = "'); DROP TABLE streams; --"


async def test_texts_are_values_and_never_sql(catalog: Catalog) -> None:
    """Quotes, comments and placeholders come back as they went in."""
    await catalog.add_stream(stream("one", name=HOSTILE, source="%(x)s :y ? $1 " + HOSTILE))
    [row] = (await catalog.streams("default")).rows
    assert (row.name, row.source) == (HOSTILE, "%(x)s :y ? $1 " + HOSTILE)
    assert (await catalog.streams(HOSTILE)).rows == ()
    with pytest.raises(NotFound):
        await catalog.stream("default", StreamId(HOSTILE))
    for name in (f"one\0{HOSTILE}", "one\ud800"):
        with pytest.raises(UsageError):
            await catalog.stream("default", StreamId(name))


@pytest.mark.parametrize(
    "changes",
    [{"id": "../etc"}, {"id": ""}, {"name": "x" * 201}, {"source": "x" * 5000}, {"options": {"x": "y" * MAX_DOCUMENT}},
     {"options": {"x": float("nan")}}, {"options": {"x": object()}}, {"kind": "spy"}, {"wanted": "maybe"},
     {"priority": 10**30}, {"rights": ""}, {"origin": "mars"}],
    ids=lambda changes: str(changes)[:30],
)  # fmt: skip
async def test_what_is_too_big_or_unknown_is_refused(catalog: Catalog, changes: dict[str, Any]) -> None:
    """Before it reaches the database."""
    with pytest.raises(UsageError) as said:
        await catalog.add_stream(stream(**changes))
    assert said.value.code == "bad_value"
    assert (await catalog.streams("default")).rows == ()
