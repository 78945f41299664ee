"""What is going on in this process: open event streams, of which there may be so many, and requests with a key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from supervisor.api.errors import ApiError

MAX_FOLLOWERS: Final = 600  # each holds a connection
MAX_FOLLOWERS_EACH: Final = 8  # of one token


class Followers:
    """How many event streams are open, by token."""

    def __init__(self) -> None:
        self._by_token: Counter[str] = Counter()

    def enter(self, token: str) -> None:
        """Raises ApiError when there are too many."""
        if self._by_token[token] >= MAX_FOLLOWERS_EACH or self._by_token.total() >= MAX_FOLLOWERS:
            raise ApiError(429, "too_many", "Too many streams are open.", headers={"Retry-After": "30"})
        self._by_token[token] += 1

    @contextmanager
    def follow(self, key: str) -> Iterator[None]:
        """One more while the block runs. Raises ApiError when there are too many."""
        self.enter(key)
        try:
            yield
        finally:
            self.leave(key)

    def leave(self, token: str) -> None:
        """One less."""
        self._by_token[token] -= 1
        if not self._by_token[token]:
            del self._by_token[token]


class Underway:
    """Requests with a key that are being answered by this process."""

    def __init__(self) -> None:
        self._keys: set[tuple[str, str]] = set()

    @contextmanager
    def hold(self, workspace: str, key: str) -> Iterator[None]:
        """Raises ApiError when the same request has not been answered yet."""
        held = (workspace, key)
        if held in self._keys:
            raise ApiError(
                409, "underway", "The same request is being answered. Ask again.", headers={"Retry-After": "1"}
            )
        self._keys.add(held)
        try:
            yield
        finally:
            self._keys.discard(held)
