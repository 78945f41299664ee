"""Members of a workspace: people who sign in with a name and a password, of which an argon2id hash is kept."""

from __future__ import annotations

import secrets
from dataclasses import asdict, replace

from sqlalchemy import RowMapping, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from supervisor.catalog import limits
from supervisor.catalog.errors import Conflict, NotFound
from supervisor.catalog.owners import keep_an_owner, lock_owners
from supervisor.catalog.part import Part
from supervisor.catalog.rows import in_workspace, one, page, value_of
from supervisor.catalog.schema import members, sign_ins, workspaces
from supervisor.catalog.values import MemberRow, Page, Role


class Members(Part):
    """Their passwords' hashes leave this file in one method only."""

    async def add_member(self, workspace: str, name: str, role: Role, password: str) -> MemberRow:
        """`password` is its hash. Raises NotFound (workspace), Conflict (`member_taken`), UsageError."""
        row = MemberRow(
            id=f"m-{secrets.token_hex(8)}",
            workspace=workspace,
            name=limits.text("name", name, limits.MAX_NAME),
            role=role,
            created_ns=self._now_ns(),
        )
        try:
            async with self._database.writing() as connection:
                if await connection.scalar(select(workspaces.c.id).where(workspaces.c.id == workspace)) is None:
                    raise NotFound("workspace", workspace)
                await connection.execute(insert(members).values(**asdict(row), password=password))
        except IntegrityError as err:
            raise Conflict(
                f"There is a member {row.name[:80]!r} already", remedy="Choose another name.", code="member_taken"
            ) from err
        return row

    async def member(self, workspace: str, id: str) -> MemberRow:
        """Raises NotFound."""
        async with self._database.reading() as connection:
            row = await one(connection, select(members).where(members.c.id == id, in_workspace(members, workspace)))
        if row is None:
            raise NotFound("member", id)
        return value_of(MemberRow, row)

    async def members(self, workspace: str, *, limit: int = 50, after: str | None = None) -> Page[MemberRow]:
        """Newest first."""
        async with self._database.reading() as connection:
            shown = in_workspace(members, workspace)
            return await page(connection, members, MemberRow, shown, by=members.c.created_ns, limit=limit, after=after)

    async def password_of(self, workspace: str, name: str) -> tuple[MemberRow, str] | None:
        """The member of a name and the password's hash; None where there is none."""
        mine = and_(members.c.workspace == workspace, members.c.name == name)
        async with self._database.reading() as connection:
            row = await one(connection, select(members).where(mine))
        return None if row is None else (value_of(MemberRow, row), row["password"])

    async def change_member(
        self, workspace: str, id: str, *, role: Role | None = None, password: str | None = None
    ) -> MemberRow:
        """A new password (its hash) ends every sign-in. Raises NotFound, Conflict (`last_owner`)."""
        changes = {name: value for name, value in (("role", role), ("password", password)) if value is not None}
        async with self._database.writing() as connection:
            row = await _locked(connection, workspace, id)
            await connection.execute(update(members).where(members.c.id == id).values(changes))
            if password is not None:
                await connection.execute(delete(sign_ins).where(sign_ins.c.member == id))
            if row["role"] == "owner":
                await keep_an_owner(connection, workspace)
        return replace(value_of(MemberRow, row), role=role or row["role"])

    async def remove_member(self, workspace: str, id: str) -> None:
        """With every sign-in. Raises NotFound, Conflict (`last_owner`)."""
        async with self._database.writing() as connection:
            row = await _locked(connection, workspace, id)
            await connection.execute(delete(members).where(members.c.id == id))
            if row["role"] == "owner":
                await keep_an_owner(connection, workspace)


async def _locked(connection: AsyncConnection, workspace: str, id: str) -> RowMapping:
    await lock_owners(connection, workspace)
    row = await one(connection, select(members).where(members.c.id == id, in_workspace(members, workspace)))
    if row is None:
        raise NotFound("member", id)
    return row
