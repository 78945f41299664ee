"""Passwords as argon2id hashes, with the library's own costs (RFC 9106, 64 MiB): worked on off the event loop."""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

AT_ONCE: Final = 2  # each takes 64 MiB and a core; the others wait


class Passwords:
    """One for each process."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def hash(self, password: str) -> str:
        """What is kept of it; a salt of its own each time."""
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, _bytes(password))

    async def is_right(self, password: str, kept: str | None) -> bool:
        """Whether it is the one that was hashed. None: there is nobody of that name, which takes as long."""
        async with self._turns:
            return await asyncio.to_thread(self._is_right, password, kept)

    def _is_right(self, password: str, kept: str | None) -> bool:
        nobody = _nobody()  # also made for who is somebody: the first one would tell
        try:
            return self._hasher.verify(nobody if kept is None else kept, _bytes(password)) and kept is not None
        except (Argon2Error, InvalidHashError):
            return False


@cache
def _nobody() -> str:
    """The hash of no password that anybody has, at the same costs."""
    return PasswordHasher().hash(secrets.token_bytes(32))


def _bytes(password: str) -> bytes:
    """The same letters typed on another machine are the same bytes."""
    return unicodedata.normalize("NFKC", password).encode()
