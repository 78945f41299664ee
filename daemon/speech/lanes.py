"""What the speech thread does with sound, one piece at a time: the live lane under back-pressure, and the packed lane.

No threads here and no waiting: tests drive lanes on virtual time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from core.media import AUDIO_RATE, SPEECH_TRACK, AudioBlock, Epoch, Gap
from core.protocols import Clock
from core.times import Ns, ns
from core.words import Committed, SpeechEvent
from daemon.speech.ear import Ear
from daemon.speech.engine import AsrEngine, DecodeRequest, DecodeResult
from daemon.speech.levels import JUMP_NS, PACES, Levels
from daemon.speech.live import LivePlanner, Pace
from daemon.speech.packed import KNOWN_AFTER, PackedPlanner
from daemon.speech.planner import SAMPLE_NS, Voice
from daemon.speech.vad import SileroVad, VadModel

KEEP_NS: Final = ns(600)  # of skipped sound, 19 MB: later than that nobody needs the words (speech.md section 4)
STALE_NS: Final = ns(2)  # behind by more than this a tick is skipped: the next one covers its words
BURST_NS: Final = ns(1)  # of sound that came at once
SECOND_LOOK_NS: Final = ns(0.5)  # before a burst's end: two decodes have to agree
BURST_PACE: Final = Pace(tick=2 * AUDIO_RATE)  # in a longer burst; the looks at its end come on top
TELL_NS: Final = ns(0.5)  # of the machine's time: as often as a live view draws
PIECE: Final = 16_000  # samples of skipped sound taken at a time; live sound waits no longer than one decode of it
LANDED_NS: Final = ns(1)  # a jump ends this close to the edge


class Told(Protocol):
    """Who hears what a lane finds; called on the lane's thread."""

    def spoken(self, events: Sequence[SpeechEvent]) -> None: ...
    def lost(self, gap: Gap) -> None: ...
    def paced(self, level: int, lag_ns: int) -> None: ...


class Lane(Protocol):
    """`take` works one item; `lag_ns` is the sound that has arrived and waits behind it. `idle` says whether there was
    anything else to do, which with `hurry` is done at any level.

    `edge_ns`: sound taken; `heard_ns`: all that was said up to there is committed. `reads_ahead`: decisions may go as
    far as `heard_ns` plus this, and know words this late; None: they follow the edge.
    """

    @property
    def edge_ns(self) -> Ns: ...
    @property
    def heard_ns(self) -> Ns: ...
    @property
    def reads_ahead(self) -> Ns | None: ...
    def take(self, item: Item, lag_ns: int) -> None: ...
    def idle(self, *, hurry: bool) -> bool: ...
    def give_up(self) -> None: ...


class End:
    """The epoch's sound is over."""


Item = Epoch | AudioBlock | End


@dataclass(slots=True)
class Skipped:
    """Sound the live lane left out, as int16, to be heard when there is time."""

    epoch: int
    start_ns: Ns
    parts: list[NDArray[np.int16]] = field(default_factory=list)
    samples: int = 0

    @property
    def end_ns(self) -> Ns:
        """Media time after its last sample."""
        return Ns(self.start_ns + self.samples * SAMPLE_NS)

    def add(self, samples: NDArray[np.float32]) -> None:
        """Sound that follows."""
        self.parts.append((np.clip(samples, -1.0, 1.0) * 32767).astype(np.int16))
        self.samples += len(samples)

    def take(self, count: int) -> NDArray[np.float32]:
        """The first samples, removed."""
        sound = np.concatenate(self.parts)
        self.parts = [sound[count:]]
        taken = sound[:count]
        self.start_ns = Ns(self.start_ns + len(taken) * SAMPLE_NS)
        self.samples -= len(taken)
        return taken.astype(np.float32) / np.float32(32767)


