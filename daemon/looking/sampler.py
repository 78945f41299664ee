"""Packets of the picture to a HUD's frames, at the price of a keyframe where nothing changes. One epoch, one thread.

A part of a frame cannot be decoded alone in any of the codecs. So every keyframe is looked at; only where it differs
from the one before, or where something could have come and gone between the two, the pictures between are decoded too.
They are decoded without what is cheapest to leave out, frames that no other leans on, and looked at a few times a
second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import av

from core.game import GameEvent
from core.media import Packet, Track
from core.times import NS_PER_S, Ns, ns
from daemon.ingest.decode import open_decoder, raw_packet
from daemon.looking.crops import cut_out
from detectors.hud.frames import Box, HudFrame

WAIT_NS: Final = ns(4.0)  # a GOP that goes on longer is decoded while it comes: clips wait for what is not known yet
MAX_GOP_BYTES: Final = 32 << 20  # four seconds of 64 Mbit/s; more is decoded while it comes too
_ERRORS: Final = (av.FFmpegError, ValueError, MemoryError)


class Reader(Protocol):
    """What the sampler asks of detectors.hud.HudReader."""

    shortest_s: float

    def boxes(self, width: int, height: int) -> dict[str, Box]: ...
    def differs(self, frame: HudFrame) -> bool: ...
    def push(self, frame: HudFrame) -> list[GameEvent]: ...
    def cut(self) -> None: ...


@dataclass(slots=True)
class Tally:
    """What looking has come to: keyframes and frames between that were looked at, GOPs decoded, packets in vain."""

    keyframes: int = 0
    between: int = 0
    gops: int = 0
    errors: int = 0


class Sampler:
    """`push` takes the picture's packets in the order of decoding; what it finds comes at most `WAIT_NS` after."""

    def __init__(self, track: Track, reader: Reader, *, fps: float, tally: Tally | None = None) -> None:
        """Raises av.FFmpegError where the codec's decoder is missing."""
        self._reader = reader
        self._keys, self._between = open_decoder(track), open_decoder(track)
        self._between.skip_frame = "NONREF"
        self._step_ns = round(NS_PER_S / fps)
        self._boxes: tuple[tuple[int, int], dict[str, Box]] = ((0, 0), {})
        self._gop: list[Packet] = []
        self._bytes = 0
        self._looked_ns = Ns(0)  # of the last keyframe that was decoded
        self._running: _Looks | None = None  # the GOP's looks, once it is decoded while it comes
        self.tally = tally or Tally()

    def push(self, packet: Packet) -> list[GameEvent]:
        """Events by the time they happened, known from this packet on."""
        if packet.is_keyframe:
            return _known(self._keyframe(packet), packet.pts_ns)
        if not self._gop:
            return []  # nothing to lean on yet
        if self._running is not None:
            return _known(self._pushed(self._running.feed(packet)), packet.pts_ns)
        self._gop.append(packet)
        self._bytes += len(packet.data)
        if packet.pts_ns - self._gop[0].pts_ns < WAIT_NS and self._bytes < MAX_GOP_BYTES:
            return []
        self._running = self._looks()
        return _known(self._pushed(self._fed(self._running)), packet.pts_ns)

    def cut(self) -> list[GameEvent]:
        """A gap, or the end of the epoch: what is held is looked at, and nothing after continues it."""
        found: list[GameEvent] = []
        if self._gop:
            end_ns = max(packet.end_ns for packet in self._gop)
            found = _known(self._pushed(self._rest()), end_ns)
        self._begin([])
        self._reader.cut()
        return found

    def _keyframe(self, packet: Packet) -> list[GameEvent]:
        if self._gop and self._running is None and packet.pts_ns - self._looked_ns < self._step_ns:
            self._begin([packet])  # keyframes come faster than looks: a cut, or a codec without any other frames
            return []
        self._looked_ns = packet.pts_ns
        frame = self._decode_keyframe(packet)
        found: list[GameEvent] = []
        if frame is None or not self._gop:
            found += self._pushed(self._rest()) if self._gop else []
        else:
            found += self._pushed(self._worth_it(frame))
        if frame is not None:
            found += self._reader.push(frame)
        self._begin([packet])
        return found

    def _worth_it(self, last: HudFrame) -> Iterator[HudFrame]:
        """The frames between two keyframes, as far as they can tell anything that the keyframes do not."""
        open_ns = Ns(last.t_ns - ns(self._reader.shortest_s))  # what came later than this would still be there
        if self._running is not None or self._reader.differs(last):
            for frame in self._rest(last.t_ns):
                yield frame  # and when it was pushed:
                if frame.t_ns >= open_ns and not self._reader.differs(last):
                    return  # what was open is settled, and the keyframe shows nothing else
            return
        if self._gop[0].pts_ns >= open_ns:
            return
        seen: list[HudFrame] = []
        differs = False
        for frame in self._rest(last.t_ns):
            seen.append(frame)
            differs = differs or self._reader.differs(frame)
            if differs:
                yield from seen
                seen = []
            elif frame.t_ns >= open_ns:
                return

    def _rest(self, until_ns: Ns | None = None) -> Iterator[HudFrame]:
        """All looks of the GOP that are left, up to half a look before `until_ns`."""
        looks, fed = self._running, self._running is not None
        if looks is None:
            looks = self._looks()
        limit_ns = None if until_ns is None else until_ns - self._step_ns // 2
        frames = looks.flush() if fed else self._all(looks)
        for frame in frames:
            if limit_ns is not None and frame.t_ns > limit_ns:
                return
            yield frame

    def _all(self, looks: _Looks) -> Iterator[HudFrame]:
        yield from self._fed(looks)
        yield from looks.flush()

    def _fed(self, looks: _Looks) -> Iterator[HudFrame]:
        for packet in self._gop:
            yield from looks.feed(packet)

    def _pushed(self, frames: Iterator[HudFrame]) -> list[GameEvent]:
        found: list[GameEvent] = []
        for frame in frames:
            self.tally.between += 1
            found += self._reader.push(frame)
        return found

    def _looks(self) -> _Looks:
        self._between.flush_buffers()
        self.tally.gops += 1
        return _Looks(self._between, self._gop[0].pts_ns, self._step_ns, self)

    def _begin(self, gop: list[Packet]) -> None:
        self._gop, self._running = gop, None
        self._bytes = sum(len(packet.data) for packet in gop)

    def _decode_keyframe(self, packet: Packet) -> HudFrame | None:
        try:
            frames = [*self._keys.decode(raw_packet(packet)), *self._keys.decode(None)]
            found = self.crop(frames[0], packet.pts_ns) if frames and not frames[0].is_corrupt else None
        except _ERRORS:
            found = None
        finally:
            self._keys.flush_buffers()
        self.tally.keyframes += 1
        self.tally.errors += found is None
        return found

    def crop(self, frame: Any, t_ns: Ns) -> HudFrame:
        """A decoded frame's regions; a stream may change its size wherever it likes."""
        size = (frame.width, frame.height)
        if size != self._boxes[0]:
            self._boxes = (size, self._reader.boxes(*size))
        return HudFrame(t_ns=t_ns, width=size[0], height=size[1], crops=cut_out(frame, self._boxes[1]))


