"""Bearer tokens of users and workers: `cd_…` is a user's, `cw_…` a worker's for minutes, `cr_…` an attempt's renewal
secret for days (`bearer.py` has their form).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, replace
from typing import Final, Literal, get_args

from sqlalchemy import ColumnElement, RowMapping, and_, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.ids import StreamId
from core.times import NS_PER_S, ns
from supervisor.catalog import limits
from supervisor.catalog.bearer import is_over, is_same, new_text, read_text, text_of
from supervisor.catalog.claims import worker_row
from supervisor.catalog.errors import CatalogAway, Conflict, NotFound
from supervisor.catalog.owners import is_lasting_owner, keep_an_owner, lock_owners
from supervisor.catalog.part import Part
from supervisor.catalog.rows import in_workspace, one, page, value_of
from supervisor.catalog.schema import sign_ins, tokens, worker_tokens, workers, workspaces
from supervisor.catalog.values import ClaimRow, Page, Role, TokenRow

TOKEN_S: Final = 600.0  # how long a worker's token is good for; a new one comes with a heartbeat when half is spent
RENEWAL_S: Final = 7 * 86_400.0  # DESIGN.md section 3
USED_EVERY_NS: Final = 60 * NS_PER_S  # `used_ns` is written this often at most: a request seldom costs a write


class Tokens(Part):
    """Who may call, and as whom."""

    async def new_token(
        self,
        workspace: str,
        role: Role,
        name: str = "",
        expires_ns: int | None = None,
        scopes: tuple[str, ...] = (),
    ) -> tuple[TokenRow, str]:
        """The row and its text, which nobody can ask for again. Raises NotFound (workspace), UsageError."""
        if role not in get_args(Role):
            raise limits.too_much("role is none that is known")
        text, id, digest = new_text("cd")
        row = TokenRow(
            id=id,
            workspace=workspace,
            role=role,
            name=limits.text("name", name, limits.MAX_NAME),
            created_ns=self._now_ns(),
            expires_ns=expires_ns,
            scopes=scopes,
        )
        async with self._database.writing() as connection:
            known = await connection.scalar(select(workspaces.c.id).where(workspaces.c.id == workspace))
            if known is None:
                raise NotFound("workspace", workspace)
            await connection.execute(insert(tokens).values(**asdict(row), hash=digest))
        return row, text

    async def check_token(self, text: str) -> TokenRow | None:
        """Whose it is; None for anything that is not, or no longer, a token. Notes that it was used."""
        id, digest = read_text("cd", text)
        async with self._database.reading() as connection:
            row = await one(connection, select(tokens).where(tokens.c.id == id))
        now_ns = self._now_ns()
        is_new = is_same(digest, None if row is None else row["hash"])
        is_old = is_same(digest, None if row is None else row["old_hash"])
        if row is None or row["revoked"] or is_over(row["expires_ns"], now_ns):
            return None
        if not is_new and (not is_old or row["old_until_ns"] is None or row["old_until_ns"] <= now_ns):
            return None
        await self._note_use(id, row["used_ns"], now_ns)
        return value_of(TokenRow, row)

    async def _note_use(self, id: str, used_ns: int | None, now_ns: int) -> None:
        if used_ns is not None and 0 <= now_ns - used_ns < USED_EVERY_NS:
            return
        with suppress(CatalogAway):  # a label: nobody is turned away for it
            async with self._database.writing() as connection:
                await connection.execute(update(tokens).where(tokens.c.id == id).values(used_ns=now_ns))

    async def rotate_token(self, workspace: str, id: str, overlap_ns: int) -> tuple[TokenRow, str]:
        """A new secret under the same id; the one before stays good for `overlap_ns`, an older one ends, and so do the
        sign-ins made with either. Raises NotFound, Conflict (`token_over`)."""
        text, digest = text_of("cd", id)
        async with self._database.writing() as connection:
            row = await self._locked(connection, workspace, id)
            now_ns = self._now_ns()
            if row["revoked"] or is_over(row["expires_ns"], now_ns):
                raise Conflict(
                    "The token is revoked, or has expired", remedy="Make a new one.", code="token_over"
                )  # fmt: skip
            changed = {"hash": digest, "old_hash": row["hash"], "old_until_ns": now_ns + overlap_ns}
            await connection.execute(update(tokens).where(tokens.c.id == id).values(changed))
            await connection.execute(delete(sign_ins).where(sign_ins.c.token == id))
        return replace(value_of(TokenRow, row), old_until_ns=now_ns + overlap_ns), text

    async def token(self, workspace: str | None, id: str) -> TokenRow:
        """Raises NotFound."""
        async with self._database.reading() as connection:
            row = await one(connection, select(tokens).where(tokens.c.id == id, in_workspace(tokens, workspace)))
        if row is None:
            raise NotFound("token", id)
        return value_of(TokenRow, row)

    async def revoke_token(self, workspace: str | None, id: str) -> None:
        """With its sign-ins. Raises NotFound, Conflict (`last_owner`). A second time changes nothing."""
        async with self._database.writing() as connection:
            row = await self._locked(connection, workspace, id)
            await connection.execute(update(tokens).where(tokens.c.id == id).values(revoked=True))
            await connection.execute(delete(sign_ins).where(sign_ins.c.token == id))
            if is_lasting_owner(value_of(TokenRow, row)):
                await keep_an_owner(connection, row["workspace"])

    async def _locked(self, connection: AsyncConnection, workspace: str | None, id: str) -> RowMapping:
        """A token's row, and its workspace's owners, for this transaction alone. Raises NotFound."""
        mine = and_(tokens.c.id == id, in_workspace(tokens, workspace))
        owned = await connection.scalar(select(tokens.c.workspace).where(mine))
        if owned is None:
            raise NotFound("token", id)
        await lock_owners(connection, owned)
        row = await one(connection, select(tokens).where(mine))
        assert row is not None  # tokens are revoked, never deleted
        return row

    async def tokens(self, workspace: str | None, *, limit: int = 50, after: str | None = None) -> Page[TokenRow]:
        """Newest first, revoked ones too; never their secrets."""
        async with self._database.reading() as connection:
            shown = in_workspace(tokens, workspace)
            return await page(connection, tokens, TokenRow, shown, by=tokens.c.created_ns, limit=limit, after=after)

    async def issue_worker_token(self, stream: StreamId, claim_token: int, seconds: float) -> str:
        """A token of an attempt, good for `seconds`; its expired ones are forgotten. Raises NotFound (claim)."""
        return await self._issue("cw", stream, claim_token, seconds)

    async def set_renewal(self, stream: StreamId, claim_token: int, *, seconds: float = RENEWAL_S) -> str:
        """The renewal secret of an attempt: a new one takes the place of the one before. Raises NotFound (claim)."""
        return await self._issue("cr", stream, claim_token, seconds)

    async def worker_token(self, text: str) -> ClaimRow | None:
        """The claim of a worker's token, a superseded one too; None where it is none or has expired."""
        return await self._claim_of("cw", text)

    async def renew(self, text: str) -> ClaimRow | None:
        """The claim of a renewal secret, a superseded one too."""
        return await self._claim_of("cr", text)

    async def _issue(self, kind: Literal["cw", "cr"], stream: StreamId, claim_token: int, seconds: float) -> str:
        text, id, digest = new_text(kind)
        now_ns = self._now_ns()
        values = {
            "id": id, "kind": kind, "hash": digest, "stream": stream, "token": claim_token,
            "expires_ns": now_ns + ns(seconds),
        }  # fmt: skip
        mine = and_(
            worker_tokens.c.stream == stream, worker_tokens.c.token == claim_token, worker_tokens.c.kind == kind
        )
        old: ColumnElement[bool] = mine if kind == "cr" else and_(mine, worker_tokens.c.expires_ns <= now_ns)
        async with self._database.writing() as connection:
            await worker_row(connection, stream, claim_token)
            await connection.execute(delete(worker_tokens).where(old))
            await connection.execute(insert(worker_tokens).values(values))
        return text

    async def _claim_of(self, kind: Literal["cw", "cr"], text: str) -> ClaimRow | None:
        id, digest = read_text(kind, text)
        mine = and_(worker_tokens.c.stream == workers.c.stream, worker_tokens.c.token == workers.c.token)
        query = select(workers, worker_tokens.c.hash, worker_tokens.c.expires_ns).join(worker_tokens, mine)
        async with self._database.reading() as connection:
            row = await one(connection, query.where(worker_tokens.c.id == id, worker_tokens.c.kind == kind))
        right = is_same(digest, None if row is None else row["hash"])
        if row is None or not right or row["expires_ns"] <= self._now_ns():
            return None
        return value_of(ClaimRow, row)
