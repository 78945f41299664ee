"""What people say of clips stays, whatever workers say later."""

from __future__ import annotations

import pytest

from core.control import EventBatch
from core.errors import UsageError
from supervisor.catalog import Catalog, Conflict, NotFound
from tests.contract.catalog.rows import batch, claimed, clip, reclaimed


async def test_no_line_of_a_worker_changes_a_verdict_or_a_title(catalog: Catalog) -> None:
    """Neither the same revision told again, nor the next, nor another attempt's, nor one that claims a verdict."""
    claim = await claimed(catalog)
    await catalog.store_events(batch(claim, (1, "clip", clip(review="approved", title="first"))))
    assert (await catalog.clip("default", "c1")).review == "none"
    await catalog.review_clip("default", "c1", "approved", actor="ann")
    await catalog.name_clip("default", "c1", "Mine", actor="ann")
    await catalog.store_events(batch(claim, (2, "clip", clip(title="again", score=0.2))))
    assert not (await catalog.clip("default", "c1")).revised_since
    await catalog.store_events(batch(claim, (3, "clip", clip(revision=2, title="second", review="rejected"))))
    await catalog.store_events(batch(await reclaimed(catalog, claim), (4, "clip", clip(revision=3, title="third"))))
    row = await catalog.clip("default", "c1")
    assert (row.review, row.title, row.revision, row.line["title"]) == ("approved", "Mine", 3, "third")
    assert row.revised_since
    assert not (await catalog.review_clip("default", "c1", "approved", actor="ann")).revised_since


async def test_every_verdict_is_kept_with_its_revision_and_who_said_it(catalog: Catalog) -> None:
    """Each is an event, in order among those of workers; said twice it is one."""
    claim = await claimed(catalog)
    await catalog.store_events(batch(claim, (1, "clip", clip())))
    await catalog.review_clip("default", "c1", "rejected", actor="ann", note="too long")
    await catalog.review_clip("default", "c1", "rejected", actor="ann", note="too long")
    await catalog.store_events(batch(claim, (2, "clip", clip(revision=2))))
    await catalog.review_clip("default", "c1", "approved", actor="ben")
    said = await catalog.verdicts("default", "c1")
    assert [(each.revision, each.verdict, each.actor, each.note) for each in said] == [
        (2, "approved", "ben", ""), (1, "rejected", "ann", "too long"),
    ]  # fmt: skip
    told = await catalog.events_after(0, workspace="default")
    assert [each.kind for each in told] == ["clip", "review", "clip", "review"]
    assert [each.id for each in told] == sorted(each.id for each in told)
    assert (told[1].attempt, told[1].seq, told[1].stream) == (0, told[1].id, claim.stream)
    assert told[1].line == {
        "type": "review", "session": claim.session, "clip": "c1", "revision": 1, "review": "rejected", "by": "ann",
        "note": "too long",
    }  # fmt: skip
    assert next(iter(await catalog.events_after(told[0].id, workspace="default"))).kind == "review"
    await catalog.erase_session(None, claim.session)
    assert await catalog.events_after(0, workspace=None) == []


async def test_what_cannot_be_judged(catalog: Catalog) -> None:
    """Another workspace's clip is not there; a withdrawn one was nothing; no worker speaks as a supervisor."""
    claim = await claimed(catalog)
    await catalog.store_events(batch(claim, (1, "clip", clip())))
    for ask in (
        catalog.review_clip("other", "c1", "approved", actor="t"),
        catalog.name_clip("other", "c1", "x", actor="t"),
        catalog.verdicts("other", "c1"),
        catalog.moment("other", claim.session, "m1"),
    ):
        with pytest.raises(NotFound):
            await ask
    await catalog.store_events(batch(claim, (2, "clip", clip(state="withdrawn"))))
    with pytest.raises(Conflict) as refused:
        await catalog.review_clip("default", "c1", "approved", actor="t")
    assert refused.value.code == "clip_withdrawn"
    row = {"seq": 3, "attempt": 0, "kind": "clip", "line": clip()}
    with pytest.raises(UsageError, match="out of range"):
        await catalog.store_events(EventBatch(session=claim.session, claim_token=claim.token, rows=(row,)))
    assert len(await catalog.events_after(0, workspace=None)) == 2
