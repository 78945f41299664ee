"""Streams: added, listed, changed, paused, told to cut, deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.api.stage import Stage, stage

TWITCH = "https://www.twitch.tv/ann"


async def test_a_stream_lives_from_its_making_to_its_end(api: Stage) -> None:
    """Named by its page; its id says which it is and is one of a kind."""
    made = await api.ask("POST", "streams", {"source": TWITCH, "profile": "podcast", "rights": "own"}, role="editor")
    assert made.status == 201
    assert made.body["name"] == "ann"
    assert made.body["id"].startswith("ann-")
    assert (made.body["source"], made.body["rights"], made.body["options"]) == (TWITCH, "own", {"profile": "podcast"})
    where = f"streams/{made.body['id']}"
    paused = await api.ask("POST", f"{where}/pause", role="editor")
    assert (paused.status, paused.body["wanted"]) == (200, "paused")
    resumed = await api.ask("POST", f"{where}/resume", role="editor")
    assert resumed.body["wanted"] == "running"
    changed = await api.ask("PATCH", where, {"name": "Ann", "profile": None, "priority": 5}, role="editor")
    assert (changed.body["name"], changed.body["options"], changed.body["priority"]) == ("Ann", {}, 5)
    assert (await api.ask("GET", where, role="viewer")).body == changed.body
    assert (await api.ask("DELETE", where, role="editor")).status == 204
    assert (await api.ask("GET", where, role="viewer")).code == "not_found"


async def test_lists_are_paged_by_a_cursor(api: Stage) -> None:
    """Newest first, each once, and nobody else's."""
    for n in range(5):
        await api.stream(f"s{n}", created_ns=n + 1)
    await api.stream("theirs", workspace="elsewhere")
    seen, after, pages = [], "", 0
    while pages == 0 or after:
        page = (await api.ask("GET", f"streams?limit=2{after}")).body
        seen += [item["name"] for item in page["items"]]
        after, pages = f"&after={page['next']}" if page["next"] else "", pages + 1
    assert seen == ["s4", "s3", "s2", "s1", "s0"]
    assert (await api.ask("GET", "streams?after=nonsense")).code == "bad_cursor"


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({}, 422, "invalid", "source"),
        ({"source": TWITCH, "sauce": 1}, 422, "invalid", "sauce"),
        ({"source": TWITCH, "name": "a\u0007b"}, 422, "invalid", "name"),
        ({"source": TWITCH, "name": " "}, 422, "invalid", "name"),
        ({"source": TWITCH, "name": "x" * 81}, 422, "invalid", "name"),
        ({"source": "https://example.org/" + "x" * 4096}, 422, "invalid", "source"),
        ({"source": TWITCH, "profile": "/etc/x.yaml"}, 422, "invalid", "profile"),
        ({"source": TWITCH, "priority": "5"}, 422, "invalid", "priority"),
        ({"source": TWITCH, "chat": "twitch:no such"}, 400, "usage_error", None),
        ({"source": TWITCH, "key": "0123456789abcdef"}, 400, "no_door", None),
        ({"source": "door:live", "key": "short"}, 400, "bad_key", None),
        ({"source": "http://127.0.0.1/live.m3u8"}, 422, "address_refused", None),
        ({"source": "http://[::ffff:10.0.0.1]/live.m3u8"}, 422, "address_refused", None),
        ({"source": "http://169.254.169.254/"}, 422, "address_refused", None),
        ({"source": "file:///etc/passwd"}, 422, "address_refused", None),
        ({"source": "https://me:secret@example.org/"}, 422, "address_refused", None),
        ({"source": "rtmp://:1935/live"}, 422, "address_refused", None),
        ({"source": "srt://example.org:9000?mode=listener"}, 422, "address_refused", None),
        ({"source": TWITCH, "chat": "http://192.168.1.1/chat"}, 422, "address_refused", None),
        ({"source": "/etc/passwd"}, 422, "file_refused", None),
        ({"source": TWITCH, "brand": "/etc"}, 422, "file_refused", None),
    ],
)
async def test_what_may_not_be_asked_says_why(
    body: dict[str, Any], status: int, code: str, field: str | None, api: Stage
) -> None:
    """Field by field; and the answer never repeats what was sent."""
    answer = await api.ask("POST", "streams", body)
    assert (answer.status, answer.code) == (status, code)
    assert [detail["field"] for detail in answer.body["error"]["details"]] == ([field] if field else [])
    assert "secret" not in answer.text


