"""One publishing connection: whoever sends us tracks, a browser or a WHIP publisher."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.protocols import Clock
from recorder.frames import Codec, EncodedFrame, TrackName, VideoCodec
from recorder.rtc.options import IceOptions


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
        raise NotImplementedError

    async def answer(self, offer_sdp: str) -> str:
        """The answer, with all our candidates. Raises BadOffer; then the connection is closed."""
        raise NotImplementedError

    async def trickle(self, fragment: str) -> None:
        """Take candidates that came after the offer (RFC 8840). Raises BadOffer for a restart or a damaged fragment."""
        raise NotImplementedError

    def request_keyframe(self, track: TrackName) -> None:
        """Ask for one soon; at most one request a second goes out."""
        raise NotImplementedError

    def keyframes_every(self, seconds: float | None) -> None:
        """While recording: ask for keyframes this often where none comes by itself, so that files can be cut."""
        raise NotImplementedError

    def stats(self) -> Mapping[str, Any]:
        """By track: `codec`, `packets`, `lost`, `loss` (0..1 of the last seconds), `kbps`, `rtp_age_s`, `frames`,
        `dropped` (by reason), `keyframes`, `jitter_ms`; and `rtt_ms`, None until it is known."""
        raise NotImplementedError

    async def close(self) -> None:
        """End the connection; idempotent."""
        raise NotImplementedError
