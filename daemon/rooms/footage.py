"""A room's session as footage: what its clips are cut from is composed when it is asked for.

The session's own ring holds the mix of the voices. A clip shows people, so its span is composed from the server's
backups, or from local tracks once they are aligned, written as segments on media time, and read like any other footage.
Where a take has nothing to show (it is gone, or was never there), the ring's sound is what is left.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import structlog

from core.errors import CutRefused, UsageError
from core.ids import is_safe_id
from core.media import Packet, Track
from core.protocols import FootageSource, SourceRef
from core.times import Ns, ns
from daemon.captioning import FontBook
from daemon.ffmpeg import FfmpegFailed
from daemon.rooms.clock import Stretch, stretches
from daemon.rooms.compose import SOUND, Shot, compose
from daemon.rooms.cover import Span, clipped
from daemon.rooms.layouts import FPS, cells
from daemon.rooms.segments import write_segments
from daemon.rooms.sources import Sources, best_sources, present
from daemon.rooms.speaking import speakers, spoken_ms
from daemon.rooms.take import LEDGER, NS_PER_MS, Take, read_take
from daemon.rooms.voices import PER_MS, Sound, mixed, write_wav
from ringbuffer.linked import LinkedFootage
from ringbuffer.links import SOURCE_FILE
from ringbuffer.names import parse_name

ROOMS: Final = "rooms"  # in the data folder
WORK: Final = "composed"  # in a session's
HANDLES_NS: Final = ns(2)  # composed on both sides of a clip; longer ones are composed anew when it is trimmed
LEAST_NS: Final = ns(0.2)
FLUSH_S: Final = 4.0  # for how long a clip's end is waited for: clusters of backups are flushed within a second
LOOK_S: Final = 0.5
REACHED_MS: Final = 100.0
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a session's room keeps its takes."""

    rooms: Path
    room: str
    session: str

    def takes(self) -> list[Take]:
        """Those with media of the session; a take that cannot be read is none."""
        found = []
        for path in sorted((self.rooms / self.room).glob(f"*/{LEDGER}")):
            if is_safe_id(path.parent.name):
                with contextlib.suppress(UsageError):
                    found.append(read_take(path.parent))
        return [take for take in found if any(row.session in ("", self.session) for row in take.media)]


def session_footage(
    folder: Path, room: str | None, session: str, recorded: FootageSource | None
) -> FootageSource | None:
    """What a session's clips are cut from: composed where it is a room's. `folder`: the session's, whose writer we
    are."""
    if room is None or not is_safe_id(room):
        return recorded
    work = folder / WORK
    shutil.rmtree(work, ignore_errors=True)  # what a kill left
    return RoomFootage(Place(rooms=folder.parent.parent / ROOMS, room=room, session=session), recorded, work)


@contextlib.contextmanager
def composed(footage: FootageSource) -> Iterator[Mapping[str, Any] | None]:
    """Makes it, if it has to be made, for as long as a clip is cut from it: what clip.json says of it; None of footage
    that was only recorded. Raises CutRefused."""
    if not isinstance(footage, SpanFootage):
        yield None
        return
    try:
        footage.compose()
        yield footage.facts
    finally:
        footage.close()


