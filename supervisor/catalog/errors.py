"""What the catalog refuses, and what it says when its database does not answer.

NotFound, Conflict    UsageErrors: what was asked for is not there (for this workspace), or cannot be as things are
StaleWrite            a leader whose lease token is not the highest that was seen
Superseded            a worker whose claim has passed on; `claim` is its own, for delivery only
CatalogAway           no answer in time, or not with yes or no: what was asked may have been done
"""

from __future__ import annotations

from core.errors import UsageError
from supervisor.catalog.values import ClaimRow


class NotFound(UsageError):
    """Not there, or not this workspace's: the two are not told apart."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"There is no {what} {name[:80]!r}", remedy="Look at the list.", code="not_found")


class Conflict(UsageError):
    """The name is taken, another claim came first, a job is over: `code` says which."""


class StaleWrite(Exception):
    """Refused and counted: a higher lease token has been seen, so another supervisor leads."""

    def __init__(self, token: int, seen: int) -> None:
        super().__init__(f"lease token {token} is stale: {seen} has been seen")
        self.token, self.seen = token, seen


class Superseded(Exception):
    """The stream has a newer claim. What is finished is still taken."""

    def __init__(self, claim: ClaimRow) -> None:
        super().__init__(f"claim {claim.token} of {claim.stream} has been superseded")
        self.claim = claim


class CatalogAway(Exception):
    """No yes or no from the database. Every method may be called again: asked twice, it does its work once.

    `code` is what is logged and counted: timeout, unreachable, locked, full, readonly, denied, damaged.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class JoinRefused(Exception):
    """A link does not let this browser in; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
