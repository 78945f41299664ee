"""Rows of the catalog as workers' orders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from configs import load_settings
from core.errors import UsageError
from core.ids import ClipId, SessionId, StreamId
from core.spec import RoomSpec
from daemon.cli.configured import ConfiguredStreams
from daemon.cli.watch import watch
from supervisor.catalog.values import StreamRow
from supervisor.orders import order_rows
from supervisor.runtimes.container import mounts
from supervisor.uploads import Upload


def row(source: str) -> StreamRow:
    return StreamRow(
        id=StreamId("talk"), workspace="default", name="talk", source=source, kind="vod", origin="api", rights="own"
    )


def test_an_upload_is_a_file_to_its_worker_and_shown_to_it_alone(tmp_path: Path) -> None:
    """By its path in the data folder; of the other uploads a container sees nothing."""
    Upload(tmp_path, "u1", 1).make()
    media = tmp_path / "uploads" / "u1" / "media"
    media.write_bytes(b"x")
    streams = ConfiguredStreams(lambda _: load_settings(data_dir=tmp_path, environment={}))
    spec = streams.spec(row("upload:u1"), SessionId("s1"))
    assert (spec.kind, spec.source, spec.origin) == ("vod", str(media), "api")
    assert (media, False) in mounts(spec, tmp_path)
    assert streams.channel(row("upload:u1")) is None


@pytest.mark.parametrize("source", ["upload:../../etc", "upload:u1/../u2", "upload:"])
def test_an_upload_that_is_no_id_leads_nowhere(source: str, tmp_path: Path) -> None:
    streams = ConfiguredStreams(lambda _: load_settings(data_dir=tmp_path, environment={}))
    assert "uploads" not in Path(streams.spec(row(source), SessionId("s1")).source).parts


def test_a_room_is_told_which_one_it_is_and_sees_its_own_folder(tmp_path: Path) -> None:
    """In a container too. Options that are none are refused, and clipd watch knows no rooms."""
    streams = ConfiguredStreams(lambda _: load_settings(data_dir=tmp_path, environment={}))
    room = replace(row("room:"), kind="stream", options={"room": "rm1", "room_layout": "split", "room_people": 3})
    spec = streams.spec(room, SessionId("s1"))
    assert (spec.kind, spec.source, spec.room) == (
        "stream", "room:", RoomSpec(id="rm1", name="talk", layout="split", max_people=3),
    )  # fmt: skip
    assert (tmp_path / "rooms" / "rm1", True) in mounts(spec, tmp_path)
    assert streams.channel(room) is None
    assert streams.waits(room)
    for options in ({"room": "../x"}, {"room": "rm1", "room_people": 7}, {"room": "rm1", "room_layout": "x"}, {}):
        with pytest.raises(UsageError):
            streams.spec(replace(room, options=options), SessionId("s1"))
    with pytest.raises(UsageError, match="clipd rooms"):
        watch(["room:studio"], data_dir=tmp_path)


def test_an_order_about_a_rooms_session_sees_the_rooms_folder_too(tmp_path: Path) -> None:
    """Its clips are composed of what lies there, and its takes are aligned there."""
    streams = ConfiguredStreams(lambda _: load_settings(data_dir=tmp_path, environment={}))
    room = replace(row("room:"), kind="stream", options={"room": "rm1", "room_layout": "split", "room_people": 3})
    asked = {"room": "rm1", "take": "t1"}
    stream, job = order_rows(room, SessionId("s1"), ClipId("t1"), "conform", asked)
    spec = streams.spec(stream, SessionId("s1"))
    assert (spec.kind, spec.session, spec.order) == ("render", "s1", job.asked)
    assert (tmp_path / "rooms" / "rm1", True) in mounts(spec, tmp_path)


def test_no_worker_is_told_what_turn_servers_share_with_us(tmp_path: Path) -> None:
    """It needs none; browsers get credentials of their own."""
    servers = '[{"urls": ["turn:t.example"], "secret": "known to both"}, {"urls": ["stun:s.example"]}]'
    loaded = load_settings(data_dir=tmp_path, environment={"CLIPD_ROOMS__ICE_SERVERS": servers})
    room = replace(row("room:"), kind="stream", options={"room": "rm1"})
    spec = ConfiguredStreams(lambda _: loaded).spec(room, SessionId("s1"))
    assert "known to both" not in spec.to_json()
    assert [one["urls"] for one in spec.settings["rooms"]["ice_servers"]] == [["stun:s.example"]]
