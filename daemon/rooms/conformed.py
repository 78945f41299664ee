"""align.json: where local files lie, what was made of them, and which spans of a session they cover. Only reads.

{"version": 1, "inputs": sha256, "state": "making|done", "zero_ms", "end_ms", "files": [AlignedFile + file, sha256],
 "tracks": [{pid, track, heard, wav, mp4, sound, picture, segs, holes}], "mix", "timelines", "covered"}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from daemon.rooms.cover import Span, clipped, covered_ms, missing
from daemon.rooms.take import ALIGN, read_json

VERSION: Final = 1
EDGE_MS: Final = 500.0  # a recorder starts and stops on its own time, within a clip nobody misses so much
MAKING: Final = "making"
DONE: Final = "done"


@dataclass(frozen=True, slots=True)
class Where:
    """Room times at which a track has something, by what it is from."""

    local: tuple[Span, ...] = ()
    backup: tuple[Span, ...] = ()

    @property
    def all(self) -> list[Span]:
        """Of either, joined."""
        found: list[Span] = []
        for low, high in sorted((*self.local, *self.backup)):
            if found and low <= found[-1][1] + 1:
                found[-1] = (found[-1][0], max(high, found[-1][1]))
            else:
                found.append((low, high))
        return found

    def is_local(self, span: Span) -> bool:
        """Whether all that there is in a span is local, but for a recorder's edges."""
        filled = sum(high - low for part in clipped(self.all, span) for low, high in missing(part, self.local))
        return filled <= min(EDGE_MS, 0.1 * (span[1] - span[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConformedTrack:
    """One track of one person; files by their path below the take's folder. `heard`: its sound is the person's in the
    mix. `segs`: where each local file lies."""

    pid: str
    track: str
    heard: bool
    wav: str | None
    mp4: str | None
    sound: Where
    picture: Where
    segs: Mapping[str, Span]

    def is_local(self, span: Span) -> bool:
        """Whether no backup stands in."""
        return self.sound.is_local(span) and self.picture.is_local(span)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformed:
    """A take's files that were made; room time `zero_ms` is the first sample and frame of each. `inputs`: a hash of
    what they were made of."""

    inputs: str
    zero_ms: float
    end_ms: float
    tracks: tuple[ConformedTrack, ...]

    @classmethod
    def read(cls, folder: Path) -> Conformed | None:
        """None where there is none, or where a file of it is gone."""
        document = read_json(folder / ALIGN)
        if document.get("version") != VERSION or document.get("state") != DONE:
            return None
        try:
            made = cls(
                inputs=str(document["inputs"]),
                zero_ms=float(document["zero_ms"]),
                end_ms=float(document["end_ms"]),
                tracks=tuple(map(_track, document["tracks"])),
            )
        except (KeyError, TypeError, ValueError):
            return None
        named = [name for track in made.tracks for name in (track.wav, track.mp4) if name is not None]
        return made if all((folder / name).exists() for name in named) else None

    def covers(self, span: Span) -> bool:
        """Whether somebody's local track is there for a span, whole."""
        low, high = max(span[0], self.zero_ms), min(span[1], self.end_ms)
        if high <= low:
            return False
        need = 0.9 * (high - low)
        spans = (where.local for track in self.tracks for where in (track.sound, track.picture))
        return any(covered_ms((low, high), local) >= need for local in spans)


def track_json(track: ConformedTrack) -> dict[str, Any]:
    """As align.json has it."""
    return {
        "pid": track.pid,
        "track": track.track,
        "heard": track.heard,
        "wav": track.wav,
        "mp4": track.mp4,
        "sound": _where_json(track.sound),
        "picture": _where_json(track.picture),
        "segs": {seg: _rounded([span])[0] for seg, span in track.segs.items()},
    }


def _track(row: Mapping[str, Any]) -> ConformedTrack:
    return ConformedTrack(
        pid=str(row["pid"]),
        track=str(row["track"]),
        heard=bool(row["heard"]),
        wav=_name(row["wav"]),
        mp4=_name(row["mp4"]),
        sound=_where(row["sound"]),
        picture=_where(row["picture"]),
        segs={str(seg): _spans([span])[0] for seg, span in row["segs"].items()},
    )


def _name(value: object) -> str | None:
    """A path of ours below the take's folder. Raises ValueError."""
    if value is None:
        return None
    if not isinstance(value, str) or value.startswith("/") or ".." in value.split("/"):
        raise ValueError("not a file of the take")
    return value


def _where(row: Mapping[str, Any]) -> Where:
    return Where(_spans(row["local"]), _spans(row["backup"]))


def _where_json(where: Where) -> dict[str, Any]:
    return {"local": _rounded(where.local), "backup": _rounded(where.backup)}


def _spans(rows: Sequence[Sequence[Any]]) -> tuple[Span, ...]:
    return tuple((float(low), float(high)) for low, high in rows)


def _rounded(spans: Sequence[Span]) -> list[list[float]]:
    return [[round(low, 1), round(high, 1)] for low, high in spans]
