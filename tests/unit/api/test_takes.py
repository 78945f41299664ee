"""What was recorded in a room: who, with what consent, which of their tracks are here, and their files by links."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.ids import StreamId
from supervisor.roomkeeper import Checked, RoomKeeper
from tests.unit.api.guests import PARTS, Guest, join, new_invite
from tests.unit.api.stage import Stage
from tests.unit.api.test_rights import give


async def good(media: Path, mime: str) -> Checked:
    return Checked(reason="", report={"duration_s": 1.0, "errors": 0})


async def recorded(api: Stage, guest: Guest) -> None:
    """As the room's worker tells of it."""
    stream = StreamId((await api.ask("GET", f"rooms/{guest.room}")).body["stream"])
    await api.worker(stream)
    people = [{"pid": guest.id, "name": "Ann", "role": "guest"}]
    line = {"id": "t1", "room": guest.room, "state": "recording", "start_s": 1.5, "participants": people}
    await give(api, stream, "take", line)


def keeper(api: Stage) -> RoomKeeper:
    return RoomKeeper(api.catalog, Path(api.services.settings.data_dir), api.services.clock, lambda: True, good)


def put_file(api: Stage, guest: Guest, name: str, data: bytes) -> None:
    path = Path(api.services.settings.data_dir) / "rooms" / guest.room / "t1" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


async def detail(api: Stage, guest: Guest) -> dict[str, Any]:
    found = await api.ask("GET", f"rooms/{guest.room}/takes/t1", role="viewer")
    assert found.status == 200, found
    return dict(found.body)


async def test_a_take_shows_what_there_is_of_everybody(api: Stage) -> None:
    """From the first part on: uploading, then complete; the server's backup where nothing else came; how well it is
    aligned, when it is."""
    guest = await Guest.of(api)
    await recorded(api, guest)
    cam = await guest.bring()
    mic = await guest.begin(track="mic", mime="audio/webm")
    await guest.put(mic, 0, PARTS[0])
    put_file(api, guest, f"{guest.id}/screen/backup-0.mkv", b"backup")
    found = await detail(api, guest)
    [ann] = found["participants"]
    assert (ann["id"], ann["name"], ann["role"]) == (guest.id, "Ann", "guest")
    assert ann["consent"]["text"].startswith("This conversation is recorded.")
    states = {track["track"]: track["state"] for track in ann["tracks"]}
    assert states == {"cam": "uploading", "mic": "uploading", "screen": "backup only"}
    await keeper(api).check()
    put_file(api, guest, "align.json", json.dumps(
        {"files": [{"file": f"{guest.id}/cam/local-{cam}.webm", "bound_ms": 3.5}, {"file": 1}, None]}
    ).encode())  # fmt: skip
    put_file(api, guest, "mix.wav", b"mix")
    put_file(api, guest, "take.jsonl", b"{}")
    found = await detail(api, guest)
    tracks = {track["track"]: track for track in found["participants"][0]["tracks"]}
    assert (tracks["cam"]["state"], tracks["cam"]["bound_ms"]) == ("local complete", 3.5)
    assert tracks["cam"]["verified_bytes"] == tracks["cam"]["bytes"] == sum(map(len, PARTS))
    assert list(tracks["cam"]["files"]) == [f"local-{cam}.webm"]
    assert (found["conform"], set(found["files"])) == ("waiting", {"mix.wav", "align.json"})
    [listed] = (await api.ask("GET", f"rooms/{guest.room}/takes")).body["items"]
    assert (listed["id"], listed["people"], listed["start_s"]) == ("t1", 1, 1.5)


async def test_files_are_handed_out_by_links_that_were_signed(api: Stage) -> None:
    """In ranges, and as downloads; not by another's signature, not another file, nothing outside the take."""
    guest = await Guest.of(api)
    await recorded(api, guest)
    cam = await guest.bring()
    await keeper(api).check()
    tracks = (await detail(api, guest))["participants"][0]["tracks"]
    [link] = tracks[0]["files"].values()
    part = await api.ask("GET", link, role=None, headers={"Range": "bytes=0-3"})
    assert (part.status, part.headers["Content-Type"]) == (206, "video/webm")
    whole = await api.ask("GET", f"{link}&download=1", role=None)
    assert whole.headers["Content-Disposition"] == f'attachment; filename="t1-{guest.id}-cam-local-{cam}.webm"'
    assert (await api.ask("GET", link[:-1] + "x", role=None)).code == "bad_link"
    secret = Path(api.services.settings.data_dir) / "rooms" / guest.room / "secret.txt"
    secret.write_text("secret")
    base = f"/api/v1/rooms/{guest.room}/takes/t1/files/"
    signer = await api.services.signers.get()
    for name in ("x/../../secret.txt", "x//secret.txt", "gone.mkv"):
        signed = signer.sign(f"{base}{name}", signer.usual_ns())
        assert (await api.ask("GET", signed, role=None)).status in (403, 404), name


async def test_a_consent_is_that_of_the_takes_end(api: Stage) -> None:
    """What somebody accepts later is not what they had accepted then."""
    guest = await Guest.of(api)
    await recorded(api, guest)
    row = await api.catalog.take(None, guest.room, "t1")
    await api.catalog.change_take(guest.room, row.id, state="stopped", stopped_ns=api.services.clock.wall_ns())
    await api.ask("PATCH", f"rooms/{guest.room}", {"notice": "Another text."})
    link = await new_invite(api, guest.room, uses=None)
    later = (await join(api, guest.room, link["secret"])).body["participant"]
    [ann] = (await detail(api, guest))["participants"]
    assert ann["consent"]["text"].startswith("This conversation is recorded.")
    assert later != guest.id
