"""A timeline as editors know it: media, clips on tracks, markers. All positions are whole frames of its rate. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from daemon.handoff.rates import Rate

MarkerKind = Literal["word", "event"]
Kind = Literal["video", "audio"]
MOST_MARKERS: Final = 5000  # half an hour of speech
_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*"
_PATH: Final = re.compile(rf"(?:\.\./)?(?:{_NAME}/)*{_NAME}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Upright size in pixels, as a player shows it."""

    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """Samples a second, and channels."""

    rate: int
    channels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A file. `path` is relative to the timeline's folder, of our names, and leaves it at most once (`../source/x`).

    `start` is the timecode of its first frame, as the file says, in frames; 0 when it says none. Raises ValueError.
    """

    path: str
    length: int
    start: int = 0
    picture: Picture | None = None
    sound: Sound | None = None

    def __post_init__(self) -> None:
        if not _PATH.match(self.path):
            raise ValueError(f"{self.path[:80]!r} is no relative path of our names")
        if self.length <= 0 or self.start < 0:
            raise ValueError(f"media of {self.length} frames from {self.start}")
        if self.picture is None and self.sound is None:
            raise ValueError("media with neither picture nor sound")

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.rpartition("/")[2]

    def has(self, kind: Kind) -> bool:
        """Whether there is anything of a kind in it."""
        return (self.picture if kind == "video" else self.sound) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """`length` frames of media from its frame `source` on (0 is its first); picture and sound together."""

    name: str
    media: Media
    source: int
    length: int
    enabled: bool = True

    def __post_init__(self) -> None:
        if self.source < 0 or self.length <= 0 or self.source + self.length > self.media.length:
            raise ValueError(f"{self.length} frames from {self.source} are not in the {self.media.length} of the file")


@dataclass(frozen=True, slots=True)
class Space:
    """Frames with nothing."""

    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """Clips and spaces, one after the other from the timeline's begin."""

    name: str
    items: tuple[Clip | Space, ...]

    def placed(self) -> Iterator[tuple[int, Clip]]:
        """Clips with the frame of the timeline they begin at."""
        at = 0
        for item in self.items:
            if isinstance(item, Clip):
                yield at, item
            at += item.length

    @property
    def length(self) -> int:
        """In frames."""
        return sum(item.length for item in self.items)

    def has(self, kind: Kind) -> bool:
        """Whether a clip on it has anything of a kind."""
        return any(clip.media.has(kind) for _, clip in self.placed())


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """A spot on the timeline, counted from its begin."""

    at: int
    length: int
    text: str
    kind: MarkerKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """`start` is the timecode of its first frame, in frames. The first track is the story, the others lie above it.

    `note` says what a person should know, such as that the footage's rate varies. Raises ValueError.
    """

    name: str
    rate: Rate
    tracks: tuple[Track, ...]
    start: int = 0
    markers: tuple[Marker, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        if not self.tracks or not any(True for _ in self.tracks[0].placed()):
            raise ValueError("a timeline without a clip")
        if len(self.markers) > MOST_MARKERS:
            raise ValueError(f"{len(self.markers)} markers")
        if any(marker.at < 0 or marker.length <= 0 or marker.at >= self.length for marker in self.markers):
            raise ValueError("a marker outside of the timeline")

    @property
    def length(self) -> int:
        """In frames."""
        return max(track.length for track in self.tracks)

    @property
    def media(self) -> tuple[Media, ...]:
        """Each file once, in order of appearance."""
        return tuple(dict.fromkeys(clip.media for track in self.tracks for _, clip in track.placed()))

    @property
    def picture(self) -> Picture | None:
        """That of the story's first clip that has one."""
        return next((media.picture for media in self.media if media.picture), None)

    @property
    def sound(self) -> Sound | None:
        """That of the story's first clip that has any."""
        return next((media.sound for media in self.media if media.sound), None)
