"""The lanes on virtual time: a live stream under back-pressure, and a recording. Nothing here waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from core.media import SPEECH_TRACK, AudioBlock, Epoch, Gap
from core.times import NS_PER_S, Ns, ns, to_s
from core.words import Committed, Partial, SpeechEvent
from daemon.speech.lanes import KEEP_NS, End, Item, Lane, LiveLane, PackedLane
from daemon.speech.levels import JUMP_NS
from tests.fakes import FakeClock
from tests.unit.speech.fake_engine import (
    FakeEngine,
    LoudVad,
    Said,
    Sound,
    a_voice,
    as_said,
    blocks,
    commits,
    sound_of,
    talk,
    words,
)

START = Epoch(number=0, start_ns=Ns(0), reason="start", by="start")


@dataclass
class Told:
    """What a lane says, with the clock when it said it."""

    clock: FakeClock
    events: list[SpeechEvent] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    levels: list[tuple[float, int]] = field(default_factory=list)

    def spoken(self, events: Sequence[SpeechEvent]) -> None:
        self.events.extend(events)

    def lost(self, gap: Gap) -> None:
        self.gaps.append(gap)

    def paced(self, level: int, lag_ns: int) -> None:
        if not self.levels or self.levels[-1][1] != level:
            self.levels.append((self.clock.boottime_ns() / NS_PER_S, level))

    def by(self, *reasons: str) -> list[Committed]:
        return [commit for commit in commits(self.events) if commit.reason in reasons]


class Stream:
    """A live stream on a virtual clock: sound arrives in segments, the lane works as the speech thread has it work."""

    def __init__(self, engine: FakeEngine, clock: FakeClock, *, segment_s: float = 2.0) -> None:
        self.clock, self.engine = clock, engine
        self.told = Told(clock)
        self.lane: Lane = LiveLane(engine, LoudVad(), a_voice(), self.told, clock)
        self._segment_ns = ns(segment_s)
        self._zero_ns = clock.boottime_ns()
        self._coming: deque[tuple[int, Item]] = deque()
        self._inbox: deque[Item] = deque()
        self._waiting_ns = 0  # sound in the inbox
        self.lags: list[tuple[float, float]] = []

    def add(self, item: Item, at_ns: int) -> None:
        """An item that is there once the segment with this media time is."""
        self._coming.append((self._zero_ns + -(-at_ns // self._segment_ns) * self._segment_ns, item))

    def say(self, sound: Sound, *, start_ns: int = 0, epoch: Epoch = START) -> None:
        """Sound of an epoch."""
        self.add(epoch, start_ns)
        for block in blocks(sound, start_ns=start_ns):
            self.add(block, block.end_ns)

    @property
    def now_s(self) -> float:
        return to_s(self.clock.boottime_ns() - self._zero_ns)

    def run(self, until_s: float = 1e9) -> None:
        """Until all that comes up to a time is worked off."""
        while (self._coming or self._inbox) and self.now_s < until_s:
            self._arrive()
            if self._inbox:
                item = self._inbox.popleft()
                self._waiting_ns -= sound_in(item)
                self.lags.append((self.now_s, to_s(Ns(self._waiting_ns))))
                self.lane.take(item, self._waiting_ns)
            elif not self.lane.idle(hurry=False):
                self.clock.advance(self._coming[0][0] - self.clock.boottime_ns())

    def end(self) -> None:
        """The stream is over: what was skipped is heard now."""
        self.lane.take(End(), 0)
        while self.lane.idle(hurry=True):
            pass

    def _arrive(self) -> None:
        while self._coming and self._coming[0][0] <= self.clock.boottime_ns():
            _, item = self._coming.popleft()
            self._waiting_ns += sound_in(item)
            self._inbox.append(item)


def sound_in(item: Item) -> int:
    return item.end_ns - item.start_ns if isinstance(item, AudioBlock) else 0


LIVE = ("agreed", "endpoint", "forced")
FAST_S = 0.2


def overloaded(
    cost_s: float, *, minute: tuple[float, float] = (30, 90), end_s: float = 300
) -> tuple[Stream, list[Said]]:
    """Somebody talks all the time; for a while each decode takes `cost_s`, then it is fast again for 20 s and more."""
    clock = FakeClock()
    engine = FakeEngine(clock, cost_s=FAST_S)
    stream, said = Stream(engine, clock), talk(1, end_s)
    stream.say(sound_of(said, end_s + 20))
    stream.run(minute[0])
    engine.cost_s = cost_s
    stream.run(minute[1])
    engine.cost_s = FAST_S
    stream.run()
    return stream, said


def missing(told: Told, said: list[Said]) -> list[Said]:
    """Words that were said and not told. One that a jump cuts in two is told in parts, and does not count."""
    heard = as_said(words(told.events))
    left = sorted(set(said) - set(heard), key=lambda word: word.start)
    return [word for word in left if not any(a.start < word.end and word.start < a.end for a in heard)]


def in_order(found: list[Committed]) -> bool:
    times = [t for commit in found for word in commit.words for t in (word.start_ns, word.end_ns)]
    return times == sorted(times)


def known_in_order(told: Told) -> bool:
    known = [commit.known_ns for commit in commits(told.events)]
    return known == sorted(known)


def test_a_stream_in_time_is_heard_word_for_word_at_the_first_level() -> None:
    """Segments of six seconds: it is never behind for longer than one takes."""
    clock = FakeClock()
    stream, said = Stream(FakeEngine(clock, cost_s=0.3), clock, segment_s=6), talk(1, 120)
    stream.say(sound_of(said, 124))
    stream.run()
    stream.end()
    assert as_said(words(stream.told.events)) == said
    assert [level for _, level in stream.told.levels] == [0]
    assert stream.told.gaps == []


@pytest.mark.parametrize("segment_s", [2.0, 6.0])
def test_the_last_words_of_a_burst_do_not_wait_for_the_next_one(segment_s: float) -> None:
    """Two looks at its end agree on all but the words at the edge, for no more decodes than one a second."""
    stream, said = Stream(FakeEngine(), FakeClock(), segment_s=segment_s), talk(1, 59)
    stream.say(sound_of(said, 60))
    stream.run()
    stream.end()
    assert as_said(words(stream.told.events)) == said
    assert len(stream.engine.batches) <= 60
    at_once = [
        (commit.known_ns - 1) // ns(segment_s) == word.end_ns // ns(segment_s)
        for commit in stream.told.by(*LIVE)
        for word in commit.words
        if to_s(word.end_ns) % segment_s < segment_s - 0.8
    ]
    assert len(at_once) > 50
    assert sum(at_once) >= 0.95 * len(at_once)


def test_a_minute_of_decodes_five_times_slower_costs_latency_and_no_word() -> None:
    """Half a second becomes two and a half: it looks less often until it keeps up, and is back within a minute."""
    stream, said = overloaded(2.5)
    assert max(lag_s for _, lag_s in stream.lags) < 20
    assert as_said(words(stream.told.events)) == said
    assert in_order(commits(stream.told.events))
    assert {commit.reason for commit in commits(stream.told.events)} <= set(LIVE)
    assert stream.told.gaps == []
    levels = [level for _, level in stream.told.levels]
    assert max(levels) >= 2
    peak = levels.index(max(levels))
    assert levels[: peak + 1] == sorted(levels[: peak + 1])
    assert levels[peak:] == list(range(max(levels), -1, -1))
    assert stream.told.levels[-1][0] - 1000 < 150
    assert max(lag_s for at_s, lag_s in stream.lags if at_s > 100) < 3


@pytest.mark.parametrize("cost_s", [10.0, 20.0, 40.0])
def test_a_stream_that_cannot_keep_up_jumps_and_hears_the_rest_later(cost_s: float) -> None:
    """Behind by at most half a minute and what two decodes take; what it left out comes as `catchup`, all of it."""
    stream, said = overloaded(cost_s)
    assert max(lag_s for _, lag_s in stream.lags) <= to_s(Ns(JUMP_NS)) + 2 * cost_s + 2
    assert in_order(stream.told.by(*LIVE))
    assert in_order(stream.told.by("catchup"))
    assert words(stream.told.by("catchup"))
    assert missing(stream.told, said) == []
    assert stream.told.gaps == []
    assert known_in_order(stream.told)
    assert stream.told.levels[-1][1] == 0


def test_late_words_are_known_when_they_are_heard_and_not_before() -> None:
    """At the stream's edge of that moment, long after they were said."""
    stream, _ = overloaded(40.0)
    for commit in stream.told.by("catchup"):
        assert commit.known_ns > commit.words[-1].end_ns + ns(20)


