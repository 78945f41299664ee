"""The room's sound: everybody's microphone, summed in slots of 20 ms on room time. Pure but for the decoders.

A slot is mixed once, `PLAYOUT_MS` after its time: what has not come by then is silence. Muted is silence, too. Sound
is float32, mono, 48 kHz.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from recorder.frames import EncodedFrame
from recorder.room.messages import Pid

RATE: Final = 48_000  # Hz
PER_MS: Final = RATE // 1000
SLOT: Final = 20 * PER_MS  # samples
PLAYOUT_MS: Final = 300.0
SLACK: Final = 40 * PER_MS  # by how much a voice's times may jitter or drift before it is placed anew
CONCEALED: Final = 100 * PER_MS  # longer holes are silence at once
AHEAD: Final = 3_000 * PER_MS  # sound from further in the future is no sound
BEHIND_SLOTS: Final = 250  # 5 s: a machine that slept does not mix its sleep
KNEE: Final = 0.7  # below it the limiter changes nothing


class Decoder(Protocol):
    """recorder.opus.OpusDecoder."""

    def decode(self, data: bytes) -> NDArray[np.float32]: ...
    def conceal(self, samples: int) -> NDArray[np.float32]: ...


class Mixed(NamedTuple):
    """`samples` of whole slots, from `at_ms` of room time; `levels`: (rms, peak) of who was heard, 0..1."""

    at_ms: float
    samples: NDArray[np.float32]
    levels: dict[Pid, tuple[float, float]]


class _Voice:
    """One microphone: its sound, placed on the mix's samples."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._next: int | None = None  # the sample that follows what has come
        self._pieces: deque[tuple[int, NDArray[np.float32]]] = deque()

    def put(self, at: int, data: bytes, done: int) -> None:
        """Sound that was recorded at sample `at`; `done` samples have been mixed."""
        pcm = self._decoder.decode(data)
        hole = SLACK + 1 if self._next is None else at - self._next
        if -RATE < hole < -SLACK:
            return  # its clock is slow: 20 ms less, once in many minutes
        if self._next is None or abs(hole) > SLACK:
            if self._next is not None and 0 < hole <= CONCEALED:
                self._pieces.append((self._next, self._decoder.conceal(hole)))
            self._next = at
        if done - SLOT * BEHIND_SLOTS < self._next < done + AHEAD:
            self._pieces.append((self._next, pcm))
        self._next += len(pcm)

    def render(self, start: int, count: int) -> NDArray[np.float32]:
        """Its samples from `start` on; what lies before them is let go."""
        out = np.zeros(count, np.float32)
        for at, pcm in self._pieces:
            first, last = max(at, start), min(at + len(pcm), start + count)
            if first < last:
                out[first - start : last - start] += pcm[first - at : last - at]
        while self._pieces and self._pieces[0][0] + len(self._pieces[0][1]) <= start + count:
            self._pieces.popleft()
        return out


class RoomMix:
    """One take's sound, from `start_ms` on."""

    def __init__(self, start_ms: float, decoder: Callable[[], Decoder]) -> None:
        self._start_ms = start_ms
        self._decoder = decoder
        self._done = 0  # samples mixed
        self._voices: dict[Pid, _Voice] = {}

    def put(self, pid: Pid, frame: EncodedFrame) -> None:
        """One packet of a microphone that is not muted."""
        at = round((frame.room_ms - self._start_ms) * PER_MS)
        if self._done - SLOT * BEHIND_SLOTS < at < self._done + AHEAD:
            voice = self._voices.setdefault(pid, _Voice(self._decoder()))
            voice.put(at, frame.data, self._done)

    def drop(self, pid: Pid) -> None:
        """A voice has ended: gone, or another connection begins."""
        self._voices.pop(pid, None)

    def pull(self, now_ms: float) -> Mixed | None:
        """The slots that are due, None where there are none. After a long pause it begins anew with the newest."""
        due = int((now_ms - PLAYOUT_MS - self._start_ms) * PER_MS) // SLOT
        slots = due - self._done // SLOT
        if slots <= 0:
            return None
        if slots > BEHIND_SLOTS:
            self._done, slots = (due - 1) * SLOT, 1
        start, count = self._done, slots * SLOT
        self._done += count
        total = np.zeros(count, np.float32)
        levels: dict[Pid, tuple[float, float]] = {}
        for pid, voice in self._voices.items():
            heard = voice.render(start, count)
            total += heard
            levels[pid] = (float(np.sqrt(np.mean(np.square(heard)))), float(np.max(np.abs(heard))))
        return Mixed(self._start_ms + start / PER_MS, limited(total), levels)


def limited(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Within -1..1, and as it was below the knee."""
    size = np.abs(samples)
    over = KNEE + (1 - KNEE) * np.tanh((size - KNEE) / (1 - KNEE))
    return np.where(size <= KNEE, samples, np.sign(samples) * over).astype(np.float32)
