"""What people's pages and the room say to each other: one JSON object a WebSocket text frame, both ways. Pure.

    client   {"v": 1, "id": "<the message's own id>", "type": ..., ...}
    server   {"v": 1, "type": ..., ...}, with "re": id where it answers

Every field is bounded in size and range; what a message has beyond its fields is not looked at. A message that is none
raises BadMessage, which becomes `{"type": "error", "re", "code", "message", "remedy"}`: the room goes on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final, Literal, cast, get_args

from core.errors import ClipdError
from core.ids import is_safe_id
from core.spec import RoomLayout
from recorder.room.messages import (
    TRACKS,
    Answer,
    Bye,
    Clk,
    Hello,
    Level,
    Mark,
    Message,
    Moderate,
    Mute,
    Net,
    Offer,
    Pid,
    Record,
    RecState,
    SetLayout,
    UplCtl,
    UplState,
)

VERSION: Final = 1
SUBPROTOCOL: Final = "clipd.room.v1"
MAX_FRAME: Final = 256 * 1024  # bytes of one message
MAX_SDP: Final = 200 * 1024
MAX_SEGMENTS: Final = 64  # of one participant, in one message
MAX_GEN: Final = 1_000_000
_DAY_MS: Final = 86_400_000.0
_BIG: Final = float(1 << 50)  # bytes, milliseconds: larger is no honest number
_RATE_MAX: Final = 1e9  # kbit/s, milliseconds


class BadMessage(ClipdError):
    """A message that is refused; `re` is its id, where it had one."""

    def __init__(self, what: str, *, remedy: str, code: str = "bad_message", re: str | None = None) -> None:
        super().__init__(what, remedy=remedy, code=code)
        self.re = re


class _Fields:
    """A message's object; each look at a field checks it."""

    def __init__(self, body: Mapping[str, Any], id: str) -> None:
        self._body, self._id = body, id

    def text(self, name: str, limit: int, *, default: str | None = None, least: int = 0) -> str:
        value = self._body.get(name, default)
        if not isinstance(value, str) or not least <= len(value) <= limit:
            raise self.bad(f"{name} is no text of {least} to {limit} characters")
        if not (value.isascii() if name == "sdp" else value.isprintable()):
            raise self.bad(f"{name} has control characters")
        return value

    def has(self, name: str) -> bool:
        return self._body.get(name) is not None

    def name(self, name: str) -> str:
        value = self.text(name, 80)
        if not is_safe_id(value):
            raise self.bad(f"{name} is no id")
        return value

    def number(self, name: str, low: float, high: float, *, default: float | None = None) -> float:
        return self._number(self._body.get(name, default), name, low, high)

    def whole(self, name: str, low: int, high: int) -> int:
        value = self._body.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.bad(f"{name} is no whole number from {low} to {high}")
        return value

    def flag(self, name: str, *, default: bool | None = None) -> bool:
        value = self._body.get(name, default)
        if not isinstance(value, bool):
            raise self.bad(f"{name} is neither true nor false")
        return value

    def choice(self, name: str, known: tuple[Any, ...]) -> Any:
        value = self._body.get(name)
        if not isinstance(value, str) or value not in known:
            raise self.bad(f"{name} is none of {', '.join(known)}")
        return value

    def texts(self, name: str, limit: int, each: int) -> tuple[str, ...]:
        value = self._body.get(name, [])
        if not isinstance(value, list) or len(value) > limit:
            raise self.bad(f"{name} is no list of at most {limit}")
        if not all(isinstance(one, str) and len(one) <= each and one.isprintable() for one in value):
            raise self.bad(f"{name} has more than texts of at most {each} characters")
        return tuple(value)

    def table(self, name: str, limit: int) -> Mapping[str, Any]:
        value = self._body.get(name, {})
        if not isinstance(value, dict) or len(value) > limit or not all(len(key) <= 80 for key in value):
            raise self.bad(f"{name} is no object of at most {limit} fields")
        return value

    def numbers(self, name: str, limit: int) -> dict[str, dict[str, float]]:
        """An object of objects of numbers: `{"<segment>": {"made": 1, ...}}`."""
        found: dict[str, dict[str, float]] = {}
        for key, inner in self.table(name, limit).items():
            if not isinstance(inner, dict) or not is_safe_id(key) or len(inner) > 8:
                raise self.bad(f"{name} has more than segments and their numbers")
            found[key] = {
                what[:20]: self._number(value, name, 0, _BIG) for what, value in inner.items() if what.isprintable()
            }
        return found

    def bad(self, what: str) -> BadMessage:
        return BadMessage(what, remedy="See docs/rooms.md for the message's fields.", re=self._id)

    def _number(self, value: object, name: str, low: float, high: float) -> float:
        good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not good or not low <= cast("float", value) <= high:
            raise self.bad(f"{name} is no number from {low:g} to {high:g}")
        return float(cast("float", value))


