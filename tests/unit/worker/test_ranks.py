"""Ranks at the desk: no clip waits for one, each has one, and what was answered is not asked again."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from configs.ranking import RankingOptions, ShadowOptions
from core.control import LlmAnswer, LlmAsk
from core.edits import RenderSpec
from core.ids import MomentId, SessionId, clip_id
from core.lines import clip_fields
from core.media import ChatMessage
from core.moments import Event, Family, Moment, MomentState
from core.times import ns
from daemon.clips import ClipContext
from daemon.journal import Journal
from daemon.ranking import Model, Unanswered
from daemon.ranking.bounds import logit
from daemon.worker.desk import ClipDesk
from daemon.worker.desktools import DeskTools, NoPins
from daemon.worker.emitter import Emitter
from daemon.worker.planner import ClipPlanner
from daemon.worker.ranks import TRIES, rank_states, ranking_of
from telemetry import Metrics, SystemClock
from tests.unit.clips.conftest import footage, media_file, media_folder
from tests.unit.clips.footage import ListFootage
from tests.unit.ranking.models import Entry, Playing, answered, data_of, entry, honest

__all__ = ["footage", "media_file", "media_folder"]
SESSION = SessionId("s20260101t000000-abcdef")
OPTIONS = RankingOptions(group=2, every_s=60)
WAIT_S = 120


def moment(name: str, start_s: float, p: float = 0.6, state: MomentState = MomentState.FINAL) -> Moment:
    return Moment(
        id=MomentId(name), state=state, start_ns=ns(start_s), end_ns=ns(start_s + 2), anchor_ns=ns(start_s + 1), p=p,
        bar=0.5, parts={"audio": 1.2}, reasons=("Crowd roar",), decided_ns=ns(start_s + 1),
    )  # fmt: skip


class Told(io.StringIO):
    """The session's lines; `until` waits for something that changes with them."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Condition()

    def write(self, text: str) -> int:
        with self._changed:
            self._changed.notify_all()
            return super().write(text)

    def until(self, true: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(true, WAIT_S)


class Room:
    """A session's desk, its lines and its journal; `attempt` is one run of it."""

    def __init__(self, folder: Path, footage: ListFootage) -> None:
        self._folder, self._footage = folder, footage
        self.journal = Journal.open_or_create(folder / "session.db", session=SESSION)
        self.out = Told()

    def desk(self, model: Model | None, options: RankingOptions = OPTIONS) -> ClipDesk:
        clock = SystemClock()
        tools = DeskTools(
            journal=self.journal,
            footage=self._footage,
            pins=NoPins(),
            emitter=Emitter(self.out, SESSION, clock),
            arrivals=None,
            clock=clock,
            metrics=Metrics(),
            spec=RenderSpec(),
            session_dir=self._folder,
            out_dir=None,
            context=lambda *_: ClipContext(source="test"),
            ranking=ranking_of(options, model),
        )
        return ClipDesk(tools, ClipPlanner(SESSION, self.journal.finished_decisions()))

    def attempt(self, model: Model | None, *moments: Moment, options: RankingOptions = OPTIONS) -> None:
        """From its first clip to its end."""
        desk = self.desk(model, options)
        desk.start([])
        for each in moments:
            self.journal.add_moment(each)
            desk.moment(each)
        desk.advance(ns(9), ns(9))
        desk.finish(ns(12))

    def lines(self) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.out.getvalue().splitlines()]
        return [line for line in lines if line["type"] == "clip"]

    def states(self) -> list[tuple[str, str]]:
        return [(line["rank"]["state"], line["rank"]["why"]) for line in self.lines()]


@pytest.fixture
def room(tmp_path: Path, footage: Callable[[str], ListFootage]) -> Iterator[Room]:
    room = Room(tmp_path, footage("h264"))
    yield room
    room.journal.close()


ONE, TWO = moment("m1", 1, 0.55), moment("m2", 4, 0.65)


def test_a_clip_is_told_of_first_and_ranked_later_under_the_same_revision(room: Room) -> None:
    """Title and score change with the rank, within the bound; journal and clip.json say what the line says."""
    room.attempt(Playing(honest), ONE, TWO)
    first, second, *later = room.lines()
    assert room.states() == [("heuristic", "unsure")] * 2 + [("ranked", "")] * 2
    assert [line["revision"] for line in room.lines()] == [1, 1, 1, 1]
    assert (first["score"], second["score"]) == (0.55, 0.65)
    for line, base, shift in zip(later, (first, second), (-0.5, 0.5), strict=True):
        assert line["id"] == base["id"]
        assert logit(line["score"]) - logit(base["score"]) == pytest.approx(shift, abs=1e-3)
        assert line["title"] == line["rank"]["title"] == f"About {'c1' if base is first else 'c2'}"
        assert line["rank"]["prompt"].startswith("viral@1:")
        assert line["rank"]["model"] == "local/part"
        record = room.journal.clip(line["id"])
        assert record is not None
        assert clip_fields(record)["rank"] == line["rank"]
        document = json.loads(Path(line["files"]["clip"]).read_text())
        assert document["title"] == base["title"]  # the files were made with it, and can be made again
        assert document["rank"] == line["rank"] | {"shadow": None}
    assert rank_states(room.journal.clips()) == {"ranked": 2}


