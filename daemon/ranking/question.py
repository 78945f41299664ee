"""Candidates -> one question for the gateway. Pure.

The model sees short ids that mean nothing outside the question, numbered by place: what an answer says about `c3` can
name nothing but the third candidate of this question.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from core.control import LlmAsk
from core.ids import ClipId
from daemon.ranking.answer import schema
from daemon.ranking.fence import fenced, marker_of, plain
from daemon.ranking.prompts import Prompt
from daemon.ranking.values import Candidate

SAID: Final = 1500  # characters of what was said: a minute and a half
LINE: Final = 120  # of a chat line, a reason, a title
LINES: Final = 12
REASONS: Final = 5
_TOKENS_EACH: Final = 400  # of an answer, for one candidate
_TOKENS: Final = 200


def short_ids(candidates: Sequence[Candidate]) -> dict[str, ClipId]:
    """c1, c2, ... by place."""
    return {f"c{place}": candidate.clip for place, candidate in enumerate(candidates, 1)}


def question(candidates: Sequence[Candidate], prompt: Prompt, key: str, *, deadline_s: float) -> LlmAsk:
    """In the order of the candidates. Nothing of theirs stands outside the fence, whose marker is made with `key`."""
    ids = short_ids(candidates)
    clips = [_shown(name, candidate) for name, candidate in zip(ids, candidates, strict=True)]
    marker = marker_of(key, json.dumps(clips))
    data = fenced({"clips": clips}, marker)
    return LlmAsk(
        task="rank",
        messages=(
            {"role": "system", "content": prompt.text(marker)},
            {"role": "user", "content": f"Rank these {len(clips)} clips.\n{data}"},
        ),
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "ranking", "strict": True, "schema": schema(ids)},
        },
        max_tokens=_TOKENS + _TOKENS_EACH * len(clips),
        temperature=0.0,
        deadline_s=deadline_s,
        prompt_hash=prompt.hash,
    )


def _shown(name: str, candidate: Candidate) -> dict[str, Any]:
    return {
        "id": name,
        "duration_s": round(candidate.duration_s, 1),
        "language": plain(candidate.language, 20),
        "detector_score": round(100 * candidate.p),
        "signals": {plain(part, 20): round(logit, 1) for part, logit in candidate.parts.items()},
        "working_title": plain(candidate.title, LINE),
        "why_found": [plain(reason, LINE) for reason in candidate.reasons[:REASONS]],
        "said": plain(candidate.said, SAID),
        "chat": [line for each in candidate.chat[:LINES] if (line := plain(each, LINE))],
    }
