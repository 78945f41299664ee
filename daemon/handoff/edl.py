"""timeline.edl: CMX 3600, as most editors read it. One track, cuts only, ASCII, no frame rate in it: the importer asks.

The events of the first track alone: a CMX list has one picture track. Markers are `LOC` comments (Avid, Resolve).
"""

from __future__ import annotations

from typing import Final

from daemon.handoff.model import Clip, Marker, Media, Timeline
from daemon.handoff.texts import ascii_shown

_REEL: Final = "AX"  # auxiliary source: a file, found by the comment below the event
_COLOURS: Final = {"word": "WHITE", "event": "GREEN"}
_MOST_EVENTS: Final = 999  # three digits


def edl(timeline: Timeline) -> str:
    """The list. Raises ValueError for more clips than it can number."""
    clips = [*timeline.tracks[0].placed()]
    if len(clips) > _MOST_EVENTS:
        raise ValueError(f"{len(clips)} clips in an EDL")
    rate = timeline.rate
    lines = [f"TITLE: {ascii_shown(timeline.name, 'clip')}", f"FCM: {'' if rate.drop else 'NON-'}DROP FRAME", ""]
    for number, (at, clip) in enumerate(clips, 1):
        lines += _event(number, at, clip, timeline)
        if number == 1:
            lines.append(f"* FRAME RATE: {rate.fps.numerator}/{rate.fps.denominator}")
        end = clips[number][0] if number < len(clips) else timeline.length
        lines += [
            line
            for marker in timeline.markers
            if at <= marker.at < end or (number == 1 and marker.at < at)
            for line in _locator(marker, timeline)
        ]
        lines.append("")
    return "\r\n".join(lines)


def _event(number: int, at: int, clip: Clip, timeline: Timeline) -> list[str]:
    source = clip.media.start + clip.source
    record = timeline.start + at
    spans = [source, source + clip.length, record, record + clip.length]
    times = " ".join(timeline.rate.timecode(frame) for frame in spans)
    return [
        f"{number:03d}  {_REEL:<8} {_channels(clip.media):<5} C        {times}",
        f"* FROM CLIP NAME: {clip.media.name}",
        f"* SOURCE FILE: {clip.media.path}",
        *(["* CLIP IS DISABLED"] if not clip.enabled else []),
    ]


def _channels(media: Media) -> str:
    """V picture, B picture and sound, AA/V picture and two channels, A or AA sound alone."""
    channels = min(media.sound.channels, 2) if media.sound else 0
    if media.picture is None:
        return "A" * channels
    return ("V", "B", "AA/V")[channels]


def _locator(marker: Marker, timeline: Timeline) -> list[str]:
    text = ascii_shown(marker.text)
    if not text:  # letters of another script: the other formats have them
        return []
    return [f"* LOC: {timeline.rate.timecode(timeline.start + marker.at)} {_COLOURS[marker.kind]:<7} {text}"]
