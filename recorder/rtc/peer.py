"""What publishing and subscribing connections share: how they are made, what their states are called, how they end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

import structlog
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

from recorder.rtc.options import BadOffer, IceOptions

CLOSE_S: Final = 5.0
log = structlog.get_logger()


def new_connection(ice: IceOptions) -> RTCPeerConnection:
    """A connection that asks nobody it was not told to ask: aiortc's default is a public STUN server. Everything is
    bundled from the start: what aiortc 1.16 bundles by kind, it leaves on a transport of its own (a second video)."""
    servers = [
        RTCIceServer(urls=list(server.urls), username=server.username, credential=server.credential)
        for server in ice.servers
    ]
    return RTCPeerConnection(RTCConfiguration(iceServers=servers, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))


async def take_description(connection: RTCPeerConnection, sdp: str, kind: str) -> None:
    """Hand a peer's description over. Boundary: aiortc raises whatever a hostile one makes it stumble on. Raises
    BadOffer."""
    try:
        await connection.setRemoteDescription(RTCSessionDescription(sdp=sdp, type=kind))
    except Exception as err:
        raise BadOffer(
            f"The session description cannot be used: {str(err)[:120] or type(err).__name__}",
            remedy="Send what the browser's or the encoder's WebRTC made, unchanged.",
            code="malformed",
        ) from err


async def take_candidate(connection: RTCPeerConnection, line: str | None) -> None:
    """Add a peer's `a=candidate` line; None: there will be no more. Boundary: as with descriptions. Raises BadOffer."""
    try:
        candidate = None if line is None else candidate_from_sdp(line.removeprefix("a=candidate:"))
        if candidate is not None:
            candidate.sdpMLineIndex = 0  # everything is bundled
        await connection.addIceCandidate(candidate)
    except Exception as err:
        raise BadOffer(
            f"The candidate cannot be used: {str(err)[:120] or type(err).__name__}",
            remedy="Send what RFC 8840 describes.",
            code="malformed",
        ) from err


class States:
    """The states of one connection as users of this room know them; each is told once in a row, an end once."""

    def __init__(self, connection: RTCPeerConnection, on_state: Callable[[str], None]) -> None:
        self.now = "new"
        self._connection = connection
        self._on_state = on_state
        connection.on("connectionstatechange", self._changed)

    @property
    def over(self) -> bool:
        """It has failed or was closed."""
        return self.now in ("failed", "closed")

    def tell(self, state: str) -> None:
        """Another state."""
        if state != self.now and not self.over:
            self.now = state
            self._on_state(state)

    def _changed(self) -> None:
        state = self._connection.connectionState
        if state != "new":
            self.tell(state)


async def close(connection: RTCPeerConnection) -> None:
    """End a connection. aiortc waits for tasks that may have died; not for longer than CLOSE_S."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_S):
            await connection.close()
            return
    log.warning("connection.stuck")
