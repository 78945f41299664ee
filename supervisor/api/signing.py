"""Links that carry their own right: a path, until when it may be asked for, and a signature over both.

For players and other programs that send no token. Whoever has a link has the file until it expires, so links are handed
out to those who may see the file, and for a day at most. The key is the installation's, in the catalog: every
supervisor checks what another has signed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Final

from core.protocols import Clock
from core.times import NS_PER_S, ns
from supervisor.api.errors import ApiError
from supervisor.catalog import Catalog

LONGEST_NS: Final = ns(24 * 3600)
SLOT_NS: Final = LONGEST_NS // 2  # links of one slot are the same, so that browsers can keep what they have
_META: Final = "signing_key"
_DIGITS: Final = 12


class Signer:
    """Signs and checks. A signature is 128 bits of HMAC-SHA256."""

    def __init__(self, key: bytes, clock: Clock) -> None:
        self._key, self._clock = key, clock

    def usual_ns(self) -> int:
        """Until when a link holds that is made now: 12 to 24 h, wall clock."""
        return (self._clock.wall_ns() // SLOT_NS + 2) * SLOT_NS

    def sign(self, path: str, until_ns: int) -> str:
        """The path with its query. Not longer than LONGEST_NS from now, whatever is asked."""
        expires = str(min(until_ns, self._clock.wall_ns() + LONGEST_NS) // NS_PER_S)
        return f"{path}?exp={expires}&sig={self._signature(path, expires)}"

    def check(self, path: str, expires: str, signature: str) -> None:
        """Raises ApiError: the link is none of ours, or its time is over."""
        if not hmac.compare_digest(self._signature(path, expires).encode(), signature.encode("utf-8", "replace")):
            raise ApiError(403, "bad_link", "This link is not signed by this server. Ask for a new one.")
        if not (expires.isascii() and expires.isdigit() and len(expires) <= _DIGITS):
            raise ApiError(403, "bad_link", "This link has no time. Ask for a new one.")
        if int(expires) * NS_PER_S <= self._clock.wall_ns():
            raise ApiError(403, "link_expired", "This link has expired. Ask for a new one.")

    def _signature(self, path: str, expires: str) -> str:
        text = f"{path}\n{expires}".encode("utf-8", "surrogatepass")
        return base64.urlsafe_b64encode(hmac.digest(self._key, text, hashlib.sha256)[:16]).decode().rstrip("=")


class Signers:
    """The installation's one, made with its first use."""

    def __init__(self, catalog: Catalog, clock: Clock) -> None:
        self._catalog, self._clock = catalog, clock
        self._signer: Signer | None = None

    async def get(self) -> Signer:
        """Raises CatalogAway."""
        if self._signer is None:
            key = await self._catalog.get_meta(_META) or await self._catalog.new_meta(_META, secrets.token_hex(32))
            self._signer = Signer(bytes.fromhex(key), self._clock)
        return self._signer