async def test_files_are_for_owners_below_listed_folders(tmp_path: Path) -> None:
    """After links are followed, so that a link inside leads nowhere else."""
    folder = tmp_path / "footage"
    folder.mkdir()
    (folder / "a.mp4").write_bytes(b"x")
    (tmp_path / "b.mp4").write_bytes(b"x")
    (folder / "link.mp4").symlink_to(tmp_path / "b.mp4")
    async with stage(tmp_path, CLIPD_API__FOLDERS=f'["{folder}"]') as api:
        body = {"source": str(folder / "a.mp4")}
        assert (await api.ask("POST", "streams", body, role="admin")).code == "file_refused"
        assert (await api.ask("POST", "streams", body)).body["source"] == str(folder / "a.mp4")
        for path in (folder / "link.mp4", folder / "../b.mp4", Path("a.mp4"), tmp_path / "b.mp4"):
            assert (await api.ask("POST", "streams", {"source": str(path)})).code == "file_refused"
        assert (await api.ask("POST", "streams", {"source": str(folder / "c.mp4")})).code == "no_file"


async def test_a_private_network_that_the_settings_allow(tmp_path: Path) -> None:
    """net.allow is for sources of the API too."""
    async with stage(tmp_path, CLIPD_NET__ALLOW='["10.1.0.0/16"]') as api:
        assert (await api.ask("POST", "streams", {"source": "rtsp://10.1.2.3/cam"})).status == 201
        assert (await api.ask("POST", "streams", {"source": "rtsp://10.2.2.3/cam"})).code == "address_refused"


async def test_a_name_is_taken_once_in_a_workspace(api: Stage) -> None:
    body = {"source": TWITCH, "name": "ann"}
    assert (await api.ask("POST", "streams", body)).status == 201
    assert (await api.ask("POST", "streams", body)).code == "stream_taken"
    assert (await api.ask("POST", "streams", body, workspace="elsewhere")).status == 201


async def test_a_source_with_secrets_is_shown_without_them(api: Stage) -> None:
    """Stream keys and signatures stay in the catalog."""
    made = await api.ask("POST", "streams", {"source": "rtmp://example.org/live/s3cr3t-key", "name": "cam"})
    assert made.body["source"] == "rtmp://example.org/live/***"
    assert (await api.catalog.stream(None, made.body["id"])).source == "rtmp://example.org/live/s3cr3t-key"
    audits = await api.ask("GET", "audit")
    assert "s3cr3t" not in made.text + audits.text + (await api.ask("GET", "streams")).text


async def test_clip_now_is_told_to_the_worker_that_runs(api: Stage) -> None:
    """And refused where none does."""
    row = await api.stream()
    where = f"streams/{row.id}/clip-now"
    assert (await api.ask("POST", where, {"last_s": 30})).code == "not_running"
    await api.worker(row.id)
    told = await api.ask("POST", where, {"last_s": 45})
    assert told.status == 202
    [command] = await api.catalog.commands(row.id, 1, 0)
    assert (command.id, command.kind, command.args) == (told.body["command"], "clip-now", {"last_s": 45.0})
    assert (await api.ask("POST", where)).status == 202  # 30 s unless said


async def test_every_action_is_audited_with_who_did_it(api: Stage) -> None:
    """What only reads is not."""
    made = await api.ask("POST", "streams", {"source": TWITCH}, role="editor")
    await api.ask("GET", "streams", role="editor")
    await api.ask("POST", f"streams/{made.body['id']}/pause", role="admin")
    items = (await api.ask("GET", "audit", role="admin")).body["items"]
    rows = [(item["actor"], item["action"], item["target"]) for item in items]
    actor = {role: api.rows["default", role].id for role in ("editor", "admin")}
    assert rows == [
        (actor["admin"], "stream.pause", made.body["id"]),
        (actor["editor"], "stream.add", made.body["id"]),
    ]
    assert items[1]["detail"] == {"name": "ann", "source": TWITCH, "rights": "watch-only"}
