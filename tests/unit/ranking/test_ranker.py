"""Two orders of one group: what follows from places cancels, what both say counts, what is no answer does nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from core.control import LlmAnswer, LlmAsk
from core.ids import ClipId
from daemon.ranking import Unanswered, load_prompt, rank_group
from daemon.ranking.bounds import held, logit, moved
from daemon.ranking.listwise import Standing, standings
from tests.unit.ranking.models import Entry, Playing, answered, candidate, data_of, entry, honest

PROMPT = load_prompt("viral")
KEY = "a session's key"
A, B, C = (ClipId(name) for name in "abc")


def test_the_same_order_twice_counts_in_full_and_opposite_ones_not_at_all() -> None:
    """Places run from 1 for the best to -1."""
    assert standings([A, B, C], [A, B, C]) == {A: Standing(1, 1), B: Standing(0, 1), C: Standing(-1, 1)}
    assert standings([A, B, C], [C, B, A]) == {A: Standing(0, 0), B: Standing(0, 1), C: Standing(0, 0)}
    assert standings([A, B, C], [A, C, B]) == {A: Standing(1, 1), B: Standing(-0.5, 0.5), C: Standing(-0.5, 0.5)}
    assert standings([A], [A]) == {A: Standing(0, 1)}


@pytest.mark.parametrize("size", [2, 5, 8])
def test_a_model_that_takes_the_list_as_it_comes_moves_nothing(size: int) -> None:
    """Position bias: the first of the list is always the best."""
    clips = [candidate(number, 0.4 + 0.05 * number) for number in range(size)]
    model = Playing(lambda found: answered([entry(clip["id"]) for clip in found]))
    outcome = rank_group(clips, PROMPT, model, key=KEY, bound=1.0)
    assert [outcome.verdicts[clip.clip].score for clip in clips] == [clip.p for clip in clips]
    first, second = (data_of(ask) for ask in model.asked)
    assert [clip["working_title"] for clip in first] == [clip["working_title"] for clip in second][::-1]


def test_a_model_that_judges_moves_scores_by_place_and_within_the_bound() -> None:
    """The best up, the worst down, by the bound at most; numbers are averaged, texts are the first answer's."""
    clips = [candidate(1, 0.5), candidate(2, 0.9), candidate(3, 0.7)]
    model = Playing(honest)
    outcome = rank_group(clips, PROMPT, model, key=KEY, bound=0.5)
    shifts = [round(outcome.verdicts[clip.clip].shift, 6) for clip in clips]
    assert shifts == [-0.5, 0.5, 0.0]
    best = outcome.verdicts[clips[1].clip]
    assert logit(best.score) - logit(0.9) == pytest.approx(0.5)
    assert best.opinion.title == "About c2"
    assert (outcome.model, outcome.prompt) == ("local/part", PROMPT.label)
    assert model.asked[0].prompt_hash == PROMPT.hash
    assert model.asked[0].messages[1] != model.asked[1].messages[1]


def test_a_clip_that_is_alone_is_described_and_stays_where_it_is() -> None:
    """There is nothing to compare it with; one question is enough."""
    model = Playing(honest)
    outcome = rank_group([candidate(1, 0.6)], PROMPT, model, key=KEY, bound=0.5)
    assert outcome.verdicts[candidate(1).clip].score == 0.6
    assert len(model.asked) == 1


def test_a_bound_is_the_same_wherever_a_score_lies() -> None:
    """Logits; and what is certain stays a number."""
    assert moved(0.3, 0) == 0.3
    assert moved(0.5, 0.5) == pytest.approx(1 / (1 + math.exp(-0.5)))
    assert held(0.5, 0.5, 1.0) == pytest.approx(moved(0.5, 0.5))
    assert held(0.5, 0.5, 0.51) == pytest.approx(0.51)
    assert 0 < moved(0.0, -3) < moved(1.0, 3) < 1


def broken(change: Callable[[list[Entry]], Any]) -> Callable[[list[Entry]], str]:
    def play(found: list[Entry]) -> str:
        made = change([entry(clip["id"]) for clip in found])
        return made if isinstance(made, str) else json.dumps(made)

    return play


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda clips: answered(clips)[:200], "not_json"),
        (lambda clips: f"Sure! ```json\n{answered(clips)}\n```", "not_json"),
        (lambda _: "", "not_json"),
        (lambda _: "[" * 50_000, "not_json"),
        (lambda _: " " * (1 << 17), "too_long"),
        (lambda clips: clips, "wrong_shape"),
        (lambda clips: {"clips": {"c1": clips[0]}}, "wrong_shape"),
        (lambda clips: {"clips": [*clips[:-1], "c3"]}, "foreign_id"),
        (lambda clips: {"clips": [*clips[:-1], entry("c4")]}, "foreign_id"),
        (lambda clips: {"clips": [*clips[:-1], entry("C3")]}, "foreign_id"),
        (lambda clips: {"clips": [*clips[:-1], entry(candidate(3).clip)]}, "foreign_id"),
        (lambda clips: {"clips": [*clips[:-1], entry("c3") | {"id": ["c3"]}]}, "foreign_id"),
        (lambda clips: {"clips": [*clips, clips[0]]}, "id_twice"),
        (lambda clips: {"clips": clips[:-1]}, "id_missing"),
        (lambda _: {"clips": []}, "id_missing"),
        (lambda clips: {"clips": [*clips[:-1], clips[-1] | {"virality": 101}]}, "out_of_range"),
        (lambda clips: {"clips": [*clips[:-1], clips[-1] | {"hook": -1}]}, "out_of_range"),
        (lambda clips: {"clips": [*clips[:-1], clips[-1] | {"hook": True}]}, "out_of_range"),
        (lambda clips: {"clips": [*clips[:-1], clips[-1] | {"hook": "90"}]}, "out_of_range"),
        (lambda clips: answered(clips).replace("50", "NaN"), "out_of_range"),
        (lambda clips: {"clips": [*clips[:-1], clips[-1] | {"start_s": 3}]}, "wrong_shape"),
        (lambda clips: {"clips": [*clips[:-1], clips[-1] | {"title": None}]}, "wrong_shape"),
        (lambda clips: {"clips": [*clips[:-1], clips[-1] | {"reasons": "loud"}]}, "wrong_shape"),
    ],
)
def test_an_answer_that_is_not_what_was_asked_for_is_refused_whole(
    change: Callable[[list[Entry]], Any], why: str
) -> None:
    """Nothing of it is used, and the reason can be seen."""
    clips = [candidate(number) for number in (1, 2, 3)]
    outcome = rank_group(clips, PROMPT, Playing(broken(change)), key=KEY, bound=0.5)
    assert (outcome.state, outcome.why, outcome.verdicts) == ("unavailable", f"refused_{why}", {})


def test_one_good_answer_of_two_is_none() -> None:
    """Its order alone would be the model's taste for places."""
    model = Playing(lambda found: honest(found) if len(model.asked) == 1 else "Sorry")
    assert rank_group([candidate(1), candidate(2)], PROMPT, model, key=KEY, bound=0.5).state == "unavailable"


@pytest.mark.parametrize("state", ["budget", "unavailable", "heuristic"])
def test_without_an_answer_the_state_says_why(state: Any) -> None:
    """As the gateway said it."""

    class Silent:
        def ask(self, ask: LlmAsk) -> LlmAnswer:
            raise Unanswered(state, "a_code")

    outcome = rank_group([candidate(1)], PROMPT, Silent(), key=KEY, bound=0.5)
    assert (outcome.state, outcome.why) == (state, "a_code")