def read_message(text: str) -> Message:
    """Raises BadMessage for anything that is none."""
    body = _object(text)
    id = body.get("id")
    if not isinstance(id, str) or not 0 < len(id) <= 64 or not id.isprintable():
        raise BadMessage("A message needs an id of 1 to 64 characters", remedy='Send {"v": 1, "id": ..., "type": ...}.')
    if body.get("v") != VERSION or isinstance(body.get("v"), bool):
        raise BadMessage(
            f"This room speaks version {VERSION}", remedy="Load the page again.", code="bad_version", re=id
        )
    kind = body.get("type")
    fields = _Fields(body, id)
    if not isinstance(kind, str) or kind not in _READERS:
        raise BadMessage("This type of message is not known", remedy="See docs/rooms.md.", code="unknown_type", re=id)
    return _READERS[kind](fields, id, kind)


def error(err: ClipdError, re: str | None = None) -> dict[str, Any]:
    """What a refused message is answered with."""
    named = err.re if isinstance(err, BadMessage) and err.re is not None else re
    return {"type": "error", "re": named, "code": err.code, "message": err.what, "remedy": err.remedy}


def write_message(body: Mapping[str, Any]) -> str:
    """A server's message as it is sent."""
    return json.dumps({"v": VERSION, **body}, separators=(",", ":"), allow_nan=False)


def _object(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as err:
        raise BadMessage("Not JSON", remedy="Send one JSON object a frame.") from err
    if not isinstance(body, dict):
        raise BadMessage("Not a JSON object", remedy="Send one JSON object a frame.")
    return body


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _hello(fields: _Fields, id: str, _kind: str) -> Message:
    return Hello(
        id=id,
        client_id=fields.text("client_id", 64, least=1),
        mimes=fields.texts("mimes", 32, 128),
        persisted=fields.flag("persisted", default=False),
        quota_mb=fields.number("quota_mb", 0, _BIG, default=0),
        resume=fields.texts("resume", MAX_SEGMENTS, 80),
    )


def _offer(fields: _Fields, id: str, _kind: str) -> Message:
    return Offer(id=id, gen=fields.whole("gen", 0, MAX_GEN), sdp=fields.text("sdp", MAX_SDP, least=1))


def _answer(fields: _Fields, id: str, _kind: str) -> Message:
    return Answer(id=id, pair=fields.text("pair", 100, least=1), sdp=fields.text("sdp", MAX_SDP, least=1))


def _clk(fields: _Fields, id: str, _kind: str) -> Message:
    return Clk(id=id, t0=fields.number("t0", -_BIG, _BIG))


def _rec_state(fields: _Fields, id: str, _kind: str) -> Message:
    return RecState(
        id=id,
        take=fields.name("take"),
        seg=fields.name("seg"),
        track=fields.choice("track", TRACKS),
        state=fields.choice("state", ("started", "stopped", "failed")),
        mime=fields.text("mime", 128, default=""),
        t_ms=fields.number("t_ms", -_DAY_MS, _BIG, default=0),
        settings=fields.table("settings", 64),
    )


def _upl_state(fields: _Fields, id: str, _kind: str) -> Message:
    names = ("made", "sent", "verified", "bytes_left", "bps")
    sizes = {name: fields.number(name, 0, _BIG, default=0) for name in names}
    return UplState(id=id, segs=fields.numbers("segs", MAX_SEGMENTS), **sizes)


def _level(fields: _Fields, id: str, _kind: str) -> Message:
    return Level(
        id=id,
        peak=fields.number("peak", 0, 4),
        rms=fields.number("rms", 0, 4),
        clip=fields.flag("clip", default=False),
    )


def _net(fields: _Fields, id: str, _kind: str) -> Message:
    return Net(
        id=id,
        rtt_ms=fields.number("rtt_ms", 0, _RATE_MAX),
        loss=fields.number("loss", 0, 1, default=0),
        kbps=fields.number("kbps", 0, _RATE_MAX, default=0),
    )


def _mute(fields: _Fields, id: str, _kind: str) -> Message:
    pid = Pid(fields.name("pid")) if fields.has("pid") else None
    return Mute(id=id, pid=pid, track=fields.choice("track", TRACKS), on=fields.flag("on"))


def _bye(_fields: _Fields, id: str, _kind: str) -> Message:
    return Bye(id=id)


def _moderate(fields: _Fields, id: str, kind: str) -> Message:
    return Moderate(id=id, type=cast("Literal['admit', 'deny', 'kick']", kind), pid=Pid(fields.name("pid")))


def _record(_fields: _Fields, id: str, kind: str) -> Message:
    return Record(id=id, type=cast("Literal['rec.start', 'rec.stop']", kind))


def _layout(fields: _Fields, id: str, _kind: str) -> Message:
    return SetLayout(id=id, layout=fields.choice("layout", get_args(RoomLayout)))


def _upl_ctl(fields: _Fields, id: str, _kind: str) -> Message:
    return UplCtl(id=id, pid=Pid(fields.name("pid")), op=fields.choice("op", ("pause", "resume")))


def _mark(fields: _Fields, id: str, _kind: str) -> Message:
    return Mark(id=id, text=fields.text("text", 500))


_READERS: Final = {
    "hello": _hello,
    "offer": _offer,
    "answer": _answer,
    "clk": _clk,
    "rec.state": _rec_state,
    "upl.state": _upl_state,
    "level": _level,
    "net": _net,
    "mute": _mute,
    "bye": _bye,
    "admit": _moderate,
    "deny": _moderate,
    "kick": _moderate,
    "rec.start": _record,
    "rec.stop": _record,
    "layout": _layout,
    "upl.ctl": _upl_ctl,
    "mark": _mark,
}
