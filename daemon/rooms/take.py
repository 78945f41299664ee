"""A take as its folder says: the worker's ledger, the list of local files, and what aligning wrote. Only reads.

The files are ours, but what is in them came from guests: everything is checked, and a row that makes no sense is
passed over. A take that still runs can be read too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

from core.errors import UsageError
from core.ids import is_safe_id
from core.spec import RoomLayout
from core.times import Ns

TrackName = Literal["mic", "cam", "screen"]
LEDGER: Final = "take.jsonl"
LOCAL: Final = "local.json"
ALIGN: Final = "align.json"
VERIFIED: Final = "verified"  # a local file that was decoded to its end
MAX_BYTES: Final = 64 << 20  # of one of these files
MOST_FILES: Final = 512  # of one take, of a kind
DEFAULT_BOUND_MS: Final = 20.0  # of a participant's clock that nobody has measured
NS_PER_MS: Final = 1_000_000
MOST: Final = 1e18  # of any number here; nanoseconds of 30 years


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who took part; `name` is their own word."""

    pid: str
    name: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A live track as the server kept it: times in the file are the room's."""

    pid: str
    track: TrackName
    gen: int
    path: Path
    start_ms: float
    codec: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """A recorder's file that was uploaded and checked. `t_ms`: room time of its start event. `key`: recorders of one
    kind, whose start events are late by about the same."""

    seg: str
    pid: str
    track: TrackName
    path: Path
    mime: str
    t_ms: float
    t_stop_ms: float | None
    sha256: str
    key: str

    @property
    def demuxer(self) -> str:
        """As `daemon.ffmpeg.read_media` calls it."""
        kind = self.mime.partition(";")[0].strip().lower()
        return {"mp4": "mov", "quicktime": "mov", "wav": "wav", "x-wav": "wav"}.get(kind.rpartition("/")[2], "matroska")


@dataclass(frozen=True, slots=True, kw_only=True)
class Muted:
    """A track that was switched off, in room time."""

    pid: str
    track: TrackName
    from_ms: float
    to_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRow:
    """From here on the session's media time goes with the room's."""

    session: str
    epoch: int
    media_ns: Ns
    room_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """`zero_ms` is the room time that all conformed files begin at; `end_ms` is None while it is recorded."""

    room: str
    id: str
    folder: Path
    zero_ms: float
    end_ms: float | None
    last_ms: float  # of any row, or of what was conformed
    people: Mapping[str, Person]
    backups: tuple[Backup, ...]
    locals: tuple[LocalFile, ...]
    layouts: tuple[tuple[float, RoomLayout], ...]
    muted: tuple[Muted, ...]
    media: tuple[MediaRow, ...]
    left: frozenset[str] = frozenset()  # who is not there at the end
    bounds_ms: Mapping[str, float] = field(default_factory=dict)

    def off(self, pid: str, track: str) -> tuple[tuple[float, float], ...]:
        """Where a track was switched off."""
        return tuple((one.from_ms, one.to_ms) for one in self.muted if (one.pid, one.track) == (pid, track))

    def is_muted(self, pid: str, track: TrackName, room_ms: float) -> bool:
        """Whether a track was switched off then."""
        return any(low <= room_ms < high for low, high in self.off(pid, track))

    def layout_at(self, room_ms: float) -> RoomLayout:
        """The one that was chosen last."""
        chosen: RoomLayout = "grid"
        for at_ms, layout in self.layouts:
            if at_ms <= room_ms or at_ms == self.layouts[0][0]:
                chosen = layout
        return chosen

    def bound_ms(self, pid: str) -> float:
        """How far off a participant's clock may be."""
        return self.bounds_ms.get(pid, DEFAULT_BOUND_MS)


def read_take(folder: Path) -> Take:
    """Raises UsageError where there is no take."""
    rows = list(_rows(folder / LEDGER))
    begun = next((row for row in rows if row["type"] == "start"), None)
    if begun is None:
        raise UsageError(f"{folder.name} is no take", remedy="See the room's takes.", code="unknown_take")
    stops = [row["room_ms"] for row in rows if row["type"] == "stop"]
    known_ms = read_json(folder / ALIGN).get("end_ms")  # of a take whose worker did not come back to end it
    last_ms = max([row["room_ms"] for row in rows] + ([known_ms] if _number(known_ms) else []))
    return Take(
        room=folder.parent.name,
        id=folder.name,
        folder=folder,
        zero_ms=begun["room_ms"],
        end_ms=stops[-1] if stops else None,
        last_ms=last_ms,
        people={person.pid: person for person in _people(rows)},
        backups=tuple(_backups(rows, folder))[:MOST_FILES],
        locals=tuple(_locals(folder))[:MOST_FILES],
        layouts=tuple(_layouts(rows)),
        muted=tuple(_muted(rows, last_ms)),
        media=tuple(_media(rows, str(begun.get("session", "")))),
        left=frozenset(_left(rows)),
        bounds_ms=_bounds(rows),
    )


