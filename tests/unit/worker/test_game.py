"""A game in a session: events reach the engine when they are known, and the journal; without one nothing is there."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

from configs import Settings
from core.game import GameEvent, GameKind
from core.ids import SessionId
from core.media import AudioBlock, Epoch, Gap, Packet, Track
from core.times import Ns, ns, to_s
from daemon.journal import Journal
from daemon.worker.analysis import Analysis, StepResult
from daemon.worker.chat import NoChat
from daemon.worker.game import Guarded, Looking, NoGame, open_looking
from daemon.worker.queue import AnalysisQueue, Batch, EpochStart
from daemon.worker.speech import NoSpeech
from detectors import Engine, Profile
from telemetry import Metrics
from tests.unit.looking.coded import between, coded

SESSION = SessionId("one")
EPOCH = Epoch(number=0, start_ns=Ns(0), reason="start", by="start")


def kill(t_s: float, known_s: float) -> GameEvent:
    return GameEvent(
        t_ns=ns(t_s), known_ns=ns(known_s), kind=GameKind.KILL, game="test", own=True, source="feed", who="Ann"
    )


class Scripted:
    """A game that says what it is told to, at packets and at the end."""

    there = True

    def __init__(self, at: dict[float, GameEvent], last: list[GameEvent]) -> None:
        self._at, self._last = at, last
        self.begun: list[int] = []

    def begin(self, epoch: Epoch, picture: Track | None) -> None:
        self.begun.append(epoch.number)

    def push(self, packet: Packet) -> list[GameEvent]:
        due = self._at.pop(round(to_s(packet.pts_ns), 3), None)
        return [] if due is None else [due]

    def listen(self, block: AudioBlock) -> list[GameEvent]:
        return []

    def cut(self) -> list[GameEvent]:
        last, self._last = self._last, []
        return last


class Steps:
    def __init__(self) -> None:
        self.steps: list[StepResult] = []

    def step(self, result: StepResult) -> None:
        self.steps.append(result)


def analysed(game: Looking, *, length_s: float = 6.0) -> tuple[list[StepResult], list[tuple[float, float]]]:
    """The steps, and what the engine was told by when."""
    track, packets = coded(length_s, between())
    queue = AnalysisQueue(limit_ns=ns(60), sheds=False, on_shed=lambda _a, _b: None)
    queue.put(EpochStart(EPOCH, (track,)))
    before_ns = Ns(0)
    for packet in packets:
        queue.put(Batch((packet,), before_ns, packet.dts_ns))
        before_ns = packet.dts_ns
    queue.close()
    told: list[tuple[float, float]] = []

    class Hears(Engine):
        def game(self, events: object) -> None:
            told.extend((to_s(event.t_ns), to_s(event.known_ns)) for event in events)  # type: ignore[attr-defined]
            super().game(events)  # type: ignore[arg-type]

    record = Steps()
    Analysis(queue, Hears(Profile(), SESSION), NoChat(), NoSpeech(), record, looking=game).run()
    return record.steps, told


def test_an_event_is_told_at_the_first_step_that_may_know_it() -> None:
    """Found with the packet at 2 s and known from 3 s on: with the step at 3 s, and with no other."""
    steps, told = analysed(Scripted({2.0: kill(1.5, 3.0)}, []))
    assert told == [(1.5, 3.0)]
    assert [to_s(step.t_ns) for step in steps if step.game] == [3.0]


def test_what_is_learned_late_was_not_known_before() -> None:
    """An event that comes after its time's step counts from the next one: run again, it does so too."""
    steps, told = analysed(Scripted({4.0: kill(1.5, 1.5)}, []))
    [(t_s, known_s)] = told
    [step] = [step for step in steps if step.game]
    assert t_s == 1.5
    assert to_s(step.t_ns) - 0.5 < known_s <= to_s(step.t_ns)


def test_what_the_end_shows_is_told_before_it_is_over() -> None:
    """The last GOP has no keyframe behind it."""
    steps, told = analysed(Scripted({}, [kill(5.5, 6.0)]))
    assert told == [(5.5, 6.0)]
    assert steps[-1].game or steps[-2].game


def test_the_journal_keeps_what_was_shown(tmp_path: Path) -> None:
    """And gives it back from a time on, in the order of knowing."""
    events = [kill(1, 2), kill(2.5, 4)]
    with Journal.open_or_create(tmp_path / "session.db", session=SESSION) as journal:
        journal.begin_attempt()
        journal.add_game(events)
        assert list(journal.game()) == events
        assert list(journal.game(ns(3))) == events[1:]
        journal.forget_analysis()
        assert list(journal.game()) == []


def test_bytes_that_wait_are_bounded_too() -> None:
    """A picture at 100 Mbit/s is shed long before its minute is full."""
    packet = Packet(
        kind="video", pts=0, dts=0, duration=1, time_base=Fraction(1, 90_000), is_keyframe=False, data=bytes(1000)
    )
    shed: list[tuple[Ns, Ns]] = []
    queue = AnalysisQueue(limit_ns=ns(60), sheds=True, on_shed=lambda a, b: shed.append((a, b)), limit_bytes=10_000)
    for second in range(20):
        queue.put(Batch((packet,), ns(second), ns(second + 1)))
    assert (len(shed), queue.waiting_ns) == (10, ns(10))
    queue.close()
    first = queue.get()
    assert isinstance(first, Gap)
    assert first.end_ns == ns(10)


class Broken(Scripted):
    """A reader with a bug."""

    def push(self, packet: Packet) -> list[GameEvent]:
        """At the first packet."""
        raise IndexError(packet.pts)


def test_a_reader_that_fails_costs_the_session_its_game_and_nothing_else() -> None:
    """It is said once, and analysis goes on to the end."""
    said: list[tuple[str, str, str]] = []
    steps, told = analysed(Guarded(Broken({2.0: kill(1.5, 3.0)}, []), lambda *words: said.append(words)))
    assert told == []
    assert to_s(steps[-1].t_ns) >= 5
    assert [code for code, _, _ in said] == ["hud_failed"]


def test_without_a_game_nothing_is_opened() -> None:
    """Nor with `off`, whatever a profile says."""
    for game in (None, "off"):
        assert isinstance(open_looking(Settings(data_dir="data", game=game), Metrics()), NoGame)


def test_a_game_changes_nothing_for_the_workers_children() -> None:
    """OpenCV would have them look for libraries in the working folder."""
    code = """import os
from configs import Settings
from daemon.worker.game import open_looking
from telemetry import Metrics
looking = open_looking(Settings(data_dir="data", game="freedoom"), Metrics())
print(looking.there, os.environ.get("LD_LIBRARY_PATH"))"""
    env = {key: value for key, value in os.environ.items() if key != "LD_LIBRARY_PATH"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert run.stdout.split() == ["True", "None"]
