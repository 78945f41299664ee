"""A strict reader of the part of FCPXML 1.8 that we write: what Apple's DTD demands, and what Final Cut Pro checks
beyond it. It shares no code with the writer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from xml.etree import ElementTree as Xml

TIME = re.compile(r"(\d+)(?:/(\d+))?s")
CHILDREN = {
    "fcpxml": ["resources", "event"],
    "resources": ["format", "asset", "media"],
    "media": ["multicam"],
    "multicam": ["mc-angle"],
    "mc-angle": ["asset-clip", "gap"],
    "mc-clip": ["mc-source"],
    "mc-source": [],
    "format": [],
    "asset": [],
    "event": ["project"],
    "project": ["sequence"],
    "sequence": ["note", "spine"],
    "spine": ["asset-clip", "gap", "mc-clip"],
    "asset-clip": ["note", "asset-clip", "marker"],
    "gap": ["note", "asset-clip", "marker"],
    "note": [],
    "marker": [],
}  # in the DTD's order, except where any goes
ANY = ("resources", "spine", "mc-angle")
REQUIRED = {
    "fcpxml": {"version"},
    "format": {"id", "frameDuration", "width", "height"},
    "asset": {"id", "src", "start", "duration"},
    "sequence": {"format", "duration", "tcStart", "tcFormat"},
    "media": {"id"},
    "multicam": {"format", "tcStart", "tcFormat"},
    "mc-angle": {"angleID"},
    "mc-clip": {"ref", "offset", "start", "duration"},
    "mc-source": {"angleID", "srcEnable"},
    "asset-clip": {"ref", "offset", "start", "duration"},
    "gap": {"offset", "start", "duration"},
    "marker": {"start", "duration", "value"},
}
OPTIONAL = {
    "asset": {"name", "hasVideo", "format", "hasAudio", "audioSources", "audioChannels", "audioRate"},
    "event": {"name"},
    "project": {"name"},
    "sequence": {"audioLayout", "audioRate"},
    "asset-clip": {"name", "lane", "format", "tcFormat", "audioRole", "enabled"},
    "gap": {"name"},
    "media": {"name"},
    "mc-angle": {"name"},
    "mc-clip": {"name"},
    "marker": {"note"},
}
VALUES = {
    "tcFormat": {"DF", "NDF"},
    "audioLayout": {"mono", "stereo", "surround"},
    "hasVideo": {"1"},
    "hasAudio": {"1"},
    "enabled": {"0", "1"},
    "srcEnable": {"all", "video", "audio"},
}


@dataclass(frozen=True)
class Edit:
    """A clip of the document: all in frames; `at` on the sequence, `start` in the file's own timecode."""

    src: str
    at: int
    start: int
    length: int
    lane: int
    enabled: bool


class Document:
    """Raises AssertionError for what Final Cut Pro would refuse or place elsewhere."""

    def __init__(self, text: str) -> None:
        assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n')
        self.root = Xml.fromstring(text)
        assert self.root.get("version") == "1.8"
        self._shape(self.root)
        ids = [element.attrib["id"] for element in self.root.iter() if "id" in element.attrib]
        assert len(ids) == len(set(ids))
        formats = {element.attrib["id"]: element for element in self.root.iter("format")}
        [self.frame] = {self._fraction(element.attrib["frameDuration"]) for element in formats.values()}
        self.assets = {asset.get("id"): asset for asset in self.root.iter("asset")}
        self.sequence = self._one("sequence")
        self.sizes = {
            asset.attrib["src"]: (int(found.attrib["width"]), int(found.attrib["height"]))
            for asset in self.assets.values()
            if asset.get("hasVideo") and (found := formats[asset.attrib["format"]]) is not None
        }
        self.edits: list[Edit] = []
        self.markers: list[tuple[int, int, str]] = []
        at = self.frames(self.sequence, "tcStart")
        self.start = at
        for item in self._one("spine"):
            assert self.frames(item, "offset") == at, "the spine has a hole"
            self._item(item, at - self.start)
            at += self.frames(item, "duration")
        assert at - self.start == self.frames(self.sequence, "duration")
        self.angles = {angle.attrib["angleID"]: self._angle(angle) for angle in self.root.iter("mc-angle")}
        self.on = {source.attrib["angleID"]: source.attrib["srcEnable"] for source in self.root.iter("mc-source")}
        assert self.on.keys() <= self.angles.keys()
        assert len(self.angles) == len(list(self.root.iter("mc-angle")))

    def frames(self, element: Xml.Element, name: str) -> int:
        """Whole frames, or it is refused: not on an edit frame boundary."""
        count = self._fraction(element.get(name, "")) / self.frame
        assert count.denominator == 1, f"{element.tag} {name} is off the frame boundary"
        return count.numerator

    def _shape(self, element: Xml.Element) -> None:
        allowed = CHILDREN[element.tag]
        order = [allowed.index(child.tag) for child in element]
        assert element.tag in ANY or order == sorted(order), element.tag
        assert REQUIRED.get(element.tag, set()) <= element.attrib.keys(), element.tag
        assert element.attrib.keys() <= REQUIRED.get(element.tag, set()) | OPTIONAL.get(element.tag, set()), element.tag
        for name, allowed_values in VALUES.items():
            assert element.get(name) in {None, *allowed_values}
        for child in element:
            self._shape(child)

    def _item(self, item: Xml.Element, at: int, lane: int = 0) -> None:
        start, length = self.frames(item, "start"), self.frames(item, "duration")
        if item.tag == "asset-clip":
            asset = self.assets[item.get("ref")]
            first = self.frames(asset, "start")
            assert first <= start, "the edit begins before its file"
            assert start + length <= first + self.frames(asset, "duration"), "the edit ends after its file"
            self.edits.append(Edit(asset.get("src", ""), at, start, length, lane, item.get("enabled") != "0"))
        for child in item:
            if child.tag == "asset-clip":
                self._item(child, at + self.frames(child, "offset") - start, int(child.get("lane", "0")))
            if child.tag == "marker":
                where = self.frames(child, "start") - start
                assert 0 <= where < length
                self.markers.append((at + where, self.frames(child, "duration"), child.get("value", "")))

    def _angle(self, angle: Xml.Element) -> list[Edit]:
        """What lies in one angle of a multicam clip, whose clips count in the time of the whole."""
        at = first = self.frames(self._one("multicam"), "tcStart")
        before, self.edits = self.edits, []
        for item in angle:
            assert self.frames(item, "offset") == at, "the angle has a hole"
            self._item(item, at - first)
            at += self.frames(item, "duration")
        found, self.edits = self.edits, before
        return found

    def _one(self, tag: str) -> Xml.Element:
        [found] = self.root.iter(tag)
        return found

    @staticmethod
    def _fraction(text: str) -> Fraction:
        match = TIME.fullmatch(text)
        assert match, f"{text!r} is no time"
        over = int(match[2] or 1)
        assert int(match[1]) < 2**63
        assert 0 < over < 2**31
        return Fraction(int(match[1]), over)
