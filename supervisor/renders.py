"""A clip asked for in more formats, as the rows that make a worker do it: a job, and a stream of its own. Pure."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final

from core.ids import StreamId
from supervisor.catalog.values import ClipRow, JobRow, StepRow, StreamRow

OWN: Final = ("profile", "layout", "facecam", "brand")  # options of the recorded stream that its clips are made by


def render_order(clip: ClipRow, recorded: StreamRow, formats: Sequence[str]) -> tuple[StreamRow, JobRow]:
    """For `Catalog.add_render`. `recorded` is the stream that the clip was cut from."""
    id_, names = f"j{secrets.token_hex(6)}", ",".join(dict.fromkeys(formats))
    stream = StreamRow(
        id=StreamId(f"render-{id_}"),
        workspace=clip.workspace,
        name=f"{clip.id} {names}",  # names are one each: the same twice is no use while it is under way
        source=names,
        kind="render",
        origin="api",
        rights=recorded.rights,
        priority=recorded.priority,
        options={name: value for name, value in recorded.options.items() if name in OWN}
        | {"clip": clip.id, "session": clip.session},
    )
    job = JobRow(
        id=id_,
        workspace=clip.workspace,
        stream=stream.id,
        state="created",
        source=names,
        steps=(StepRow(name="render", state="waiting"),),
        clip=clip.id,
    )
    return stream, job
