"""What a door asks and gives: who may publish, and where a publisher's media goes. Next to no code."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Protocol


class Refused(Exception):
    """A connection that is turned away. `code` is what logs count, `text` what the publisher is told.

    bad_key       no stream has this key
    busy          the stream has a publisher that is sending
    too_big       a message, chunk or number of them over the limit
    malformed     bytes that break the protocol
    slow          no publish within the time limit
    too_many      more connections than the door keeps waiting
    silent        a publisher that has sent no media for the limit
    codec         media that is not accepted
    unsupported   playing, encrypted RTMP, aggregate messages
    unavailable   the stream's worker or the key server cannot be reached
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


class Link(Protocol):
    """A publisher's connection, as the outlet of its media sees it."""

    def resume(self) -> None:
        """There is room again after a `write` that returned False."""

    def drop(self, code: str, text: str) -> None:
        """Turn the publisher away."""

    def silent_ns(self) -> int:
        """How long ago its last media came."""

    def preamble(self) -> bytes:
        """The beginning of an FLV stream that goes on with what is written next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Who wants to publish. `path` is `app/key`: a secret, so it is in no repr. `peer` is the address it comes from."""

    path: str = field(repr=False)
    peer: str
    link: Link = field(repr=False)


class Outlet(Protocol):
    """Takes one publisher's media as FLV bytes: a header, then whole tags. None of its calls blocks."""

    def write(self, data: bytes) -> bool:
        """Take the bytes. False: it is full, stop until `Link.resume`."""

    def restart(self) -> None:
        """What follows is a new FLV stream of the same publisher: its codec settings have changed."""

    def close(self, reason: str) -> None:
        """No more will come: `unpublished`, `lost`, or the code of a refusal."""


class Gate(Protocol):
    """Decides who may publish."""

    async def admit(self, publisher: Publisher) -> Outlet:
        """Where the publisher's media goes. Raises Refused."""


def same_secret(given: str, wanted: str) -> bool:
    """Whether two secrets are equal, in a time that tells neither content nor length."""
    digests = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (given, wanted)]
    return hmac.compare_digest(*digests)
