"""RTP packets in the order they were sent: unwrapped numbers, and a buffer that waits for what is late.

aiortc's own jitter buffer counts packets, takes every smaller timestamp for a wrap and never asks twice for what is
lost; this one counts milliseconds. Pure; nothing a peer sends makes it raise, everything odd is counted.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Final, NamedTuple

HOLD_NS: Final = 200_000_000
MAX_HELD: Final = 4096  # packets behind a hole; a keyframe of 5 MB
MAX_AHEAD: Final = 3000  # RFC 3550 A.1: further away it is another sequence, if the next packet goes on with it
MAX_BEHIND: Final = 1000
MAX_MISSING: Final = 256  # asked for at a time
_SEQ: Final = 1 << 16
_TICKS: Final = 1 << 32


class RtpIn(NamedTuple):
    """One packet as it came. `timestamp` has 32 bits, `seq` 16; `arrival_ns` is CLOCK_BOOTTIME."""

    ssrc: int
    seq: int
    timestamp: int
    marker: bool
    payload: bytes
    arrival_ns: int


class Released(NamedTuple):
    """A packet in its turn; `lost` is how many before it never came."""

    packet: RtpIn
    lost: int


def signed_step(value: int, last: int, modulus: int) -> int:
    """From one wrapping number to the other, by the nearer way."""
    step = (value - last) % modulus
    return step - modulus if step >= modulus // 2 else step


class TickLine:
    """RTP timestamps of one track as one line of integers, through wraps, new SSRCs and jumps.

    A jump is a step that differs from what the arrival says by more than JUMP_S: then the line goes on by arrival.
    """

    JUMP_S: Final = 5

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._stamp: int | None = None  # the newest packet's timestamp; None where the next packet's means nothing
        self._line: int | None = None  # the same, unwrapped
        self._since_ns = 0  # when it came
        self.jumps = 0

    def unwrap(self, timestamp: int, arrival_ns: int) -> int:
        """The tick of a packet's timestamp."""
        passed = (arrival_ns - self._since_ns) * self._rate // 1_000_000_000
        if self._line is None:
            line = timestamp
        elif self._stamp is None:
            line = self._line + max(1, passed)
        else:
            step = signed_step(timestamp, self._stamp, _TICKS)
            if abs(step - passed) > self.JUMP_S * self._rate:
                self.jumps += 1
                step = max(1, passed)
            elif step <= 0:
                return self._line + step
            line = self._line + step
        self._stamp, self._line, self._since_ns = timestamp, line, arrival_ns
        return line

    def near(self, timestamp: int) -> int | None:
        """The tick of a timestamp that came otherwise, in a sender report; None before the first packet."""
        if self._line is None or self._stamp is None:
            return None
        return self._line + signed_step(timestamp, self._stamp, _TICKS)

    def restart(self) -> None:
        """Another SSRC comes: its timestamps have nothing to do with those before, the line goes on by arrival."""
        self._stamp = None


class Standstill:
    """Tells when looks that are due again and again come so late that the machine stood still: what came meanwhile lies
    unread in the socket, repairs too, and nothing may be given up before it was read. Never twice in a row, so that a
    machine that is always late gets on.
    """

    LATE_NS: Final = 100_000_000

    def __init__(self) -> None:
        self._last_ns: int | None = None
        self._told = False

    def before(self, now_ns: int) -> bool:
        """Whether it stood still before this look."""
        late = self._last_ns is not None and now_ns - self._last_ns > self.LATE_NS
        self._last_ns, self._told = now_ns, late and not self._told
        return self._told


class Reorder:
    """Packets of one SSRC. What is missing is waited for `hold_ns`, from when the packet behind it came."""

    def __init__(self, hold_ns: int = HOLD_NS) -> None:
        self.hold_ns = hold_ns
        self.counts: Counter[str] = Counter()  # received, duplicate, late, lost, stray, restarts
        self.holes = 0  # that have been seen
        self._next: int | None = None  # unwrapped
        self._newest = 0
        self._held: dict[int, RtpIn] = {}
        self._hole_ns = 0
        self._given_up: deque[int] = deque(maxlen=MAX_MISSING)
        self._other: int | None = None  # what the next packet of another sequence would be

    def push(self, packet: RtpIn) -> list[Released]:
        """Take a packet; what can go on now."""
        self.counts["received"] += 1
        if self._next is None:
            self._next = self._newest = packet.seq
        seq = self._newest + signed_step(packet.seq, self._newest % _SEQ, _SEQ)
        if not -MAX_BEHIND <= seq - self._next <= MAX_AHEAD:
            return self._stray(packet)
        self._other = None
        if seq < self._next or seq in self._held:
            self._refuse(seq)
            return []
        self.holes += seq > self._newest + 1
        self._newest = max(self._newest, seq)
        if seq == self._next:
            self._next += 1
            return [Released(packet, 0), *self._drain()]
        if not self._held:
            self._hole_ns = packet.arrival_ns
        self._held[seq] = packet
        return self._skip() if len(self._held) >= MAX_HELD else []

    def due(self, now_ns: int) -> list[Released]:
        """What has waited long enough for the packets before it."""
        out: list[Released] = []
        while self._held and now_ns - self._hole_ns >= self.hold_ns:
            out += self._skip()
        return out

    def missing(self) -> list[int]:
        """The 16-bit numbers that are waited for, oldest first, MAX_MISSING at most."""
        if self._next is None or not self._held:
            return []
        found = (seq for seq in range(self._next, self._newest) if seq not in self._held)
        return [seq % _SEQ for seq, _ in zip(found, range(MAX_MISSING), strict=False)]

    def _drain(self) -> list[Released]:
        assert self._next is not None  # called behind a packet
        out = []
        while (packet := self._held.pop(self._next, None)) is not None:
            out.append(Released(packet, 0))
            self._next += 1
        if self._held:
            self._hole_ns = self._held[min(self._held)].arrival_ns
        return out

    def _skip(self) -> list[Released]:
        """Give the oldest hole up."""
        assert self._next is not None
        first = min(self._held)
        lost = first - self._next
        self._given_up.extend(range(max(self._next, first - MAX_MISSING), first))
        self.counts["lost"] += lost
        self._next = first
        after = self._drain()
        return [after[0]._replace(lost=lost), *after[1:]]

    def _refuse(self, seq: int) -> None:
        if seq in self._given_up:
            self._given_up.remove(seq)
            self.counts["late"] += 1
        else:
            self.counts["duplicate"] += 1

    def _stray(self, packet: RtpIn) -> list[Released]:
        """Far from everything: a single odd packet is left out, a second one in a row begins a new sequence."""
        if packet.seq != self._other:
            self._other = (packet.seq + 1) % _SEQ
            self.counts["stray"] += 1
            return []
        self.counts["restarts"] += 1
        self._other = None
        out = [Released(held, 1 if index == 0 else 0) for index, held in enumerate(self._in_order())]
        self._held.clear()
        self._given_up.clear()
        self._next, self._newest = packet.seq + 1, packet.seq
        return [*out, Released(packet, 1)]

    def _in_order(self) -> list[RtpIn]:
        return [self._held[seq] for seq in sorted(self._held)]
