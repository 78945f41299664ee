"""Recording rooms, links into them, and who came by which. Secrets of links are looked for by their hash."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import asdict, replace
from typing import Any, Final

from sqlalchemy import RowMapping, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from supervisor.catalog import limits
from supervisor.catalog.errors import Conflict, JoinRefused, NotFound
from supervisor.catalog.part import Part
from supervisor.catalog.room_values import ConsentRow, InviteRow, PersonRow, RoomRole, RoomRow, options_of
from supervisor.catalog.rows import in_workspace, one, page, value_of
from supervisor.catalog.schema import room_consents, room_invites, room_people, rooms, streams
from supervisor.catalog.streams import checked_stream
from supervisor.catalog.values import Page, StreamRow

MOST_PEOPLE: Final = 500  # browsers that ever joined a room: a link that went round is no way to fill the disk


class Rooms(Part):
    """Made and shown by users; joined by whoever has a link."""

    async def add_room(self, row: RoomRow, stream: StreamRow) -> RoomRow:
        """The room and its stream, or neither. Raises Conflict (`room_taken`) where the workspace has a stream or a
        room of that name, UsageError."""
        now_ns = self._now_ns()
        made = replace(
            row,
            id=limits.safe_id("the room", row.id),
            name=limits.text("name", row.name, limits.MAX_NAME),
            notice=limits.text("notice", row.notice),
            created_ns=now_ns,
        )
        recorded = checked_stream(replace(stream, created_ns=now_ns, deleted=False))
        try:
            async with self._database.writing() as connection:
                await connection.execute(insert(streams).values(**asdict(recorded), claim_token=0))
                await connection.execute(insert(rooms).values(asdict(made)))
        except IntegrityError as err:
            raise _taken(row.name) from err
        return made

    async def room(self, workspace: str | None, id: str) -> RoomRow:
        """Raises NotFound."""
        async with self._database.reading() as connection:
            return value_of(RoomRow, await _room(connection, workspace, id))

    async def rooms(self, workspace: str, *, limit: int = 50, after: str | None = None) -> Page[RoomRow]:
        """Newest first."""
        async with self._database.reading() as connection:
            mine = in_workspace(rooms, workspace)
            return await page(connection, rooms, RoomRow, mine, by=rooms.c.created_ns, limit=limit, after=after)

    async def change_room(self, workspace: str, id: str, **changes: Any) -> RoomRow:
        """Another `name`, `layout`, `notice` or `max_people`; its stream is called like it, and told the other two.

        Raises NotFound, Conflict (`room_taken`), UsageError.
        """
        try:
            async with self._database.writing() as connection:
                row = value_of(RoomRow, await _room(connection, workspace, id, lock=True))
                made = replace(row, **changes)
                made = replace(made, notice=limits.text("notice", made.notice))
                stream = await one(connection, select(streams).where(streams.c.id == row.stream))
                assert stream is not None
                options = {**stream["options"], **options_of(made)}
                of_stream = update(streams).where(streams.c.id == row.stream)
                await connection.execute(of_stream.values(name=made.name, options=options))
                await connection.execute(update(rooms).where(rooms.c.id == id).values(asdict(made)))
        except IntegrityError as err:
            raise _taken(str(changes.get("name"))) from err
        return made

    async def delete_room(self, workspace: str | None, id: str) -> None:
        """With its links, people and takes, whose files are the caller's; its stream is wanted no longer, its sessions
        and clips stay. Raises NotFound."""
        async with self._database.writing() as connection:
            row = await _room(connection, workspace, id, lock=True)
            gone = {"deleted": True, "wanted": "paused"}
            await connection.execute(update(streams).where(streams.c.id == row["stream"]).values(gone))
            await connection.execute(delete(rooms).where(rooms.c.id == id))

    async def room_workspaces(self) -> dict[str, str]:
        """Whose every room is."""
        async with self._database.reading() as connection:
            return {id: workspace for id, workspace in await connection.execute(select(rooms.c.id, rooms.c.workspace))}

    async def add_invite(
        self, workspace: str, room: str, role: RoomRole, *, uses: int | None, expires_ns: int | None
    ) -> tuple[InviteRow, str]:
        """The link's row and its secret (128 bits), which is told this once. Raises NotFound."""
        secret = secrets.token_urlsafe(16)
        row = InviteRow(
            id=f"ri{secrets.token_hex(6)}",
            room=room,
            workspace=workspace,
            role=role,
            uses=uses,
            expires_ns=expires_ns,
            created_ns=self._now_ns(),
        )
        async with self._database.writing() as connection:
            await _room(connection, workspace, room)
            await connection.execute(insert(room_invites).values(**asdict(row), hash=_digest(secret)))
        return row, secret

    async def invites(self, workspace: str, room: str, *, limit: int = 50, after: str | None = None) -> Page[InviteRow]:
        """Newest first, revoked ones too. Raises NotFound."""
        table = room_invites
        async with self._database.reading() as connection:
            await _room(connection, workspace, room)
            shown = table.c.room == room
            return await page(connection, table, InviteRow, shown, by=table.c.created_ns, limit=limit, after=after)

    async def revoke_invite(self, workspace: str, room: str, id: str) -> None:
        """Nobody comes in by it any more, nor again. Raises NotFound. A second time changes nothing."""
        mine = and_(room_invites.c.id == id, room_invites.c.room == room, in_workspace(room_invites, workspace))
        async with self._database.writing() as connection:
            await _room(connection, workspace, room)
            found = await connection.execute(update(room_invites).where(mine).values(revoked=True))
            if found.rowcount == 0:
                raise NotFound("invite", id)

    async def join(self, room: str, secret: str, *, client: str, name: str, notice: str) -> PersonRow:
        """Somebody with a link accepts the notice of this hash. The same link and browser again is the same person.

        Raises NotFound (room), JoinRefused (`invite_unknown`, `invite_revoked`, `invite_expired`, `invite_used`,
        `consent_missing`, `room_closed`, `room_full`).
        """
        now_ns = self._now_ns()
        async with self._database.writing() as connection:
            row = await _room(connection, None, room, lock=True)
            mine = and_(room_invites.c.room == room, room_invites.c.hash == _digest(secret))
            invite = await one(connection, select(room_invites).where(mine))
            if invite is None or invite["revoked"]:
                raise JoinRefused("invite_unknown" if invite is None else "invite_revoked")
            by = and_(room_people.c.invite == invite["id"], room_people.c.client == client)
            known = await one(connection, select(room_people).where(by))
            if known is None:
                _check_new(invite, client, now_ns)
            if notice != _digest(row["notice"]):
                raise JoinRefused("consent_missing")
            if await connection.scalar(select(streams.c.wanted).where(streams.c.id == row["stream"])) != "running":
                raise JoinRefused("room_closed")
            person = PersonRow(
                id=f"p{secrets.token_hex(6)}" if known is None else known["id"],
                room=room,
                workspace=row["workspace"],
                invite=invite["id"],
                client=client,
                name=limits.text("name", name, limits.MAX_NAME),
                role=invite["role"],
                notice=notice,
                created_ns=now_ns if known is None else known["created_ns"],
                seen_ns=now_ns,
            )
            if known is None:
                await self._enter(connection, person)
            else:
                again = {"name": person.name, "notice": notice, "seen_ns": now_ns}
                await connection.execute(update(room_people).where(by).values(again))
            key, fresh = {"person": person.id, "sha256": notice}, {"text": row["notice"], "at_ns": now_ns}
            await self._database.upsert(connection, room_consents, key, fresh, {"sha256": notice})  # the first stays
        return person

    async def _enter(self, connection: AsyncConnection, person: PersonRow) -> None:
        here = select(room_people.c.id).where(room_people.c.room == person.room).limit(MOST_PEOPLE)
        if len((await connection.execute(here)).all()) >= MOST_PEOPLE:
            raise JoinRefused("room_full")
        await connection.execute(insert(room_people).values(asdict(person)))
        first = and_(room_invites.c.id == person.invite, room_invites.c.client.is_(None))
        await connection.execute(update(room_invites).where(first).values(client=person.client))

    async def person(self, room: str, id: str) -> tuple[PersonRow, bool]:
        """Somebody of a room, and whether their link still lets them in. Raises NotFound."""
        mine = and_(room_people.c.id == id, room_people.c.room == room)
        query = select(room_people, room_invites.c.revoked).join(room_invites).where(mine)
        async with self._database.reading() as connection:
            row = await one(connection, query)
        if row is None:
            raise NotFound("participant", id)
        return value_of(PersonRow, row), not row["revoked"]

    async def people(self, room: str) -> dict[str, PersonRow]:
        """Everybody who ever joined, by id; MOST_PEOPLE at most."""
        async with self._database.reading() as connection:
            found = (await connection.execute(select(room_people).where(room_people.c.room == room))).mappings()
            return {row["id"]: value_of(PersonRow, row) for row in found}

    async def consents(self, room: str) -> list[ConsentRow]:
        """What everybody of a room has accepted, the oldest first."""
        query = select(room_consents).join(room_people).where(room_people.c.room == room)
        async with self._database.reading() as connection:
            found = (await connection.execute(query.order_by(room_consents.c.at_ns))).mappings()
            return [value_of(ConsentRow, row) for row in found]


def _check_new(invite: RowMapping, client: str, now_ns: int) -> None:
    """A browser that has not come by this link before. Raises JoinRefused."""
    if invite["expires_ns"] is not None and invite["expires_ns"] <= now_ns:
        raise JoinRefused("invite_expired")
    if invite["uses"] == 1 and invite["client"] not in (None, client):
        raise JoinRefused("invite_used")


def _digest(text: str) -> str:
    """Of a secret with 128 random bits, which needs no salt, and of a notice."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


async def _room(connection: AsyncConnection, workspace: str | None, id: str, *, lock: bool = False) -> RowMapping:
    query: Any = select(rooms).where(rooms.c.id == id, in_workspace(rooms, workspace))
    row = await one(connection, query.with_for_update(key_share=True) if lock else query)
    if row is None:
        raise NotFound("room", id)
    return row


def _taken(name: str) -> Conflict:
    return Conflict(
        f"There is a room or a stream {name[:80]!r} already", remedy="Choose another name.", code="room_taken"
    )