class RoomFootage:
    """`FootageSource` of a room's session. `recorded`: its ring, None where that is gone. Any thread may ask."""

    def __init__(self, place: Place, recorded: FootageSource | None, work: Path) -> None:
        """`work`: a folder for what is composed; it may be thrown away at any time between two clips."""
        self._place, self.recorded, self._work = place, recorded, work

    def around(self, start_ns: Ns, end_ns: Ns, attempt: int) -> SpanFootage | None:
        """A span, to be composed when it is first read, of the take and epoch that has most of it; None where none has.
        `attempt` goes into the names of its segments."""
        best: SpanFootage | None = None
        most_ns = min(LEAST_NS, end_ns - start_ns)
        for stretch in stretches(self._place.takes(), self._place.session):
            open_end_ns = self._open_end(stretch)
            low, high = Ns(max(start_ns, stretch.start_ns)), Ns(min(end_ns, open_end_ns))
            if high - low >= most_ns:
                best, most_ns = SpanFootage(stretch, low, high, open_end_ns, self._work, attempt), Ns(high - low + 1)
        return best

    def span(self) -> tuple[Ns, Ns]:
        """Of the ring and of the takes."""
        spans = [(one.start_ns, one.end_ns) for one in stretches(self._place.takes(), self._place.session)]
        if self.recorded is not None and self.recorded.span() != (0, 0):
            spans.append(self.recorded.span())
        if not spans:
            return Ns(0), Ns(0)
        return min(low for low, _ in spans), max(high for _, high in spans)

    def epoch_span(self, at_ns: Ns) -> tuple[Ns, Ns]:
        """The ring's, else the take's."""
        if self.recorded is not None and self.recorded.span() != (0, 0):
            return self.recorded.epoch_span(at_ns)
        for stretch in stretches(self._place.takes(), self._place.session):
            if stretch.start_ns <= at_ns < stretch.end_ns:
                return stretch.start_ns, stretch.end_ns
        return self.span()

    def tracks(self, at_ns: Ns) -> tuple[Track, ...]:
        """The ring's; see `around` for the pictures."""
        return self._ring().tracks(at_ns)

    def read(self, start_ns: Ns, end_ns: Ns) -> Iterator[Packet]:
        """The ring's."""
        return self._ring().read(start_ns, end_ns)

    def keyframes(self, start_ns: Ns, end_ns: Ns) -> list[Ns]:
        """The ring's: none."""
        return self._ring().keyframes(start_ns, end_ns)

    def link_source(self, start_ns: Ns, end_ns: Ns, folder: Path) -> list[SourceRef]:
        """The ring's."""
        return self._ring().link_source(start_ns, end_ns, folder)

    def _ring(self) -> FootageSource:
        if self.recorded is None:
            raise CutRefused(
                "Nothing of the take is left there", remedy="See the room's takes and its files.", code="not_buffered"
            )
        return self.recorded

    def _open_end(self, stretch: Stretch) -> Ns:
        """A take that is being recorded goes on behind the newest row of its ledger, as far as the ring says."""
        if stretch.take.end_ms is None and self.recorded is not None:
            return max(stretch.end_ns, self.recorded.span()[1])
        return stretch.end_ns


