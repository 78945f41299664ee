"""Journal rows handed in: stored once, and what is made of them."""

from __future__ import annotations

import pytest

from core.control import EventBatch
from core.errors import UsageError
from core.ids import SessionId
from supervisor.catalog import Catalog, NotFound
from tests.contract.catalog.rows import batch, beat, claimed, clip, reclaimed


async def test_the_same_rows_sent_twice_are_stored_once(catalog: Catalog) -> None:
    """Also where the second batch holds more."""
    claim = await claimed(catalog)
    first = batch(claim, (1, "state", {"state": "live"}), (2, "clip", clip()))
    assert (await catalog.store_events(first)).acked == 2
    assert (await catalog.store_events(first)).acked == 2
    more = batch(claim, (2, "clip", clip()), (3, "summary", {"clips": 1}))
    assert (await catalog.store_events(more)).acked == 3
    events = await catalog.events_after(0, workspace="default")
    assert [(event.seq, event.kind) for event in events] == [(1, "state"), (2, "clip"), (3, "summary")]
    assert [event.id for event in events] == sorted({event.id for event in events})
    assert (await catalog.session("default", claim.session)).summary == {"clips": 1}
    assert (await catalog.last_event(), await catalog.acked(claim.session)) == (events[-1].id, 3)


async def test_an_empty_batch_says_what_is_stored(catalog: Catalog) -> None:
    """Nothing else."""
    claim = await claimed(catalog)
    await catalog.store_events(batch(claim, (5, "state", {"state": "live"})))
    assert (await catalog.store_events(batch(claim))).acked == 5


async def test_a_clip_is_what_its_newest_revision_says(catalog: Catalog) -> None:
    """Older revisions stay to be seen; what a person said about it stays."""
    claim = await claimed(catalog)
    await catalog.store_events(batch(claim, (1, "clip", clip(revision=1, state="provisional", title="first"))))
    await catalog.review_clip("default", "c1", "approved", actor="t")
    await catalog.store_events(batch(claim, (2, "clip", clip(revision=2, title="second"))))
    row = await catalog.clip("default", "c1")
    assert (row.revision, row.state, row.title, row.review) == (2, "final", "second", "approved")
    assert [(each.revision, each.title) for each in await catalog.revisions("default", "c1")] == [
        (1, "first"), (2, "second"),
    ]  # fmt: skip


async def test_a_clip_of_two_attempts_is_accepted_once_each_and_the_newer_claim_counts(catalog: Catalog) -> None:
    """Told again with other times it is the same; another one under the same revision is kept beside."""
    old = await claimed(catalog)
    new = await reclaimed(catalog, old)
    await catalog.store_events(batch(new, (1, "clip", clip(title="new"))))
    await catalog.store_events(
        batch(old, (2, "clip", clip(title="old")), (3, "clip", clip(title="old", wall="later", latency_s=9)))
    )
    assert (await catalog.clip("default", "c1")).title == "new"
    assert [row.title for row in await catalog.revisions("default", "c1")] in (["new", "old"], ["old", "new"])


async def test_a_withdrawn_clip_is_not_restored_by_an_older_claim(catalog: Catalog) -> None:
    """The newer one has decided; its own later revision may."""
    old = await claimed(catalog)
    await catalog.store_events(batch(old, (1, "clip", clip())))
    new = await reclaimed(catalog, old)
    await catalog.store_events(batch(new, (2, "clip", clip(state="withdrawn"))))
    await catalog.store_events(batch(old, (3, "clip", clip(revision=2))))
    assert (await catalog.clip("default", "c1")).state == "withdrawn"
    await catalog.store_events(batch(new, (4, "clip", clip(revision=3))))
    assert (await catalog.clip("default", "c1")).state == "final"


async def test_a_superseded_withdrawal_is_state(catalog: Catalog) -> None:
    """Refused, though it is about a clip."""
    old = await claimed(catalog)
    await catalog.store_events(batch(old, (1, "clip", clip())))
    await reclaimed(catalog, old)
    assert (await catalog.store_events(batch(old, (2, "clip", clip(state="withdrawn"))))).refused == (2,)
    assert (await catalog.clip("default", "c1")).state == "final"


