"""What a worker and its supervisor say to each other over the internal API: JSON bodies, both ways. Pure.

Every path starts with `/internal/v1/`; every request carries `Authorization: Bearer <token>` (`/renew`: the renewal
secret) and is answered with JSON or with the error shape of DESIGN.md section 6. A worker trusts its supervisor's
answers as little as the supervisor trusts a worker: both sides read them through `from_json`.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Final, Literal, Self, get_args, get_type_hints

from core.errors import UsageError

HEARTBEAT_S: Final = 2.0  # reliability.md section 3, item 21
PROOF_S: Final = 45.0  # without an answer that names its claim for this long a worker publishes nothing; item 23
MAX_BATCH: Final = 256  # rows of one `events` request
MAX_BODY: Final = 1 << 20  # bytes of any request or answer
MAX_TEXT: Final = 4096
MAX_CONTENT: Final = 1 << 18  # characters that go to a language model, of all messages, or that come back
MAX_TOKENS: Final = 16_384  # of one answer of a language model
MAX_DEADLINE_S: Final = 120.0  # for one answer of a language model, over all providers

WorkerState = Literal["starting", "live", "gap", "draining", "done"]
CommandKind = Literal[
    "drain", "stop", "clip-now", "render", "trim", "cut", "reload", "rec-start", "rec-stop", "conform"
]
DATA_KINDS: Final = frozenset({"clip"})  # finished work, taken from any attempt; all other kinds are its state
_LONG: Final = {"metrics": MAX_BODY, "content": MAX_CONTENT}  # characters of these fields
EVENT_KINDS: Final = (
    "session", "state", "gap", "warning", "error", "event", "moment", "clip", "summary", "render", "order", "take",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Message:
    """A JSON object with exactly the fields of the class: no more, none of another type."""

    MAX_ITEMS: ClassVar[int] = 4096

    def to_json(self) -> dict[str, Any]:
        """The body."""
        return asdict(self)

    @classmethod
    def from_json(cls, body: object) -> Self:
        """Raises UsageError(`bad_message`) on anything else than this message."""
        if not isinstance(body, Mapping):
            raise bad_message("not a JSON object")
        known = {each.name: each for each in dataclasses.fields(cls)}
        strange = next((str(name) for name in body if name not in known), None)
        if strange is not None:
            raise bad_message(f"unknown field {strange[:40]!r}")
        needed = [name for name, each in known.items() if each.default is each.default_factory is dataclasses.MISSING]
        missing = next((name for name in needed if name not in body), None)
        if missing is not None:
            raise bad_message(f"{missing} is missing")
        hints = get_type_hints(cls)
        return cls(**{name: _value(name, value, hints[name]) for name, value in body.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello(_Message):
    """`POST hello`: an attempt has started and holds the session's lock. `attempt` is the journal's own number."""

    stream: str
    session: str
    claim_token: int
    attempt: int
    pid: int
    version: str
    node: str  # host name of the worker's machine or container


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome(_Message):
    """The answer to `hello` and to `renew`. `deliver_only`: the claim has passed on; hand in what is finished, and end.

    `acked` is the highest `seq` of this session that is stored; rows after it are wanted.
    """

    token: str = field(repr=False)
    token_s: float  # how long it is good for
    acked: int
    deliver_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat(_Message):
    """`POST heartbeat`, every 2 s. `progress` grows with every segment; times in seconds, sizes in bytes. `done` is how
    much is behind it of what it is at, 0 to 1: a recording's media, or renders; 0 where that cannot be said.

    `metrics` is the worker's own exposition text (Prometheus), which the supervisor shows labelled by stream.
    """

    session: str
    claim_token: int
    state: WorkerState
    progress: int
    media_s: float
    lag_s: float
    rss_bytes: int
    ring_bytes: int
    disk_free_bytes: int
    undelivered: int
    reason: str = ""
    metrics: str = ""
    done: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse(_Message):
    """The answer to a heartbeat: proof that the claim holds, and a new token where the old one is half spent."""

    claimed: bool
    token: str = field(default="", repr=False)
    token_s: float = 0.0
    commands: int = 0  # waiting: worth a `GET commands` now
    renders: bool = True  # False: its workspace has had all its renders of today; masters are cut on


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow(_Message):
    """One row of the journal's outbox. `seq` grows within a session over all its attempts; `line` is its JSON line."""

    seq: int
    attempt: int
    kind: str
    line: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBatch(_Message):
    """`POST events`: rows in the order of their `seq`, at most MAX_BATCH. The same rows sent twice are stored once."""

    session: str
    claim_token: int
    rows: tuple[Mapping[str, Any], ...]

    def events(self) -> tuple[EventRow, ...]:
        """The rows, read. Raises UsageError(`bad_message`)."""
        rows = tuple(EventRow.from_json(row) for row in self.rows)
        if len(rows) > MAX_BATCH or any(b.seq <= a.seq for a, b in itertools.pairwise(rows)):
            raise bad_message("rows are not in order, or too many")
        strange = next((row.kind for row in rows if row.kind not in EVENT_KINDS), None)
        if strange is not None:
            raise bad_message(f"unknown kind {strange[:40]!r}")
        return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Acked(_Message):
    """The answer to `events`. `refused` rows were state of a superseded attempt: told by number, never sent again."""

    acked: int
    refused: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Live(_Message):
    """`POST live`, at most two a second, never stored: the newest signals and words, for who watches.

    `signals`: the newest row of each signal by its kind and column, and under `render` how far renders are, by clip.
    """

    session: str
    claim_token: int
    t_s: float
    signals: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(_Message):
    """One of `GET commands?after=ID&wait_s=20` -> {"commands": [...]}: a long poll. `id` grows; obeyed once each."""

    id: int
    kind: CommandKind
    args: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAsk(_Message):
    """`POST keys`: a publisher has come to a door and asked for `app/key`. 404: no stream has this key."""

    app: str
    key: str = field(repr=False)
    peer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFound(_Message):
    """The answer: the socket of the worker that waits for this publisher, an absolute path."""

    socket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmMessage(_Message):
    """One message of a chat with a language model."""

    role: Literal["system", "user", "assistant"]
    content: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmAsk(_Message):
    """`POST llm`: chat completions as OpenAI states them, without a model. Building one that is out of bounds raises
    UsageError(`bad_message`).

    `messages` are LlmMessages; `response_format` is {"type": "json_schema", "json_schema": {"name", "schema"}}, and
    the answer is JSON of this schema. `deadline_s` is for everything, `prompt_hash` names the prompt in logs.
    Errors: 429 `llm_budget`, 503 `llm_unavailable`, 504 `llm_deadline`, 501 `llm_off`.
    """

    task: Literal["rank"]
    messages: tuple[Mapping[str, Any], ...] = field(repr=False)
    response_format: Mapping[str, Any] = field(repr=False)
    max_tokens: int
    temperature: float
    deadline_s: float
    prompt_hash: str

    def __post_init__(self) -> None:
        """Raises UsageError(`bad_message`)."""
        letters = sum(len(each.content) for each in self.chat())
        if not 0 < letters <= MAX_CONTENT:
            raise bad_message("messages are empty or too long")
        if not (0 < self.max_tokens <= MAX_TOKENS and 0 <= self.temperature <= 2):
            raise bad_message("max_tokens or temperature is out of bounds")
        if not 0 < self.deadline_s <= MAX_DEADLINE_S:
            raise bad_message("deadline_s is out of bounds")
        self.schema()

    def chat(self) -> tuple[LlmMessage, ...]:
        """The messages, read."""
        return tuple(LlmMessage.from_json(each) for each in self.messages)

    def schema(self) -> Mapping[str, Any]:
        """The JSON schema that the answer follows."""
        asked = self.response_format.get("json_schema")
        schema = asked.get("schema") if isinstance(asked, Mapping) else None
        if self.response_format.get("type") != "json_schema" or not isinstance(schema, Mapping):
            raise bad_message("response_format is no json_schema")
        return schema


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmAnswer(_Message):
    """The answer to `llm`. `content` is JSON that fits the schema; whoever asked checks it again.

    `usage` counts tokens: {"prompt_tokens", "completion_tokens"}. A cached answer costs nothing.
    """

    content: str = field(repr=False)
    provider: str
    model: str
    cost_usd: float
    cached: bool
    usage: Mapping[str, Any] = field(default_factory=dict)


def bad_message(what: str) -> UsageError:
    """A body that is not what it should be."""
    return UsageError(
        f"Bad message: {what}", remedy="Supervisor and workers have to be of one version.", code="bad_message"
    )


def _value(name: str, value: object, hint: Any) -> Any:
    """The value, if it is of its field's type. Lists become tuples; a whole number may stand for a float."""
    if isinstance(value, str) and (hint is str or value in get_args(hint)):
        if len(value) > _LONG.get(name, MAX_TEXT):
            raise bad_message(f"{name} is too long")
        return value
    if hint is bool and isinstance(value, bool):
        return value
    if hint is int and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63:
        return value
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15:
        return float(value)
    if isinstance(value, Mapping) and hint == Mapping[str, Any]:
        return value
    if isinstance(value, list | tuple) and len(value) <= _Message.MAX_ITEMS and get_args(hint)[-1:] == (...,):
        inner = get_args(hint)[0]
        return tuple(_value(name, each, inner) for each in value)
    raise bad_message(f"{name} has the wrong type")
