"""One live track, from its RTP packets to `EncodedFrame`s on room time. Pure: the caller says what time it is."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from recorder.clock import SenderClock, TrackClock
from recorder.depacketize import Coded, depacketizer
from recorder.frames import CLOCK_RATES, Codec, EncodedFrame, TrackName
from recorder.packets import Released, Reorder, RtpIn, TickLine

NS_PER_S: Final = 1_000_000_000
SSRC_SILENT_NS: Final = NS_PER_S  # an SSRC gives way to another after this much silence
BEGIN_NS: Final = NS_PER_S // 4  # the first frames wait: encoders begin with a burst, whose end says what delay is
RATE_WINDOW_NS: Final = 3 * NS_PER_S
MIN_HOLD_NS: Final = 150_000_000
MAX_HOLD_NS: Final = 250_000_000


class TrackIntake:
    """One m-line's packets. Nothing that comes makes it raise."""

    def __init__(
        self, track: TrackName, codec: Codec, sender: SenderClock, on_frame: Callable[[EncodedFrame], None]
    ) -> None:
        self.track, self.codec = track, codec
        self.ssrc: int | None = None
        self.last_rtp_ns: int | None = None  # when a packet came
        self.last_keyframe_ns: int | None = None
        self.frames = self.keyframes = 0
        self.clock = TrackClock(CLOCK_RATES[codec], sender)
        self._on_frame = on_frame
        self._line = TickLine(CLOCK_RATES[codec])
        self._reorder = Reorder()
        self._depacketizer = depacketizer(codec)
        self._early: list[Coded] | None = []  # the first frames; None once they have been passed on
        self._first_ns = 0  # when the first packet came
        self._stamp: int | None = None  # of the last packet whose arrival was noted
        self._last_rtp: int | None = None  # of the last frame
        self._switched = False  # the next frame is another SSRC's
        self._dropped: Counter[str] = Counter()
        self._recent: deque[tuple[int, int, int, int]] = deque()  # when; bytes, received and lost so far
        self._bytes = 0

    def take(self, packet: RtpIn, room_ms: float) -> None:
        """A packet came now."""
        if not self._of_this_ssrc(packet):
            self._dropped["other_ssrc"] += 1
            return
        if self.last_rtp_ns is None:
            self._first_ns = packet.arrival_ns
        self.last_rtp_ns = packet.arrival_ns
        self._bytes += len(packet.payload)
        if packet.payload and packet.timestamp != self._stamp:
            self._stamp = packet.timestamp
            self.clock.arrived(self._line.unwrap(packet.timestamp, packet.arrival_ns), room_ms)
        self._pass_on(self._reorder.push(packet))

    def report(self, ssrc: int, ntp_ms: float, timestamp: int, room_ms: float) -> None:
        """A sender report came now."""
        if ssrc == self.ssrc and (rtp := self._line.near(timestamp)) is not None:
            self.clock.reported(ntp_ms, rtp, room_ms)

    def tick(self, now_ns: int, rtt_ms: float | None) -> None:
        """Give up what has been waited for long enough; to be called every 20 ms or so."""
        if rtt_ms is not None:
            self._reorder.hold_ns = round(max(MIN_HOLD_NS, min(MAX_HOLD_NS, (2 * rtt_ms + 60) * 1e6)))
        self._pass_on(self._reorder.due(now_ns))
        self._begin(now_ns)
        if not self._recent or now_ns - self._recent[-1][0] >= NS_PER_S // 2:
            counts = self._reorder.counts
            self._recent.append((now_ns, self._bytes, counts["received"], counts["lost"]))
            while now_ns - self._recent[0][0] > RATE_WINDOW_NS:
                self._recent.popleft()

    @property
    def wants_keyframe(self) -> bool:
        """Whether the track stands still until a keyframe comes; only while something comes at all."""
        return self.last_rtp_ns is not None and self._depacketizer.wants_keyframe

    @property
    def holes(self) -> int:
        """How many times packets were found to be missing."""
        return self._reorder.holes

    def missing(self) -> list[int]:
        """The sequence numbers that are waited for."""
        return self._reorder.missing()

    def stats(self, now_ns: int) -> Mapping[str, Any]:
        """See Publisher.stats."""
        counts = self._reorder.counts
        seconds = received = lost = sent = 0.0
        if len(self._recent) > 1:
            (then_ns, sent0, received0, lost0), (at_ns, sent1, received1, lost1) = self._recent[0], self._recent[-1]
            seconds, sent = (at_ns - then_ns) / NS_PER_S, sent1 - sent0
            received, lost = received1 - received0, lost1 - lost0
        age = None if self.last_rtp_ns is None else round((now_ns - self.last_rtp_ns) / NS_PER_S, 2)
        dropped = self._dropped + self._depacketizer.counts
        return {
            "codec": self.codec,
            "packets": counts["received"],
            "lost": counts["lost"],
            "late": counts["late"],
            "duplicate": counts["duplicate"],
            "loss": round(lost / (lost + received), 4) if lost + received else 0.0,
            "kbps": round(sent * 8 / 1000 / seconds) if seconds else 0,
            "rtp_age_s": age,
            "frames": self.frames,
            "keyframes": self.keyframes,
            "dropped": dict(dropped),
            "jumps": self._line.jumps,
            "ppm": self.clock.ppm,
        }

    def _of_this_ssrc(self, packet: RtpIn) -> bool:
        if packet.ssrc == self.ssrc:
            return True
        if self.last_rtp_ns is not None and packet.arrival_ns - self.last_rtp_ns < SSRC_SILENT_NS:
            return False
        if self.ssrc is not None:
            self._pass_on(self._reorder.due(packet.arrival_ns + MAX_HOLD_NS))
            counts, self._reorder = self._reorder.counts, Reorder(self._reorder.hold_ns)
            self._reorder.counts = counts
            self._dropped += self._depacketizer.counts
            self._depacketizer = depacketizer(self.codec)
            self._line.restart()
            self.clock.restart()
            self._stamp, self._switched = None, True
        self.ssrc = packet.ssrc
        return True

    def _pass_on(self, released: list[Released]) -> None:
        for one in released:
            for coded in self._depacketizer.feed(one):
                if self._early is None:
                    self._emit(coded)
                else:
                    self._early.append(coded)

    def _begin(self, now_ns: int) -> None:
        """Pass the first frames on, once it is time."""
        if self._early is not None and self.last_rtp_ns is not None and now_ns - self._first_ns >= BEGIN_NS:
            early, self._early = self._early, None
            for coded in early:
                self._emit(coded)

    def _emit(self, coded: Coded) -> None:
        rtp = self._line.near(coded.timestamp)
        if rtp is None:
            self._dropped["other_ssrc"] += 1
            return
        if self._last_rtp is not None and rtp <= self._last_rtp:
            self._dropped["b_frames" if self.codec == "h264" else "time_backwards"] += 1
            return
        self._last_rtp = rtp
        switched, self._switched = self._switched, False
        self.frames += 1
        if coded.is_keyframe:
            self.keyframes += 1
            self.last_keyframe_ns = coded.arrival_ns
        self._on_frame(
            EncodedFrame(
                track=self.track,
                codec=self.codec,
                rtp=rtp,
                clock_rate=CLOCK_RATES[self.codec],
                arrival_ns=coded.arrival_ns,
                room_ms=self.clock.room_ms(rtp),
                is_keyframe=coded.is_keyframe,
                data=coded.data,
                lost_before=coded.lost_before or switched,
            )
        )
