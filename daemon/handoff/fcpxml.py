"""timeline.fcpxml: Apple's FCPXML 1.8, which Final Cut Pro since 10.4.1 and DaVinci Resolve read.

Every time is a whole multiple of the frame's length, written as a fraction of a second; Final Cut Pro rejects edits off
the frame boundary. An asset starts at its file's own timecode, and clips count in it: with an asset that starts at 0
they would all lie outside of the file (https://github.com/DozaVisuals/doza-assist/issues/7). A relative `src` counts
from the document (Apple, "Final Cut Pro X XML Format", Resources).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final
from xml.etree import ElementTree as Xml

from daemon.handoff.model import Clip, Kind, Marker, Media, Picture, Space, Timeline, Track
from daemon.handoff.rates import Rate
from daemon.handoff.texts import shown

VERSION: Final = "1.8"
_NO_PICTURE: Final = Picture(width=1920, height=1080)  # a project needs a size, also one of sound alone
_LAYOUTS: Final = {1: "mono", 2: "stereo"}
_RATES: Final = {
    32_000: "32k", 44_100: "44.1k", 48_000: "48k", 88_200: "88.2k", 96_000: "96k", 176_400: "176.4k", 192_000: "192k",
}  # fmt: skip


def fcpxml(timeline: Timeline) -> str:
    """The document: resources, and one project in one event. Markers sit on the clips of the first track."""
    root, _, ids = _document(timeline)
    _spine(_project(root, timeline), timeline, ids)
    return _written(root)


def multicam(timeline: Timeline) -> str:
    """The same with a multicam clip: each track is an angle, and one can be switched to another at any frame.

    The project shows the first angle that has a picture and hears the first that has sound. Markers are left out.
    """
    root, resources, ids = _document(timeline)
    name, rate = shown(timeline.name, "clip"), timeline.rate
    media = Xml.SubElement(resources, "media", id="m1", name=name)
    fields = {"format": "r1", "tcStart": seconds(timeline.start, rate), "tcFormat": _tc_format(rate)}
    angles = Xml.SubElement(media, "multicam", fields)
    for number, track in enumerate(timeline.tracks, 1):
        angle = Xml.SubElement(angles, "mc-angle", name=shown(track.name, str(number)), angleID=f"a{number}")
        at = 0
        for item in track.items:
            _story(angle, item, timeline, at, ids)
            at += item.length
    fields = {"ref": "m1", "offset": seconds(timeline.start, rate), "name": name}
    fields |= {"start": seconds(timeline.start, rate), "duration": seconds(timeline.length, rate)}
    clip = Xml.SubElement(_project(root, timeline), "mc-clip", fields)
    for angle_id, enabled in _sources(timeline.tracks).items():
        Xml.SubElement(clip, "mc-source", angleID=angle_id, srcEnable=enabled)
    return _written(root)


def _sources(tracks: Sequence[Track]) -> dict[str, str]:
    """What of which angle is on: the first one's picture, the first one's sound."""
    kinds: tuple[Kind, ...] = ("video", "audio")
    found = {kind: next((n for n, track in enumerate(tracks, 1) if track.has(kind)), None) for kind in kinds}
    if found["video"] == found["audio"]:
        return {f"a{found['video']}": "all"}
    return {f"a{number}": kind for kind, number in found.items() if number is not None}


def _document(timeline: Timeline) -> tuple[Xml.Element, Xml.Element, dict[Media, str]]:
    """The root, its resources, and what each file is called in them."""
    root = Xml.Element("fcpxml", version=VERSION)
    resources = Xml.SubElement(root, "resources")
    formats = _formats(resources, timeline)
    ids = {media: f"r{number}" for number, media in enumerate(timeline.media, 2)}
    for media, name in ids.items():
        _asset(resources, media, name, timeline.rate, formats)
    return root, resources, ids


def _written(root: Xml.Element) -> str:
    Xml.indent(root, " ")
    body = Xml.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n{body}\n'


def seconds(frames: int, rate: Rate) -> str:
    """`30030/30000s`: whole frames as a fraction whose denominator is the rate's."""
    exact = Fraction(frames) / rate.fps
    if exact.denominator == 1:
        return f"{exact.numerator}s"
    return f"{frames * rate.fps.denominator}/{rate.fps.numerator}s"