class _Listening(ABC):
    """What both lanes do: one ear an epoch, opened at its first sound."""

    def __init__(self, engine: AsrEngine, vad: VadModel, voice: Voice, told: Told) -> None:
        self._engine, self._vad, self._voice, self._told = engine, vad, voice, told
        self._epoch = 0
        self._ear: Ear | None = None
        self._edge_ns = Ns(0)

    @property
    def edge_ns(self) -> Ns:
        """How far sound was taken."""
        return self._edge_ns

    @property
    def heard_ns(self) -> Ns:
        """How far all that was said is committed."""
        return self._ear.heard_ns if self._ear else self._edge_ns

    def _hear(self, block: AudioBlock) -> None:
        if self._ear is None:
            self._ear = self._open(block.start_ns)
        events = self._ear.push(block.samples)
        self._edge_ns = self._ear.edge_ns
        self._tell(events)

    def _boundary(self, item: Epoch | End) -> None:
        self._close()
        if isinstance(item, Epoch):
            self._epoch = item.number
            self._edge_ns = max(self._edge_ns, item.start_ns)

    def _close(self) -> None:
        if self._ear is not None:
            ear, self._ear = self._ear, None
            self._tell(ear.finish())

    @abstractmethod
    def _open(self, start_ns: Ns) -> Ear:
        """With the lane's own planner."""

    def _tell(self, events: Sequence[SpeechEvent]) -> None:
        if events:
            self._told.spoken(events)


class PackedLane(_Listening):
    """For recordings: everything is heard, in order, in batches."""

    @property
    def reads_ahead(self) -> Ns | None:
        """Decisions know words as late as the live planner would tell them."""
        return KNOWN_AFTER

    def take(self, item: Item, lag_ns: int) -> None:  # noqa: ARG002 - a recording has no lag
        """The next item, in order."""
        if isinstance(item, AudioBlock):
            self._hear(item)
        else:
            self._boundary(item)

    def idle(self, *, hurry: bool) -> bool:  # noqa: ARG002 - nothing is ever left over
        """Never."""
        return False

    def give_up(self) -> None:
        """Nothing is ever left over."""

    def _open(self, start_ns: Ns) -> Ear:
        return Ear(
            start_ns, PackedPlanner(self._epoch, start_ns, self._voice), SileroVad(self._vad), self._engine.decode
        )


