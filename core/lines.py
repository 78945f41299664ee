"""The JSON lines contract (DESIGN.md section 4): one object a line, each with type, session, t_s and wall. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from core.errors import ClipdError
from core.media import Gap, Track
from core.moments import Event, Moment
from core.times import ZERO_NS, Ns, to_s
from core.words import CommitReason, Word

Line = dict[str, Any]


def line(kind: str, session: str, t_ns: int, wall_ns: int, /, **fields: Any) -> Line:
    """`wall` is UTC with milliseconds; `t_s` media time."""
    wall = datetime.fromtimestamp(wall_ns / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"type": kind, "session": session, "t_s": round(to_s(t_ns), 3), "wall": wall, **fields}


def stream_fields(source: str, profile: str, tracks: Sequence[Track]) -> dict[str, Any]:
    """Fields of a `session` line. `source` is already redacted."""
    return {"source": source, "profile": profile, "streams": [_track(track) for track in tracks]}


def describe_stream(stream: Mapping[str, Any]) -> str:
    """`h264 1920x1080 60 fps`, from an entry of a `session` line's streams."""
    if stream["kind"] == "video":
        return f"{stream['codec']} {stream['width']}x{stream['height']} {stream['fps']:g} fps"
    return f"{stream['codec']} {stream['rate']} Hz"


def gap_fields(gap: Gap) -> dict[str, Any]:
    """Fields of a `gap` line."""
    return {"start_s": _s(gap.start_ns), "end_s": _s(gap.end_ns), "reason": gap.reason, "track": gap.track}


def error_fields(error: ClipdError) -> dict[str, Any]:
    """Fields of an `error` line; `exit` is what the command will return."""
    return {"code": error.code, "message": error.what, "remedy": error.remedy, "exit": error.exit_code}


def transcript_fields(
    words: Iterable[Word], *, final: bool, language: str | None = None, reason: CommitReason | None = None
) -> dict[str, Any]:
    """Fields of a `transcript` line; final words also say their language and how they became final, where known."""
    known = {"language": language, "reason": reason}
    return {
        "words": [word_fields(word) for word in words],
        "final": final,
        **{name: value for name, value in known.items() if value is not None},
    }


def word_fields(word: Word, zero_ns: Ns = ZERO_NS) -> dict[str, Any]:
    """A word as files and lines show it; its seconds count from `zero_ns`."""
    return {
        "text": word.text,
        "start_s": _s(word.start_ns - zero_ns),
        "end_s": _s(word.end_ns - zero_ns),
        "prob": round(word.prob, 3),
    }


def event_fields(event: Event) -> dict[str, Any]:
    """Fields of an `event` line."""
    return {
        "kind": event.kind,
        "family": str(event.family),
        "start_s": _s(event.start_ns),
        "end_s": _s(event.end_ns),
        "peak_s": _s(event.peak_ns),
        "surprise_per_h": round(event.surprise_per_h, 3),
        "why": event.why,
    }


def moment_fields(moment: Moment) -> dict[str, Any]:
    """Fields of a `moment` line."""
    return {
        "id": moment.id,
        "state": str(moment.state),
        "start_s": _s(moment.start_ns),
        "end_s": _s(moment.end_ns),
        "anchor_s": _s(moment.anchor_ns),
        "p": round(moment.p, 4),
        "bar": round(moment.bar, 4),
        "parts": {family: round(logit, 3) for family, logit in moment.parts.items()},
        "reason": moment.reason,
    }


def clip_fields(record: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a `clip` line from a finished clip's record in the journal."""
    names = ("id", "revision", "state", "review", "start_s", "end_s", "title", "score", "reasons", "files", "latency_s")
    rank = record.get("rank")  # none of a clip that was cut by hand
    told = {} if rank is None else {"rank": {name: value for name, value in rank.items() if name != "shadow"}}
    return {name: record[name] for name in names} | told


def _track(track: Track) -> dict[str, Any]:
    if track.kind == "video":
        return {
            "kind": "video",
            "codec": track.codec,
            "width": track.width,
            "height": track.height,
            "fps": round(track.fps, 3),
        }
    return {"kind": "audio", "codec": track.codec, "rate": track.rate, "channels": track.channels}


def _s(value_ns: int) -> float:
    return round(to_s(value_ns), 3)
