"""How an attempt to tell something ended, the same for every kind of receiver. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

How = Literal["sent", "retry", "throttled", "refused", "gone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`sent`: accepted. `retry`: it may work later, and counts as a try. `throttled`: the receiver said when to come
    back, which counts as none. `refused`: this message never will be taken. `gone`: the channel takes nothing any more
    until somebody sees to it.

    `remote`: what the receiver calls the message now. `more`: of a message that was sent, there is more to send (a
    file, after the text). `rest_s`: the receiver wants to be left alone for this long; `wide`: by all of this kind.
    """

    how: How
    what: str = ""
    remote: Mapping[str, Any] = field(default_factory=dict)
    more: bool = False
    rest_s: float = 0.0
    wide: bool = False
