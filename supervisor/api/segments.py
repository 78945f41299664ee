"""Uploads of rooms' local tracks: parts that come while they are recorded, safe on the disk when they are answered.

The addresses are those of every upload; who asks brings a participant's upload token, and sees what is that one's. All
of it works while the room's worker is down.
"""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path
from typing import Final

from core.errors import StorageError
from core.times import ns
from supervisor.api.call import Call, Done, Services
from supervisor.api.errors import ApiError, Detail
from supervisor.api.incoming import CHUNK_S, announced, take_body
from supervisor.api.models import Chunk, SegmentEnd, SegmentUpload
from supervisor.catalog.room_values import SegmentRow
from supervisor.disk import RED_BYTES, Disk
from supervisor.quotas import GB, STORAGE
from supervisor.segments import MOST_PARTS, PART, Segment, begins_media, missing
from supervisor.uploads import Busy, Damaged, Incoming, Incomplete, Other

TOUCH_NS: Final = ns(5)  # how old the count of bytes may be that quotas are held against
MOST_MISSING: Final = 50  # ranges that an answer names
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


async def get(call: Call) -> Done:
    """GET /uploads/{id}: which parts are here."""
    return Done(await segment_answer(call.services, await _mine(call)))


async def put(call: Call) -> Done:
    """PUT /uploads/{id}/chunks/{seq}.part: 201 stored, 200 the same again, 409 where other bytes are there."""
    row, seq = await _mine(call), int(call.path["seq"])
    if row.state != "open":
        raise ApiError(409, "upload_whole", "This upload is whole already, or was closed. GET it.")
    if seq >= MOST_PARTS:
        raise ApiError(422, "no_such_chunk", f"Parts are numbered from 0 to {MOST_PARTS - 1}.")
    if (call.request.content_length or 0) > PART:
        raise _too_large()
    sha256 = announced(call.request)
    await _check_room(call, row)
    folder = files_of(call.services, row)
    if not folder.path.exists():  # it was announced, and this server died before it was made
        await asyncio.to_thread(folder.make)
    size, is_new = await _stored(call, folder, seq, sha256)
    if call.services.clock.wall_ns() - row.touched_ns > TOUCH_NS:
        await call.services.catalog.touch_segment(row.id, await asyncio.to_thread(folder.bytes))
    return Done(Chunk(seq=seq, bytes=size), 201 if is_new else 200)


async def _stored(call: Call, folder: Segment, seq: int, sha256: str) -> tuple[int, bool]:
    """Bytes of the part, and whether it is new. Raises ApiError."""
    try:
        async with asyncio.timeout(CHUNK_S):
            with folder.receive(seq) as incoming:
                head = await take_body(call.request, incoming, PART)
                _check_part(incoming, seq, head)
                return incoming.size, await asyncio.to_thread(incoming.keep_first, sha256)
    except TimeoutError as err:
        raise ApiError(408, "slow", "The part did not come in time. Send it again.") from err
    except Busy as err:
        raise underway() from err
    except Damaged as err:
        raise ApiError(422, "chunk_damaged", f"Part {seq} has another SHA-256. Send it again.") from err
    except Other as err:
        raise ApiError(409, "chunk_differs", f"Other bytes are here as part {seq}. Keep yours, and say so.") from err
    except StorageError as err:
        raise _storage(err) from err


async def final(call: Call) -> Done:
    """POST /uploads/{id}/final: joins the parts and checks the chain; asked again it is the same."""
    body: SegmentEnd = call.body
    row = await _mine(call)
    if row.state == "open":
        folder = files_of(call.services, row)
        try:
            made = await asyncio.to_thread(folder.join, body.chunks, body.bytes, body.chain)
        except Busy as err:
            raise underway() from err
        except Incomplete as err:
            raise await _incomplete(folder, body.chunks) from err
        except Damaged as err:
            raise ApiError(
                422, "upload_damaged", "The parts here have another count, length or chain. GET the upload."
            ) from err
        except StorageError as err:
            raise _storage(err) from err
        await call.services.catalog.finish_segment(
            row.id, chunks=made.chunks, bytes=made.bytes, sha256=made.sha256, t_stop_ms=body.t_stop_ms,
            reason=body.reason,
        )  # fmt: skip
    return Done(await segment_answer(call.services, await _mine(call)))


