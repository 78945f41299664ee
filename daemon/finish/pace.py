"""How many pictures a second footage is meant to have."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from statistics import median
from typing import Final

from daemon.avopen import open_media
from daemon.handoff import nominal_rate

_LOOKED_AT: Final = 900  # packets
_USUAL: Final = Fraction(30)  # of a clip of one picture


def pace_of(master: Path) -> Fraction:
    """The standard rate nearest to what most of its pictures keep: a stream that drops some has an odd average.

    Raises BadMedia.
    """
    with open_media(master, "mov") as media:
        stream = media.streams.video[0]
        ticks = sorted(packet.pts for packet in islice(media.demux(stream), _LOOKED_AT) if packet.pts is not None)
        steps = [later - earlier for earlier, later in pairwise(ticks) if later > earlier]
        return nominal_rate(1 / (Fraction(median(steps)) * Fraction(stream.time_base or 1))) if steps else _USUAL
