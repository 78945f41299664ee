"""What the ranker takes and gives. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, Protocol

from core.control import LlmAnswer, LlmAsk
from core.ids import ClipId

RankState = Literal["ranked", "heuristic", "unavailable", "budget"]
RUBRIC: Final = ("hook", "emotion", "topic", "completeness", "visual")  # each 0 to 100
GROUP: Final = 8  # candidates of one question at most: lists that are longer are ordered badly


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A finished clip as it is put to a model. All its texts are strangers' words.

    `p` is what detection gave it, `bar` what it had to reach. `moves`: False for one that is there to be compared with.
    """

    clip: ClipId
    duration_s: float
    title: str
    said: str
    chat: tuple[str, ...]
    reasons: tuple[str, ...]
    parts: Mapping[str, float]
    language: str
    p: float
    bar: float
    moves: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """One candidate in a model's answer, read and cleaned. A text that was not fit to be shown is empty."""

    clip: ClipId
    virality: int
    rubric: Mapping[str, int]
    reasons: tuple[str, ...]
    title: str
    description: str
    hashtags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """The field `rank` of a clip's line. `score` is what `p` becomes: its logit moved by `shift`, never over the bound.

    `why`: a code. `heuristic`: sure, unsure (not asked yet), no_gateway, off; other states: what went wrong.
    """

    state: RankState
    why: str
    virality: int
    hook: int
    emotion: int
    topic: int
    completeness: int
    visual: int
    reasons: tuple[str, ...]
    title: str
    description: str
    hashtags: tuple[str, ...]
    p: float
    bar: float
    shift: float = 0.0
    score: float
    prompt: str = ""
    model: str = ""
    shadow: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """As records and clip.json hold it."""
        return asdict(self) | {"reasons": list(self.reasons), "hashtags": list(self.hashtags)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a model's two answers come to for one candidate."""

    opinion: Opinion
    shift: float
    score: float
    virality: int
    place: float  # -1 last, 1 first, of both orders
    agreement: float  # 0 to 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Of one group under one prompt: verdicts by clip, or why there are none."""

    state: RankState
    why: str = ""
    prompt: str
    model: str = ""
    verdicts: Mapping[ClipId, Verdict] = field(default_factory=dict)


class Unanswered(Exception):
    """There is no answer; `state` is what the clips' ranks then say, `why` a code."""

    def __init__(self, state: RankState, why: str) -> None:
        super().__init__(why)
        self.state, self.why = state, why


class Model(Protocol):
    """A language model behind the supervisor's gateway."""

    def ask(self, ask: LlmAsk) -> LlmAnswer:
        """Blocks for up to the ask's deadline. Raises Unanswered."""
