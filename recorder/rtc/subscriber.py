"""One connection to one guest that carries one publisher's tracks, as they came: nothing is decoded or encoded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from recorder.frames import Codec, EncodedFrame, TrackName
from recorder.rtc.options import IceOptions


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
        raise NotImplementedError

    async def offer(self) -> str:
        """Our description, with all our candidates."""
        raise NotImplementedError

    async def take_answer(self, sdp: str) -> None:
        """Connect. Raises BadOffer for an answer that is none; then the connection is closed."""
        raise NotImplementedError

    def forward(self, frame: EncodedFrame) -> None:
        """Send it soon. Video that finds the queue full is dropped up to the next keyframe, audio from its oldest."""
        raise NotImplementedError

    def stats(self) -> Mapping[str, Any]:
        """By track: `sent`, `dropped` (frames); and `rtt_ms`, `loss` (0..1), as the guest reports them."""
        raise NotImplementedError

    async def close(self) -> None:
        """End the connection; idempotent."""
        raise NotImplementedError
