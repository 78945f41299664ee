"""The outbox: what is to be told of clips, by channel, written with the clip itself and kept until it was told.

One row for each channel and clip (and one more where somebody published it by hand). What changes about the clip makes
its `version` grow, so several changes that wait become one message; a row is settled by the version that was told.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import RowMapping, and_, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from supervisor.catalog import limits
from supervisor.catalog.errors import Conflict, NotFound
from supervisor.catalog.intake import line_hash
from supervisor.catalog.part import Part
from supervisor.catalog.rows import in_workspace, one, page, value_of
from supervisor.catalog.schema import channels, clips, deliveries, meta, streams
from supervisor.catalog.values import ChannelRow, ClipRow, DeliveryRow, DeliveryState, Due, Page

MAX_ERROR: Final = 2048  # characters of what went wrong last
PROFILE: Final = "profile"  # the installation's setting: the profile of streams that name none
_AGAIN: Final[Mapping[str, Any]] = {"state": "waiting", "attempts": 0, "error": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """How an attempt ended. `remote` as the receiver knows the message now, told even where the version is old."""

    id: str
    version: int
    state: DeliveryState
    attempts: int
    next_ns: int
    error: str = ""
    remote: Mapping[str, Any] = field(default_factory=dict)


async def put_out(connection: AsyncConnection, clip_id: str, now_ns: int, *, before: RowMapping | None) -> None:
    """In the transaction that stored a `clip` line; `before` is the clip's row until then. What is under way is told
    anew, and channels whose filters pass begin. Of a watch-only stream only a withdrawal is told."""
    query = select(clips, streams.c.rights, streams.c.options).join(streams, streams.c.id == clips.c.stream)
    clip = await one(connection, query.where(clips.c.id == clip_id))
    if clip is None or (before is not None and _same(before, clip)):
        return
    gone = clip["state"] == "withdrawn"
    if clip["rights"] == "watch-only" and not gone:
        return
    told = and_(deliveries.c.channel == channels.c.id, deliveries.c.clip == clip_id)
    columns = (channels.c.id, channels.c.filters, channels.c.enabled, deliveries.c.kind)
    listening = select(*columns).outerjoin(deliveries, told).where(channels.c.workspace == clip["workspace"])
    rows = (await connection.execute(listening)).all()
    if any(kind for _, _, _, kind in rows):
        again = {**_AGAIN, "version": deliveries.c.version + 1, "next_ns": now_ns}
        await connection.execute(update(deliveries).where(deliveries.c.clip == clip_id).values(again))
    if gone:
        return  # nobody hears of a clip that is no more
    known = {id_ for id_, _, _, kind in rows if kind == "alert"}
    waiting = {id_: filters for id_, filters, enabled, _ in rows if enabled and id_ not in known}
    profile = await _profile(connection, clip["options"]) if waiting else None
    fresh = [id_ for id_, filters in waiting.items() if passes(filters, dict(clip), profile)]
    if fresh:
        await connection.execute(insert(deliveries), [_row(clip, each, "alert", now_ns) for each in fresh])


async def _profile(connection: AsyncConnection, options: Mapping[str, Any]) -> str | None:
    """A stream's, else the installation's."""
    return options.get("profile") or await connection.scalar(select(meta.c.value).where(meta.c.key == PROFILE))


def passes(filters: Mapping[str, Any], clip: Mapping[str, Any], profile: str | None) -> bool:
    """Whether a channel wants to hear of a clip. A clip without a score passes no `min_score`. Pure."""
    least = filters.get("min_score")
    if least is not None and (clip["score"] is None or clip["score"] < least):
        return False
    wanted = (("profiles", profile), ("streams", clip["stream"]), ("states", clip["state"]))
    return all(filters.get(name) is None or value in filters[name] for name, value in wanted)


class Outbox(Part):
    """Drained by the leader, looked at and replayed by users."""

    async def publish(self, workspace: str, clip_id: str, channel_ids: Sequence[str] | None) -> list[DeliveryRow]:
        """A clip told in these channels, or in all that are enabled, whatever their filters. Published again, the
        message is told anew. Raises NotFound (clip, channel), Conflict (`watch_only`, `clip_withdrawn`,
        `channel_off`, `no_channels`)."""
        now_ns = self._now_ns()
        async with self._database.writing() as connection:
            clip = await self._publishable(connection, workspace, clip_id)
            chosen = await _chosen(connection, workspace, channel_ids)
            for channel in chosen:
                fresh = _row(clip, channel, "publish", now_ns)
                key = {name: fresh.pop(name) for name in ("channel", "clip", "kind")}
                again = {**_AGAIN, "version": deliveries.c.version + 1, "next_ns": now_ns}
                await self._database.upsert(connection, deliveries, key, fresh, again)
            mine = and_(deliveries.c.clip == clip_id, deliveries.c.kind == "publish", deliveries.c.channel.in_(chosen))
            made = (await connection.execute(select(deliveries).where(mine))).mappings()
            return [value_of(DeliveryRow, row) for row in made]

    async def deliveries(
        self, workspace: str | None, channel: str, *, limit: int = 50, after: str | None = None
    ) -> Page[DeliveryRow]:
        """Of a channel, the newest first."""
        shown = and_(deliveries.c.channel == channel, in_workspace(deliveries, workspace))
        async with self._database.reading() as connection:
            return await page(
                connection, deliveries, DeliveryRow, shown, by=deliveries.c.created_ns, limit=limit, after=after
            )

    async def replay(self, workspace: str | None, id: str) -> DeliveryRow:
        """Told again, from now on with all its attempts; one that was told gets a new version, since receivers drop
        what they have seen. Raises NotFound."""
        mine = and_(deliveries.c.id == id, in_workspace(deliveries, workspace))
        async with self._database.writing() as connection:
            row = await one(connection, select(deliveries).where(mine))
            if row is None:
                raise NotFound("delivery", id)
            version = row["version"] + (row["state"] == "sent")
            again = {**_AGAIN, "version": version, "next_ns": self._now_ns()}
            if row["remote"].get("deleted"):
                again["remote"] = {}  # somebody wants it back: posted anew
            await connection.execute(update(deliveries).where(mine).values(again))
            return value_of(DeliveryRow, {**row, **again})

    async def channels_due(self, now_ns: int) -> list[ChannelRow]:
        """Enabled channels with something to tell by now (wall clock)."""
        due = and_(deliveries.c.state == "waiting", deliveries.c.next_ns <= now_ns, channels.c.enabled)
        waiting = select(deliveries.c.channel).where(due, deliveries.c.channel == channels.c.id).exists()
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(channels).where(waiting))).mappings()
            return [value_of(ChannelRow, row) for row in rows]

    async def due(self, channel: str, now_ns: int, limit: int) -> list[Due]:
        """What a channel is to be told by now, what has waited longest first."""
        mine = and_(deliveries.c.channel == channel, deliveries.c.state == "waiting", deliveries.c.next_ns <= now_ns)
        query = select(deliveries).where(mine).order_by(deliveries.c.next_ns).limit(limit)
        async with self._database.reading() as connection:
            rows = [value_of(DeliveryRow, row) for row in (await connection.execute(query)).mappings()]
            told = select(clips, streams.c.name.label("stream_name"), streams.c.rights).join(
                streams, streams.c.id == clips.c.stream
            )
            found = await connection.execute(told.where(clips.c.id.in_([row.clip for row in rows])))
            known = {row["id"]: row for row in found.mappings()}
        return [
            Due(
                delivery=row,
                clip=value_of(ClipRow, known[row.clip]),
                stream_name=known[row.clip]["stream_name"],
                rights=known[row.clip]["rights"],
            )
            for row in rows
            if row.clip in known
        ]

    async def settle(self, settled: Iterable[Settled]) -> None:
        """What became of attempts, in one transaction. Where there is more to tell by now, the row goes on waiting."""
        now_ns = self._now_ns()
        remotes = [{"of": each.id, "known": dict(each.remote)} for each in settled if each.remote]
        ended = [
            {
                "of": each.id, "at": each.version, "now": each.state, "tries": each.attempts, "then": each.next_ns,
                "why": limits.plain(each.error, MAX_ERROR), "told": now_ns if each.state == "sent" else None,
            }
            for each in settled
        ]  # fmt: skip
        mine = deliveries.c.id == bindparam("of")
        change = (
            update(deliveries)
            .where(mine, deliveries.c.version == bindparam("at"))
            .values(
                state=bindparam("now"), attempts=bindparam("tries"), next_ns=bindparam("then"),
                error=bindparam("why"), sent_ns=bindparam("told"),
            )
        )  # fmt: skip
        async with self._database.writing() as connection:
            if remotes:
                known = bindparam("known", type_=deliveries.c.remote.type)
                await connection.execute(update(deliveries).where(mine).values(remote=known), remotes)
            if ended:
                await connection.execute(change, ended)

    async def _publishable(self, connection: AsyncConnection, workspace: str, clip_id: str) -> RowMapping:
        mine = and_(clips.c.id == clip_id, in_workspace(clips, workspace))
        clip = await one(connection, select(clips).where(mine))
        if clip is None:
            raise NotFound("clip", clip_id)
        if clip["state"] == "withdrawn":
            raise Conflict("This clip was withdrawn", remedy="Publish another one.", code="clip_withdrawn")
        rights = await connection.scalar(select(streams.c.rights).where(streams.c.id == clip["stream"]))
        if rights == "watch-only":
            raise Conflict(
                "The stream's rights are watch-only: its clips are never published",
                remedy="Set the stream's rights to own or consent, if you have them.",
                code="watch_only",
            )
        return clip


async def _chosen(connection: AsyncConnection, workspace: str, ids: Sequence[str] | None) -> list[str]:
    query = select(channels.c.id, channels.c.enabled).where(channels.c.workspace == workspace)
    known = {id_: enabled for id_, enabled in await connection.execute(query)}
    if ids is None:
        enabled = [id_ for id_, is_on in known.items() if is_on]
        if not enabled:
            raise Conflict("No channel is switched on", remedy="Add one, or switch one on.", code="no_channels")
        return enabled
    for id_ in ids:
        if id_ not in known:
            raise NotFound("channel", id_)
        if not known[id_]:
            raise Conflict(f"Channel {id_} is switched off", remedy="Switch it on first.", code="channel_off")
    return list(dict.fromkeys(ids))


def _row(clip: RowMapping, channel: str, kind: str, now_ns: int) -> dict[str, Any]:
    return {
        "id": f"d{secrets.token_hex(8)}", "workspace": clip["workspace"], "channel": channel, "clip": clip["id"],
        "kind": kind, "state": "waiting", "version": 1, "attempts": 0, "next_ns": now_ns, "error": "", "remote": {},
        "created_ns": now_ns, "sent_ns": None,
    }  # fmt: skip


def _same(before: RowMapping, clip: RowMapping) -> bool:
    """Whether nothing that is told has changed: times of the telling are no news."""
    plain = all(before[name] == clip[name] for name in ("revision", "state", "title", "score"))
    return plain and line_hash(before["line"]) == line_hash(clip["line"])
