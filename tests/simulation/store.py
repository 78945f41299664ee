"""A lease's store as a value in memory: what Redis and SQLite do when nothing is wrong with them."""

from __future__ import annotations

from supervisor.leases.api import LeaseRecord


class ModelStore:
    """A LeaseStore that passes the contract of the real ones."""

    def __init__(self) -> None:
        self.record: LeaseRecord | None = None

    def check(self) -> None:
        """It never drops anything by itself."""

    def read(self) -> LeaseRecord | None:
        """As it is."""
        return self.record

    def create(self, new: LeaseRecord) -> bool:
        """Once."""
        if self.record is None:
            self.record = new
        return same(self.record, new)

    def swap(self, seen: LeaseRecord, new: LeaseRecord) -> bool:
        """By owner, token and counter."""
        if self.record is None:
            return False
        if same(self.record, seen):
            self.record = new
        return same(self.record, new)

    def wipe(self) -> None:
        """As FLUSHALL does."""
        self.record = None

    def close(self) -> None:
        """Nothing to let go of."""


def same(a: LeaseRecord, b: LeaseRecord) -> bool:
    """What a compare-and-swap compares."""
    return a.counter == b.counter and a.token == b.token and a.owner == b.owner
