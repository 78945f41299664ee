"""What a supervisor tells a worker to do: one JSON document, handed over on a file descriptor, never in argv. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, get_args

from core.errors import UsageError
from core.ids import SessionId, StreamId, is_safe_id

WorkerKind = Literal["stream", "vod", "render", "door"]
Origin = Literal["cli", "api", "hook"]
Rights = Literal["own", "consent", "watch-only"]  # what may be done with the clips: watch-only is never published
RoomLayout = Literal["speaker", "split", "grid", "screen+speaker"]

DOOR: Final = "door:"  # publishers are handed over by a door, on a socket in the session's folder
WHIP: Final = "whip:"  # encoders publish over WebRTC, through the supervisor
ROOM: Final = "room:"  # people who talk in the browser come to a socket in the session's folder

SPEC_VERSION: Final = 1
MAX_CLIPS: Final = 256  # of one render worker
MAX_ROOM_NAME: Final = 200
MAX_PEOPLE: Final = 6  # of one room; docs/adr/0014-rooms.md


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSpec:
    """How a worker reaches its supervisors; absent under `watch`, `vod` and `demo`, whose lines go to stdout.

    `urls` are the supervisors' addresses (`http://host:port`), any of which answers. `claim_token` grows with each
    assignment of the stream; `token` is good for minutes, `renewal` for seven days.
    """

    urls: tuple[str, ...]
    claim_token: int
    token: str = field(repr=False)
    renewal: str = field(repr=False)

    def __post_init__(self) -> None:
        if not self.urls or not all(url.startswith(("http://", "https://")) for url in self.urls):
            raise _bad("control.urls are not http addresses")
        if self.claim_token < 1:
            raise _bad(f"claim token {self.claim_token}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomSpec:
    """The recording room that a worker keeps; its files lie in `DATA/rooms/<id>`. It begins with `layout`."""

    id: str
    name: str = ""
    layout: RoomLayout = "grid"
    max_people: int = MAX_PEOPLE

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not is_safe_id(self.id):
            raise _bad("room.id is not an id")
        if not isinstance(self.name, str) or len(self.name) > MAX_ROOM_NAME:
            raise _bad("room.name is no text, or too long")
        if self.layout not in get_args(RoomLayout):
            raise _bad(f"room.layout {self.layout!r}")
        if not isinstance(self.max_people, int) or not 1 <= self.max_people <= MAX_PEOPLE:
            raise _bad(f"room.max_people {self.max_people!r} is not in 1..{MAX_PEOPLE}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSpec:
    """One attempt's orders. `speed` is None for "as fast as possible", else media seconds a second (1.0 = live).

    `settings` is the resolved settings tree as JSON values: the worker validates it again, it reads neither files nor
    the environment. `clips` are those that a `render` worker finishes, in the formats of the settings; none: all of
    the session that want it. `order` is what it does instead, where given: the arguments of a command `render`, `trim`,
    `cut` or `conform` (docs/worker-spec.md), and `kind`, which of them. The `source` of a `door` is where it
    listens, `rtmp://HOST:PORT`; the source `room:` is the recording room `room`. `chat` is a path, a URL,
    `twitch:NAME`, `off`, or None where no chat is known. Paths are absolute.
    """

    kind: WorkerKind
    stream: StreamId
    session: SessionId
    source: str
    origin: Origin
    data_dir: str
    out_dir: str | None = None
    speed: float | None = 1.0
    chat: str | None = None
    chat_delay_s: float = 0.0
    duration_s: float | None = None
    rights: Rights = "watch-only"
    settings: Mapping[str, Any] = field(default_factory=dict)
    clips: tuple[str, ...] = ()
    order: Mapping[str, Any] | None = None
    room: RoomSpec | None = None
    control: ControlSpec | None = None

    def __post_init__(self) -> None:
        for name in (self.session, self.stream):
            if not is_safe_id(name):
                raise _bad(f"{name!r} is not an id")
        if self.kind not in get_args(WorkerKind) or self.origin not in get_args(Origin):
            raise _bad(f"kind {self.kind!r}, origin {self.origin!r}")
        if self.rights not in get_args(Rights):
            raise _bad(f"rights {self.rights!r}")
        if self.speed is not None and not 0 < self.speed <= 1000:
            raise _bad(f"speed {self.speed} is not in 0..1000")
        if len(self.clips) > MAX_CLIPS or not all(isinstance(clip, str) and is_safe_id(clip) for clip in self.clips):
            raise _bad("the clips are not ids, or too many")
        if self.order is not None and not isinstance(self.order, Mapping):
            raise _bad("the order is no object")
        if self.duration_s is not None and self.duration_s <= 0:
            raise _bad(f"duration {self.duration_s} s is not above zero")

    def to_json(self) -> str:
        """The document a worker reads."""
        return json.dumps({"spec": SPEC_VERSION, **asdict(self)})

    @classmethod
    def from_json(cls, text: str) -> WorkerSpec:
        """Raises UsageError on anything that is not exactly a spec of this version."""
        try:
            document = json.loads(text)
            version = document.pop("spec")
        except (ValueError, AttributeError, KeyError) as err:
            raise _bad("not a worker spec") from err
        if version != SPEC_VERSION:
            raise _bad(f"version {version!r}, this worker reads {SPEC_VERSION}")
        try:
            control = document.pop("control", None)
            if control is not None:
                control = ControlSpec(**{**control, "urls": tuple(control["urls"])})
            room = document.pop("room", None)
            document["room"] = None if room is None else RoomSpec(**room)
            document["clips"] = tuple(document.get("clips") or ())
            return cls(**document, control=control)
        except (TypeError, KeyError, AttributeError) as err:
            raise _bad(str(err)) from err


def worker_spec_schema() -> dict[str, Any]:
    """JSON Schema of the document, for people who start workers from their own scheduler."""
    text = {"type": "string", "minLength": 1}
    number = {"type": "number", "exclusiveMinimum": 0}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "clipd worker spec",
        "type": "object",
        "additionalProperties": False,
        "required": ["spec", "kind", "stream", "session", "source", "origin", "data_dir"],
        "properties": {
            "spec": {"const": SPEC_VERSION},
            "kind": {"enum": list(get_args(WorkerKind))},
            "origin": {"enum": list(get_args(Origin))},
            "stream": text,
            "session": text,
            "source": text,
            "data_dir": text,
            "out_dir": {"type": ["string", "null"]},
            "speed": {"anyOf": [{**number, "maximum": 1000}, {"type": "null"}]},
            "chat": {"type": ["string", "null"]},
            "chat_delay_s": {"type": "number"},
            "duration_s": {"anyOf": [number, {"type": "null"}]},
            "rights": {"enum": list(get_args(Rights))},
            "settings": {"type": "object"},
            "clips": {"type": "array", "items": text, "maxItems": MAX_CLIPS},
            "order": {"type": ["object", "null"]},
            "room": {
                "anyOf": [
                    {"type": "null"},
                    {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["id"],
                        "properties": {
                            "id": text,
                            "name": {"type": "string", "maxLength": MAX_ROOM_NAME},
                            "layout": {"enum": list(get_args(RoomLayout))},
                            "max_people": {"type": "integer", "minimum": 1, "maximum": MAX_PEOPLE},
                        },
                    },
                ]
            },
            "control": {
                "anyOf": [
                    {"type": "null"},
                    {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["urls", "claim_token", "token", "renewal"],
                        "properties": {
                            "urls": {"type": "array", "items": text, "minItems": 1},
                            "claim_token": {"type": "integer", "minimum": 1},
                            "token": text,
                            "renewal": text,
                        },
                    },
                ]
            },
        },
    }


def _bad(what: str) -> UsageError:
    return UsageError(f"Bad worker spec: {what}", remedy="Start workers through clipd, or follow docs/worker-spec.md.")