class LiveLane(_Listening):
    """For a stream that does not wait: paced by its lag. `clock` None: a replay, whose pace is always the first."""

    def __init__(self, engine: AsrEngine, vad: VadModel, voice: Voice, told: Told, clock: Clock | None) -> None:
        super().__init__(engine, vad, voice, told)
        self._clock = clock
        self._levels = Levels()
        self._planner: LivePlanner | None = None
        self._behind_ns = 0  # the lag at the last block
        self._burst_ns = 0  # the largest lag since there was none
        self._paced_ns = 0  # when the pace was last told
        self._jumping = False
        self._skipped: deque[Skipped] = deque()
        self._second: tuple[Skipped, Ear] | None = None  # skipped sound that is being heard now

    @property
    def reads_ahead(self) -> Ns | None:
        """Words are known where they were decoded."""
        return None

    def take(self, item: Item, lag_ns: int) -> None:
        """The next item, in order; a block is left for later while the stream jumps to its edge."""
        self._pace(lag_ns)
        if not isinstance(item, AudioBlock):
            self._jumping = self._jumping and lag_ns > LANDED_NS
            self._boundary(item)
        elif self._jumps(item, lag_ns):
            self._skip(item)
        else:
            self._hear(item)
            self._look(lag_ns)

    def idle(self, *, hurry: bool) -> bool:
        """With time to spare, or when the stream has ended (`hurry`): a second of what was skipped, packed."""
        self._pace(0)
        if self._levels.level > 0 and not hurry:
            return False
        if self._second is None:
            if not self._skipped:
                return False
            part = self._skipped.popleft()
            planner = PackedPlanner(part.epoch, part.start_ns, self._voice, batch=1)
            self._second = part, Ear(part.start_ns, planner, SileroVad(self._vad), self._engine.decode)
        part, ear = self._second
        if part.samples:
            self._tell_late(ear.push(part.take(PIECE)))
        else:
            self._second = None
            self._tell_late(ear.finish())
        return True

    def give_up(self) -> None:
        """There is no time left: what was skipped is lost, and said to be."""
        if self._second is not None:
            part, ear = self._second
            self._lose(ear.heard_ns, part.end_ns)  # some of it was taken, and waits for its decode
        for part in self._skipped:
            self._lose(part.start_ns, part.end_ns)
        self._second = None
        self._skipped.clear()

    def _open(self, start_ns: Ns) -> Ear:
        self._planner = LivePlanner(self._epoch, start_ns, self._voice)
        return Ear(start_ns, self._planner, SileroVad(self._vad), self._decode)

    def _pace(self, lag_ns: int) -> None:
        if self._clock is None:
            return
        now_ns, before = self._clock.boottime_ns(), self._levels.level
        level = self._levels.observe(now_ns, lag_ns)
        if level != before or now_ns - self._paced_ns >= TELL_NS:
            self._paced_ns = now_ns
            self._told.paced(level, lag_ns)
        if self._planner is not None:
            stale = level > 0 and lag_ns > STALE_NS
            self._planner.pace = PACES[max(level, 2) if stale else level]
            if level == 0 and self._burst_ns >= BURST_NS:
                self._planner.pace = BURST_PACE

    def _look(self, lag_ns: int) -> None:
        """Sound that comes seconds at once is decoded at its end, and once shortly before it.

        Waiting for the grid would hold a burst's last words back until the next burst.
        """
        if self._clock is None or self._ear is None or self._planner is None or self._levels.level > 0:
            return
        before_ns, self._behind_ns = self._behind_ns, lag_ns
        self._burst_ns = max(self._burst_ns, lag_ns)
        if self._burst_ns >= BURST_NS and (lag_ns == 0 or lag_ns <= SECOND_LOOK_NS < before_ns):
            self._tell(self._ear.drive(self._planner.look()))
        if lag_ns == 0:
            self._burst_ns = 0

    def _decode(self, batch: Sequence[DecodeRequest]) -> list[DecodeResult]:
        if self._clock is None:
            return self._engine.decode(batch)
        started_ns = self._clock.boottime_ns()
        results = self._engine.decode(batch)
        self._levels.decoded(self._clock.boottime_ns() - started_ns)
        return results

    def _jumps(self, block: AudioBlock, lag_ns: int) -> bool:
        if self._clock is None:
            return False
        if lag_ns > JUMP_NS and not self._jumping:
            self._close()
            self._skipped.append(Skipped(self._epoch, block.start_ns))
            self._jumping = True
        self._jumping = self._jumping and lag_ns > LANDED_NS
        return self._jumping

    def _skip(self, block: AudioBlock) -> None:
        part = self._skipped[-1]
        if part.epoch != self._epoch:
            part = Skipped(self._epoch, block.start_ns)
            self._skipped.append(part)
        part.add(block.samples)
        self._edge_ns = block.end_ns
        while sum(part.samples for part in self._skipped) * SAMPLE_NS > KEEP_NS and len(self._skipped) > 1:
            oldest = self._skipped.popleft()
            self._lose(oldest.start_ns, oldest.end_ns)
        if self._skipped[0].samples * SAMPLE_NS > KEEP_NS:
            oldest = self._skipped[0]
            first_ns = oldest.start_ns
            oldest.take(PIECE)
            self._lose(first_ns, oldest.start_ns)

    def _lose(self, start_ns: Ns, end_ns: Ns) -> None:
        if end_ns > start_ns:
            self._told.lost(Gap(start_ns=start_ns, end_ns=end_ns, reason="asr_behind", track=SPEECH_TRACK))

    def _tell_late(self, events: Sequence[SpeechEvent]) -> None:
        """Words of the past: decisions learn of them now."""
        self._tell(
            [
                replace(event, known_ns=max(event.known_ns, self._edge_ns)) if isinstance(event, Committed) else event
                for event in events
            ]
        )
