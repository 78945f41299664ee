"""Running detection again over a log: the same decisions as a worker took, whatever pieces the log comes in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from core.game import GameEvent
from core.media import ChatMessage, Epoch, Gap
from core.moments import Family, Moment, MomentState
from core.signals import SignalChunk
from core.times import Ns, ns
from core.words import Committed, Word
from daemon.worker.relive import family_of, relive, spent_before
from detectors import Engine, Profile
from tests.synthetic_streams import feature_level as fl
from tests.unit.detectors.runs import SESSION, chunks_of, decide

LENGTH_S = 120.0


@dataclass(frozen=True)
class Log:
    """What a journal offers."""

    chunks: list[SignalChunk]
    lines: list[ChatMessage]
    commits: list[Committed] = field(default_factory=list)
    played: list[GameEvent] = field(default_factory=list)
    holes: list[Gap] = field(default_factory=list)
    starts: list[Epoch] = field(default_factory=list)

    def signals(self, since_ns: Ns = Ns(0)) -> Iterator[SignalChunk]:
        return (chunk for chunk in self.chunks if chunk.end_ns >= since_ns)

    def chat(self, since_ns: Ns = Ns(0)) -> Iterator[ChatMessage]:
        return (line for line in self.lines if line.t_ns >= since_ns)

    def committed(self, since_ns: Ns = Ns(0)) -> Iterator[Committed]:
        return (commit for commit in self.commits if commit.known_ns >= since_ns)

    def game(self, since_ns: Ns = Ns(0)) -> Iterator[GameEvent]:
        return (event for event in self.played if event.known_ns >= since_ns)

    def epochs(self) -> list[Epoch]:
        return self.starts

    def gaps(self) -> list[Gap]:
        return self.holes


@pytest.fixture(scope="module")
def sound() -> fl.Wave:
    """Talk with a roar at 45 s and screams at 90 s."""
    rng = np.random.default_rng(31)
    sound = fl.talk(rng, LENGTH_S)
    fl.add(sound, fl.roar(rng, 4.0), 45.0, 9.0)
    fl.add(sound, fl.screams(rng, 3.5), 90.0, 9.0)
    return sound


@pytest.fixture(scope="module")
def log(sound: fl.Wave) -> Log:
    """With the roar's chat, in pieces of one row as a worker writes them."""
    chat = fl.chat(np.random.default_rng(5), LENGTH_S, 30.0, ((53.0, 5.0),))
    return Log(chunks_of(sound, block=1600), [line for line in chat if line.t_ns < ns(LENGTH_S)])


def again(
    log: Log, *, without: frozenset[Family] = frozenset(), finish: bool = True, has_chat: bool = True
) -> list[Moment]:
    """Every state of every moment."""
    engine = Engine(Profile(), SESSION)
    return relive(engine, log, has_chat=has_chat, until_ns=ns(LENGTH_S), finish=finish, without=without).history


def test_decisions_are_those_of_the_live_run(log: Log, sound: fl.Wave) -> None:
    """State by state, with the time of each."""
    live = decide(sound, log.lines, end_s=LENGTH_S).moments
    assert MomentState.FINAL in {moment.state for moment in live}
    assert again(log) == live


def test_clips_from_before_the_log_count_against_the_budget(log: Log) -> None:
    """A restart relives two hours; what was spent earlier stays spent, on clips alone."""
    fresh = again(log)
    earlier = [replace(moment, anchor_ns=Ns(place)) for place, moment in enumerate(fresh * 6)]
    spent = spent_before(earlier, Ns(len(earlier)))
    assert len(spent) == sum(m.state not in (MomentState.OPEN, MomentState.REJECTED) for m in earlier)
    assert spent_before(earlier, Ns(0)) == []
    engine = Engine(Profile(), SESSION)
    engine.spent(spent)
    told = relive(engine, log, has_chat=True, until_ns=ns(LENGTH_S), finish=True).history
    assert {moment.state for moment in told} <= {MomentState.OPEN, MomentState.REJECTED}
    assert "budget" in {moment.reason for moment in told}


@pytest.mark.parametrize("rows", [7, 600, 100_000])
def test_the_pieces_of_the_log_decide_nothing(log: Log, sound: fl.Wave, rows: int) -> None:
    """A minute of sound in one piece is not used before its time, and not after it either."""
    assert again(replace(log, chunks=chunks_of(sound, block=1600 * rows))) == again(log)


def test_a_log_that_is_cut_gives_the_decisions_so_far(log: Log) -> None:
    """As a restarted worker needs them."""
    cut_ns = ns(60)
    known = replace(
        log,
        chunks=[chunk for chunk in log.chunks if chunk.end_ns <= cut_ns],
        lines=[line for line in log.lines if line.t_ns <= cut_ns],
    )
    so_far = relive(Engine(Profile(), SESSION), known, has_chat=True, finish=False)
    assert so_far.end_ns == cut_ns
    assert so_far.history == [moment for moment in again(log) if moment.decided_ns <= cut_ns]
    assert so_far.moments == {moment.id: moment for moment in so_far.history}


def test_a_family_can_be_left_out(log: Log) -> None:
    """As if the stream did not have it: nothing is heard of it, and nobody waits for it."""
    deaf = again(log, without=frozenset({Family.CHAT}))
    assert deaf == again(replace(log, lines=[]), has_chat=False)
    assert not any("chat" in moment.parts for moment in deaf)
    silent = again(log, without=frozenset({Family.AUDIO}))
    assert not any("audio" in moment.parts for moment in silent)
    assert again(log, without=frozenset(Family)) == []


def test_an_epoch_without_sound_waits_for_none(log: Log) -> None:
    """Epochs tell the engine what there is; leaving a family out is not undone by them."""
    starts = [Epoch(number=0, start_ns=Ns(0), reason="start", by="start")]
    assert again(replace(log, starts=starts)) == again(log)
    silent = again(replace(log, starts=starts), without=frozenset({Family.AUDIO}))
    assert not any("audio" in moment.parts for moment in silent)


def test_words_that_became_known_after_the_end_do_not_lengthen_the_stream(log: Log) -> None:
    """The last sentence is final when the media is over; it still reaches the engine before the end is decided."""
    word = Word(text="bye", start_ns=ns(118), end_ns=ns(118.4), prob=1, vad=1, epoch=0)
    late = Committed(seq=0, words=(word,), language="en", reason="endpoint", known_ns=ns(LENGTH_S + 30))
    found = relive(Engine(Profile(), SESSION), replace(log, commits=[late]), has_chat=True, finish=True)
    assert found.end_ns == ns(LENGTH_S)


@pytest.mark.parametrize(
    ("kind", "family"),
    [
        ("audio", Family.AUDIO),
        ("audio.level", Family.AUDIO),
        ("scene", Family.VISION),
        ("game.hud", Family.GAME),
        ("x", None),
    ],
)
def test_a_signal_belongs_to_a_family(kind: str, family: Family | None) -> None:
    """By how its kind begins."""
    assert family_of(kind) is family
