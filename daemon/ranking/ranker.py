"""Asks a model about one group, twice, and makes one bounded verdict of both answers. Pure but for the model.

An answer that is not exactly what was asked for is no answer: the heuristic rank stands, and says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from core.ids import ClipId
from daemon.ranking.answer import read_answer
from daemon.ranking.bounds import held, moved
from daemon.ranking.listwise import standings
from daemon.ranking.prompts import Prompt
from daemon.ranking.question import question, short_ids
from daemon.ranking.values import GROUP, RUBRIC, Candidate, Model, Opinion, Outcome, Unanswered, Verdict

DEADLINE_S: Final = 30.0  # of one question


def rank_group(
    candidates: Sequence[Candidate],
    prompt: Prompt,
    model: Model,
    *,
    key: str,
    bound: float,
) -> Outcome:
    """At most GROUP candidates, in order of time. `key`: the fence's; `bound`: how many logits a score may move."""
    if not 0 < len(candidates) <= GROUP:
        raise ValueError(f"a group of {len(candidates)}")
    try:
        first, name = _asked(candidates, prompt, model, key)
        second, _ = _asked(candidates[::-1], prompt, model, key) if len(candidates) > 1 else (first, name)
    except Unanswered as err:
        return Outcome(state=err.state, why=err.why, prompt=prompt.label)
    return Outcome(
        state="ranked", prompt=prompt.label, model=name, verdicts=_verdicts(candidates, first, second, bound)
    )


def _asked(candidates: Sequence[Candidate], prompt: Prompt, model: Model, key: str) -> tuple[tuple[Opinion, ...], str]:
    answer = model.ask(question(candidates, prompt, key, deadline_s=DEADLINE_S))
    return read_answer(answer.content, short_ids(candidates)), f"{answer.provider}/{answer.model}"[:120]


def _verdicts(
    candidates: Sequence[Candidate], first: Sequence[Opinion], second: Sequence[Opinion], bound: float
) -> dict[ClipId, Verdict]:
    places = standings([each.clip for each in first], [each.clip for each in second])
    ones, others = ({each.clip: each for each in opinions} for opinions in (first, second))
    found = {}
    for each in candidates:
        stands, one, other = places[each.clip], ones[each.clip], others[each.clip]
        shift = round(bound * stands.place * stands.agreement, 6)
        virality = held(each.p, bound, (one.virality + other.virality) / 200)
        found[each.clip] = Verdict(
            opinion=_both(one, other),
            shift=shift,
            score=moved(each.p, shift),
            virality=round(100 * virality),
            place=stands.place,
            agreement=stands.agreement,
        )
    return found


def _both(one: Opinion, other: Opinion) -> Opinion:
    """Numbers are averaged; a text is the first answer's, or the second's where that one was not fit to be shown."""
    return Opinion(
        clip=one.clip,
        virality=round((one.virality + other.virality) / 2),
        rubric={name: round((one.rubric[name] + other.rubric[name]) / 2) for name in RUBRIC},
        reasons=one.reasons or other.reasons,
        title=one.title or other.title,
        description=one.description or other.description,
        hashtags=one.hashtags or other.hashtags,
    )


def ranked(base: Mapping[str, Any], verdict: Verdict, outcome: Outcome) -> dict[str, Any]:
    """A clip's rank with what the model said in place of the heuristic. `base` may be newer than the question."""
    said = verdict.opinion
    return {
        **base,
        **said.rubric,
        "state": "ranked",
        "why": "",
        "virality": verdict.virality,
        "reasons": list(said.reasons or base["reasons"]),
        "title": said.title or base["title"],
        "description": said.description,
        "hashtags": list(said.hashtags),
        "shift": verdict.shift,
        "score": moved(base["p"], verdict.shift),
        "prompt": outcome.prompt,
        "model": outcome.model,
    }
