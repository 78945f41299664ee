"""An order about a clip as the rows that make a worker carry it out: a job, and a stream of its own. Pure."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

from core.control import CommandKind
from core.ids import ClipId, SessionId, StreamId
from supervisor.catalog.values import JobRow, StepRow, StreamRow

# Options of the recorded stream that its clips are made by; of a room, whose folder its clips are cut from
OWN: Final = ("profile", "game", "player", "layout", "facecam", "brand", "room", "room_layout", "room_people")


def order_rows(
    recorded: StreamRow,
    session: SessionId,
    clip: ClipId,
    kind: CommandKind,
    asked: Mapping[str, Any] | None,
    *,
    source: str = "",
    how: tuple[str, ...] = (),
) -> tuple[StreamRow, JobRow]:
    """For `Catalog.add_order`. `recorded` is the stream of the session. `asked`: the arguments of the order; None for a
    plain render, which its formats in `source` say (joined by commas)."""
    id_ = f"j{secrets.token_hex(6)}"
    order = None if asked is None else {"kind": kind, "order": id_, "clip": clip, **asked}
    stream = StreamRow(
        id=StreamId(f"render-{id_}"),
        workspace=recorded.workspace,
        name=" ".join((clip, source or kind, *how)),  # one each: the same twice is no use while it is under way
        source=source or kind,
        kind="render",
        origin="api",
        rights=recorded.rights,
        priority=recorded.priority,
        options={name: value for name, value in recorded.options.items() if name in OWN}
        | {"clip": clip, "session": session}
        | ({} if order is None else {"order": order}),
    )
    job = JobRow(
        id=id_,
        workspace=recorded.workspace,
        stream=stream.id,
        state="created",
        source=source,
        steps=(StepRow(name="render", state="waiting"),),
        clip=clip,
        session=session,
        asked=order,
    )
    return stream, job