def test_no_clip_waits_for_a_model_that_takes_its_time(room: Room) -> None:
    """Both clips of a group are there, and a third, while the question stands."""
    asked, go = threading.Event(), threading.Event()

    class Slow(Playing):
        def ask(self, ask: LlmAsk) -> LlmAnswer:
            asked.set()
            assert go.wait(WAIT_S)
            return super().ask(ask)

    desk = room.desk(Slow(honest))
    desk.start([])
    for each in (ONE, TWO):
        room.journal.add_moment(each)
        desk.moment(each)
    desk.advance(ns(7), ns(7))
    assert asked.wait(WAIT_S)
    third = moment("m3", 7)
    room.journal.add_moment(third)
    desk.moment(third)
    desk.advance(ns(9.5), ns(9.5))
    room.out.until(lambda: len(room.lines()) == 3)
    assert [line["rank"]["state"] for line in room.lines()] == ["heuristic"] * 3
    go.set()
    desk.finish(ns(12))
    assert rank_states(room.journal.clips()) == {"ranked": 3}


class Silent:
    """A Model that nobody answers for."""

    def __init__(self, state: Any, why: str) -> None:
        self._err = Unanswered(state, why)
        self.asked = 0

    def ask(self, ask: LlmAsk) -> LlmAnswer:
        self.asked += 1
        raise self._err


class Ailing(Silent):
    """Away for another reason each time, so that each is told."""

    def ask(self, ask: LlmAsk) -> LlmAnswer:
        self._err = Unanswered("unavailable", ("timeout", "llm_deadline", "llm_unavailable")[self.asked])
        return super().ask(ask)


@pytest.mark.parametrize(("state", "why"), [("unavailable", "timeout"), ("budget", "llm_budget")])
def test_a_model_that_does_not_answer_is_seen_and_changes_nothing_else(room: Room, state: str, why: str) -> None:
    """Title and score stay; with the end of the session nobody is asked again for nothing."""
    model = Silent(state, why)
    room.attempt(model, ONE, TWO)
    assert room.states() == [("heuristic", "unsure")] * 2 + [(state, why)] * 2
    before, after = room.lines()[:2], room.lines()[2:]
    assert [(line["title"], line["score"]) for line in before] == [(line["title"], line["score"]) for line in after]
    assert rank_states(room.journal.clips()) == {state: 2}
    assert model.asked == 1


def test_what_was_not_answered_is_asked_again_with_later_groups(room: Room) -> None:
    """Three times at most, and never at once: a gateway that is away would be asked without end."""
    model = Ailing("unavailable", "")
    desk = room.desk(model)
    desk.start([])
    for each in (ONE, TWO):
        room.journal.add_moment(each)
        desk.moment(each)
    for number, minute in enumerate((0.1, 2, 4, 6, 8)):
        desk.advance(ns(60 * minute), ns(60 * minute))
        told = 2 + 2 * min(number + 1, TRIES)
        room.out.until(lambda told=told: len(room.lines()) == told)  # type: ignore[misc]
    desk.finish(ns(600))
    assert model.asked == TRIES


def test_where_there_is_no_model_the_rank_is_what_was_measured(room: Room) -> None:
    """`clipd watch`, `vod` and `demo`; a supervisor without providers; a ranker that is turned off."""
    room.attempt(None, ONE)
    room.attempt(Silent("heuristic", "off"), TWO)
    room.attempt(Playing(honest), moment("m3", 7), options=RankingOptions(enabled=False))
    assert room.states() == [("heuristic", "no_gateway"), ("heuristic", "unsure"), ("heuristic", "off")]


def test_what_spoke_against_a_clip_is_none_of_its_hashtags(room: Room) -> None:
    """A montage is why it scored less."""
    at: dict[str, Any] = {"start_ns": ns(1), "end_ns": ns(2), "peak_ns": ns(1.5), "found_ns": ns(2)}
    said = [("roar", Family.AUDIO, 1.5), ("montage", Family.VISION, -0.4)]
    events = tuple(
        Event(kind=kind, family=family, llr=llr, surprise_per_h=1.0, quality=1.0, why=kind, **at)
        for kind, family, llr in said
    )
    room.attempt(None, replace(ONE, events=events))
    assert room.lines()[-1]["rank"]["hashtags"] == ["#roar"]


