"""The area `uploads`: recordings of up to 10 GB that come in chunks, survive every interruption, and feed jobs."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import Final

from core.times import ns
from supervisor.api.call import Done, UserCall
from supervisor.api.errors import ApiError
from supervisor.api.incoming import CHUNK_S, announced, take_body
from supervisor.api.models import Chunk, NewUpload
from supervisor.api.models import Upload as UploadAnswer
from supervisor.api.rows import date
from supervisor.api.segments import check_storage, underway
from supervisor.catalog.values import UploadRow
from supervisor.disk import RED_BYTES, Disk
from supervisor.erasing import erase_upload
from supervisor.retention import IDLE_NS
from supervisor.uploads import CHUNK, Busy, Damaged, Incomplete, Upload, chunks, length_of

MOST_OPEN: Final = 20  # of a workspace
TOUCH_NS: Final = ns(60)  # the catalog need not know of every chunk


async def add(call: UserCall) -> Done:
    """POST /uploads."""
    body: NewUpload = call.body
    await _check_room(call, body.bytes)
    row = await call.services.catalog.add_upload(
        UploadRow(
            id=f"u{secrets.token_hex(8)}",
            workspace=call.workspace,
            name=body.name,
            bytes=body.bytes,
            sha256=body.sha256 or "",
        ),
        most_open=MOST_OPEN,
    )
    await asyncio.to_thread(_files(call, row).make)
    return Done(await _answer(call, row), 201, target=row.id, detail={"name": row.name, "bytes": row.bytes})


async def get(call: UserCall) -> Done:
    """GET /uploads/{id}."""
    return Done(await _answer(call, await _mine(call)))


async def put(call: UserCall) -> Done:
    """PUT /uploads/{id}/chunks/{seq.part}: safe on the disk when it is answered; the same again is the same."""
    row, seq = await _mine(call), int(call.path["seq"])
    if row.state != "open":
        raise ApiError(409, "upload_whole", "This upload is whole already.")
    if seq >= chunks(row.bytes):
        raise ApiError(422, "no_such_chunk", f"This upload has the chunks 0 to {chunks(row.bytes) - 1}.")
    sha256, length = announced(call.request), length_of(row.bytes, seq)
    if call.request.content_length not in (None, length):
        raise ApiError(422, "chunk_size", f"Chunk {seq} has {length} bytes.")
    if Disk(_data_dir(call)).free() < RED_BYTES + CHUNK:
        raise _full()
    try:
        async with asyncio.timeout(CHUNK_S):
            with _files(call, row).receive(seq) as incoming:
                await take_body(call.request, incoming, length)
                if incoming.size != length:
                    raise ApiError(422, "chunk_size", f"This chunk has {length} bytes.")
                await asyncio.to_thread(incoming.keep, sha256)
    except TimeoutError as err:
        raise ApiError(408, "slow", "The chunk did not come in time. Send it again.") from err
    except Busy as err:
        raise underway() from err
    except Damaged as err:
        raise ApiError(422, "chunk_damaged", f"Chunk {seq} has another SHA-256. Send it again.") from err
    if call.services.clock.wall_ns() - row.touched_ns > TOUCH_NS:
        await call.services.catalog.touch_upload(row.id)
    return Done(Chunk(seq=seq, bytes=length))


async def final(call: UserCall) -> Done:
    """POST /uploads/{id}/final: answered when all bytes are joined and checked; asked again it is the same."""
    row = await _mine(call)
    if row.state == "open":
        try:
            await asyncio.to_thread(_files(call, row).join, row.sha256)
        except Busy as err:
            raise underway() from err
        except Incomplete as err:
            raise ApiError(409, "upload_incomplete", "Chunks are missing: GET the upload and send the rest.") from err
        except Damaged as err:
            raise ApiError(
                422, "upload_damaged", "The whole has another SHA-256 or size. Send what has changed, or delete it."
            ) from err
        await call.services.catalog.touch_upload(row.id, whole=True)
    return Done(await _answer(call, await _mine(call)), target=row.id, detail={"bytes": row.bytes})


async def delete(call: UserCall) -> Done:
    """DELETE /uploads/{id}: not while a job wants it."""
    row = await _mine(call)
    await call.services.catalog.erase_upload(call.workspace, row.id)
    await asyncio.to_thread(erase_upload, _data_dir(call), row.id)
    return Done(status=204, target=row.id, detail={"name": row.name})


async def _check_room(call: UserCall, size: int) -> None:
    """Raises ApiError where the disk or the workspace's quota has no room for it and those that are under way."""
    services = call.services
    if Disk(_data_dir(call)).free() - await services.catalog.open_bytes(None) < size + 2 * RED_BYTES:
        raise _full()
    await check_storage(services, call.workspace, size)


async def _mine(call: UserCall) -> UploadRow:
    return await call.services.catalog.upload(call.workspace, call.path["id"])


async def _answer(call: UserCall, row: UploadRow) -> UploadAnswer:
    have = await asyncio.to_thread(_files(call, row).have)
    return UploadAnswer(
        id=row.id,
        name=row.name,
        bytes=row.bytes,
        sha256=row.sha256 or None,
        state=row.state,
        chunk_bytes=CHUNK,
        chunks=chunks(row.bytes),
        have=[list(each) for each in have],
        created=date(row.created_ns),
        expires=date(row.touched_ns + IDLE_NS),
    )


def _files(call: UserCall, row: UploadRow) -> Upload:
    return Upload(_data_dir(call), row.id, row.bytes)


def _data_dir(call: UserCall) -> Path:
    return Path(call.services.settings.data_dir).absolute()


def _full() -> ApiError:
    return ApiError(507, "disk_full", "The server's disk has no room for it. Free some, or wait until clips expire.")
