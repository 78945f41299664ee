"""Members, the page's sign-ins, rotated tokens and owners."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from core.times import ns
from supervisor.catalog import Catalog, Conflict, NotFound
from supervisor.catalog.schema import members, sign_ins, tokens
from supervisor.catalog.signins import IDLE_S, LASTS_S, MOST
from supervisor.catalog.values import MemberRow, WorkspaceRow
from tests.fakes import FakeClock

DAY = ns(86_400)


async def ann(catalog: Catalog, **changes: Any) -> MemberRow:
    values = {"workspace": "default", "name": "ann", "role": "editor", "password": "$argon2id$..."} | changes
    return await catalog.add_member(**values)


async def test_members_belong_to_a_workspace_and_their_names_are_its_own(catalog: Catalog) -> None:
    """The same name may be somebody else's elsewhere; what is another workspace's is not there."""
    await catalog.add_workspace(WorkspaceRow(id="other", name="other"))
    row, theirs = await ann(catalog), await ann(catalog, workspace="other")
    assert row.id != theirs.id
    with pytest.raises(Conflict) as taken:
        await ann(catalog)
    assert taken.value.code == "member_taken"
    with pytest.raises(NotFound):
        await ann(catalog, workspace="nowhere")
    assert (await catalog.members("default")).rows == (row,)
    assert await catalog.password_of("default", "ann") == (row, "$argon2id$...")
    assert await catalog.password_of("default", "bob") is None
    for asked in (catalog.member("default", theirs.id), catalog.remove_member("default", theirs.id)):
        with pytest.raises(NotFound):
            await asked
    with pytest.raises(NotFound):
        await catalog.change_member("default", theirs.id, role="owner")
    assert (await catalog.change_member("default", row.id, role="viewer")).role == "viewer"
    await catalog.remove_member("default", row.id)
    assert (await catalog.members("default")).rows == ()


async def test_a_sign_in_stands_for_who_made_it_as_they_are_now(catalog: Catalog) -> None:
    """Role and scopes are looked up each time; the text is kept as a hash."""
    row = await ann(catalog)
    made, text = await catalog.new_sign_in(row)
    assert await catalog.check_sign_in(text) == made
    await catalog.change_member("default", row.id, role="viewer")
    found = await catalog.check_sign_in(text)
    assert found is not None
    assert (found.id, found.role, found.name, found.workspace) == (row.id, "viewer", "ann", "default")
    token, _ = await catalog.new_token("default", "editor", "ci", scopes=("clips:read",))
    _, by_token = await catalog.new_sign_in(token)
    seen = await catalog.check_sign_in(by_token)
    assert seen is not None
    assert (seen.id, seen.scopes) == (token.id, ("clips:read",))
    for wrong in ("", text[:-1], text + "x", f"cs_{made.sign_in}_{'A' * 43}", "cs_x_y", text.replace("cs_", "cd_")):
        assert await catalog.check_sign_in(wrong) is None
    assert await catalog.check_token(text.replace("cs_", "cd_")) is None
    async with catalog._database.reading() as connection:
        held = str((await connection.execute(select(sign_ins))).all())
    assert text.split("_", 2)[2] not in held


async def test_a_sign_in_ends_when_nobody_uses_it_and_after_a_week(catalog: Catalog, clock: FakeClock) -> None:
    """12 hours without a request, 7 days with them."""
    row = await ann(catalog)
    _, text = await catalog.new_sign_in(row)
    for _ in range(int(LASTS_S / IDLE_S)):
        clock.advance(ns(IDLE_S) - ns(120))
        assert await catalog.check_sign_in(text) is not None
    clock.advance(ns(120) * 14)
    assert await catalog.check_sign_in(text) is None
    _, idle = await catalog.new_sign_in(row)
    clock.advance(ns(IDLE_S))
    assert await catalog.check_sign_in(idle) is None
    clock.advance(ns(LASTS_S))
    assert await catalog.forget(0) == 2


async def test_what_ends_a_sign_in(catalog: Catalog, clock: FakeClock) -> None:
    """Signing out, a new password, the member's or the token's end, a rotation, and too many newer ones."""
    row = await ann(catalog)

    async def signed_in(who: Any) -> str:
        return (await catalog.new_sign_in(who))[1]

    made, text = await catalog.new_sign_in(row)
    assert made.sign_in is not None
    await catalog.end_sign_in(made.sign_in)
    assert await catalog.check_sign_in(text) is None
    text = await signed_in(row)
    await catalog.change_member("default", row.id, password="another")
    assert await catalog.check_sign_in(text) is None
    first = await signed_in(row)
    for _ in range(MOST):
        clock.advance(1)
        last = await signed_in(row)
    assert [await catalog.check_sign_in(each) is not None for each in (first, last)] == [False, True]
    await catalog.remove_member("default", row.id)
    assert await catalog.check_sign_in(last) is None
    token, _ = await catalog.new_token("default", "viewer")
    text = await signed_in(token)
    await catalog.rotate_token("default", token.id, DAY)
    assert await catalog.check_sign_in(text) is None
    text = await signed_in(token)
    await catalog.revoke_token("default", token.id)
    assert await catalog.check_sign_in(text) is None
    short, _ = await catalog.new_token("default", "viewer", expires_ns=clock.wall_ns() + ns(60))
    text = await signed_in(short)
    clock.advance(ns(60))
    assert await catalog.check_sign_in(text) is None


async def test_a_rotated_token_has_two_secrets_for_a_while_and_never_three(catalog: Catalog, clock: FakeClock) -> None:
    """The one before ends after the overlap, at once where there is none, and with the next rotation."""
    row, first = await catalog.new_token("default", "viewer", "ci")
    rotated, second = await catalog.rotate_token("default", row.id, DAY)
    assert (rotated.id, rotated.old_until_ns) == (row.id, clock.wall_ns() + DAY)
    assert [await catalog.check_token(each) is not None for each in (first, second)] == [True, True]
    _, third = await catalog.rotate_token("default", row.id, DAY)
    assert [await catalog.check_token(each) is not None for each in (first, second, third)] == [False, True, True]
    clock.advance(DAY)
    assert [await catalog.check_token(each) is not None for each in (second, third)] == [False, True]
    _, fourth = await catalog.rotate_token("default", row.id, 0)
    assert [await catalog.check_token(each) is not None for each in (third, fourth)] == [False, True]
    await catalog.revoke_token("default", row.id)
    assert await catalog.check_token(fourth) is None
    with pytest.raises(Conflict) as over:
        await catalog.rotate_token("default", row.id, 0)
    assert over.value.code == "token_over"
    with pytest.raises(NotFound):
        await catalog.rotate_token("elsewhere", row.id, 0)


async def test_a_token_says_when_it_was_used_last_to_the_minute(catalog: Catalog, clock: FakeClock) -> None:
    """And costs a write once a minute."""
    row, text = await catalog.new_token("default", "viewer")
    began_ns = clock.wall_ns()
    for _ in range(3):
        assert await catalog.check_token(text) is not None
        clock.advance(ns(20))
    assert (await catalog.token("default", row.id)).used_ns == began_ns
    await catalog.check_token(text)
    assert (await catalog.token("default", row.id)).used_ns == began_ns + ns(60)
    await catalog.check_token(text[:-1] + "x")
    assert (await catalog.token("default", row.id)).used_ns == began_ns + ns(60)


async def test_a_workspace_keeps_an_owner(catalog: Catalog, clock: FakeClock) -> None:
    """A member or a token that lasts; two that go at the same time do not both go."""
    boss = await ann(catalog, name="boss", role="owner")
    await catalog.new_token("default", "owner", expires_ns=clock.wall_ns() + DAY)
    await catalog.new_token("default", "owner", scopes=("clips:read",))
    for change in (catalog.remove_member("default", boss.id), catalog.change_member("default", boss.id, role="admin")):
        with pytest.raises(Conflict) as last:
            await change
        assert last.value.code == "last_owner"
    assert (await catalog.member("default", boss.id)).role == "owner"
    token, text = await catalog.new_token("default", "owner")
    going = (catalog.remove_member("default", boss.id), catalog.revoke_token("default", token.id))
    gone = await asyncio.gather(*going, return_exceptions=True)
    assert sorted(type(each).__name__ for each in gone) == ["Conflict", "NoneType"]
    left = [await catalog.check_token(text) is not None, bool((await catalog.members("default")).rows)]
    assert sorted(left) == [False, True]


async def test_workspaces_are_listed_and_renamed(catalog: Catalog) -> None:
    """One's own, or all."""
    await catalog.add_workspace(WorkspaceRow(id="other", name="other"))
    await catalog.rename_workspace("other", "Another")
    assert [row.name for row in (await catalog.workspaces_of("other")).rows] == ["Another"]
    assert {row.id for row in (await catalog.workspaces_of(None)).rows} == {"default", "other"}
    with pytest.raises(NotFound):
        await catalog.rename_workspace("nowhere", "x")


def test_hashes_leave_in_no_row() -> None:
    """What answers are made of has no field for them."""
    assert {"password", "hash", "old_hash"} <= {each.name for table in (members, tokens) for each in table.columns}
    assert not {"password", "hash", "old_hash"} & set(MemberRow.__dataclass_fields__)
