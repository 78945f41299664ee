"""The timeline of a clip: its master, and above it, switched off, the footage it was cut from. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from core.times import Ns
from core.words import Word
from daemon.handoff.model import MOST_MARKERS, Clip, Marker, MarkerKind, Media, Space, Timeline, Track
from daemon.handoff.probe import MediaFacts
from daemon.handoff.rates import Rate
from daemon.handoff.texts import shown

_Spot = tuple[MarkerKind, Ns, Ns, str]
_MOST_EVENTS: Final = 500  # the rest of the markers are words


@dataclass(frozen=True, slots=True, kw_only=True)
class Footage:
    """A file beside the timeline; `begin_ns` is where its first frame lies on the session's media time."""

    path: str
    facts: MediaFacts
    begin_ns: Ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Something that happened, counted from the clip's first frame."""

    start_ns: Ns
    end_ns: Ns
    text: str


def clip_timeline(
    title: str,
    master: Footage,
    *,
    source: Footage | None = None,
    words: Sequence[Word] = (),
    events: Sequence[Spot] = (),
    drop: bool | None = None,
    start: str | None = None,
) -> Timeline:
    """`words` and `events` count from the master's first frame. `start` is the timecode the timeline begins at.

    Numbers are dropped as the footage's own timecode says, else wherever there is a rule for it (29.97 and 59.94): then
    timecode keeps up with the clock. `source` is one file that reaches beyond the master on both sides: whoever
    switches its clip on can draw both ends out. Raises ValueError for a timecode of another rate.
    """
    rate = _rate(master.facts, (source or master).facts.timecode, drop)
    length = max(1, rate.frames(master.facts.length_ns))
    media = _media(master, rate)
    tracks = [Track(name="clip", items=(Clip(name=title, media=media, source=0, length=length),))]
    if source is not None:
        tracks += _handles(title, source, rate.frames(source_offset(master, source)), length, rate)
    spots: list[_Spot] = [("event", spot.start_ns, spot.end_ns, spot.text) for spot in events[:_MOST_EVENTS]]
    spots += [("word", word.start_ns, word.end_ns, word.text) for word in words[: MOST_MARKERS - len(spots)]]
    return Timeline(
        name=shown(title, "clip"),
        rate=rate,
        tracks=tuple(tracks),
        start=rate.count(start) if start else 0,
        markers=tuple(sorted(_markers(spots, rate, length), key=lambda marker: marker.at)),
        note=_note(master.facts, rate),
    )


def source_offset(master: Footage, source: Footage) -> int:
    """How far into the source the master begins, in ns."""
    return max(0, master.begin_ns - source.begin_ns)


def _rate(facts: MediaFacts, timecode: str | None, drop: bool | None) -> Rate:
    fps = facts.nominal
    can_drop = fps.denominator == 1001 and -(-fps.numerator // 1001) % 30 == 0
    wanted = drop if drop is not None else timecode is None or ";" in timecode
    return Rate(fps, drop=can_drop and wanted)


def _media(footage: Footage, rate: Rate) -> Media:
    facts = footage.facts
    return Media(
        path=footage.path,
        length=max(1, rate.frames(facts.length_ns)),
        start=_start(facts.timecode, rate),
        picture=facts.picture,
        sound=facts.sound,
    )


def _start(timecode: str | None, rate: Rate) -> int:
    """0 for one that cannot be of this rate: the file is a stranger's."""
    try:
        return rate.count(timecode) if timecode else 0
    except ValueError:
        return 0


def _handles(title: str, source: Footage, offset: int, length: int, rate: Rate) -> list[Track]:
    """One track with the source, off; nothing when the file does not hold the clip."""
    media = _media(source, rate)
    held = min(length, media.length - offset)
    if held <= 0:
        return []
    clip = Clip(name=f"{title} (source)", media=media, source=offset, length=held, enabled=False)
    rest = (Space(length - held),) if held < length else ()
    return [Track(name="source", items=(clip, *rest))]


def _markers(spots: Iterable[_Spot], rate: Rate, length: int) -> Iterable[Marker]:
    for kind, start_ns, end_ns, text in spots:
        at = max(0, rate.frames(start_ns))
        if at < length:
            frames = min(max(1, rate.frames(end_ns) - at), length - at)
            yield Marker(at=at, length=frames, text=shown(text, kind), kind=kind)


def _note(facts: MediaFacts, rate: Rate) -> str:
    if facts.picture is None:
        return f"Sound alone; the timeline counts {float(rate.fps):.6g} frames a second"
    if facts.constant and abs(facts.fps - rate.fps) < rate.fps / 1000:
        return ""
    kind = "has" if facts.constant else "has a variable rate,"
    return f"The footage {kind} {float(facts.fps):.6g} frames a second; the timeline counts {float(rate.fps):.6g}"
