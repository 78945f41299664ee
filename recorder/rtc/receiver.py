"""The private side of aiortc's receiver: packets before they are decoded, sender reports, requests for repairs.

aiortc decodes whatever comes, into queues without a limit, and a handler that raises closes the whole connection. Here
its decoder thread ends as soon as it was started, its jitter buffer is replaced by nothing, and the place of its NACK
generator, which sees every packet after retransmissions were unwrapped, is taken by our tap. Statistics, receiver
reports and REMB stay aiortc's.
"""

from __future__ import annotations

import socket
import time
import traceback
from collections.abc import Callable, Iterable
from typing import Any, Final

import structlog
from aiortc import RTCPeerConnection
from aiortc.rtp import RtcpSrPacket, RtpPacket

from recorder.packets import RtpIn

log = structlog.get_logger()

NTP_TO_1970_MS: Final = 2_208_988_800_000
MAX_FAULTS_LOGGED: Final = 3
RECEIVE_BYTES: Final = 4 << 20
REMB_MS: Final = 250
FALL: Final = 0.97
MAX_SSRCS: Final = 16  # of one m-line; aiortc keeps statistics of every one it has seen, and reports on them all
OnPacket = Callable[[RtpIn], Iterable[int]]
OnReport = Callable[[int, float, int], None]


class _NoJitterBuffer:
    """Stands in for aiortc's."""

    def add(self, packet: RtpPacket) -> tuple[bool, None]:  # noqa: ARG002 - aiortc's signature
        return False, None


class _RareEstimates:
    """aiortc's bitrate estimator, which would be reported 80 times a second: now four times, a fall at once."""

    def __init__(self, estimator: Any) -> None:
        self._estimator = estimator
        self._told_ms = 0
        self._told_bps = 0

    def add(self, *, arrival_time_ms: int, **packet: Any) -> tuple[int, list[int]] | None:
        estimate: tuple[int, list[int]] | None = self._estimator.add(arrival_time_ms=arrival_time_ms, **packet)
        if estimate is None:
            return None
        if arrival_time_ms - self._told_ms < REMB_MS and estimate[0] > self._told_bps * FALL:
            return None
        self._told_ms, self._told_bps = arrival_time_ms, estimate[0]
        return estimate


