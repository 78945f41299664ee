"""Streams of the catalog as orders: the settings of the file, with what the stream's own row says over them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from configs import Settings
from configs.streams import StreamEntry
from core.errors import UsageError
from core.ids import SessionId, StreamId, slug
from core.spec import DOOR, MAX_PEOPLE, MAX_ROOM_NAME, ROOM, WHIP, RoomSpec, WorkerSpec
from daemon.cli.watching import WatchRequest, build_spec, channel_job
from daemon.doors.address import is_push, parse_door
from supervisor.catalog.values import DEFAULT_WORKSPACE, StreamRow
from supervisor.channels import ChannelJob
from supervisor.uploads import media_path

# What a StreamEntry takes of a row's options
OWN: Final = ("profile", "game", "player", "chat", "layout", "facecam", "brand")
Load = Callable[[StreamEntry], Settings]


class ConfiguredStreams:
    """`load` resolves the settings of one entry; a row that cannot be meant raises UsageError."""

    def __init__(self, load: Load) -> None:
        self._load = load

    def channel(self, row: StreamRow) -> ChannelJob | None:
        """The page to ask; None for an address, a file or a clip."""
        if row.kind == "render":
            return None
        request = self._request(row)
        return channel_job(request) if request.is_channel else None

    def spec(self, row: StreamRow, session: SessionId) -> WorkerSpec:
        """A fresh attempt's orders."""
        named = replace(row, name=row.id) if row.kind == "render" else row  # its own name may be longer than an entry's
        spec = replace(build_spec(self._request(named)), stream=row.id, session=session, origin=row.origin)
        if row.kind == "render":
            return _render_spec(replace(spec, room=room_of(row)) if "room" in row.options else spec, row)
        if row.kind == "door" or row.source.startswith(DOOR):
            return replace(spec, kind=row.kind, source=DOOR if row.kind == "stream" else row.source)
        if row.source == WHIP:
            return replace(spec, source=WHIP)
        if row.source == ROOM:
            return replace(spec, source=ROOM, room=room_of(row))
        return spec

    def waits(self, row: StreamRow) -> bool:
        """A publisher of a door's, over WHIP, or of an address of its own; the people of a room."""
        return row.source.startswith((DOOR, WHIP, ROOM)) or is_push(row.source)

    def _request(self, row: StreamRow) -> WatchRequest:
        entry = entry_of(row)
        settings = self._load(entry)
        kind = "vod" if row.kind == "vod" else "stream"
        return WatchRequest(
            kind=kind,  # type: ignore[arg-type]
            source="."
            if row.kind in ("door", "render") or row.source.startswith((DOOR, WHIP, ROOM))
            else media_path(Path(settings.data_dir).expanduser().absolute(), row.source),
            settings=settings,
            out_dir=None,
            speed=None if kind == "vod" else 1.0,
            chat=entry.chat,
            chat_delay_s=0.0,
            duration_s=None,
            rights=row.rights,
            name=row.name,
        )


def _render_spec(spec: WorkerSpec, row: StreamRow) -> WorkerSpec:
    """One clip, in the formats that are asked for, or an order; all else as the settings say."""
    spec, order = replace(spec, kind="render", source=row.source), row.options.get("order")
    if order is not None and order["kind"] != "render":
        return replace(spec, order=order)
    clips = {**spec.settings["clips"], "formats": row.source.split(",")}
    named = () if order is not None else (row.options["clip"],)
    return replace(spec, clips=named, order=order, settings={**spec.settings, "clips": clips})


def room_of(row: StreamRow) -> RoomSpec:
    """The room of a stream whose source is `room:`. Raises UsageError for options that are none."""
    return RoomSpec(
        id=str(row.options.get("room", "")),
        name=row.name[:MAX_ROOM_NAME],
        layout=row.options.get("room_layout", "grid"),
        max_people=row.options.get("room_people", MAX_PEOPLE),
    )


def entry_of(row: StreamRow) -> StreamEntry:
    """Raises UsageError for options that no entry may have."""
    options = {name: value for name, value in row.options.items() if name in OWN}
    try:
        return StreamEntry(name=row.name, source=row.source, rights=row.rights, **options)
    except (ValidationError, TypeError) as err:
        raise UsageError(
            f"Stream {row.id} has options that do not fit", remedy="Change it, or remove it.", code="bad_stream"
        ) from err


def row_of(entry: StreamEntry) -> StreamRow:
    """A stream of the settings file, as the catalog holds it. Its id is its name, so it stays the same stream."""
    own = {name: value for name, value in entry.model_dump(mode="json").items() if name in OWN and value is not None}
    return StreamRow(
        id=StreamId(slug(entry.name)),
        workspace=DEFAULT_WORKSPACE,
        name=entry.name,
        source=entry.source,
        kind="stream",
        origin="cli",
        rights=entry.rights,
        options=own,
    )


def door_row(address: str) -> StreamRow:
    """The door of an installation, as a worker like any other. Raises UsageError for an address that is none."""
    parse_door(address)
    return StreamRow(
        id=StreamId("door"), workspace=DEFAULT_WORKSPACE, name="door", source=address, kind="door", origin="cli",
        rights="own",
    )  # fmt: skip
