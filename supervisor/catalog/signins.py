"""Sign-ins of the page: a cookie's text stands for a token or a member, whose role and rights are looked up each time.

It ends 7 days after it was made, 12 hours after it was shown last, when somebody signs out, and with its token, its
member or that one's password.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from sqlalchemy import RowMapping, Select, delete, func, insert, select, update

from core.times import ns
from supervisor.catalog.bearer import is_over, is_same, new_text, read_text
from supervisor.catalog.errors import CatalogAway
from supervisor.catalog.part import Part
from supervisor.catalog.rows import one
from supervisor.catalog.schema import members, sign_ins, tokens
from supervisor.catalog.values import Caller, MemberRow, TokenRow

LASTS_S: Final = 7 * 86_400.0
IDLE_S: Final = 12 * 3600.0
SEEN_EVERY_NS: Final = ns(60)  # `seen_ns` is written this often at most
MOST: Final = 32  # of one token or member; the oldest ends first


class SignIns(Part):
    """Who is signed in, in which browser."""

    async def new_sign_in(self, who: MemberRow | TokenRow) -> tuple[Caller, str]:
        """Who it stands for, and the cookie's text, of which a hash is kept."""
        text, id, digest = new_text("cs")
        now_ns = self._now_ns()
        kind = "member" if isinstance(who, MemberRow) else "token"
        values = {
            "id": id, "hash": digest, "workspace": who.workspace, kind: who.id, "created_ns": now_ns, "seen_ns": now_ns,
            "expires_ns": now_ns + ns(LASTS_S),
        }  # fmt: skip
        theirs = select(sign_ins.c.id).where(sign_ins.c[kind] == who.id)
        kept = theirs.order_by(sign_ins.c.created_ns.desc(), sign_ins.c.id.desc()).limit(MOST - 1)
        async with self._database.writing() as connection:
            await connection.execute(delete(sign_ins).where(sign_ins.c[kind] == who.id, sign_ins.c.id.not_in(kept)))
            await connection.execute(insert(sign_ins).values(values))
        scopes = who.scopes if isinstance(who, TokenRow) else ()
        return Caller(
            id=who.id, workspace=who.workspace, role=who.role, name=who.name, scopes=scopes, sign_in=id
        ), text  # fmt: skip

    async def check_sign_in(self, text: str) -> Caller | None:
        """Who it stands for; None for anything that is not, or no longer, a cookie of ours."""
        id, digest = read_text("cs", text)
        async with self._database.reading() as connection:
            row = await one(connection, _with_who(id))
        now_ns = self._now_ns()
        right = is_same(digest, None if row is None else row["hash"])
        if row is None or not right or _is_over(row, now_ns):
            return None
        if not 0 <= now_ns - row["seen_ns"] < SEEN_EVERY_NS:
            with suppress(CatalogAway):  # the next request notes it
                async with self._database.writing() as connection:
                    await connection.execute(update(sign_ins).where(sign_ins.c.id == id).values(seen_ns=now_ns))
        return Caller(
            id=row["member"] or row["token"],
            workspace=row["workspace"],
            role=row["role"],
            name=row["name"],
            scopes=row["scopes"] or (),
            sign_in=id,
        )

    async def end_sign_in(self, id: str) -> None:
        """From the next request on it is unknown."""
        async with self._database.writing() as connection:
            await connection.execute(delete(sign_ins).where(sign_ins.c.id == id))


def _with_who(id: str) -> Select[Any]:
    joined = sign_ins.outerjoin(members, members.c.id == sign_ins.c.member).outerjoin(
        tokens, tokens.c.id == sign_ins.c.token
    )
    columns = (
        func.coalesce(members.c.role, tokens.c.role).label("role"),
        func.coalesce(members.c.name, tokens.c.name).label("name"),
        tokens.c.scopes,
        tokens.c.revoked,
        tokens.c.expires_ns.label("token_expires_ns"),
    )
    return select(sign_ins, *columns).select_from(joined).where(sign_ins.c.id == id)


def _is_over(row: RowMapping, now_ns: int) -> bool:
    """A clock that was set back makes nothing younger than it is."""
    idle_ns = row["seen_ns"] + ns(IDLE_S)
    return bool(row["revoked"]) or min(row["expires_ns"], idle_ns) <= now_ns or is_over(row["token_expires_ns"], now_ns)
