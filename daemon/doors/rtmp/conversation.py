"""What is said on one RTMP connection, from the handshake to the end of publishing. Pure: bytes in, steps out.

The simple handshake (no digest), AMF0, publishing only. The server feeds it what arrives, sends `take_output`, and
answers a `PublishWanted` by `accept` or `refuse`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from daemon.doors.api import Refused
from daemon.doors.rtmp import chunks
from daemon.doors.rtmp.amf import AmfError, Value, decode, encode
from daemon.doors.rtmp.chunks import ChunkReader, Message, message

VERSION: Final = 3
HANDSHAKE: Final = 1536  # bytes of C1 and of C2
MAX_COMMAND: Final = 64 << 10  # a message before publishing: a connect has a few hundred bytes
MAX_MEDIA: Final = 4 << 20  # a message of media: a keyframe of 8 Mbit/s at a 2 s GOP stays under 2 MiB
MAX_COMMANDS: Final = 64  # messages before publishing; OBS sends 8
WINDOW: Final = 2_500_000  # bytes between acknowledgements, either way
MIN_WINDOW: Final = 64 << 10
MAX_NAME: Final = 512
STREAM: Final = 1
_PING: Final = b"\0\6"
_PONG: Final = b"\0\7"
_ANSWERS: Final[dict[str, tuple[Value, ...]]] = {
    "createStream": (None, float(STREAM)),
    "releaseStream": (None,),
    "FCPublish": (None,),
    "_checkbw": (None,),
}
_BYE: Final = frozenset({"FCUnpublish", "deleteStream", "closeStream"})


class PublishWanted(NamedTuple):
    """The peer asks to publish `app/name`: a secret. Nothing is taken from it before the answer."""

    path: str


class Media(NamedTuple):
    """A video or audio message of an accepted publisher."""

    message: Message


class MediaData(NamedTuple):
    """A data message of an accepted publisher, decoded."""

    values: list[Value]


class Unpublished(NamedTuple):
    """The peer has ended its stream in good order."""


Step = PublishWanted | Media | MediaData | Unpublished


class Conversation:
    """One connection. `feed` raises Refused; the server then sends what `refuse` has written and hangs up."""

    def __init__(self) -> None:
        self._reader = ChunkReader(MAX_COMMAND)
        self._hello: bytearray | None = bytearray()  # until C2 is complete
        self._greeted = False
        self._out = bytearray()
        self._app: str | None = None
        self._state = "new"  # new, asked, publishing, over
        self._commands = 0
        self._window = WINDOW
        self._received = 0
        self._acknowledged = 0

    def feed(self, data: bytes) -> list[Step]:
        """What follows from these bytes. Raises Refused (malformed, too_big, unsupported)."""
        if self._hello is not None:
            data = self._handshake(data)
        self._received += len(data)
        steps: list[Step] = []
        for one in self._reader.feed(data) if data else ():
            self._one(one, steps)
        if self._received - self._acknowledged >= self._window:
            self._acknowledged = self._received
            self._send(chunks.ACKNOWLEDGEMENT, (self._received & 0xFFFFFFFF).to_bytes(4))
        return steps

    def accept(self) -> None:
        """The publisher may send media."""
        self._state = "publishing"
        self._reader.max_message = MAX_MEDIA
        self._send(chunks.USER_CONTROL, bytes(5) + bytes([STREAM]))  # stream begin
        self._status("status", "NetStream.Publish.Start", "Publishing")

    def refuse(self, refused: Refused) -> None:
        """Tell the peer, in the terms that OBS and ffmpeg show. Before `connect` there is no way to say it."""
        if self._app is not None:
            code = "BadName" if refused.code in ("bad_key", "busy") else "Rejected"
            self._status("error", f"NetStream.Publish.{code}", refused.text)

    def take_output(self) -> bytes:
        """What is to be sent now."""
        out, self._out = bytes(self._out), bytearray()
        return out

    # -- handshake

    def _handshake(self, data: bytes) -> bytes:
        """C0, C1 and C2; returns what lies behind them. C2 is not compared: many clients fill it with anything."""
        assert self._hello is not None  # only called until then
        self._hello += data
        if self._hello and self._hello[0] != VERSION:
            raise Refused("malformed", "This is no RTMP")
        if not self._greeted and len(self._hello) > HANDSHAKE:
            self._greeted = True
            theirs = bytes(self._hello[1 : 1 + HANDSHAKE])
            self._out += bytes([VERSION]) + bytes(HANDSHAKE) + theirs
        if len(self._hello) < 1 + 2 * HANDSHAKE:
            return b""
        rest, self._hello = bytes(self._hello[1 + 2 * HANDSHAKE :]), None
        return rest

    # -- messages

    def _one(self, one: Message, steps: list[Step]) -> None:
        if one.kind in (chunks.AUDIO, chunks.VIDEO):
            self._media(one, steps)
            return
        if self._state != "publishing":
            self._commands += 1
            if self._commands > MAX_COMMANDS:
                raise Refused("too_big", "Too many messages before publishing")
        if one.kind in (chunks.COMMAND, chunks.COMMAND_AMF3):
            self._command(_values(one.body, amf3=one.kind == chunks.COMMAND_AMF3), steps)
        elif one.kind in (chunks.DATA, chunks.DATA_AMF3) and self._state == "publishing":
            steps.append(MediaData(_values(one.body, amf3=one.kind == chunks.DATA_AMF3)))
        elif one.kind == chunks.WINDOW_SIZE:
            self._window = max(MIN_WINDOW, int.from_bytes(one.body[:4]))
        elif one.kind == chunks.USER_CONTROL and one.body[:2] == _PING:
            self._send(chunks.USER_CONTROL, _PONG + one.body[2:6])
        elif one.kind == chunks.AGGREGATE:
            raise Refused("unsupported", "Aggregate messages are not accepted")

    def _media(self, one: Message, steps: list[Step]) -> None:
        if self._state == "publishing":
            steps.append(Media(one))
        elif self._state != "over":  # what was under way when it ended is no fault
            raise Refused("malformed", "Media before publishing was accepted")

    def _command(self, values: list[Value], steps: list[Step]) -> None:
        name = values[0] if values else None
        number = values[1] if len(values) > 1 and isinstance(values[1], float) else 0.0
        if not isinstance(name, str):
            raise Refused("malformed", "A command without a name")
        if name == "connect":
            self._connect(number, values)
        elif self._app is None:
            raise Refused("malformed", "The first command has to be connect")
        elif name in _BYE:
            self._unpublish(steps)
        elif name == "publish":
            steps.append(self._publish(values))
        elif name in ("play", "play2"):
            raise Refused("unsupported", "Streams are taken here, not played")
        elif name in _ANSWERS:
            self._reply(number, *_ANSWERS[name])

    def _connect(self, number: float, values: list[Value]) -> None:
        asked = values[2] if len(values) > 2 else None
        app = asked.get("app") if isinstance(asked, dict) else None
        if not isinstance(app, str) or len(app) > MAX_NAME or self._app is not None:
            raise Refused("malformed", "A connect without an app, or a second one")
        self._app = app.strip("/")
        self._send(chunks.WINDOW_SIZE, WINDOW.to_bytes(4))
        self._send(chunks.PEER_BANDWIDTH, WINDOW.to_bytes(4) + b"\2")
        self._out += message(chunks.SET_CHUNK_SIZE, chunks.OUT_CHUNK.to_bytes(4))
        server: Value = {"fmsVer": "FMS/3,5,7,7009", "capabilities": 31.0}
        told: Value = {
            "level": "status",
            "code": "NetConnection.Connect.Success",
            "description": "Connected",
            "objectEncoding": 0.0,
        }
        self._reply(number, server, told)

    def _publish(self, values: list[Value]) -> PublishWanted:
        name = values[3] if len(values) > 3 else None
        if not isinstance(name, str) or len(name) > MAX_NAME or self._state != "new":
            raise Refused("malformed", "A publish without a name, or a second one")
        self._state = "asked"
        return PublishWanted(f"{self._app}/{name}")

    def _unpublish(self, steps: list[Step]) -> None:
        if self._state == "publishing":
            self._state = "over"
            self._status("status", "NetStream.Unpublish.Success", "Unpublished")
            steps.append(Unpublished())

    # -- output

    def _reply(self, number: float, *values: Value) -> None:
        self._send(chunks.COMMAND, encode("_result", number, *values))

    def _status(self, level: str, code: str, text: str) -> None:
        told: Value = {"level": level, "code": code, "description": text}
        self._send(chunks.COMMAND, encode("onStatus", 0.0, None, told), stream=STREAM)

    def _send(self, kind: int, body: bytes, *, stream: int = 0) -> None:
        self._out += message(kind, body, stream=stream)


def _values(body: bytes, *, amf3: bool) -> list[Value]:
    """AMF3 messages of publishers are a zero byte and AMF0."""
    if len(body) > MAX_COMMAND:
        raise Refused("too_big", "A command or data message is too big")
    if amf3 and body[:1] != b"\0":
        raise Refused("unsupported", "AMF3 is not accepted")
    try:
        return decode(body[1:] if amf3 else body)
    except AmfError as err:
        raise Refused("malformed", f"A command that cannot be read: {err}") from err