class Tap:
    """One receiver's packets and reports. Handlers that raise are counted; the connection goes on.

    `on_packet` takes a packet and gives the sequence numbers to be asked for at once; `on_report` takes SSRC, the
    sender's wall clock in ms since 1970, and the RTP timestamp there.
    """

    def __init__(
        self, receiver: Any, *, boottime_ns: Callable[[], int], on_packet: OnPacket, on_report: OnReport
    ) -> None:
        self.faults = 0
        self.missing: list[int] = []  # what aiortc asks for when `add` says so
        self._receiver = receiver  # an RTCRtpReceiver, whose private parts have no types
        self._boottime_ns = boottime_ns
        self._on_packet = on_packet
        self._on_report = on_report
        self._ssrcs: set[int] = set()
        self._receive = receiver.receive
        self._handle_rtp = receiver._handle_rtp_packet
        self._handle_rtcp = receiver._handle_rtcp_packet
        self._receiver._RTCRtpReceiver__nack_generator = self
        self._receiver._RTCRtpReceiver__jitter_buffer = _NoJitterBuffer()
        if (estimator := self._receiver._RTCRtpReceiver__remote_bitrate_estimator) is not None:
            self._receiver._RTCRtpReceiver__remote_bitrate_estimator = _RareEstimates(estimator)
        self._receiver.receive = self._received
        self._receiver._handle_rtp_packet = self._rtp
        self._receiver._handle_rtcp_packet = self._rtcp

    def add(self, packet: RtpPacket) -> bool:
        """In place of NackGenerator.add. Boundary: whatever our handlers raise ends here."""
        try:
            payload, packet.payload = packet.payload, b""  # aiortc has nothing left to depacketise
            marker = bool(packet.marker)
            taken = RtpIn(packet.ssrc, packet.sequence_number, packet.timestamp, marker, payload, self._boottime_ns())
            self.missing = list(self._on_packet(taken))
        except Exception as err:  # noqa: BLE001 - named above
            self._fault(err)
            return False
        return bool(self.missing)

    async def nack(self, ssrc: int, numbers: list[int]) -> None:
        """Ask for packets again."""
        await self._receiver._send_rtcp_nack(ssrc, numbers)

    async def pli(self, ssrc: int) -> None:
        """Ask for a keyframe."""
        await self._receiver._send_rtcp_pli(ssrc)

    async def _received(self, parameters: Any) -> None:
        await self._receive(parameters)
        self._receiver._RTCRtpReceiver__stop_decoder()

    async def _rtp(self, packet: RtpPacket, arrival_time_ms: int) -> None:
        """In place of _handle_rtp_packet. Boundary: whatever aiortc raises about a packet ends here."""
        if packet.ssrc not in self._ssrcs:
            if len(self._ssrcs) >= MAX_SSRCS:
                self._receiver.transport._rtp_router.ssrc_table.pop(packet.ssrc, None)
                return
            self._ssrcs.add(packet.ssrc)
        try:
            await self._handle_rtp(packet, arrival_time_ms=arrival_time_ms)
        except Exception as err:  # noqa: BLE001 - named above
            self._fault(err)

    async def _rtcp(self, packet: Any) -> None:
        """In place of _handle_rtcp_packet. Boundary: whatever our handlers or aiortc raise ends here."""
        try:
            if isinstance(packet, RtcpSrPacket) and packet.sender_info.ntp_timestamp:
                ntp_ms = packet.sender_info.ntp_timestamp * 1000 / (1 << 32) - NTP_TO_1970_MS
                self._on_report(packet.ssrc, ntp_ms, packet.sender_info.rtp_timestamp)
            await self._handle_rtcp(packet)
        except Exception as err:  # noqa: BLE001 - named above
            self._fault(err)

    def _fault(self, err: Exception) -> None:
        self.faults += 1
        if self.faults <= MAX_FAULTS_LOGGED:
            log.error("tap.failed", error=repr(err), where="".join(traceback.format_tb(err.__traceback__)[-2:]))


def widen(connection: RTCPeerConnection) -> None:
    """Ask for a receive buffer that holds a keyframe sent at once, as encoders without pacing do. The system gives up
    to `net.core.rmem_max`; its default holds some 80 packets."""
    for transceiver in connection.getTransceivers():
        ice: Any = transceiver.receiver.transport.transport
        for protocol in ice._connection._protocols:
            made = (
                protocol.transport.get_extra_info("socket") if hasattr(protocol.transport, "get_extra_info") else None
            )
            if made is not None:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)


class RoundTrips:
    """Round-trip times of a connection, from the consent checks that ICE makes every 5 s anyway (RFC 7675)."""

    def __init__(self, connection: RTCPeerConnection) -> None:
        self.rtt_ms: float | None = None
        self._recent: list[float] = []
        for transceiver in connection.getTransceivers():
            ice: Any = transceiver.receiver.transport.transport
            for pair in ice._connection._nominated.values():
                self._time(pair.protocol)

    def _time(self, protocol: Any) -> None:
        """Have a protocol's requests timed. The least of the last ones: repeats and a busy loop only add."""
        if isinstance(protocol.request, _Timed):
            return
        protocol.request = _Timed(protocol.request, self._took)

    def _took(self, ms: float) -> None:
        self._recent = [*self._recent[-5:], ms]
        self.rtt_ms = round(min(self._recent), 1)


class _Timed:
    def __init__(self, request: Callable[..., Any], took: Callable[[float], None]) -> None:
        self._request, self._took = request, took

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        answer = await self._request(*args, **kwargs)
        self._took((time.perf_counter() - began) * 1000)
        return answer
