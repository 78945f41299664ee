"""Recordings that people bring: chunks in any order, again and after interruptions, joined and clipped."""

from __future__ import annotations

import asyncio
import hashlib
import random
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from core.times import ns
from supervisor import uploads
from supervisor.disk import Disk
from supervisor.retention import DAY_NS, IDLE_NS, Sweeper
from supervisor.uploads import CHUNK, MAX_BYTES, Upload, media_path
from tests.fakes import FakeClock
from tests.unit.api.stage import FOREIGN, Answer, Stage, stage

DATA = random.Random(8).randbytes(2 * CHUNK + 1000)  # three chunks
SHA = hashlib.sha256(DATA).hexdigest()


def part(seq: int) -> bytes:
    return DATA[seq * CHUNK : (seq + 1) * CHUNK]


async def begin(api: Stage, **fields: Any) -> str:
    """An upload's id."""
    body = {"name": "talk.mp4", "bytes": len(DATA), "sha256": SHA} | fields
    made = await api.ask("POST", "uploads", body, role="editor")
    assert made.status == 201, made
    return str(made.body["id"])


async def put(api: Stage, id: str, seq: int, data: bytes | None = None, **headers: str) -> Answer:
    data = part(seq) if data is None else data
    sent = {"Content-Type": "application/octet-stream", "X-Clipd-Sha256": hashlib.sha256(data).hexdigest()} | headers
    return await api.ask("PUT", f"uploads/{id}/chunks/{seq}.part", data=data, headers=sent, role="editor")


async def state(api: Stage, id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await api.ask("GET", f"uploads/{id}", role="editor")).body
    return found


def folder(api: Stage, id: str) -> Path:
    return Path(api.services.settings.data_dir) / "uploads" / id


async def test_a_recording_comes_in_chunks_and_becomes_a_job(api: Stage) -> None:
    """In any order, at once and twice; what is missing is said; the job's worker finds the bytes that were sent."""
    id_ = await begin(api)
    assert (await api.ask("POST", "jobs", {"upload": id_})).code == "upload_open"
    answers = await asyncio.gather(put(api, id_, 2), put(api, id_, 0), put(api, id_, 0))
    assert [answer.body for answer in answers] == [{"seq": 2, "bytes": 1000}, *[{"seq": 0, "bytes": CHUNK}] * 2]
    now = await state(api, id_)
    assert (now["state"], now["chunks"], now["chunk_bytes"]) == ("open", 3, CHUNK)
    assert now["have"] == [[0, CHUNK], [2 * CHUNK, len(DATA)]]
    assert (await api.ask("POST", f"uploads/{id_}/final", role="editor")).code == "upload_incomplete"
    assert (await put(api, id_, 1)).status == 200
    for _ in range(2):  # the answer was lost
        whole = (await api.ask("POST", f"uploads/{id_}/final", role="editor")).body
        assert (whole["state"], whole["have"]) == ("whole", [[0, len(DATA)]])
    assert (await put(api, id_, 2)).code == "upload_whole"
    made = await api.ask("POST", "jobs", {"upload": id_, "rights": "own"}, role="editor")
    assert (made.status, made.body["source"]) == (201, f"upload:{id_}")
    row = (await api.ask("GET", f"streams/{made.body['stream']}")).body
    assert (row["kind"], row["source"], row["name"][:9]) == ("vod", f"upload:{id_}", "talk.mp4 ")
    path = Path(media_path(Path(api.services.settings.data_dir), row["source"]))
    assert path.read_bytes() == DATA
    assert {each.name for each in path.parent.iterdir()} == {"media", "lock"}
    assert (await api.ask("DELETE", f"uploads/{id_}", role="editor")).code == "upload_used"


async def test_an_upload_is_its_workspaces_only(api: Stage) -> None:
    """Its id names it; a path with its name is no way around."""
    id_ = await begin(api)
    assert (await api.ask("POST", "jobs", {"upload": id_}, workspace=FOREIGN)).code == "not_found"
    assert (await api.ask("POST", "jobs", {"source_url": f"upload:{id_}"})).code == "no_recording"
    assert (await api.ask("POST", "streams", {"source": f"upload:{id_}"})).code == "file_refused"
    for body in ({}, {"upload": id_, "source_url": "https://example.org/a.mp4"}):
        assert (await api.ask("POST", "jobs", body)).code == "invalid"


@pytest.mark.parametrize(
    ("seq", "data", "headers", "code"),
    [
        (2, part(2)[:-1], {}, "chunk_size"),
        (2, part(2) + b"x", {}, "chunk_size"),
        (2, b"", {}, "chunk_size"),
        (3, b"x", {}, "no_such_chunk"),
        (2, None, {"X-Clipd-Sha256": SHA}, "chunk_damaged"),
        (2, None, {"X-Clipd-Sha256": "nothing"}, "no_chunk"),
        (2, None, {"Content-Type": "application/json"}, "no_chunk"),
    ],
)
async def test_a_chunk_that_is_not_the_announced_one_is_refused(
    seq: int, data: bytes | None, headers: dict[str, str], code: str, api: Stage
) -> None:
    """And leaves nothing behind; one that says no length is cut off where it is too long."""
    id_ = await begin(api)
    assert (await put(api, id_, seq, data, **headers)).code == code
    assert (await state(api, id_))["have"] == []
    assert [each.name for each in folder(api, id_).iterdir()] == ["lock"]


