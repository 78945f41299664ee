"""One publishing connection: whoever sends us tracks, a browser or a WHIP publisher. Nothing is decoded."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import structlog
from aiortc import RTCPeerConnection

from core.protocols import Clock
from core.times import NS_PER_S, ns
from recorder.clock import SenderClock
from recorder.frames import Codec, EncodedFrame, TrackName, VideoCodec
from recorder.intake import TrackIntake
from recorder.packets import RtpIn, Standstill
from recorder.rtc.options import BadOffer, IceOptions
from recorder.rtc.peer import States, close, new_connection, take_candidate, take_description
from recorder.rtc.receiver import RoundTrips, Tap, widen
from recorder.rtc.sdp import finish_answer, fragment_lines, plan_offer, usable_candidates

log = structlog.get_logger()
TICK_NS: Final = NS_PER_S // 50
STALLED_NS: Final = 3 * NS_PER_S
CONNECT_NS: Final = 20 * NS_PER_S
ASK_NS: Final = NS_PER_S  # between key frames that users ask for
REPAIR_NS: Final = NS_PER_S // 2  # between those asked for because a track stands still
NACK_NS: Final = NS_PER_S // 10  # between two requests for the same packets, while the round trip is unknown


@dataclass(slots=True)
class _Line:
    """One m-line."""

    intake: TrackIntake
    tap: Tap
    asked_ns: int | None = None  # when a keyframe was last asked for
    nacked_ns: int = 0
    wanted_ns: int | None = None  # since when somebody waits for a keyframe


class Publisher:
    """The audio of the offer is `mic`; its first video is `cam`, the second `screen`.

    `on_frame` gets every complete frame; `on_state` gets `connecting`, `connected`, `stalled` (no RTP for 3 s; then
    `connected` again when it comes back), and at the end `failed` or `closed`, once. Neither may raise; both are called
    on the event loop. A new connection of the same person is a new Publisher: there is no ICE restart.
    """

    def __init__(
        self,
        *,
        on_frame: Callable[[EncodedFrame], None],
        on_state: Callable[[str], None],
        clock: Clock,
        now_ms: Callable[[], float],
        ice: IceOptions,
        prefer: VideoCodec = "h264",
        max_kbps: int = 1_200,
    ) -> None:
        """`now_ms` is the room's clock; `max_kbps` is what a browser starts and ends its video's bitrate at."""
        self.codecs: Mapping[TrackName, Codec] = {}  # once answered
        self._on_frame = on_frame
        self._faults = 0  # frames whose handler raised
        self._clock = clock
        self._now_ms = now_ms
        self._ice = ice
        self._prefer = prefer
        self._max_kbps = max_kbps
        self._connection: RTCPeerConnection = new_connection(ice)
        self._states = States(self._connection, on_state)
        self._sender = SenderClock()
        self._round_trips: RoundTrips | None = None
        self._lines: dict[TrackName, _Line] = {}
        self._every_ns: int | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._ufrag = ""

    @property
    def state(self) -> str:
        """The last state that was told; `new` before the first."""
        return self._states.now

    async def answer(self, offer_sdp: str) -> str:
        """The answer, with all our candidates. Raises BadOffer; then the connection is closed."""
        try:
            plan = plan_offer(offer_sdp, self._prefer)
            await take_description(self._connection, plan.sdp, "offer")
            for transceiver, planned in zip(self._connection.getTransceivers(), plan.tracks, strict=True):
                self._lines[planned.track] = self._new_line(transceiver.receiver, planned.track, planned.codec)
            await self._connection.setLocalDescription(await self._connection.createAnswer())
            widen(self._connection)
        except BaseException:  # also when whoever asked has gone
            await self.close()
            raise
        self.codecs = {planned.track: planned.codec for planned in plan.tracks}
        self._ufrag = plan.ufrag
        self._keeper = asyncio.create_task(self._keep(), name="publisher-keep")
        said = self._connection.localDescription.sdp
        return finish_answer(said, plan, max_kbps=self._max_kbps, public_ip=self._ice.public_ip)

    async def trickle(self, fragment: str) -> None:
        """Take candidates that came after the offer (RFC 8840). Raises BadOffer for a restart or a damaged fragment."""
        lines = fragment_lines(fragment)
        if any(line.startswith("a=ice-ufrag:") and line != f"a=ice-ufrag:{self._ufrag}" for line in lines):
            raise BadOffer(
                "ICE restarts are not done here",
                remedy="Connect anew: end this session and POST again.",
                code="restart",
            )
        for line in usable_candidates(lines):
            await take_candidate(self._connection, line)
        if "a=end-of-candidates" in lines:
            await take_candidate(self._connection, None)

    def request_keyframe(self, track: TrackName) -> None:
        """Ask for one soon; at most one request a second goes out."""
        line = self._lines.get(track)
        if line is not None and line.wanted_ns is None:
            line.wanted_ns = self._clock.boottime_ns()

    def keyframes_every(self, seconds: float | None) -> None:
        """While recording: ask for keyframes this often where none comes by itself, so that files can be cut."""
        self._every_ns = None if seconds is None else ns(seconds)

    def stats(self) -> Mapping[str, Any]:
        """`tracks` by name: `codec`, `packets`, `lost`, `loss` (0..1 of the last seconds), `kbps`, `rtp_age_s`,
        `frames`, `dropped` (by reason), `keyframes`, `ppm`, ...; `rtt_ms` is None until it is known."""
        now_ns = self._clock.boottime_ns()
        return {
            "state": self.state,
            "rtt_ms": self._sender.rtt_ms,
            "faults": self._faults + sum(line.tap.faults for line in self._lines.values()),
            "tracks": {name: line.intake.stats(now_ns) for name, line in self._lines.items()},
        }

    async def close(self) -> None:
        """End the connection; idempotent."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        await close(self._connection)
        self._states.tell("closed")

    def _new_line(self, receiver: Any, track: TrackName, codec: Codec) -> _Line:
        intake = TrackIntake(track, codec, self._sender, self._pass_on)
        tap = Tap(
            receiver,
            boottime_ns=self._clock.boottime_ns,
            on_packet=partial(self._packet, intake),
            on_report=partial(self._report, intake),
        )
        return _Line(intake, tap)

    def _pass_on(self, frame: EncodedFrame) -> None:
        """Boundary: a handler that raises loses its frame, not the connection."""
        try:
            self._on_frame(frame)
        except Exception as err:  # noqa: BLE001 - named above
            self._faults += 1
            if self._faults == 1:
                log.error("frame.failed", error=repr(err), where="".join(traceback.format_tb(err.__traceback__)[-2:]))

    def _packet(self, intake: TrackIntake, packet: RtpIn) -> Iterable[int]:
        """What a new packet shows to be missing is asked for at once; later by `_repair`."""
        before = intake.holes
        intake.take(packet, self._now_ms())
        return intake.missing() if intake.holes > before and intake.codec != "opus" else ()

    def _report(self, intake: TrackIntake, ssrc: int, ntp_ms: float, timestamp: int) -> None:
        intake.report(ssrc, ntp_ms, timestamp, self._now_ms())

    # -- what time brings

    async def _keep(self) -> None:
        """Every 20 ms: give up what is lost, ask for repairs, look whether anything comes at all."""
        began_ns, standstill = self._clock.boottime_ns(), Standstill()
        while not self._states.over:
            await self._clock.sleep(TICK_NS)
            now_ns = self._clock.boottime_ns()
            if standstill.before(now_ns):
                continue
            if self.state in ("new", "connecting"):
                if now_ns - began_ns > CONNECT_NS:
                    self._states.tell("failed")
                continue
            if self._round_trips is None:
                self._round_trips = RoundTrips(self._connection)
            self._sender.rtt_ms = self._round_trips.rtt_ms
            for line in self._lines.values():
                line.intake.tick(now_ns, self._sender.rtt_ms)
                await self._repair(line, now_ns)
            ages = [now_ns - ns_ for line in self._lines.values() if (ns_ := line.intake.last_rtp_ns) is not None]
            self._states.tell("stalled" if ages and min(ages) > STALLED_NS else "connected")

    async def _repair(self, line: _Line, now_ns: int) -> None:
        """Ask again for what is missing, once a round trip, and for keyframes where one is needed."""
        intake = line.intake
        if intake.codec == "opus" or intake.ssrc is None:
            return
        again_ns = max(TICK_NS, round((self._sender.rtt_ms or NACK_NS / 1e6) * 1e6))
        if now_ns - line.nacked_ns >= again_ns and (missing := intake.missing()):
            line.nacked_ns = now_ns
            await line.tap.nack(intake.ssrc, missing)
        if self._keyframe_due(line, now_ns):
            line.asked_ns = now_ns
            await line.tap.pli(intake.ssrc)

    def _keyframe_due(self, line: _Line, now_ns: int) -> bool:
        intake = line.intake
        if line.wanted_ns is not None and (intake.last_keyframe_ns or 0) >= line.wanted_ns:
            line.wanted_ns = None
        quiet_ns = now_ns - line.asked_ns if line.asked_ns is not None else CONNECT_NS
        if intake.wants_keyframe:
            return quiet_ns >= REPAIR_NS
        if line.wanted_ns is not None:
            return quiet_ns >= ASK_NS
        if self._every_ns is None or intake.last_rtp_ns is None or now_ns - intake.last_rtp_ns > NS_PER_S:
            return False
        since_ns = now_ns - intake.last_keyframe_ns if intake.last_keyframe_ns is not None else self._every_ns
        return since_ns >= self._every_ns and quiet_ns >= ASK_NS
