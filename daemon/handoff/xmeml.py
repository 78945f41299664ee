"""timeline.xml: Final Cut Pro 7's XML (xmeml 5), which Premiere Pro, DaVinci Resolve and Vegas read.

Rates are a whole number and a flag: 30 and TRUE are 30000/1001. A clip's `in` and `out` count from its file's first
frame, not in timecode (Apple, "Final Cut Pro XML Interchange Format", Timing Values).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from xml.etree import ElementTree as Xml

from daemon.handoff.model import Clip, Kind, Media, Timeline
from daemon.handoff.rates import Rate
from daemon.handoff.texts import shown

_KINDS: Final[tuple[Kind, ...]] = ("video", "audio")


def xmeml(timeline: Timeline) -> str:
    """The document: one sequence, its picture and sound linked, markers on the sequence."""
    root = Xml.Element("xmeml", version="5")
    sequence = Xml.SubElement(root, "sequence", id="sequence-1")
    _text(sequence, "name", shown(timeline.name, "clip"))
    _text(sequence, "duration", timeline.length)
    _rate(sequence, timeline.rate)
    _timecode(sequence, timeline.rate, timeline.start)
    media = Xml.SubElement(sequence, "media")
    writer = _Tracks(timeline)
    for kind in _KINDS:
        writer.add(Xml.SubElement(media, kind), kind)
    for marker in timeline.markers:
        element = Xml.SubElement(sequence, "marker")
        _text(element, "name", shown(marker.text, marker.kind))
        _text(element, "comment", marker.kind)
        _text(element, "in", marker.at)
        _text(element, "out", min(marker.at + marker.length, timeline.length))
    if timeline.note:
        _text(Xml.SubElement(sequence, "comments"), "mastercomment1", shown(timeline.note))
    Xml.indent(root, " ")
    body = Xml.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE xmeml>\n{body}\n'


class _Tracks:
    """Writes clips; a file's facts stand where it is named first."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._files = {media: f"file-{number}" for number, media in enumerate(timeline.media, 1)}
        self._told: set[Media] = set()

    def add(self, parent: Xml.Element, kind: Kind) -> None:
        """All tracks that have anything of a kind; sound with a track for each channel."""
        if kind == "video" and self._timeline.picture:
            facts = Xml.SubElement(Xml.SubElement(parent, "format"), "samplecharacteristics")
            _rate(facts, self._timeline.rate)
            _text(facts, "width", self._timeline.picture.width)
            _text(facts, "height", self._timeline.picture.height)
            _text(facts, "pixelaspectratio", "square")
        for number, track in enumerate(self._timeline.tracks):
            for channel in range(1, self._channels(number, kind) + 1):
                element = Xml.SubElement(parent, "track")
                for order, (at, clip) in enumerate(track.placed()):
                    if clip.media.has(kind) and channel <= _channels(clip.media, kind):
                        self._clip(element, clip, kind, at, (number, order, channel))

    def _channels(self, track: int, kind: Kind) -> int:
        return max(_channels(clip.media, kind) for _, clip in self._timeline.tracks[track].placed())

    def _clip(self, parent: Xml.Element, clip: Clip, kind: Kind, at: int, place: tuple[int, int, int]) -> None:
        item = Xml.SubElement(parent, "clipitem", id=_id(kind, *place))
        _text(item, "name", shown(clip.name, clip.media.name))
        _text(item, "enabled", str(clip.enabled).upper())
        _text(item, "duration", clip.media.length)
        _rate(item, self._timeline.rate)
        for name, frame in (("start", at), ("end", at + clip.length)):
            _text(item, name, frame)
        for name, frame in (("in", clip.source), ("out", clip.source + clip.length)):
            _text(item, name, frame)
        self._file(item, clip.media)
        track = Xml.SubElement(item, "sourcetrack")
        _text(track, "mediatype", kind)
        _text(track, "trackindex", place[2])
        self._links(item, clip, place)

    def _links(self, item: Xml.Element, clip: Clip, place: tuple[int, int, int]) -> None:
        """Picture and sound of one clip name each other, and themselves, so that they move together."""
        for kind in _KINDS:
            for channel in range(1, _channels(clip.media, kind) + 1):
                link = Xml.SubElement(item, "link")
                _text(link, "linkclipref", _id(kind, place[0], place[1], channel))
                _text(link, "mediatype", kind)
                _text(link, "trackindex", self._first_track(place[0], kind) + channel)
                _text(link, "clipindex", self._clip_index(place, kind, channel))

    def _first_track(self, track: int, kind: Kind) -> int:
        return sum(self._channels(number, kind) for number in range(track))

    def _clip_index(self, place: tuple[int, int, int], kind: Kind, channel: int) -> int:
        before = [*self._timeline.tracks[place[0]].placed()][: place[1] + 1]
        return sum(channel <= _channels(clip.media, kind) for _, clip in before)

    def _file(self, item: Xml.Element, media: Media) -> None:
        file = Xml.SubElement(item, "file", id=self._files[media])
        if media in self._told:
            return
        self._told.add(media)
        _text(file, "name", media.name)
        _text(file, "pathurl", media.path)
        _rate(file, self._timeline.rate)
        _text(file, "duration", media.length)
        _timecode(file, self._timeline.rate, media.start)
        facts = Xml.SubElement(file, "media")
        if media.picture:
            size = {"width": media.picture.width, "height": media.picture.height}
            _facts(Xml.SubElement(facts, "video"), size)
        if media.sound:
            sound = Xml.SubElement(facts, "audio")
            _facts(sound, {"depth": 16, "samplerate": media.sound.rate})
            _text(sound, "channelcount", media.sound.channels)


def _channels(media: Media, kind: Kind) -> int:
    if kind == "video":
        return int(media.picture is not None)
    return media.sound.channels if media.sound else 0


def _id(kind: Kind, track: int, order: int, channel: int) -> str:
    return f"{kind}-{track + 1}-{order + 1}-{channel}"


def _facts(parent: Xml.Element, facts: Mapping[str, int]) -> None:
    element = Xml.SubElement(parent, "samplecharacteristics")
    for name, value in facts.items():
        _text(element, name, value)


def _text(parent: Xml.Element, name: str, value: str | int) -> None:
    Xml.SubElement(parent, name).text = str(value)


def _rate(parent: Xml.Element, rate: Rate) -> None:
    element = Xml.SubElement(parent, "rate")
    _text(element, "timebase", rate.counted)
    _text(element, "ntsc", str(rate.ntsc).upper())


def _timecode(parent: Xml.Element, rate: Rate, frame: int) -> None:
    element = Xml.SubElement(parent, "timecode")
    _rate(element, rate)
    _text(element, "string", rate.timecode(frame))
    _text(element, "frame", frame)
    _text(element, "displayformat", "DF" if rate.drop else "NDF")