async def test_a_connection_that_breaks_costs_its_chunk_only(api: Stage) -> None:
    id_ = await begin(api)
    assert (await put(api, id_, 0)).status == 200

    async def broken() -> Any:
        yield part(1)[: CHUNK // 2]
        raise ConnectionResetError

    headers = {
        "Authorization": f"Bearer {api.tokens['default', 'editor']}",
        "Content-Type": "application/octet-stream",
        "X-Clipd-Sha256": hashlib.sha256(part(1)).hexdigest(),
    }
    url = f"{api.url}/api/v1/uploads/{id_}/chunks/1.part"
    with pytest.raises(aiohttp.ClientError):
        await api.client.put(url, data=broken(), headers=headers)
    assert (await state(api, id_))["have"] == [[0, CHUNK]]
    assert (await put(api, id_, 1)).status == 200


async def test_the_whole_is_checked_and_what_has_changed_can_be_sent_again(api: Stage) -> None:
    """The file changed while it was read: the chunk that differs is enough."""
    id_ = await begin(api)
    for seq, data in enumerate((part(0), bytes(CHUNK), part(2))):
        assert (await put(api, id_, seq, data)).status == 200
    assert (await api.ask("POST", f"uploads/{id_}/final", role="editor")).code == "upload_damaged"
    assert (await state(api, id_))["have"] == [[0, len(DATA)]]
    assert (await put(api, id_, 1)).status == 200
    assert (await api.ask("POST", f"uploads/{id_}/final", role="editor")).body["state"] == "whole"


async def test_two_do_not_join_at_once(api: Stage) -> None:
    """Nor is anything joined while chunks come."""
    id_ = await begin(api)
    upload = Upload(Path(api.services.settings.data_dir), id_, len(DATA))
    with upload.receive(0):
        assert (await api.ask("POST", f"uploads/{id_}/final", role="editor")).code == "underway"


def test_who_dies_while_joining_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts go only when what was joined of them is on the disk; in the end there is nothing else."""
    upload = Upload(tmp_path, "u1", len(DATA))
    upload.make()
    for seq in range(3):
        with upload.receive(seq) as incoming:
            incoming.write(part(seq))
            incoming.keep(hashlib.sha256(part(seq)).hexdigest())
    monkeypatch.setattr("supervisor.uploads.SYNC_EVERY", 1)
    die_at(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt):
        upload.join(SHA)
    (tmp_path / "uploads" / "u1" / ".1.abc").write_bytes(b"broken off")
    monkeypatch.undo()
    again = Upload(tmp_path, "u1", len(DATA))
    assert not (tmp_path / "uploads" / "u1" / "0.part").exists()
    assert again.have() == [(0, len(DATA))]
    again.join(SHA)
    assert (tmp_path / "uploads" / "u1" / "media").read_bytes() == DATA
    assert {each.name for each in (tmp_path / "uploads" / "u1").iterdir()} == {"media", "lock"}


def die_at(monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """In the middle of the copy of a part."""
    copied = 0
    real = uploads.append

    def append(path: Path, target: int, offset: int) -> None:
        nonlocal copied
        copied += 1
        if copied == call:
            raise KeyboardInterrupt
        real(path, target, offset)

    monkeypatch.setattr(uploads, "append", append)


async def test_there_has_to_be_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the disk, with all that was announced before; in the workspace's quota; and only so many at once."""
    async with stage(tmp_path, CLIPD_SUPERVISOR__QUOTAS='{"default": {"stored_gb": 1}}') as api:
        await begin(api, bytes=900_000_000)
        body = {"name": "b", "bytes": 200_000_000}
        assert (await api.ask("POST", "uploads", body)).code == "quota_storage"
        await api.catalog.set_stored({"default": 900_000_000})
        assert (await api.ask("POST", "uploads", {**body, "bytes": 1})).code == "quota_storage"
        monkeypatch.setattr(Disk, "free", lambda _: 5e9)
        assert (
            await api.ask("POST", "uploads", {"name": "b", "bytes": 4_000_000_000}, workspace=FOREIGN)
        ).status == 507
        assert (await api.ask("POST", "uploads", {"name": "b", "bytes": MAX_BYTES + 1})).code == "invalid"
        for _ in range(20):
            assert (await api.ask("POST", "uploads", {"name": "b", "bytes": 1}, workspace=FOREIGN)).status == 201
        assert (await api.ask("POST", "uploads", {"name": "b", "bytes": 1}, workspace=FOREIGN)).code == "uploads_open"


async def test_what_nobody_goes_on_with_is_cleared_up(tmp_path: Path) -> None:
    """After a day; what a job wants stays, and goes when its footage would; folders that no row knows go too."""
    clock = FakeClock()
    async with stage(tmp_path, clock=clock) as api:
        left, used = [await begin(api, bytes=1, sha256=None) for _ in range(2)]
        assert (await put(api, used, 0, b"x")).status == 200
        await api.ask("POST", f"uploads/{used}/final")
        job = (await api.ask("POST", "jobs", {"upload": used})).body
        (folder(api, left).parent / "unknown").mkdir()
        sweeper = Sweeper(api.catalog, tmp_path, api.services.settings.retention, clock, lambda: True)
        assert (await sweeper.round()).uploads == 0
        assert sorted(each.name for each in folder(api, left).parent.iterdir()) == sorted((left, used))
        clock.advance(IDLE_NS + ns(1))
        assert (await sweeper.round()).uploads == 1
        assert (await api.ask("GET", f"uploads/{left}")).code == "not_found"
        assert [each.name for each in folder(api, left).parent.iterdir()] == [used]
        await api.catalog.change_job(None, job["id"], state="completed", ended_ns=clock.wall_ns())
        assert (await sweeper.round()).uploads == 0
        clock.advance(DAY_NS + ns(1))
        assert (await sweeper.round()).uploads == 1
        assert list(folder(api, left).parent.iterdir()) == []