def test_a_clip_that_detection_is_sure_of_is_only_compared_with(room: Room) -> None:
    """It is in the question, and keeps its rank."""
    model = Playing(honest)
    room.attempt(model, ONE, moment("m2", 4, 0.97))
    assert room.states() == [("heuristic", "unsure"), ("heuristic", "sure"), ("ranked", "")]
    assert len(data_of(model.asked[0])) == 2
    assert room.lines()[-1]["id"] == clip_id(ONE.id)


def test_a_restarted_worker_asks_about_what_was_not_answered_and_about_nothing_else(room: Room) -> None:
    """By the journal."""
    room.attempt(Playing(honest), ONE)
    room.attempt(Silent("unavailable", "timeout"), TWO)
    model = Playing(honest)
    room.attempt(model)
    assert [clip["rank"]["state"] for clip in room.journal.clips()] == ["ranked", "ranked"]
    assert [clip["duration_s"] for clip in data_of(model.asked[0])] == [pytest.approx(2, abs=1)]
    room.attempt(model)
    assert len(model.asked) == 1


def test_a_claim_that_is_lost_waits_for_no_model(room: Room) -> None:
    """What was not answered is the next attempt's to ask."""
    go = threading.Event()

    class Hung(Silent):
        def ask(self, ask: LlmAsk) -> LlmAnswer:
            assert go.wait(WAIT_S)
            return super().ask(ask)

    desk = room.desk(Hung("unavailable", "timeout"))
    desk.start([])
    for each in (ONE, TWO):
        room.journal.add_moment(each)
        desk.moment(each)
    desk.advance(ns(7), ns(7))
    room.out.until(lambda: len(room.lines()) == 2)
    desk.leave()
    desk.finish(ns(12))
    assert rank_states(room.journal.clips()) == {"heuristic": 2}
    go.set()


def test_a_later_revision_keeps_what_was_said_of_the_clip(room: Room) -> None:
    """It is not asked about again; its score follows detection, moved as far as before."""
    early = replace(ONE, state=MomentState.CONFIRMED)
    desk = room.desk(Playing(honest))
    desk.start([])
    for each in (early, TWO):
        room.journal.add_moment(each)
        desk.moment(each)
    desk.advance(ns(7), ns(7))
    room.out.until(lambda: room.states()[2:] == [("ranked", "")] * 2)
    longer = replace(ONE, end_ns=ns(4.5), p=0.7)
    room.journal.add_moment(longer)
    desk.moment(longer)
    desk.advance(ns(9), ns(9))
    desk.finish(ns(12))
    last = room.lines()[-1]
    assert (last["id"], last["revision"], last["rank"]["state"]) == (clip_id(ONE.id), 2, "ranked")
    assert last["title"] == "About c1"
    assert logit(last["score"]) - logit(0.7) == pytest.approx(-0.5, abs=1e-3)
    assert json.loads(Path(last["files"]["clip"]).read_text())["rank"]["state"] == "ranked"


def test_a_shadow_ranks_the_same_clips_and_is_told_to_nobody(room: Room) -> None:
    """It stands in the journal and in clip.json."""

    def by_prompt(found: list[Entry]) -> str:
        worst_first = len(model.asked) > 2
        ordered = sorted(found, key=lambda clip: clip["detector_score"] * (1 if worst_first else -1))
        return answered([entry(clip["id"], title=f"Shadow {worst_first}") for clip in ordered])

    model = Playing(by_prompt)
    room.attempt(model, ONE, TWO, options=OPTIONS.model_copy(update={"shadow": ShadowOptions(prompt="funny")}))
    assert len(model.asked) == 4
    assert {line["title"] for line in room.lines()[2:]} == {"Shadow False"}
    assert all("shadow" not in line["rank"] for line in room.lines())
    weak, strong = room.journal.clips()
    assert weak["score"] < 0.55 < weak["rank"]["shadow"]["score"]
    assert strong["rank"]["shadow"]["score"] < 0.65 < strong["score"]
    assert strong["rank"]["shadow"]["prompt"].startswith("funny@1:")
    assert json.loads(Path(weak["files"]["clip"]).read_text())["rank"]["shadow"]["title"] == "Shadow True"


def test_a_question_holds_what_was_said_and_typed_around_the_clip(room: Room) -> None:
    """Chat of up to 20 s after it, a dozen lines of many."""
    room.journal.add_chat([ChatMessage(t_ns=ns(1 + number), user="u", text=f"line {number}") for number in range(40)])
    model = Playing(honest)
    room.attempt(model, ONE)
    [clip] = data_of(model.asked[0])
    assert clip["chat"][0] == "line 0"
    assert len(clip["chat"]) == 12
    assert "line 30" not in clip["chat"]
    assert clip["why_found"] == ["Crowd roar"]
    assert clip["signals"] == {"audio": 1.2}
