"""Tokens of users and workers: found, compared, expired, revoked, and never kept."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from core.errors import UsageError
from core.times import ns
from supervisor.catalog import Catalog, NotFound
from supervisor.catalog.schema import tokens, worker_tokens
from tests.contract.catalog.rows import claimed, reclaimed
from tests.fakes import FakeClock


async def test_a_token_is_known_until_it_is_revoked(catalog: Catalog) -> None:
    """By the whole text only."""
    row, text = await catalog.new_token("default", "editor", "ci")
    assert text.startswith(f"cd_{row.id}_")
    assert await catalog.check_token(text) == row
    for wrong in ("", text[:-1], text + "x", text.upper(), f"cd_{row.id}_{'A' * 43}", "cd_x_y", "\0" * 64, "é" * 64):
        assert await catalog.check_token(wrong) is None
    await catalog.revoke_token("default", row.id)
    assert await catalog.check_token(text) is None
    assert (await catalog.token("default", row.id)).revoked


async def test_a_token_expires(catalog: Catalog, clock: FakeClock) -> None:
    """At its time."""
    _, text = await catalog.new_token("default", "viewer", expires_ns=clock.wall_ns() + ns(60))
    clock.advance(ns(59))
    assert await catalog.check_token(text) is not None
    clock.advance(ns(1))
    assert await catalog.check_token(text) is None


async def test_a_token_needs_a_workspace_and_a_role(catalog: Catalog) -> None:
    """That there are."""
    with pytest.raises(NotFound):
        await catalog.new_token("nowhere", "viewer")
    with pytest.raises(UsageError):
        await catalog.new_token("default", "god")  # type: ignore[arg-type]


async def test_secrets_are_not_in_the_database(catalog: Catalog) -> None:
    """Hashes only."""
    claim = await claimed(catalog)
    texts = [
        (await catalog.new_token("default", "owner"))[1],
        await catalog.issue_worker_token(claim.stream, 1, 60),
        await catalog.set_renewal(claim.stream, 1),
    ]
    async with catalog._database.reading() as connection:
        held = [str(tuple(row)) for table in (tokens, worker_tokens) for row in await connection.execute(select(table))]
    assert len(held) == 3
    assert [text for text in texts for row in held if text.split("_", 2)[2] in row] == []


async def test_a_workers_token_names_its_claim(catalog: Catalog, clock: FakeClock) -> None:
    """For its seconds; a superseded claim too, so that it can deliver."""
    claim = await claimed(catalog)
    text = await catalog.issue_worker_token(claim.stream, 1, 60)
    await reclaimed(catalog, claim)
    assert await catalog.worker_token(text) == claim
    assert await catalog.renew(text) is None
    assert await catalog.check_token(text) is None
    clock.advance(ns(60))
    assert await catalog.worker_token(text) is None
    with pytest.raises(NotFound):
        await catalog.issue_worker_token(claim.stream, 9, 60)


async def test_several_tokens_of_a_claim_hold_at_once_and_one_renewal(catalog: Catalog, clock: FakeClock) -> None:
    """A token that is renewed half spent stays good; a new renewal secret takes the old one's place."""
    claim = await claimed(catalog)
    first = await catalog.issue_worker_token(claim.stream, 1, 60)
    clock.advance(ns(30))
    second = await catalog.issue_worker_token(claim.stream, 1, 60)
    assert (await catalog.worker_token(first), await catalog.worker_token(second)) == (claim, claim)
    old, new = await catalog.set_renewal(claim.stream, 1), await catalog.set_renewal(claim.stream, 1)
    assert (await catalog.renew(old), await catalog.renew(new)) == (None, claim)
    clock.advance(ns(7 * 86_400))
    assert await catalog.renew(new) is None
