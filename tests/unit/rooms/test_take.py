"""A take's folder is read whatever is in it: what makes no sense is passed over, and nothing leads out of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import UsageError
from core.times import Ns
from daemon.avopen import open_media
from daemon.ffmpeg import Name
from daemon.rooms.aligning import align_take
from daemon.rooms.clock import stretches
from daemon.rooms.conformed import Conformed
from daemon.rooms.excerpt import excerpt
from daemon.rooms.take import read_take
from recorder.matroska import MatroskaStream, MatroskaTrack
from tests.room_takes import MadeTake

START = {"type": "start", "room_ms": 500.0, "session": "s1", "layout": "split"}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
NAMES = ("pid", "name", "role", "track", "gen", "file", "start_room_ms", "codec", "on", "media_ns", "epoch", "layout")


def written(folder: Path, rows: list[Any], local: Any = ()) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "take.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"type": "sto')
    (folder / "local.json").write_text(json.dumps(local))
    return folder


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.fixed_dictionaries({}, optional={name: ANYTHING for name in (*NAMES, "type", "room_ms")})),
    kinds=st.lists(st.sampled_from(["join", "track", "mute", "media", "layout", "clock", "stop"])),
    local=ANYTHING,
)
def test_no_ledger_raises(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], kinds: list[str], local: Any
) -> None:
    """Whatever its rows hold, it is a take or it is said to be none."""
    whole = [{"room_ms": 1.0, "type": kind} | row for kind, row in zip(kinds, rows, strict=False)]
    folder = written(tmp_path_factory.mktemp("takes") / "t1", [START, *whole, *rows], local)
    take = read_take(folder)
    assert all(folder in backup.path.parents for backup in take.backups)
    stretches([take], "s1")


def test_names_lead_nowhere_else(tmp_path: Path) -> None:
    """Neither a backup nor a local file is looked for outside of the take; one that was not checked is none."""
    track = {"type": "track", "room_ms": 1, "pid": "p1", "track": "mic", "gen": 0, "start_room_ms": 1, "codec": "opus"}
    rows = [
        START,
        *({**track, "file": name} for name in ("../../x.mkv", "/etc/passwd", "p1/../../y", "p1/mic/b-0.mkv")),
    ]
    seg = {"seg": "a", "pid": "p1", "track": "mic", "t_ms": 1.0, "mime": "audio/webm", "state": "verified"}
    local = [
        {**seg, "file": "../up.webm"},
        {**seg, "file": "p1/mic/l.webm", "state": "open"},
        {**seg, "file": "p1/l.webm"},
    ]
    take = read_take(written(tmp_path / "t1", rows, local))
    assert [backup.path.name for backup in take.backups] == ["b-0.mkv"]
    assert [file.path.name for file in take.locals] == ["l.webm"]
    assert take.layout_at(600) == "split"
    with pytest.raises(UsageError):
        read_take(tmp_path / "t2")


def test_media_time_goes_with_room_time_in_each_epoch(tmp_path: Path) -> None:
    """Rows map it; a hole between two attempts belongs to none of both, and other sessions' rows are not ours."""
    rows = [
        START,
        {"type": "media", "room_ms": 500.0, "epoch": 0, "media_ns": 0},
        {"type": "media", "room_ms": 20_500.0, "epoch": 1, "media_ns": 20_000_000_000},
        {"type": "media", "room_ms": 30_000.0, "epoch": 0, "media_ns": 0, "session": "s2"},
        {"type": "stop", "room_ms": 40_500.0},
    ]
    first, second = stretches([read_take(written(tmp_path / "t1", rows))], "s1")
    assert (first.end_ns, second.start_ns, second.end_ns) == (20_000_000_000, 20_000_000_000, 40_000_000_000)
    assert second.room(25_000_000_000) == 25_500
    assert second.media(25_500) == Ns(25_000_000_000)


def test_a_part_of_a_long_backup_is_found_without_reading_it(tmp_path: Path) -> None:
    """What is cut out begins with the header and holds every block of the span, and little else."""
    stream = MatroskaStream((MatroskaTrack(number=1, codec="opus", frame_us=20_000),))
    blocks = [stream.block(1, ms, b"\xf8\xff\xfe", keyframe=True) for ms in range(60_000, 660_000, 20)]
    whole = tmp_path / "backup-0.mkv"
    whole.write_bytes(stream.header() + b"".join(blocks))
    for span in ((300_000.0, 310_000.0), (60_000.0, 61_000.0), (655_000.0, 700_000.0), (0.0, 5.0)):
        part = excerpt(whole, tmp_path, Name("part.mkv"), span)
        with open_media(part, "matroska") as media:
            times = [float(packet.pts * packet.time_base) * 1000 for packet in media.demux() if packet.pts is not None]
        wanted = [ms for ms in range(60_000, 660_000, 20) if span[0] <= ms < span[1]]
        assert set(wanted) <= {round(ms) for ms in times}
        assert len(times) < len(wanted) + 1000
    whole.write_bytes(b"\x1aE\xdf\xa3 somebody else's")
    assert excerpt(whole, tmp_path, Name("part.mkv"), (0, 1)).read_bytes() == whole.read_bytes()


def test_a_damaged_align_json_is_none(tmp_path: Path) -> None:
    """Then clips are made of backups, as before."""
    for body in (
        "",
        "[]",
        '{"version": 1, "state": "done"}',
        '{"version": 1, "state": "done", "tracks": [{"wav": "/x"}]}',
    ):
        (tmp_path / "align.json").write_text(body)
        assert Conformed.read(tmp_path) is None


def test_a_file_whose_sound_the_server_heard_too_late_lies_by_its_start_event(take: MadeTake, tmp_path: Path) -> None:
    """No recorder begins most of a second after it has said so: what is late is the whole backup."""
    path = take.folder / "local.json"
    rows = json.loads(path.read_text())
    [row] = [each for each in rows if (each["pid"], each["track"]) == ("p3", "mic")]
    row["t_ms"] -= 700
    path.write_text(json.dumps(rows))
    found = align_take(read_take(take.folder), tmp_path / "work")[row["seg"]]
    assert (found.method, found.why) == ("coarse", "late_backup")
    assert abs(found.offset_ms - row["t_ms"]) <= found.bound_ms
