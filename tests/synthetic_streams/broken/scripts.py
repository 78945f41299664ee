"""The faults, as data: what the origin does to which requests, and from when to when.

Times are seconds of the stream, which is joined at 6 s and ends at `LENGTH_S`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

LENGTH_S: Final = 50
NEVER: Final = float("inf")
Target = Literal["master", "playlist", "segment"]
Shape = Literal[
    "", "reset", "discontinuity", "backward", "wrap", "dropped", "advert", "smaller", "end", "burst", "stale"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`answer`: what a request of the span gets instead. `numbers`: of segments only these; `once`: each only once."""

    target: Target
    answer: str
    start_s: float = 0.0
    end_s: float = NEVER
    numbers: frozenset[int] = frozenset()
    once: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One way to break. `shape`: what is wrong in the stream itself; `away`: every connection is reset in that span;
    `renewed_s`: from then on the list of qualities names other links, and faults are those of the old ones."""

    name: str
    faults: tuple[Fault, ...] = ()
    shape: Shape = ""
    away: tuple[float, float] | None = None
    renewed_s: float | None = None


def _playlist(answer: str, start_s: float = 14, end_s: float = 20) -> tuple[Fault, ...]:
    return (Fault(target="playlist", answer=answer, start_s=start_s, end_s=end_s),)


def _segment(
    answer: str, *numbers: int, once: bool = False, span: tuple[float, float] | None = None
) -> tuple[Fault, ...]:
    start_s, end_s = span or (0.0, NEVER)
    return (
        Fault(target="segment", answer=answer, numbers=frozenset(numbers), once=once, start_s=start_s, end_s=end_s),
    )


_REFUSALS: Final = ("404", "403", "410", "500", "503", "429")
_PASSING: Final = ("404", "500", "reset", "cut")
_BODIES: Final = (
    "html",
    "empty",
    "cut",
    "garbage",
    "reset",
    "hang",
    "trickle",
    "endless",
    "gzip",
    "masterlist",
    "nosegments",
)

SCRIPTS: Final[tuple[Script, ...]] = (
    *(Script(name=f"playlist {code} for 6 s", faults=_playlist(code)) for code in _REFUSALS),
    *(Script(name=f"playlist {body} for 6 s", faults=_playlist(body)) for body in _BODIES),
    Script(name="playlist frozen for 10 s", faults=_playlist("frozen", 14, 24)),
    Script(name="playlist frozen for 25 s", faults=_playlist("frozen", 14, 39)),
    Script(name="playlist of another cache node in turn", shape="stale"),
    Script(name="end of the list, taken back", shape="end"),
    Script(
        name="link expired: refused for good, the list has a new one",
        faults=(*_playlist("403", 16, NEVER), *_segment("403", span=(16, NEVER))),
        renewed_s=16,
    ),
    Script(name="one quality gone for good", faults=(*_playlist("gone", 16, NEVER),)),
    *(Script(name=f"each segment {body} once", faults=_segment(body, once=True)) for body in _PASSING),
    Script(name="segments 403 for 4 s", faults=_segment("403", span=(16, 20))),
    Script(name="segments 500 for 6 s", faults=_segment("500", span=(16, 22))),
    *(
        Script(name=f"one segment {body} for good", faults=_segment(body, 8))
        for body in ("404", "cut", "garbage", "html", "hang", "trickle", "endless", "reset", "empty")
    ),
    Script(name="encoder restarts: numbers and times from zero", shape="reset"),
    Script(name="discontinuity with other times", shape="discontinuity"),
    Script(name="times leap back unannounced", shape="backward"),
    Script(name="times run over 33 bits", shape="wrap"),
    Script(name="two segments never made", shape="dropped"),
    Script(name="advert of 4 s", shape="advert"),
    Script(name="another picture size in mid-stream", shape="smaller"),
    Script(name="segments listed in bursts of four", shape="burst"),
    Script(name="source away for 10 s", away=(16, 26)),
    Script(name="source away for 30 s", away=(12, 42)),
)  # fmt: skip