def read_json(path: Path) -> Mapping[str, Any]:
    """An object of ours; empty where there is none, or none that can be read."""
    found = _json(path)
    return found if isinstance(found, dict) else {}


def _json(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            return json.loads(file.read(MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return None


def _rows(path: Path) -> Iterable[dict[str, Any]]:
    """With a type and a room time; a line that a crash tore is none."""
    try:
        with path.open("rb") as file:
            lines = file.read(MAX_BYTES).split(b"\n")
    except OSError:
        return
    for line in lines:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and isinstance(row.get("type"), str) and _number(row.get("room_ms")):
            yield row


def _people(rows: Iterable[Mapping[str, Any]]) -> Iterable[Person]:
    for row in rows:
        if row["type"] == "join" and _id(row.get("pid")):
            yield Person(pid=row["pid"], name=str(row.get("name", ""))[:80], role=str(row.get("role", "guest"))[:16])


def _left(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    gone: set[str] = set()
    for row in rows:
        if row["type"] in ("join", "leave") and _id(row.get("pid")):
            (gone.add if row["type"] == "leave" else gone.discard)(row["pid"])
    return gone


def _backups(rows: Iterable[Mapping[str, Any]], folder: Path) -> Iterable[Backup]:
    for row in rows:
        path = _inside(folder, row.get("file"))
        if row["type"] == "track" and _of_track(row) and path is not None and _number(row.get("start_room_ms")):
            yield Backup(
                pid=row["pid"],
                track=row["track"],
                gen=int(row["gen"]) if _number(row.get("gen")) else 0,
                path=path,
                start_ms=float(row["start_room_ms"]),
                codec=str(row.get("codec", ""))[:16],
            )


def _locals(folder: Path) -> Iterable[LocalFile]:
    """Those that were checked."""
    listed = _json(folder / LOCAL)
    for row in listed if isinstance(listed, list) else ():
        if not isinstance(row, dict) or row.get("state") != VERIFIED or not _of_track(row) or not _id(row.get("seg")):
            continue
        path = _inside(folder, row.get("file"))
        if path is None or not _number(row.get("t_ms")):
            continue
        mime = str(row.get("mime", ""))[:100]
        yield LocalFile(
            seg=row["seg"],
            pid=row["pid"],
            track=row["track"],
            path=path,
            mime=mime,
            t_ms=float(row["t_ms"]),
            t_stop_ms=float(row["t_stop_ms"]) if _number(row.get("t_stop_ms")) else None,
            sha256=str(row.get("sha256", ""))[:64],
            key=mime,
        )


def _layouts(rows: Iterable[Mapping[str, Any]]) -> Iterable[tuple[float, RoomLayout]]:
    for row in rows:
        if row["type"] in ("start", "layout") and row.get("layout") in get_args(RoomLayout):
            yield row["room_ms"], cast(RoomLayout, row["layout"])


def _muted(rows: Iterable[Mapping[str, Any]], last_ms: float) -> Iterable[Muted]:
    since: dict[tuple[str, TrackName], float] = {}
    for row in rows:
        if row["type"] != "mute" or not _of_track(row):
            continue
        key = (row["pid"], row["track"])
        if not row.get("on"):
            since.setdefault(key, row["room_ms"])
        elif key in since:
            yield Muted(pid=key[0], track=key[1], from_ms=since.pop(key), to_ms=row["room_ms"])
    for (pid, track), from_ms in since.items():
        yield Muted(pid=pid, track=track, from_ms=from_ms, to_ms=max(last_ms, from_ms) + 1e9)  # until it ends


def _media(rows: Iterable[Mapping[str, Any]], session: str) -> Iterable[MediaRow]:
    for row in rows:
        if row["type"] == "media" and isinstance(row.get("media_ns"), int) and _number(row["media_ns"]):
            yield MediaRow(
                session=str(row.get("session", session)),
                epoch=int(row["epoch"]) if _number(row.get("epoch")) else 0,
                media_ns=Ns(row["media_ns"]),
                room_ms=row["room_ms"],
            )


def _bounds(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """The least that was stated for each."""
    bounds: dict[str, float] = {}
    for row in rows:
        if row["type"] == "clock" and _id(row.get("pid")) and _number(row.get("bound_ms")):
            bounds[row["pid"]] = min(bounds.get(row["pid"], math.inf), abs(float(row["bound_ms"])))
    return bounds


def _of_track(row: Mapping[str, Any]) -> bool:
    return _id(row.get("pid")) and row.get("track") in get_args(TrackName)


def _inside(folder: Path, name: object) -> Path | None:
    """A file below the take's folder, by a path of safe names."""
    if not isinstance(name, str) or not all(is_safe_id(part.lower()) for part in name.split("/")):
        return None
    return folder / name


def _id(value: object) -> bool:
    return isinstance(value, str) and is_safe_id(value)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -MOST <= value <= MOST
