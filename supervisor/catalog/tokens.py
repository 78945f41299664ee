"""Bearer tokens of users and workers: 256 random bits, of which the catalog keeps a SHA-256.

`cd_<id>_<secret>` is a user's, `cw_…` a worker's for minutes, `cr_…` an attempt's renewal secret for days. A token is
found by its id and then compared in constant time; an unknown id takes the same comparison.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import asdict
from typing import Final, Literal, get_args

from sqlalchemy import ColumnElement, and_, delete, insert, select, update

from core.ids import StreamId
from core.times import ns
from supervisor.catalog import limits
from supervisor.catalog.claims import worker_row
from supervisor.catalog.errors import NotFound
from supervisor.catalog.part import Part
from supervisor.catalog.rows import in_workspace, one, page, value_of
from supervisor.catalog.schema import tokens, worker_tokens, workers, workspaces
from supervisor.catalog.values import ClaimRow, Page, Role, TokenRow

TOKEN_S: Final = 600.0  # how long a worker's token is good for; a new one comes with a heartbeat when half is spent
RENEWAL_S: Final = 7 * 86_400.0  # DESIGN.md section 3
_FORM: Final = re.compile(r"(cd|cw|cr)_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_NOBODY: Final = hashlib.sha256(secrets.token_bytes(32)).hexdigest()


class Tokens(Part):
    """Who may call, and as whom."""

    async def new_token(
        self, workspace: str, role: Role, name: str = "", expires_ns: int | None = None
    ) -> tuple[TokenRow, str]:
        """The row and its text, which nobody can ask for again. Raises NotFound (workspace), UsageError."""
        if role not in get_args(Role):
            raise limits.too_much("role is none that is known")
        text, id, digest = _new("cd")
        row = TokenRow(
            id=id,
            workspace=workspace,
            role=role,
            name=limits.text("name", name, limits.MAX_NAME),
            created_ns=self._now_ns(),
            expires_ns=expires_ns,
        )
        async with self._database.writing() as connection:
            known = await connection.scalar(select(workspaces.c.id).where(workspaces.c.id == workspace))
            if known is None:
                raise NotFound("workspace", workspace)
            await connection.execute(insert(tokens).values(**asdict(row), hash=digest))
        return row, text

    async def check_token(self, text: str) -> TokenRow | None:
        """Whose it is; None for anything that is not, or no longer, a token."""
        id, digest = _read("cd", text)
        async with self._database.reading() as connection:
            row = await one(connection, select(tokens).where(tokens.c.id == id))
        right = hmac.compare_digest(digest, _NOBODY if row is None else row["hash"])
        if row is None or not right or row["revoked"]:
            return None
        if row["expires_ns"] is not None and row["expires_ns"] <= self._now_ns():
            return None
        return value_of(TokenRow, row)

    async def token(self, workspace: str | None, id: str) -> TokenRow:
        """Raises NotFound."""
        async with self._database.reading() as connection:
            row = await one(connection, select(tokens).where(tokens.c.id == id, in_workspace(tokens, workspace)))
        if row is None:
            raise NotFound("token", id)
        return value_of(TokenRow, row)

    async def revoke_token(self, workspace: str | None, id: str) -> None:
        """Raises NotFound. A second time changes nothing."""
        async with self._database.writing() as connection:
            mine = and_(tokens.c.id == id, in_workspace(tokens, workspace))
            if (await connection.execute(update(tokens).where(mine).values(revoked=True))).rowcount == 0:
                raise NotFound("token", id)

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
        text, id, digest = _new(kind)
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
        id, digest = _read(kind, text)
        mine = and_(worker_tokens.c.stream == workers.c.stream, worker_tokens.c.token == workers.c.token)
        query = select(workers, worker_tokens.c.hash, worker_tokens.c.expires_ns).join(worker_tokens, mine)
        async with self._database.reading() as connection:
            row = await one(connection, query.where(worker_tokens.c.id == id, worker_tokens.c.kind == kind))
        right = hmac.compare_digest(digest, _NOBODY if row is None else row["hash"])
        if row is None or not right or row["expires_ns"] <= self._now_ns():
            return None
        return value_of(ClaimRow, row)


def _new(kind: str) -> tuple[str, str, str]:
    """Text, id and digest."""
    id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    return f"{kind}_{id}_{secret}", id, _digest(secret)


def _read(kind: str, text: str) -> tuple[str, str]:
    """Id and digest of a text, of any text."""
    found = _FORM.fullmatch(text)
    if found is None or found[1] != kind:
        return "", _digest("")
    return found[2], _digest(found[3])


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
