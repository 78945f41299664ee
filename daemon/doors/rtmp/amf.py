"""AMF0 values, from strangers: depth, count and length are bounded before anything is built. Pure.

AMF 0 specification, Adobe 2007. References, typed AMF3 and XML are refused: no publisher needs them.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final, NamedTuple

Value = float | bool | str | None | dict[str, "Value"] | list["Value"]

MAX_DEPTH: Final = 8  # OBS and ffmpeg nest two deep
MAX_VALUES: Final = 1_000  # in one message; the longest honest one (a connect with codec lists) has some forty
MAX_TEXT: Final = 8 << 10

NUMBER, BOOLEAN, STRING, OBJECT, NULL, UNDEFINED = 0, 1, 2, 3, 5, 6
ECMA_ARRAY, OBJECT_END, STRICT_ARRAY, DATE, LONG_STRING, UNSUPPORTED, TYPED_OBJECT = 8, 9, 10, 11, 12, 13, 16
_DOUBLE: Final = struct.Struct(">d")


class AmfError(ValueError):
    """Bytes that are no AMF0 within the limits."""


class _Read(NamedTuple):
    value: Value
    end: int


def decode(data: bytes) -> list[Value]:
    """Every value of a message body. Raises AmfError."""
    decoder, values, at = _Decoder(data), list[Value](), 0
    while at < len(data):
        read = decoder.value(at, MAX_DEPTH)
        values.append(read.value)
        at = read.end
    return values


class _Decoder:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = MAX_VALUES

    def value(self, at: int, depth: int) -> _Read:
        """The value whose marker is at `at`; `depth` more levels may lie inside it."""
        self._left -= 1
        if self._left < 0 or depth < 0:
            raise AmfError("too many values")
        marker, at = self._take(at, 1)[0], at + 1
        if marker == NUMBER:
            return _Read(_DOUBLE.unpack(self._take(at, 8))[0], at + 8)
        if marker == BOOLEAN:
            return _Read(self._take(at, 1)[0] != 0, at + 1)
        if marker in (STRING, LONG_STRING):
            return self._text(at, 2 if marker == STRING else 4)
        if marker in (NULL, UNDEFINED, UNSUPPORTED):
            return _Read(None, at)
        if marker == DATE:
            return _Read(_DOUBLE.unpack(self._take(at, 8))[0], at + 10)  # milliseconds since 1970, then a zone
        return self._nested(marker, at, depth - 1)

    def _nested(self, marker: int, at: int, depth: int) -> _Read:
        if marker == OBJECT:
            return self._members(at, depth)
        if marker == ECMA_ARRAY:  # its count is a hint that many writers get wrong
            self._take(at, 4)
            return self._members(at + 4, depth)
        if marker == TYPED_OBJECT:
            return self._members(self._text(at, 2).end, depth)
        if marker == STRICT_ARRAY:
            return self._items(at, depth)
        raise AmfError(f"marker {marker} is not accepted")

    def _members(self, at: int, depth: int) -> _Read:
        found: dict[str, Value] = {}
        while True:
            name = self._text(at, 2)
            if name.value == "" and self._take(name.end, 1)[0] == OBJECT_END:
                return _Read(found, name.end + 1)
            read = self.value(name.end, depth)
            found[str(name.value)], at = read.value, read.end

    def _items(self, at: int, depth: int) -> _Read:
        count, at = int.from_bytes(self._take(at, 4)), at + 4
        if count > self._left:
            raise AmfError("too many values")
        found: list[Value] = []
        for _ in range(count):
            read = self.value(at, depth)
            found.append(read.value)
            at = read.end
        return _Read(found, at)

    def _text(self, at: int, width: int) -> _Read:
        size = int.from_bytes(self._take(at, width))
        if size > MAX_TEXT:
            raise AmfError("a text is too long")
        start = at + width
        return _Read(self._take(start, size).decode("utf-8", "replace"), start + size)

    def _take(self, at: int, size: int) -> bytes:
        part = self._data[at : at + size]
        if len(part) != size:
            raise AmfError("it ends early")
        return part


def encode(*values: Value) -> bytes:
    """A message body. Our own values only: short texts, shallow objects."""
    return b"".join(_encode(value) for value in values)


def encode_ecma(members: Mapping[str, Value]) -> bytes:
    """An ECMA array, which is what FLV's onMetaData is written as."""
    return bytes([ECMA_ARRAY]) + len(members).to_bytes(4) + _encode_members(members)


def _encode(value: Value) -> bytes:
    if value is None:
        return bytes([NULL])
    if isinstance(value, bool):
        return bytes([BOOLEAN, value])
    if isinstance(value, int | float):
        return bytes([NUMBER]) + _DOUBLE.pack(value)
    if isinstance(value, str):
        return bytes([STRING]) + _encode_text(value)
    if isinstance(value, list):
        return bytes([STRICT_ARRAY]) + len(value).to_bytes(4) + encode(*value)
    return bytes([OBJECT]) + _encode_members(value)


def _encode_members(members: Mapping[str, Value]) -> bytes:
    parts = [_encode_text(name) + _encode(value) for name, value in members.items()]
    return b"".join(parts) + b"\0\0" + bytes([OBJECT_END])


def _encode_text(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(2) + data
