"""The speech thread between analysis and a lane: who waits for whom, what is known when, and how it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest

from core.errors import ClipdError, ModelMissing
from core.media import AUDIO_RATE, SPEECH_TRACK, AudioBlock, Epoch, Gap
from core.times import NS_PER_S, Ns, ns
from core.words import Committed, SpeechEvent, Word
from daemon.speech.engine import DecodeRequest, DecodeResult
from daemon.speech.lanes import Item, Lane, LiveLane, PackedLane, Told
from daemon.speech.transcriber import DRAIN_NS, PATIENCE_S, ROOM_NS, Transcriber
from tests.fakes import FakeClock
from tests.unit.speech.fake_engine import FakeEngine, LoudVad, a_voice, as_said, blocks, sound_of, talk, words

START = Epoch(number=0, start_ns=Ns(0), reason="start", by="start")
LATEST = Ns(2**62)
PROMPT_S = 30.0  # what a thread may take on a busy machine for something that takes no time


@dataclass
class Listener:
    """Remembers what it is told."""

    events: list[SpeechEvent] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    errors: list[ClipdError] = field(default_factory=list)

    def spoken(self, events: Sequence[SpeechEvent]) -> None:
        self.events.extend(events)

    def lost(self, gap: Gap) -> None:
        self.gaps.append(gap)

    def paced(self, level: int, lag_ns: int) -> None:
        pass

    def failed(self, error: ClipdError) -> None:
        self.errors.append(error)


class ScriptLane:
    """A lane whose work is a function; `gate` holds it back, `leftover` is what `idle` has to do."""

    def __init__(self, told: Told, work: Callable[[ScriptLane, Item], None], *, ahead_ns: Ns | None = None) -> None:
        self.told, self._work = told, work
        self.reads_ahead = ahead_ns
        self.edge_ns = self.heard_ns = Ns(0)
        self.items: list[Item] = []
        self.lags: list[int] = []
        self.leftover = 0
        self.given_up = 0

    def take(self, item: Item, lag_ns: int) -> None:
        self.items.append(item)
        self.lags.append(lag_ns)
        self._work(self, item)
        if isinstance(item, AudioBlock):
            self.edge_ns = self.heard_ns = item.end_ns

    def idle(self, *, hurry: bool) -> bool:
        self.leftover -= 1
        return self.leftover >= 0

    def give_up(self) -> None:
        self.given_up += 1


class Stage:
    """A transcriber over a script lane. `gate` is open at first: while it is closed, the lane is stuck."""

    def __init__(self, *, waits: bool, ahead_ns: Ns | None = None) -> None:
        self.clock, self.listener = FakeClock(), Listener()
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)
        self.says: Callable[[AudioBlock], Sequence[Committed]] = lambda _: ()
        self.opened = threading.Event()
        self._ahead_ns = ahead_ns
        self.transcriber = Transcriber(self._open, self.listener, self.clock, waits=waits)

    def _open(self, told: Told) -> Lane:
        self.lane = ScriptLane(told, self._work, ahead_ns=self._ahead_ns)
        self.opened.set()
        return self.lane

    def _work(self, lane: ScriptLane, item: Item) -> None:
        self.entered.release()
        assert self.gate.wait(60)
        if isinstance(item, AudioBlock):
            lane.told.spoken(self.says(item))


@contextmanager
def stage(*, waits: bool, ahead_ns: Ns | None = None) -> Iterator[Stage]:
    made = Stage(waits=waits, ahead_ns=ahead_ns)
    try:
        assert made.opened.wait(PROMPT_S)
        yield made
    finally:
        made.gate.set()
        made.transcriber.close()


def second(number: int, count: int = 1) -> AudioBlock:
    """Silence of `count` seconds, that begins at a second."""
    return AudioBlock(start_ns=ns(number), samples=np.zeros(count * AUDIO_RATE, np.float32))


def commit(at_s: float, known_s: float, text: str = "word") -> Committed:
    word = Word(text=text, start_ns=ns(at_s), end_ns=ns(at_s + 0.3), prob=0.9, vad=0.9, epoch=0)
    return Committed(seq=1, words=(word,), language="en", reason="agreed", known_ns=ns(known_s))


def texts(commits: list[Committed]) -> list[str]:
    return [word.text for one in commits for word in one.words]


def test_a_replay_is_decided_in_lockstep_with_its_words() -> None:
    """`ready_ns` comes back when all that was pushed has been heard, however long that takes."""
    with stage(waits=True) as s:
        s.gate.clear()
        s.transcriber.begin(START)
        s.transcriber.push(second(0))
        found: list[Ns] = []
        asker = threading.Thread(target=lambda: found.append(s.transcriber.ready_ns(ns(1))))
        asker.start()
        assert s.entered.acquire(timeout=PROMPT_S)
        asker.join(0.05)
        assert asker.is_alive()
        s.gate.set()
        asker.join(PROMPT_S)
        assert found == [ns(1)]
        assert [type(item) for item in s.lane.items] == [Epoch, AudioBlock]


def test_a_replay_that_reads_ahead_waits_for_room() -> None:
    """Thirty seconds of sound lie before the lane at most; decisions go as far as it has heard, and two seconds."""
    with stage(waits=True, ahead_ns=ns(2)) as s:
        s.gate.clear()
        room = int(ROOM_NS // NS_PER_S)
        pushed: list[int] = []

        def push() -> None:
            for number in range(room + 5):
                s.transcriber.push(second(number))
                pushed.append(number)

        pusher = threading.Thread(target=push)
        pusher.start()
        assert s.entered.acquire(timeout=PROMPT_S)
        pusher.join(0.1)
        assert pusher.is_alive()
        assert len(pushed) <= room + 1
        assert s.transcriber.ready_ns(ns(100)) == ns(2)
        s.gate.set()
        pusher.join(PROMPT_S)
        assert len(pushed) == room + 5
    assert s.transcriber.ready_ns(ns(100)) == ns(room + 5 + 2)


def test_live_sound_is_never_held_up_by_a_stuck_decode() -> None:
    """Ten minutes are pushed at once; decisions wait for words once, and not again until the lane has caught up."""
    with stage(waits=False) as s:
        s.gate.clear()
        waits = waits_of(s.transcriber)
        for number in range(600):
            s.transcriber.push(second(number))
        assert waits == []
        started_s = time.monotonic()
        assert s.transcriber.ready_ns(ns(600)) == ns(600)
        assert time.monotonic() - started_s >= PATIENCE_S - 0.1
        for number in range(600, 700):
            assert s.transcriber.ready_ns(ns(number)) == ns(number)
        assert waits == [PATIENCE_S, *[0.0] * 100]
        s.gate.set()
        deadline_s = time.monotonic() + PROMPT_S
        while s.transcriber.until(ns(600)).heard_ns < ns(600):
            assert time.monotonic() < deadline_s
        assert s.lane.lags[1:] == [ns(left) for left in range(598, -1, -1)]
        s.transcriber.ready_ns(ns(600))
        s.gate.clear()
        s.transcriber.push(second(600))
        threading.Timer(0.1, s.gate.set).start()
        s.transcriber.ready_ns(ns(601))
        assert s.lane.edge_ns == ns(601)


def waits_of(transcriber: Transcriber) -> list[float | None]:
    """For how long analysis is willing to wait from now on, wait by wait; None: as long as it takes."""
    waits: list[float | None] = []
    wait_for = transcriber._changed.wait_for

    def noted(condition: Callable[[], bool], timeout: float | None = None) -> bool:
        if threading.current_thread() is not transcriber._thread:
            waits.append(timeout)
        return wait_for(condition, timeout)

    transcriber._changed.wait_for = noted  # type: ignore[method-assign,assignment]
    return waits


def test_words_count_from_the_time_they_are_known() -> None:
    """Each once, in order, not before."""
    with stage(waits=True) as s:
        s.says = lambda _: [commit(0.2, 1.0), commit(0.6, 1.8, "later")]
        s.transcriber.push(second(0))
        s.transcriber.ready_ns(ns(1))
        assert s.transcriber.until(ns(0.9)).commits == []
        [heard] = s.transcriber.until(ns(1)).commits
        assert (heard.words[0].text, heard.known_ns) == ("word", ns(1))
        assert s.transcriber.until(ns(1.5)).commits == []
        assert texts(s.transcriber.until(ns(2)).commits) == ["later"]
        assert s.transcriber.until(LATEST).commits == []
        assert texts([event for event in s.listener.events if isinstance(event, Committed)]) == ["word", "later"]


def test_what_came_too_late_counts_from_now_on() -> None:
    """A decision was taken without it, and stays: its time of knowing moves behind that decision."""
    with stage(waits=True) as s:
        s.says = lambda _: [commit(0.2, 1.0)]
        s.transcriber.until(ns(5))
        s.transcriber.push(second(0))
        s.transcriber.ready_ns(ns(1))
        [heard] = s.transcriber.until(ns(5.5)).commits
        assert ns(5) < heard.known_ns <= ns(5.5)
        assert heard.words[0].start_ns == ns(0.2)


def test_times_of_knowing_never_go_back() -> None:
    """Words of skipped speech are known at the edge; what follows is not known before them."""
    with stage(waits=True) as s:
        known = iter([3.0, 2.0, 4.0])
        s.says = lambda _: [commit(0.2, next(known))]
        for number in range(3):
            s.transcriber.push(second(number))
        s.transcriber.ready_ns(ns(3))
        assert [heard.known_ns for heard in s.transcriber.until(ns(10)).commits] == [ns(3), ns(3), ns(4)]


def test_how_far_all_is_heard_goes_with_the_decision() -> None:
    """At the step to t: what was complete when sound up to t had been taken, not what is complete by now."""
    with stage(waits=True) as s:
        for number in range(4):
            s.transcriber.push(second(number))
        s.transcriber.ready_ns(ns(4))
        assert [s.transcriber.until(ns(t)).heard_ns for t in (0.5, 1, 2.5, 4, 9)] == [0, ns(1), ns(2), ns(4), ns(4)]


def test_closing_hears_what_waits() -> None:
    """Everything pushed is worked off, and what was skipped is heard, before `close` returns."""
    s = Stage(waits=False)
    assert s.opened.wait(PROMPT_S)
    s.lane.leftover = 5
    s.gate.clear()
    for number in range(50):
        s.transcriber.push(second(number))
    s.transcriber.end()
    threading.Timer(0.05, s.gate.set).start()
    s.transcriber.close()
    assert len(s.lane.items) == 51
    assert s.lane.leftover < 0
    assert s.lane.given_up == 1


def test_closing_gives_up_what_takes_too_long() -> None:
    """Twenty seconds of the machine's time, then what is left is lost, and said to be by the lane."""
    s = Stage(waits=False)
    assert s.opened.wait(PROMPT_S)
    clock, hurried = s.clock, []

    def idle(*, hurry: bool) -> bool:
        if hurry:
            clock.advance(ns(3))
            hurried.append(clock.boottime_ns())
        return hurry

    s.lane.idle = idle  # type: ignore[method-assign]
    s.transcriber.push(second(0))
    s.transcriber.close()
    assert s.lane.given_up == 1
    assert len(hurried) == -(-DRAIN_NS // ns(3))


@pytest.mark.parametrize("late", [False, True])
def test_a_model_that_is_not_there_is_a_warning_and_a_gap(late: bool) -> None:
    """Nobody waits for words that will not come; what this attempt heard nothing of is named once, at the end."""
    listener, go = Listener(), threading.Event()
    error = ModelMissing("There is no speech model", remedy="Install one.")

    def fails(_told: Told) -> Lane:
        assert go.wait(PROMPT_S)
        raise error

    transcriber = Transcriber(fails, listener, FakeClock(), waits=True)
    if not late:
        go.set()
        transcriber.ready_ns(ns(100))
    transcriber.begin(START)
    for number in range(100, 200):
        transcriber.push(second(number))
        go.set()
        assert transcriber.ready_ns(ns(number)) == ns(number)
        assert transcriber.until(ns(number)).commits == []
    transcriber.end()
    transcriber.close()
    assert listener.errors == [error]
    assert listener.gaps == [gap(100, 200, error.code)]


def gap(start_s: float, end_s: float, reason: str = "asr_failed") -> Gap:
    return Gap(start_ns=ns(start_s), end_ns=ns(end_s), reason=reason, track=SPEECH_TRACK)


@pytest.mark.parametrize("waits", [True, False])
def test_a_lane_that_breaks_is_a_warning_and_a_gap_and_never_a_hang(waits: bool) -> None:
    """Words told before it broke stay; from what it had heard on, speech is a gap."""

    def says(block: AudioBlock) -> list[Committed]:
        if block.start_ns == ns(3):
            raise RuntimeError("the device is gone")
        return [commit(block.start_ns / NS_PER_S, block.end_ns / NS_PER_S)]

    s = Stage(waits=waits)
    assert s.opened.wait(PROMPT_S)
    s.says = says
    for number in range(100):
        s.transcriber.push(second(number))
        s.transcriber.ready_ns(ns(number + 1))
    assert len(s.transcriber.until(LATEST).commits) == 3
    s.transcriber.close()
    [error] = s.listener.errors
    assert error.code == "asr_failed"
    assert "the device is gone" in error.what
    assert s.listener.gaps == [gap(3, 100)]


def test_a_lane_that_breaks_also_loses_what_it_had_put_off() -> None:
    """Speech that was skipped and not caught up with yet is given up, so that it is named."""
    s = Stage(waits=False)
    assert s.opened.wait(PROMPT_S)
    s.says = fail
    s.transcriber.push(second(0))
    s.transcriber.close()
    assert len(s.listener.errors) == 1
    assert s.lane.given_up == 1


def fail(_block: AudioBlock) -> list[Committed]:
    raise RuntimeError("the device is gone")


def test_a_session_without_sound_can_be_decided_to_its_end() -> None:
    """A picture without sound, or sound that stops: there is nothing to wait for."""
    with stage(waits=True, ahead_ns=ns(2)) as s:
        s.transcriber.begin(START)
        s.transcriber.end()
        assert s.transcriber.ready_ns(ns(100)) == ns(100)


class StuckEngine(FakeEngine):
    """Hears, but not before it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.go = threading.Event(), threading.Event()

    def decode(self, batch: list[DecodeRequest]) -> list[DecodeResult]:  # type: ignore[override]
        self.entered.set()
        assert self.go.wait(60)
        return super().decode(batch)


def real(engine: FakeEngine, *, packed: bool, live: bool) -> tuple[Transcriber, Listener]:
    listener, clock = Listener(), FakeClock()

    def open_lane(told: Told) -> Lane:
        if packed:
            return PackedLane(engine, LoudVad(), a_voice(), told)
        return LiveLane(engine, LoudVad(), a_voice(), told, clock if live else None)

    return Transcriber(open_lane, listener, clock, waits=not live), listener


@pytest.mark.parametrize("packed", [False, True])
def test_a_step_knows_the_same_words_whatever_the_thread_does(packed: bool) -> None:
    """A replay, step by step as analysis takes it: what each step learns depends on the sound alone."""
    said = talk(1, 28)
    sound = sound_of([*said, *talk(31, 44)], 46)

    def steps(size: int) -> list[list[Committed]]:
        transcriber, _ = real(FakeEngine(), packed=packed, live=False)
        transcriber.begin(START)
        learned, stepped = [], ns(0)
        for block in blocks(sound, samples=size):
            transcriber.push(block)
            ready_ns = transcriber.ready_ns(block.end_ns)
            while stepped + ns(0.5) <= ready_ns:
                stepped = Ns(stepped + ns(0.5))
                learned.append(transcriber.until(stepped).commits)
        transcriber.end()
        transcriber.close()
        while stepped < ns(46):
            stepped = Ns(stepped + ns(0.5))
            learned.append(transcriber.until(stepped).commits)
        return [*learned, transcriber.until(LATEST).commits]

    one = steps(1600)
    assert steps(1600) == one
    assert steps(1024) == one
    assert as_said(words(commit for step in one for commit in step)) == [*said, *talk(31, 44)]


def test_a_stuck_engine_holds_up_no_footage() -> None:
    """Live: blocks go in, decisions go on; when it is let go, every word comes, known where it was heard."""
    engine = StuckEngine()
    transcriber, listener = real(engine, packed=False, live=True)
    transcriber.begin(START)
    said = talk(1, 18)
    for block in blocks(sound_of(said, 20)):
        transcriber.push(block)
    assert transcriber.ready_ns(ns(20)) == ns(20)
    assert engine.entered.is_set()
    assert transcriber.until(ns(20)).commits == []
    engine.go.set()
    transcriber.end()
    transcriber.close()
    late = transcriber.until(LATEST).commits
    assert as_said(words(late)) == said
    assert all(one.known_ns > ns(20) for one in late)
    assert listener.gaps == []