def _formats(resources: Xml.Element, timeline: Timeline) -> dict[Picture, str]:
    """One for each size there is, the project's first: r1."""
    pictures = [timeline.picture or _NO_PICTURE, *(media.picture for media in timeline.media if media.picture)]
    names = {picture: "r1" if not number else f"f{number}" for number, picture in enumerate(dict.fromkeys(pictures))}
    rate = timeline.rate.fps
    for picture, name in names.items():
        size = {"width": str(picture.width), "height": str(picture.height)}
        Xml.SubElement(
            resources, "format", {"id": name, "frameDuration": f"{rate.denominator}/{rate.numerator}s", **size}
        )
    return names


def _asset(resources: Xml.Element, media: Media, name: str, rate: Rate, formats: dict[Picture, str]) -> None:
    fields = {"id": name, "name": media.name, "src": _url(media.path)}
    fields |= {"start": seconds(media.start, rate), "duration": seconds(media.length, rate)}
    if media.picture:
        fields |= {"hasVideo": "1", "format": formats[media.picture]}
    if media.sound:
        fields |= {"hasAudio": "1", "audioSources": "1", "audioChannels": str(media.sound.channels)}
        fields |= {"audioRate": str(media.sound.rate)}
    Xml.SubElement(resources, "asset", fields)


def _url(path: str) -> str:
    """Names of ours need no escapes; `./` makes it a relative URL for those that look for a scheme."""
    return path if path.startswith("../") else f"./{path}"


def _project(root: Xml.Element, timeline: Timeline) -> Xml.Element:
    """One project in one event; its spine."""
    name = shown(timeline.name, "clip")
    project = Xml.SubElement(Xml.SubElement(root, "event", name="clipd"), "project", name=name)
    fields = {
        "format": "r1",
        "duration": seconds(timeline.length, timeline.rate),
        "tcStart": seconds(timeline.start, timeline.rate),
        "tcFormat": _tc_format(timeline.rate),
    }
    if timeline.sound:
        fields |= {"audioLayout": _LAYOUTS.get(timeline.sound.channels, "surround")}
        fields |= {"audioRate": _RATES.get(timeline.sound.rate, "48k")}
    sequence = Xml.SubElement(project, "sequence", fields)
    if timeline.note:
        Xml.SubElement(sequence, "note").text = shown(timeline.note)
    return Xml.SubElement(sequence, "spine")


def _spine(spine: Xml.Element, timeline: Timeline, ids: dict[Media, str]) -> None:
    """The first track; clips of the others hang on what lies under their first frame."""
    above = [(lane, at, clip) for lane, track in enumerate(timeline.tracks[1:], 1) for at, clip in track.placed()]
    at, items = 0, [*timeline.tracks[0].items]
    if timeline.length > timeline.tracks[0].length:
        items.append(Space(timeline.length - timeline.tracks[0].length))
    for item in items:
        end = at + item.length
        element, start = _story(spine, item, timeline, at, ids)
        for lane, where, clip in above:
            if at <= where < end:
                _clip(element, clip, timeline.rate, start + where - at, ids).set("lane", str(lane))
        _markers(element, [one for one in timeline.markers if at <= one.at < end], start - at, timeline.rate)
        at = end


def _story(
    spine: Xml.Element, item: Clip | Space, timeline: Timeline, at: int, ids: dict[Media, str]
) -> tuple[Xml.Element, int]:
    """The element of the spine, and the frame its own time starts with."""
    if isinstance(item, Clip):
        return _clip(spine, item, timeline.rate, timeline.start + at, ids), item.media.start + item.source
    rate = timeline.rate
    span = {"offset": seconds(timeline.start + at, rate), "start": "0s", "duration": seconds(item.length, rate)}
    return Xml.SubElement(spine, "gap", {"name": "Gap", **span}), 0


def _clip(parent: Xml.Element, clip: Clip, rate: Rate, offset: int, ids: dict[Media, str]) -> Xml.Element:
    fields = {
        "ref": ids[clip.media],
        "offset": seconds(offset, rate),
        "name": shown(clip.name, clip.media.name),
        "start": seconds(clip.media.start + clip.source, rate),
        "duration": seconds(clip.length, rate),
        "tcFormat": _tc_format(rate),
    }
    if clip.media.sound:
        fields["audioRole"] = "dialogue"
    if not clip.enabled:
        fields["enabled"] = "0"
    return Xml.SubElement(parent, "asset-clip", fields)


def _markers(element: Xml.Element, markers: Sequence[Marker], shift: int, rate: Rate) -> None:
    for marker in markers:
        fields = {"start": seconds(marker.at + shift, rate), "duration": seconds(marker.length, rate)}
        fields |= {"value": shown(marker.text, marker.kind), "note": marker.kind}
        Xml.SubElement(element, "marker", fields)


def _tc_format(rate: Rate) -> str:
    return "DF" if rate.drop else "NDF"