class _Looks:
    """A GOP that is being decoded: every `step_ns` after its keyframe the next frame becomes a look."""

    def __init__(self, context: Any, start_ns: Ns, step_ns: int, sampler: Sampler) -> None:
        self._context, self._step_ns, self._sampler = context, step_ns, sampler
        self._next_ns = start_ns + step_ns

    def feed(self, packet: Packet) -> Iterator[HudFrame]:
        """What one packet completes. A broken one is counted; those after it may look odd until the next keyframe."""
        try:
            frames = self._context.decode(raw_packet(packet))
        except _ERRORS:
            self._sampler.tally.errors += 1
            return
        yield from self._due(frames)

    def flush(self) -> Iterator[HudFrame]:
        """What the decoder still held back."""
        try:
            frames = self._context.decode(None)
        except _ERRORS:
            self._sampler.tally.errors += 1
            return
        yield from self._due(frames)

    def _due(self, frames: list[Any]) -> Iterator[HudFrame]:
        for frame in frames:
            if frame.pts is None or frame.pts < self._next_ns or frame.is_corrupt:
                continue
            try:
                look = self._sampler.crop(frame, Ns(frame.pts))
            except _ERRORS:
                self._sampler.tally.errors += 1
                continue
            self._next_ns += self._step_ns * (1 + (frame.pts - self._next_ns) // self._step_ns)
            yield look


def _known(events: list[GameEvent], known_ns: Ns) -> list[GameEvent]:
    """Nothing is known before the packet that showed it was there."""
    return [event if event.known_ns >= known_ns else replace(event, known_ns=known_ns) for event in events]
