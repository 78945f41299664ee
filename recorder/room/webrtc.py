"""The media of a real room: connections by aiortc."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.protocols import Clock
from recorder.frames import Codec, EncodedFrame, TrackName
from recorder.rtc.options import IceOptions
from recorder.rtc.publisher import Publisher
from recorder.rtc.subscriber import Subscriber


class WebRtc:
    """A forwarding.Media. `now_ms` is the room's clock; `max_kbps` is for one camera."""

    def __init__(self, *, ice: IceOptions, max_kbps: int, clock: Clock, now_ms: Callable[[], float]) -> None:
        self._ice, self._max_kbps, self._clock, self._now_ms = ice, max_kbps, clock, now_ms

    def publisher(self, on_frame: Callable[[EncodedFrame], None], on_state: Callable[[str], None]) -> Publisher:
        """See Media."""
        return Publisher(
            on_frame=on_frame,
            on_state=on_state,
            clock=self._clock,
            now_ms=self._now_ms,
            ice=self._ice,
            max_kbps=self._max_kbps,
        )

    def subscriber(
        self,
        codecs: Mapping[TrackName, Codec],
        on_keyframe_wanted: Callable[[TrackName], None],
        on_state: Callable[[str], None],
    ) -> Subscriber:
        """See Media."""
        return Subscriber(codecs=codecs, on_keyframe_wanted=on_keyframe_wanted, on_state=on_state, ice=self._ice)
