"""What guests of rooms carry, who have no account: a session's token, and one for their uploads. Signed, not stored.

`cg....` is good for 15 minutes and opens the room's socket; `cu....` for a week, and only for the local tracks of one
participant, so that a laptop that was closed can bring the rest days later. The key is the installation's, in the
catalog. Whether the participant is still let in is looked up with each use.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Final, Literal

from core.protocols import Clock
from core.times import NS_PER_S
from supervisor.catalog import Catalog

Kind = Literal["cg", "cu"]  # a session, uploads
LASTS_S: Final[dict[Kind, int]] = {"cg": 15 * 60, "cu": 7 * 86_400}
_META: Final = "room_key"
_FORM: Final = re.compile(r"(cg|cu)\.([a-z0-9]{1,40})\.([a-z0-9]{1,40})\.([0-9]{1,12})\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class Pass:
    """What a token says: this participant of this room. `is_over`: it was ours, and its time has come."""

    kind: Kind
    room: str
    person: str
    is_over: bool


class RoomKeys:
    """Makes and reads tokens."""

    def __init__(self, catalog: Catalog, clock: Clock) -> None:
        self._catalog, self._clock = catalog, clock
        self._key: bytes | None = None

    async def issue(self, kind: Kind, room: str, person: str) -> str:
        """A new one. Its characters may stand in a WebSocket's subprotocol. Raises CatalogAway."""
        until_s = self._clock.wall_ns() // NS_PER_S + LASTS_S[kind]
        body = f"{kind}.{room}.{person}.{until_s}"
        return f"{body}.{_signature(await self._get(), body)}"

    async def read(self, kind: Kind, text: str) -> Pass | None:
        """None for what we never made. Raises CatalogAway."""
        found = _FORM.fullmatch(text)
        if found is None or found[1] != kind:
            return None
        right = _signature(await self._get(), text.rpartition(".")[0])
        if not hmac.compare_digest(right, found[5]):
            return None
        return Pass(kind, found[2], found[3], int(found[4]) * NS_PER_S <= self._clock.wall_ns())

    async def _get(self) -> bytes:
        if self._key is None:
            made = await self._catalog.get_meta(_META) or await self._catalog.new_meta(_META, secrets.token_hex(32))
            self._key = bytes.fromhex(made)
        return self._key


def is_upload_token(header: str) -> bool:
    """Whether an `Authorization` header means to bring one."""
    return header.lower().startswith("bearer cu.")


def _signature(key: bytes, body: str) -> str:
    digest = hmac.digest(key, f"clipd room\n{body}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