async def segment_answer(services: Services, row: SegmentRow) -> SegmentUpload:
    """With what of it is on the disk."""
    have, size = [(0, row.chunks)] if row.chunks is not None else [], row.bytes
    if row.state == "open":
        have, size = await asyncio.to_thread(_here, files_of(services, row))
    return SegmentUpload(
        id=row.id,
        take=row.take,
        track=row.track,
        mime=row.mime,
        state=row.state,
        reason=row.reason,
        have=have,
        chunks=row.chunks,
        bytes=size,
        chunk_bytes=PART,
    )


def files_of(services: Services, row: SegmentRow) -> Segment:
    """Its folder."""
    return Segment(Path(services.settings.data_dir), row.id)


def underway() -> ApiError:
    """Chunks come while it is to be joined, or the other way round."""
    return ApiError(
        409, "underway", "Chunks of this upload are coming, or it is being joined. Ask again.",
        headers={"Retry-After": "2"},
    )  # fmt: skip


def _here(folder: Segment) -> tuple[list[tuple[int, int]], int]:
    try:
        return folder.have(), folder.bytes()
    except FileNotFoundError:  # announced, and its folder is yet to be made
        return [], 0


def _check_part(incoming: Incoming, seq: int, head: bytes) -> None:
    if incoming.size > PART:
        raise _too_large()
    if incoming.size == 0:
        raise ApiError(422, "chunk_size", "A part has one byte at least.")
    if seq == 0 and not begins_media(head):
        raise ApiError(415, "no_media", "The first part does not begin like WebM, Matroska or MP4.")


async def _check_room(call: Call, row: SegmentRow) -> None:
    """Raises ApiError where the disk or a quota has no room."""
    services, options = call.services, call.services.settings.rooms
    if Disk(Path(services.settings.data_dir)).free() < RED_BYTES + PART:
        raise _full()
    await check_storage(services, row.workspace, PART)
    of_room, of_person = await services.catalog.brought_bytes(row.room, row.person)
    if of_person > options.person_gb * GB or of_room > options.room_gb * GB:
        raise ApiError(409, "quota_room", "What may be brought to this room is used up. Tell the host; keep your copy.")


async def check_storage(services: Services, workspace: str, size: int) -> None:
    """Raises ApiError where the workspace's quota has no room for so much beside what is there and on its way."""
    quota = services.settings.supervisor.quotas.get(workspace)
    if quota is None or quota.stored_gb is None:
        return
    used = (await services.catalog.usage_today()).get(workspace)
    stored = (used.bytes if used else 0) + await services.catalog.open_bytes(workspace)
    if stored + size > quota.stored_gb * GB:
        raise ApiError(409, STORAGE, "The workspace's storage would be full. Delete sessions, clips or uploads.")


async def _incomplete(folder: Segment, count: int) -> ApiError:
    gaps = missing(await asyncio.to_thread(folder.have), count)[:MOST_MISSING]
    text = ", ".join(f"{first}-{behind - 1}" for first, behind in gaps)
    return ApiError(
        409, "upload_incomplete", f"Parts are missing: {text}. Send them.",
        details=[Detail("missing", f"{first},{behind}") for first, behind in gaps],
    )  # fmt: skip


def _storage(err: StorageError) -> ApiError | StorageError:
    cause = err.__cause__
    return _full() if isinstance(cause, OSError) and cause.errno in _FULL else err


def _full() -> ApiError:
    return ApiError(507, "disk_full", "The disk of this server is nearly full. Keep your copy, and try again later.")


def _too_large() -> ApiError:
    return ApiError(413, "too_large", f"A part has {PART} bytes at most.")


async def _mine(call: Call) -> SegmentRow:
    person = await call.services.gate.guest(call.request, "cu")
    return await call.services.catalog.segment(person.id, call.path["id"])
