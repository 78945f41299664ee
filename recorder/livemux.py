"""One sound and one picture of a live publisher as Matroska, for a reader that knows nothing of WebRTC."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable
from typing import Final

from recorder.frames import EncodedFrame
from recorder.streams import Blocks, Shape, shape_of

WAIT_MS: Final = 1_500.0  # for the other track, before the stream begins without it
HOLD_MS: Final = 300.0  # a track that is further behind is not waited for: a new stream must not lack its sound
MAX_WAITING: Final = 400  # frames


class LiveMux:
    """`on_bytes` gets whole pieces of Matroska and says whether there is room for more; `on_restart` comes before the
    header of another one.

    A new one begins when a track changes its shape (picture size, H.264 parameter sets) or another track comes: its
    reader takes that for new tracks on the same clock. Times are room milliseconds since the first frame.
    """

    def __init__(self, *, on_bytes: Callable[[bytes], bool], on_restart: Callable[[], None], expected: int = 2) -> None:
        """`expected` is how many tracks were promised: once they are there, nothing is waited for."""
        self.dropped: Counter[str] = Counter()  # frames by reason
        self._on_bytes = on_bytes
        self._on_restart = on_restart
        self._expected = expected
        self._zero_ms: float | None = None
        self._shapes: dict[bool, Shape] = {}  # by whether it is sound
        self._queue: list[tuple[float, int, EncodedFrame]] = []  # in the order of time
        self._order = itertools.count()
        self._reached: dict[bool, float] = {}  # the newest time, by whether it is sound
        self._waiting: list[EncodedFrame] = []  # before the stream begins
        self._blocks: Blocks | None = None
        self._full = False
        self._needs_keyframe = False

    @property
    def wants_keyframe(self) -> bool:
        """Whether the picture stands still until one comes."""
        return self._needs_keyframe

    def put(self, frame: EncodedFrame) -> None:
        """Take a frame: of a microphone or of a camera. It waits until the other track has come as far."""
        sound = frame.codec == "opus"
        at_ms = self._reached[sound] = max(frame.room_ms, self._reached.get(sound, frame.room_ms))
        heapq.heappush(self._queue, (at_ms, next(self._order), frame))
        settled_ms = max(min(self._reached.values()), max(self._reached.values()) - HOLD_MS)
        while self._queue and self._queue[0][0] <= settled_ms:
            self._take(heapq.heappop(self._queue)[2])

    def finish(self) -> None:
        """No more will come: pass on what waits."""
        while self._queue:
            self._take(heapq.heappop(self._queue)[2])
        if self._waiting:
            self._begin()

    def _take(self, frame: EncodedFrame) -> None:
        """The next frame in the order of time."""
        sound = frame.codec == "opus"
        if not self._shaped(frame, sound):
            self.dropped["no_keyframe_yet"] += 1
            return
        self._zero_ms = frame.room_ms if self._zero_ms is None else self._zero_ms
        if self._blocks is not None:
            self._write(frame)
            return
        self._waiting.append(frame)
        waited_ms = frame.room_ms - self._waiting[0].room_ms
        if len(self._shapes) >= self._expected or waited_ms >= WAIT_MS or len(self._waiting) >= MAX_WAITING:
            self._begin()

    def resume(self) -> None:
        """There is room again."""
        self._full = False

    def _shaped(self, frame: EncodedFrame, sound: bool) -> bool:
        """Whether the frame's track has a shape; another one than before begins another stream."""
        if not frame.is_keyframe or (sound and sound in self._shapes):
            return sound in self._shapes
        shape = shape_of(frame)
        if shape is not None and shape != self._shapes.get(sound):
            self._shapes[sound] = shape
            if self._blocks is not None:
                self._begin()
        return shape is not None

    def _begin(self) -> None:
        """Write a header, and the frames that waited for it."""
        if self._blocks is not None:
            self._on_restart()
        shapes = tuple(self._shapes[sound] for sound in sorted(self._shapes))  # the picture first
        self._blocks = Blocks(shapes)
        self._full = not self._on_bytes(self._blocks.header())
        waiting, self._waiting = sorted(self._waiting, key=lambda frame: frame.room_ms), []
        for frame in waiting:
            self._write(frame)

    def _write(self, frame: EncodedFrame) -> None:
        if self._full:
            self.dropped["reader_slow"] += 1
            self._needs_keyframe = True
            return
        if self._needs_keyframe and frame.codec != "opus":
            if not frame.is_keyframe:
                self.dropped["reader_slow"] += 1
                return
            self._needs_keyframe = False
        if self._blocks is not None and self._zero_ms is not None:
            at_ms = max(0.0, frame.room_ms - self._zero_ms)
            self._full = not self._on_bytes(self._blocks.block(frame, at_ms))