def test_nobody_speaks_after_the_overload_and_still_it_catches_up() -> None:
    """Silence proves no decode to be fast; what was left out is heard all the same, while the stream goes on."""
    clock = FakeClock()
    engine = FakeEngine(clock, cost_s=FAST_S)
    stream, said = Stream(engine, clock), talk(1, 100)
    stream.say(sound_of(said, 400))
    stream.run(30)
    engine.cost_s = 40.0
    stream.run(90)
    engine.cost_s = FAST_S
    stream.run()
    assert missing(stream.told, said) == []


def test_what_was_skipped_waits_while_the_stream_is_behind() -> None:
    """Live words come first: nothing of the past is heard above the first level."""
    stream, _ = overloaded(40.0)
    level_at = stream.told.levels
    caught_up_s = [at_s for at_s, level in level_at if level == 0][-1]
    late_ns = [commit.known_ns for commit in stream.told.by("catchup")]
    assert min(late_ns) / NS_PER_S >= caught_up_s - 1000 - 3


def test_more_than_ten_minutes_behind_the_oldest_are_lost_and_named_once() -> None:
    """One decode hangs for a quarter of an hour: what is left of it beyond ten minutes is a gap, second by second."""
    clock = FakeClock()
    engine = FakeEngine(clock, cost_s=FAST_S)
    stream, said = Stream(engine, clock), talk(1, 1000, word_s=0.4, pause_s=0.4)
    stream.say(sound_of(said, 1010))
    stream.run(20)
    engine.cost_s = 900.0
    stream.run(30)
    engine.cost_s = FAST_S
    stream.run()
    stream.end()
    gaps = stream.told.gaps
    assert {(gap.reason, gap.track) for gap in gaps} == {("asr_behind", SPEECH_TRACK)}
    assert all(one.end_ns == two.start_ns for one, two in pairwise(gaps))
    lost_s = to_s(Ns(gaps[-1].end_ns - gaps[0].start_ns))
    assert 200 < lost_s < 320
    start, end = (t * 16_000 // NS_PER_S for t in (gaps[0].start_ns, gaps[-1].end_ns))
    told, lost = as_said(words(stream.told.events)), missing(stream.told, said)
    assert lost
    assert all(word.start < end and start < word.end for word in lost)
    assert not [word for word in told if start <= word.start and word.end <= end]
    assert to_s(KEEP_NS) == 600


def test_a_stream_that_ends_names_what_there_is_no_time_to_hear() -> None:
    """Given up in the middle of catching up: every word that was not told lies in the gap, and no told one does."""
    for pieces in range(0, 40, 3):
        stream, said = ended_behind()
        for _ in range(pieces):
            stream.lane.idle(hurry=True)
        stream.lane.give_up()
        [gap] = stream.told.gaps
        assert (gap.reason, gap.track) == ("asr_behind", SPEECH_TRACK)
        lost = missing(stream.told, said)
        assert lost
        assert all(word.start * 62_500 >= gap.start_ns - ns(0.1) and word.end * 62_500 <= gap.end_ns for word in lost)
        assert all(word.end_ns <= gap.start_ns + ns(0.5) for word in words(stream.told.by("catchup")))
        stream.lane.give_up()
        assert len(stream.told.gaps) == 1


def ended_behind() -> tuple[Stream, list[Said]]:
    """A stream that jumped over 50 s and has ended at once."""
    clock = FakeClock()
    engine = FakeEngine(clock, cost_s=60.0)
    stream, said = Stream(engine, clock), talk(1, 60)
    stream.say(sound_of(said, 64))
    stream.run()
    stream.lane.take(End(), 0)
    assert not stream.told.gaps
    return stream, said


def test_an_epoch_begins_while_the_stream_jumps() -> None:
    """Each part of what was skipped keeps to its own epoch, at its own times."""
    clock = FakeClock()
    engine = FakeEngine(clock, cost_s=90.0)
    stream = Stream(engine, clock)
    one, two = talk(1, 30), talk(1, 60, first=9)
    later = Epoch(number=1, start_ns=ns(40), reason="discontinuity", by="pdt")
    stream.say(sound_of(one, 32))
    stream.add(End(), ns(32))
    stream.say(sound_of(two, 62), start_ns=later.start_ns, epoch=later)
    stream.run(10)
    engine.cost_s = FAST_S
    stream.run()
    stream.end()
    for epoch, said in ((START, one), (later, two)):
        told = [word for word in words(stream.told.events) if word.epoch == epoch.number]
        heard = sorted(as_said(told, epoch.start_ns), key=lambda word: word.start)
        whole = [word for word in heard if word in said]
        assert len(whole) >= len(said) - 2
        assert all(any(word.start <= part.start < part.end <= word.end for word in said) for part in heard)
    assert {word.epoch for word in words(stream.told.by("catchup"))} == {0, 1}
    assert stream.told.gaps == []


def replayed(lane: Lane, items: list[Item]) -> None:
    for item in items:
        lane.take(item, ns(100))
        assert not lane.idle(hurry=False)


@pytest.mark.parametrize("packed", [False, True])
def test_a_replay_is_heard_whole_however_far_behind(packed: bool) -> None:
    """Without a clock lag means nothing: no level, no jump."""
    told, engine = Told(FakeClock()), FakeEngine()
    args = (engine, LoudVad(), a_voice(), told)
    lane: Lane = PackedLane(*args) if packed else LiveLane(*args, clock=None)
    said = talk(1, 50)
    replayed(lane, [START, *blocks(sound_of(said, 52)), End()])
    assert as_said(words(told.events)) == said
    assert told.gaps == []
    assert lane.heard_ns == lane.edge_ns == ns(52)
    assert (lane.reads_ahead == ns(2)) is packed


@pytest.mark.parametrize("packed", [False, True])
def test_no_word_crosses_an_epoch(packed: bool) -> None:
    """Somebody talks on while timestamps start anew: each word lies in the epoch it began in, or is cut there."""
    told = Told(FakeClock())
    args = (FakeEngine(), LoudVad(), a_voice(), told)
    lane: Lane = PackedLane(*args) if packed else LiveLane(*args, clock=None)
    epochs = [Epoch(number=n, start_ns=ns(5.03 * n), reason="jump", by="source") for n in range(4)]
    items: list[Item] = []
    for epoch in epochs:
        items += [epoch, *blocks(sound_of(talk(0.1, 5.5), 5.03), start_ns=epoch.start_ns), End()]
    replayed(lane, items)
    found = words(told.events)
    assert len(found) >= 4 * 11
    for word in found:
        start_ns = epochs[word.epoch].start_ns
        assert start_ns <= word.start_ns < word.end_ns <= start_ns + ns(5.03)
    assert in_order(commits(told.events))


def test_partials_of_the_past_are_not_shown() -> None:
    """What is caught up on would overwrite what is being said now."""
    stream, _ = overloaded(40.0)
    partials = [event for event in stream.told.events if isinstance(event, Partial)]
    revs = [partial.rev for partial in partials]
    assert revs == sorted(set(revs))
    late = {word for commit in stream.told.by("catchup") for word in commit.words}
    assert not late & {word for partial in partials for word in partial.words}