async def test_moments_keep_their_newest_state(catalog: Catalog) -> None:
    """By session."""
    claim = await claimed(catalog)
    rows = [(n, "moment", {"id": "m1", "state": state}) for n, state in enumerate(("open", "provisional", "final"), 1)]
    await catalog.store_events(batch(claim, *rows))
    [moment] = (await catalog.moments("default", claim.session)).rows
    assert (moment.id, moment.state) == ("m1", "final")


async def test_nobody_writes_the_clips_of_another_session(catalog: Catalog) -> None:
    """The batch is refused whole."""
    one = await claimed(catalog)
    two = await claimed(catalog, "two", session=SessionId("s2"))
    await catalog.store_events(batch(one, (1, "clip", clip())))
    with pytest.raises(UsageError, match="another session"):
        await catalog.store_events(batch(two, (1, "state", {"state": "live"}), (2, "clip", clip(title="mine"))))
    assert (await catalog.clip("default", "c1")).title == "A goal"
    assert [event.session for event in await catalog.events_after(0, workspace=None)] == [one.session]


async def test_a_claim_speaks_for_its_own_session_only(catalog: Catalog) -> None:
    """Neither an unknown session nor an unknown claim."""
    claim = await claimed(catalog)
    for session, token in ((SessionId("s-none"), 1), (claim.session, 2), (claim.session, 0)):
        with pytest.raises(NotFound):
            await catalog.store_events(EventBatch(session=session, claim_token=token, rows=()))


@pytest.mark.parametrize(
    ("kind", "line"),
    [("clip", {}), ("clip", clip(id="../x")), ("clip", clip(revision=True)), ("clip", clip(revision=0)),
     ("clip", clip(score="high")), ("clip", clip(review="maybe")), ("clip", clip(title=["x"])), ("moment", {"id": 5}),
     ("state", {"x": "y" * (1 << 18)}), ("state", {"x": float("inf")}), ("clip", clip(score=float("nan")))],
)  # fmt: skip
async def test_hostile_lines_are_refused_and_leave_nothing(
    catalog: Catalog, kind: str, line: dict[str, object]
) -> None:
    """With the code that the worker knows."""
    claim = await claimed(catalog)
    with pytest.raises(UsageError) as said:
        await catalog.store_events(batch(claim, (1, "state", {"state": "live"}), (2, kind, line)))
    assert said.value.code == "bad_message"
    assert await catalog.events_after(0, workspace=None) == []


async def test_texts_with_nulls_and_half_characters_are_kept(catalog: Catalog) -> None:
    """PostgreSQL's text refuses U+0000; a line comes back as it was, columns with a replacement."""
    claim = await claimed(catalog)
    line = clip(title="a\0b\ud800c")
    await catalog.store_events(batch(claim, (1, "clip", line)))
    assert await catalog.beat(beat(claim, reason="x\0\ud800", metrics="m\0"))
    row = await catalog.clip("default", "c1")
    assert (row.title, row.line["title"]) == ("a\ufffdb?c", "a\0b\ud800c")


async def test_heartbeats_move_the_session(catalog: Catalog) -> None:
    """Until it is over."""
    claim = await claimed(catalog)
    await catalog.beat(beat(claim, state="live", media_s=6.0))
    await catalog.beat(beat(claim, state="gap", media_s=5.0, reason="source_lost"))
    row = await catalog.session("default", claim.session)
    assert (row.state, row.reason, row.media_s) == ("gap", "source_lost", 6.0)
    await catalog.leading(1).set_session(claim.session, state="ended", reason="offline", ended=True)
    await catalog.beat(beat(claim, state="live"))
    row = await catalog.session("default", claim.session)
    assert (row.state, row.reason, row.ended_ns is not None) == ("ended", "offline", True)


async def test_erasing_a_session_leaves_nothing_of_it(catalog: Catalog) -> None:
    """Events, clips, moments and claims go with it; the stream stays and can be claimed on."""
    claim = await claimed(catalog)
    await catalog.store_events(batch(claim, (1, "clip", clip()), (2, "moment", {"id": "m1", "state": "final"})))
    await catalog.erase_session("default", claim.session)
    assert (await catalog.clips("default")).rows == ()
    assert await catalog.events_after(0, workspace=None) == []
    assert await catalog.attempts("default", claim.stream) == []
    assert (await reclaimed(catalog, claim)).token == 2
