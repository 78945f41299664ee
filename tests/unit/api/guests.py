"""Guests of rooms: a browser that joined by a link, and what its recorder makes."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.unit.api.stage import Answer, Stage

EBML: Final = b"\x1a\x45\xdf\xa3"
PARTS: Final = (EBML + b"first", b"second" * 100, b"third")


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def chain_of(parts: Sequence[bytes]) -> str:
    """h = sha256(h + sha256(part)), from nothing."""
    link = b""
    for part in parts:
        link = hashlib.sha256(link + hashlib.sha256(part).digest()).digest()
    return link.hex()


async def new_room(api: Stage, name: str = "studio", **fields: Any) -> dict[str, Any]:
    made = await api.ask("POST", "rooms", {"name": name, **fields}, role="editor")
    assert made.status == 201, made
    return dict(made.body)


async def new_invite(api: Stage, room: str, **fields: Any) -> dict[str, Any]:
    made = await api.ask("POST", f"rooms/{room}/invites", fields, role="editor")
    assert made.status == 201, made
    return dict(made.body)


async def join(api: Stage, room: str, secret: str, **fields: Any) -> Answer:
    """As the page does: with the hash of the notice that was shown."""
    shown = (await api.ask("GET", f"rooms/{room}/notice", role=None)).body
    body = {
        "invite": secret, "name": "Ann", "client_id": str(uuid.uuid4()), "consent": True,
        "notice": shown["sha256"] if shown and "sha256" in shown else "0" * 64, **fields,
    }  # fmt: skip
    return await api.ask("POST", f"rooms/{room}/join", body, role=None)


@dataclass
class Guest:
    """Somebody who joined."""

    api: Stage
    room: str
    joined: dict[str, Any] = field(repr=False)

    @classmethod
    async def of(cls, api: Stage, room: str | None = None, **fields: Any) -> Guest:
        """By a link of its own, into a new room unless one is named."""
        room = room or (await new_room(api))["id"]
        answer = await join(api, room, (await new_invite(api, room))["secret"], **fields)
        assert answer.status == 200, answer
        return cls(api, room, answer.body)

    @property
    def id(self) -> str:
        return str(self.joined["participant"])

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        """With the upload token."""
        return await self.api.ask(method, path, body, role=None, token=self.joined["upload_token"], **more)

    async def announce(self, **fields: Any) -> Answer:
        """A recorder has started."""
        body = {
            "seg": str(uuid.uuid4()), "take": "t1", "track": "cam", "mime": "video/webm;codecs=vp8,opus", "t_ms": 12.5,
            "settings": {"width": 640}, **fields,
        }  # fmt: skip
        return await self.ask("POST", f"rooms/{self.room}/segments", body)

    async def begin(self, **fields: Any) -> str:
        made = await self.announce(**fields)
        assert made.status == 201, made
        return str(made.body["id"])

    async def put(self, seg: str, seq: int, data: bytes, **headers: str) -> Answer:
        sent = {"Content-Type": "application/octet-stream", "X-Clipd-Sha256": sha(data)} | headers
        return await self.ask("PUT", f"uploads/{seg}/chunks/{seq}.part", data=data, headers=sent)

    async def final(self, seg: str, parts: Sequence[bytes] = PARTS, **fields: Any) -> Answer:
        body = {
            "chunks": len(parts), "bytes": sum(map(len, parts)), "chain": chain_of(parts), "t_stop_ms": 99.0,
            "reason": "stopped", **fields,
        }  # fmt: skip
        return await self.ask("POST", f"uploads/{seg}/final", body)

    async def bring(self, parts: Sequence[bytes] = PARTS, **fields: Any) -> str:
        """All of a segment."""
        seg = await self.begin(**fields)
        for seq, part in enumerate(parts):
            assert (await self.put(seg, seq, part)).status == 201
        whole = await self.final(seg, parts)
        assert (whole.status, whole.body["state"]) == (200, "whole"), whole
        return seg
