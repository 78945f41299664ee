"""timeline.otio: OpenTimelineIO's JSON (https://opentimelineio.readthedocs.io, "Serialized Data Documentation").

Written by us and read back with OpenTimelineIO in the tests: the library would come with a compiled part for what is a
page of JSON, and its adapters for the other formats are not right at our rates (docs/adr/0008-editor-hand-off.md).
"""

from __future__ import annotations

import json
from typing import Any, Final

from daemon.handoff.model import Clip, Kind, Marker, Media, Space, Timeline, Track
from daemon.handoff.rates import Rate
from daemon.handoff.texts import shown

_COLOURS: Final = {"word": "WHITE", "event": "GREEN"}


def otio(timeline: Timeline) -> str:
    """The document. Markers are on the stack of tracks; a clip's range counts in its file's own timecode."""
    kinds: tuple[Kind, ...] = ("video", "audio")
    tracks = [
        _track(track, kind, number, timeline.rate)
        for kind in kinds
        for number, track in enumerate((one for one in timeline.tracks if one.has(kind)), 1)
    ]
    stack = {
        **_item("Stack.1", "tracks", None),
        "markers": [_marker(marker, timeline.rate) for marker in timeline.markers],
        "children": tracks,
    }
    rate = timeline.rate
    facts = {"rate": f"{rate.fps.numerator}/{rate.fps.denominator}", "drop_frame": rate.drop, "note": timeline.note}
    document = {
        "OTIO_SCHEMA": "Timeline.1",
        "metadata": {"clipd": facts},
        "name": shown(timeline.name, "clip"),
        "global_start_time": _time(timeline.start, rate),
        "tracks": stack,
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _item(schema: str, name: str, source_range: dict[str, Any] | None, *, enabled: bool = True) -> dict[str, Any]:
    return {
        "OTIO_SCHEMA": schema,
        "metadata": {},
        "name": name,
        "source_range": source_range,
        "effects": [],
        "markers": [],
        "enabled": enabled,
    }


def _track(track: Track, kind: Kind, number: int, rate: Rate) -> dict[str, Any]:
    """One kind of a track; what has nothing of it is a gap there."""
    return {
        **_item("Track.1", f"{kind[0].upper()}{number} {shown(track.name)}".strip(), None),
        "children": [
            _clip(item, rate) if isinstance(item, Clip) and item.media.has(kind) else _gap(item, rate)
            for item in track.items
        ],
        "kind": kind.capitalize(),
    }


def _clip(clip: Clip, rate: Rate) -> dict[str, Any]:
    spanned = _range(clip.media.start + clip.source, clip.length, rate)
    return {
        **_item("Clip.2", shown(clip.name, clip.media.name), spanned, enabled=clip.enabled),
        "media_references": {"DEFAULT_MEDIA": _reference(clip.media, rate)},
        "active_media_reference_key": "DEFAULT_MEDIA",
    }


def _gap(item: Clip | Space, rate: Rate) -> dict[str, Any]:
    return _item("Gap.1", "", _range(0, item.length, rate))


def _reference(media: Media, rate: Rate) -> dict[str, Any]:
    return {
        "OTIO_SCHEMA": "ExternalReference.1",
        "metadata": {},
        "name": media.name,
        "available_range": _range(media.start, media.length, rate),
        "available_image_bounds": None,
        "target_url": media.path,
    }


def _marker(marker: Marker, rate: Rate) -> dict[str, Any]:
    return {
        "OTIO_SCHEMA": "Marker.2",
        "metadata": {"clipd": {"kind": marker.kind}},
        "name": shown(marker.text, marker.kind),
        "color": _COLOURS[marker.kind],
        "comment": "",
        "marked_range": _range(marker.at, marker.length, rate),
    }


def _range(start: int, length: int, rate: Rate) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "TimeRange.1", "start_time": _time(start, rate), "duration": _time(length, rate)}


def _time(frames: int, rate: Rate) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "RationalTime.1", "rate": float(rate.fps), "value": float(frames)}