class SpanFootage:
    """One composed span; made by the first call that reads. One thread. `facts` is for clip.json, once it is made."""

    def __init__(self, stretch: Stretch, start_ns: Ns, end_ns: Ns, open_end_ns: Ns, work: Path, attempt: int) -> None:
        self._stretch, self._work, self._attempt = stretch, work, attempt
        self._wanted = start_ns, end_ns
        self._wide = Ns(max(stretch.start_ns, start_ns - HANDLES_NS)), Ns(min(open_end_ns, end_ns + HANDLES_NS))
        self._made: LinkedFootage | None = None
        self._folder: Path | None = None
        self.facts: Mapping[str, Any] = {}

    def compose(self) -> None:
        """Make it, if it is not made. Raises CutRefused."""
        self._footage()

    def close(self) -> None:
        """Its files go; a clip has linked what it keeps."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def span(self) -> tuple[Ns, Ns]:
        """What will be, or was, composed."""
        return self._wide if self._made is None else self._made.span()

    def epoch_span(self, at_ns: Ns) -> tuple[Ns, Ns]:
        """As `span`."""
        return self._footage().epoch_span(at_ns)

    def tracks(self, at_ns: Ns) -> tuple[Track, ...]:
        """A picture and a sound."""
        return self._footage().tracks(at_ns)

    def read(self, start_ns: Ns, end_ns: Ns) -> Iterator[Packet]:
        """See FootageSource."""
        return self._footage().read(start_ns, end_ns)

    def keyframes(self, start_ns: Ns, end_ns: Ns) -> list[Ns]:
        """One lies where the clip begins."""
        return self._footage().keyframes(start_ns, end_ns)

    def link_source(self, start_ns: Ns, end_ns: Ns, folder: Path) -> list[SourceRef]:
        """In place of what an earlier revision kept there: two pictures of the same time don't go together."""
        footage = self._footage()
        (folder / SOURCE_FILE).unlink(missing_ok=True)
        for path in folder.iterdir():
            known = parse_name(path.name)
            if known is not None and known.name.attempt < self._attempt - 1:  # the revision before is still there
                path.unlink()
        return footage.link_source(start_ns, end_ns, folder)

    def _footage(self) -> LinkedFootage:
        if self._made is None:
            try:
                self._made = self._composed()
            except FfmpegFailed as err:
                raise CutRefused(
                    f"The room's picture could not be composed ({err.what})", remedy=err.remedy, code="compose_failed"
                ) from err
        return self._made

    def _composed(self) -> LinkedFootage:
        began = time.monotonic()
        self._work.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix="span-", dir=self._work))
        take, span = self._stretch.take, (self._stretch.room(self._wide[0]), self._stretch.room(self._wide[1]))
        sources = self._sources(take, span)
        shot, self.facts = self._shot(take, span, sources)
        write_wav(self._folder / SOUND, [mixed([*sources.sounds.values()] or [_silence(span)])], 1)
        video = compose(shot, self._folder, FontBook())
        write_segments(video, self._folder / "ring", self._wide[0], epoch=self._stretch.epoch, attempt=self._attempt)
        video.unlink()
        log.info("span.composed", take=take.id, s=round(time.monotonic() - began, 2), **_told(self.facts))
        return LinkedFootage(self._folder / "ring")

    def _sources(self, take: Take, span: Span) -> Sources:
        """Again for a while, where backups have not been flushed up to the clip's end yet."""
        assert self._folder is not None
        clip = self._stretch.room(self._wanted[0]), self._stretch.room(self._wanted[1])
        until = time.monotonic() + FLUSH_S
        while True:
            sources = best_sources(take, span, clip, self._folder)
            if sources.reach_ms >= clip[1] - REACHED_MS or time.monotonic() > until:
                return sources
            time.sleep(LOOK_S)

    def _shot(self, take: Take, span: Span, sources: Sources) -> tuple[Shot, Mapping[str, Any]]:
        length_ms = (self._wide[1] - self._wide[0]) / NS_PER_MS
        length_ms = round(length_ms * FPS / 1000) * 1000 / FPS
        people = present(take, sources)
        layout = take.layout_at(self._stretch.room(self._wanted[0]))
        within = (0.0, length_ms)
        screens = {
            pid: clipped([(piece.from_ms - span[0], piece.to_ms - span[0]) for piece in pieces], within)
            for (pid, track), pieces in sources.pieces.items()
            if track == "screen"
        }
        placed = cells(
            layout,
            length_ms,
            people=[person.pid for person in people],
            turns=[(pid, (low, min(high, length_ms))) for pid, (low, high) in speakers(sources.sounds)]
            or [(person.pid, within) for person in people[:1]],
            spoken_ms=spoken_ms(sources.sounds),
            screens=screens,
        )
        shot = Shot(
            from_ms=span[0],
            length_ms=length_ms,
            cells=placed,
            pieces=sources.pieces,
            names={person.pid: person.name for person in people},
            keyframe_ms=(self._wanted[0] - self._wide[0]) / NS_PER_MS,
        )
        facts = {"take": take.id, "layout": layout, "source": sources.label, "tracks": list(sources.used)}
        return shot, facts | ({"conformed": sources.conformed} if sources.conformed else {})


def _silence(span: Span) -> Sound:
    return np.zeros((round((span[1] - span[0]) * PER_MS), 1), np.float32)


def _told(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {"layout": facts["layout"], "source": facts["source"], "tracks": len(facts["tracks"])}
