"""The speech thread: takes sound from analysis, gives back words by the media time from which decisions may use them.

Analysis calls `begin`, `push` and `end` in media order, asks `ready_ns` how far it may decide, and takes what is known
by then with `until`. A replay waits for speech; a live stream waits a moment, then goes on without (footage first).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple, Protocol

import structlog

from core.errors import ClipdError
from core.media import SPEECH_TRACK, AudioBlock, Epoch, Gap
from core.protocols import Clock
from core.times import Ns, ns
from core.words import Committed, SpeechEvent
from daemon.speech.lanes import End, Item, Lane, Told

PATIENCE_S: Final = 3.0  # a live decision waits no longer for words; a burst of 6 s takes two cores 2 to 3 s
ROOM_NS: Final = ns(30)  # sound that a replay may be ahead of the packed lane
DRAIN_NS: Final = ns(20)  # of the machine's time, after a live stream's end, for what it had skipped
log = structlog.get_logger()


class Listener(Told, Protocol):
    """Who hears what speech finds. Called on the speech thread."""

    def failed(self, error: ClipdError) -> None: ...


class Heard(NamedTuple):
    """Words that became known, and how far everything that was said is known."""

    commits: list[Committed]
    heard_ns: Ns


class Transcriber:
    """`open_lane` loads the model and builds the lane on the speech thread. `waits`: a replay, which has the time."""

    def __init__(self, open_lane: Callable[[Told], Lane], listener: Listener, clock: Clock, *, waits: bool) -> None:
        self._open_lane = open_lane
        self._listener = listener
        self._clock = clock
        self._waits = waits
        self._staged: list[Item] = []
        self._inbox: deque[Item] = deque()
        self._inbox_ns = 0  # sound in it
        self._pushed_ns: Ns | None = None
        self._sounds = False  # sound of the running epoch has come: more will
        self._lost_ns: Ns | None = None  # from here on nobody listens
        self._commits: deque[Committed] = deque()
        self._marks: deque[tuple[Ns, Ns]] = deque()  # sound taken up to, words complete up to
        self._heard_ns = Ns(0)  # at the last decision
        self._given_ns = Ns(-1)  # media time of the last decision
        self._known_ns = Ns(0)
        self._read_ns = Ns(0)  # words are complete up to here now
        self._lane: Lane | None = None
        self._idle = False
        self._patient = True
        self._closed_ns: int | None = None
        self._failed = False
        self._reason = ""
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="speech", daemon=True)
        self._thread.start()

    # called by analysis

    def begin(self, epoch: Epoch) -> None:
        """Timestamps start anew; no word reaches across."""
        self._put(epoch)
        self._deliver()

    def push(self, block: AudioBlock) -> None:
        """Sound that follows. In a replay it waits for room.

        Live it never waits, and is handed over with the next call of another kind: a lane sees how much came at once.
        """
        self._put(block)
        if self._waits:
            self._deliver()

    def end(self) -> None:
        """The epoch's sound is over: what was said becomes final."""
        self._put(End())
        self._deliver()

    def ready_ns(self, wanted_ns: Ns) -> Ns:
        """How far decisions may be taken, at most `wanted_ns`.

        The live planner is asked in lockstep, so that decisions see the same words at any speed. A live stream whose
        speech is behind is not waited for again until that has caught up.
        """
        self._deliver()
        with self._changed:
            if self._lane is None or self._lane.reads_ahead is None or not self._sounds:
                timeout = None if self._waits else PATIENCE_S if self._patient else 0.0
                self._patient = self._changed.wait_for(lambda: self._idle or self._failed, timeout)
            if self._failed or self._lane is None or self._lane.reads_ahead is None or not self._sounds:
                return wanted_ns
            return min(wanted_ns, Ns(self._read_ns + self._lane.reads_ahead))

    def until(self, t_ns: Ns) -> Heard:
        """What is known at `t_ns` and was not given out before."""
        with self._changed:
            found = []
            while self._commits and self._commits[0].known_ns <= t_ns:
                found.append(self._commits.popleft())
            self._given_ns = t_ns
            while self._marks and self._marks[0][0] <= t_ns:
                self._heard_ns = self._marks.popleft()[1]
            ahead = self._lane.reads_ahead if self._lane else None
            return Heard(found, self._heard_ns if ahead is None else Ns(min(t_ns - ahead, self._read_ns)))

    def close(self) -> None:
        """No more sound: hear what waits, then end the thread. Everything is committed when it returns."""
        self._deliver()
        with self._changed:
            self._closed_ns = self._clock.boottime_ns()
            self._changed.notify_all()
        self._thread.join()
        with self._changed:
            if self._lost_ns is not None and self._pushed_ns is not None and self._pushed_ns > self._lost_ns:
                gap = Gap(start_ns=self._lost_ns, end_ns=self._pushed_ns, reason=self._reason, track=SPEECH_TRACK)
                self._listener.lost(gap)
                self._lost_ns = None

    def _put(self, item: Item) -> None:
        with self._changed:
            self._sounds = isinstance(item, AudioBlock)
            if isinstance(item, AudioBlock):
                if self._pushed_ns is None:
                    self._read_ns = max(self._read_ns, item.start_ns)
                if self._waits:
                    self._changed.wait_for(lambda: self._failed or self._inbox_ns < ROOM_NS)
                self._pushed_ns = item.end_ns
                if self._failed and self._lost_ns is None:
                    self._lost_ns = item.start_ns
            if not self._failed:
                self._staged.append(item)

    def _deliver(self) -> None:
        """Hand over what was put, all at once."""
        with self._changed:
            if self._staged and not self._failed:
                self._inbox.extend(self._staged)
                self._inbox_ns += sum(
                    item.end_ns - item.start_ns for item in self._staged if isinstance(item, AudioBlock)
                )
                self._idle = False
                self._changed.notify_all()
            self._staged.clear()

    # the speech thread

    def spoken(self, events: Sequence[SpeechEvent]) -> None:
        """From the lane. What decisions are told never goes back in time: words that come too late are known now."""
        told: list[SpeechEvent] = []
        with self._changed:
            for event in events:
                if isinstance(event, Committed):
                    self._known_ns = max(self._known_ns, event.known_ns, Ns(self._given_ns + 1))
                    told.append(replace(event, known_ns=self._known_ns))
                else:
                    told.append(event)
            self._commits.extend(event for event in told if isinstance(event, Committed))
        self._listener.spoken(told)

    def lost(self, gap: Gap) -> None:
        """From the lane."""
        self._listener.lost(gap)

    def paced(self, level: int, lag_ns: int) -> None:
        """From the lane."""
        self._listener.paced(level, lag_ns)

    def _run(self) -> None:
        """Supervision boundary of speech: whatever breaks here costs words, never footage."""
        try:
            lane = self._open_lane(self)
            with self._changed:
                self._lane, self._idle = lane, not self._inbox
                self._changed.notify_all()
            while self._step(lane):
                pass
        except ClipdError as err:
            self._fail(err)
        except Exception as err:
            log.exception("speech.failed")
            what = f"Speech recognition broke: {err!r}"
            remedy = "The stream is recorded and clipped without words. Please report the log above."
            self._fail(ClipdError(what, remedy=remedy, code="asr_failed"))

    def _step(self, lane: Lane) -> bool:
        """One item, or a piece of idle work, or a wait; False at the end."""
        with self._changed:
            item = self._inbox.popleft() if self._inbox else None
            if isinstance(item, AudioBlock):
                self._inbox_ns -= item.end_ns - item.start_ns
            lag_ns = self._inbox_ns
        if item is not None:
            lane.take(item, lag_ns)
        elif not self._drain(lane):
            return False
        with self._changed:
            self._read_ns = lane.heard_ns
            if lane.reads_ahead is None and (not self._marks or self._marks[-1] != (lane.edge_ns, lane.heard_ns)):
                self._marks.append((lane.edge_ns, lane.heard_ns))
            self._idle = not self._inbox
            self._changed.notify_all()
        return True

    def _drain(self, lane: Lane) -> bool:
        """Nothing has arrived: catch up, or wait. After the end, what cannot be caught up in time is given up."""
        with self._changed:
            closed_ns = self._closed_ns
        if closed_ns is None:
            if not lane.idle(hurry=False):
                with self._changed:
                    self._changed.wait_for(lambda: bool(self._inbox) or self._closed_ns is not None)
            return True
        if self._clock.boottime_ns() - closed_ns < DRAIN_NS and lane.idle(hurry=True):
            return True
        lane.give_up()
        return False

    def _fail(self, error: ClipdError) -> None:
        with self._changed:
            self._failed, self._reason = True, error.code
            self._staged.clear()
            if self._inbox_ns or self._pushed_ns:
                self._lost_ns = self._read_ns
            self._inbox.clear()
            self._changed.notify_all()
        self._listener.failed(error)
        if self._lane is not None:
            self._lane.give_up()  # what it had put off is lost as well
