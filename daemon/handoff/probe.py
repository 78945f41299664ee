"""What a file says of itself, as far as a timeline needs it: rate, length, size, sound, timecode. Reads, never decodes
more than one picture."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Final

import av
import av.container

from core.errors import BadMedia
from core.times import Ns, ticks_to_ns
from daemon.avopen import open_media
from daemon.handoff.model import Picture, Sound
from daemon.handoff.rates import SOUND_ONLY, is_constant, nominal_rate

_LOOKED_AT: Final = 4000  # packets from the begin on; a minute at 60 frames a second


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFacts:
    """`fps` is the average as the file has it, 0 without a picture; `timecode` is its first frame's, as written.

    `constant`: every frame lies where a counter of the nominal rate has it, in the part that was looked at.
    """

    length_ns: Ns
    fps: Fraction = Fraction(0)
    constant: bool = True
    picture: Picture | None = None
    sound: Sound | None = None
    timecode: str | None = None

    @property
    def nominal(self) -> Fraction:
        """The rate an editor is told."""
        return nominal_rate(self.fps) if self.picture else SOUND_ONLY


def media_facts(path: Path, demuxer: str = "mov") -> MediaFacts:
    """Raises BadMedia."""
    try:
        with open_media(path, demuxer) as media:
            return _facts(media)
    except (av.FFmpegError, ArithmeticError) as err:
        raise BadMedia(
            f"{path.name} cannot be read: {err}", remedy="The file is damaged; cut the clip again.", code="damaged"
        ) from err


def _facts(media: av.container.InputContainer) -> MediaFacts:
    videos, audios = media.streams.video[:1], media.streams.audio[:1]
    sound = Sound(rate=audios[0].rate, channels=audios[0].channels) if audios else None
    length_ns = _length(media)
    if not videos:
        return MediaFacts(length_ns=length_ns, sound=sound)
    fps = Fraction(videos[0].average_rate or 0)
    times = _times(media, videos[0])
    picture = _picture(media)
    return MediaFacts(
        length_ns=length_ns,
        fps=fps,
        constant=not times or is_constant(times, nominal_rate(fps)),
        picture=picture,
        sound=sound,
        timecode=videos[0].metadata.get("timecode") or media.metadata.get("timecode"),
    )


def _length(media: av.container.InputContainer) -> Ns:
    """Of the picture where there is one, else of the sound, else what the container says."""
    for stream in (*media.streams.video[:1], *media.streams.audio[:1]):
        if stream.duration and stream.time_base:
            return ticks_to_ns(stream.duration, Fraction(stream.time_base))
    return ticks_to_ns(media.duration or 0, Fraction(1, av.time_base))


def _times(media: av.container.InputContainer, stream: av.VideoStream) -> list[Ns]:
    base = Fraction(stream.time_base or 0)
    ticks = sorted(packet.pts for packet in islice(media.demux(stream), _LOOKED_AT) if packet.pts is not None)
    return [ticks_to_ns(tick, base) for tick in ticks]


def _picture(media: av.container.InputContainer) -> Picture | None:
    """Upright and with square pixels. None when nothing decodes."""
    media.seek(0)
    for frame in islice(media.decode(media.streams.video[0]), 1):
        square = frame.width * Fraction(media.streams.video[0].sample_aspect_ratio or 1)
        sides = (round(square), frame.height)
        width, height = reversed(sides) if round(frame.rotation / 90) % 2 else sides
        return Picture(width=width, height=height)
    return None
