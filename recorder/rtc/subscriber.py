"""One connection to one guest that carries one publisher's tracks, as they came: nothing is decoded or encoded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from aiortc import RTCRtpSender

from recorder.frames import Codec, EncodedFrame, TrackName
from recorder.rtc.options import IceOptions
from recorder.rtc.peer import States, close, new_connection, take_description
from recorder.rtc.sdp import public_candidates, take_answer_lines
from recorder.rtc.sender import ForwardedTrack, SenderSide


class Subscriber:
    """We offer, in the order of `codecs` (a publisher's `Publisher.codecs`), one sending m-line a track.

    `on_keyframe_wanted` is called when the guest asks for a picture, when it connects, and after frames were left out
    because the connection was behind. `on_state` gets `connecting`, `connected`, and `failed` or `closed` once.
    """

    def __init__(
        self,
        *,
        codecs: Mapping[TrackName, Codec],
        on_keyframe_wanted: Callable[[TrackName], None],
        on_state: Callable[[str], None],
        ice: IceOptions,
    ) -> None:
        self.on_keyframe_wanted = on_keyframe_wanted
        self._on_state = on_state
        self._public_ip = ice.public_ip
        self._connection = new_connection(ice)
        self._states = States(self._connection, self._changed)
        self._tracks: dict[TrackName, ForwardedTrack] = {}
        self._sides: dict[TrackName, SenderSide] = {}
        for name, codec in codecs.items():
            self._add(name, codec)

    @property
    def state(self) -> str:
        """The last state that was told; `new` before the first."""
        return self._states.now

    async def offer(self) -> str:
        """Our description, with all our candidates."""
        await self._connection.setLocalDescription(await self._connection.createOffer())
        return public_candidates(self._connection.localDescription.sdp, self._public_ip)

    async def take_answer(self, sdp: str) -> None:
        """Connect. Raises BadOffer for an answer that is none; then the connection is closed."""
        try:
            await take_description(self._connection, take_answer_lines(sdp), "answer")
        except BaseException:
            await self.close()
            raise

    def forward(self, frame: EncodedFrame) -> None:
        """Send it soon. Video that finds the queue full is dropped up to the next keyframe, audio from its oldest."""
        if self._states.now != "connected" or frame.track not in self._tracks:
            return
        if not self._tracks[frame.track].put(frame):
            self.on_keyframe_wanted(frame.track)

    def stats(self) -> Mapping[str, Any]:
        """`tracks` by name: `sent` and `dropped` (frames), `loss` (0..1) as the guest reports it; and `rtt_ms`."""
        known = [rtt for side in self._sides.values() if (rtt := side.rtt_ms) is not None]
        return {
            "state": self.state,
            "rtt_ms": min(known, default=None),
            "tracks": {
                name: {"sent": track.sent, "dropped": track.dropped, "loss": self._sides[name].loss}
                for name, track in self._tracks.items()
            },
        }

    async def close(self) -> None:
        """End the connection; idempotent."""
        for track in self._tracks.values():
            track.stop()
        await close(self._connection)
        self._states.tell("closed")

    def _add(self, name: TrackName, codec: Codec) -> None:
        track = ForwardedTrack(video=codec != "opus")
        transceiver = self._connection.addTransceiver(track, direction="sendonly")
        wanted = {f"audio/{codec}", f"video/{codec}", "video/rtx"}
        capable = RTCRtpSender.getCapabilities(track.kind).codecs
        transceiver.setCodecPreferences([one for one in capable if one.mimeType.lower() in wanted])
        self._tracks[name] = track
        self._sides[name] = SenderSide(transceiver.sender, partial(self.on_keyframe_wanted, name))

    def _changed(self, state: str) -> None:
        self._on_state(state)
        if state == "connected":
            for name, track in self._tracks.items():
                if track.kind == "video":
                    self.on_keyframe_wanted(name)
