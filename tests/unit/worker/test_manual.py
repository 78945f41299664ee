"""`clipd cut` as a request: ranges that are kept, and requests that make no clip."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import UsageError
from core.ids import SessionId
from core.times import ns
from daemon.cli.cut import parse_range
from daemon.worker.manual import manual_decision, manual_spec, newest

SESSION = SessionId("s20260101t000000-abcdef")


def asked(*drop: tuple[float, float], **more: Any) -> dict[str, Any]:
    return {"start_s": 10.0, "end_s": 20.0, "drop": drop, **more}


@pytest.mark.parametrize(
    ("drop", "kept"),
    [
        ([], [(10, 20)]),
        ([(12, 13)], [(10, 12), (13, 20)]),
        ([(15, 16), (12, 13)], [(10, 12), (13, 15), (16, 20)]),
        ([(12, 15), (14, 16)], [(10, 12), (16, 20)]),
        ([(8, 11), (19.5, 30)], [(11, 19.5)]),
        ([(12, 13), (13.05, 14)], [(10, 12), (14, 20)]),
    ],
)
def test_what_is_not_dropped_is_kept(drop: list[tuple[float, float]], kept: list[tuple[float, float]]) -> None:
    """Ranges in any order, over each other, over the ends; what is left between two of them is 0.1 s at least."""
    decision = manual_decision(SESSION, asked(*drop))
    assert decision.kept == tuple((ns(a), ns(b)) for a, b in kept)
    assert (decision.start_ns, decision.end_ns) == (ns(kept[0][0]), ns(kept[-1][1]))


@pytest.mark.parametrize(
    "drop", [[(10, 20)], [(13, 12)], [("x", 12)], [(12,)], [(float("nan"), 12)], [(11, 12)] * 64, 7, [7]]
)
def test_a_request_that_leaves_nothing_or_says_nothing_is_refused(drop: Any) -> None:
    """Also what is no list of pairs of numbers, and too many of them."""
    with pytest.raises(UsageError):
        manual_decision(SESSION, asked() | {"drop": drop})


def test_the_same_range_cut_in_another_way_is_another_clip() -> None:
    """Asked for twice in the same way it is the same one."""
    ways = [asked(), asked(keyframes=True), asked((12, 13)), asked((12, 14))]
    ids = [manual_decision(SESSION, way).clip for way in ways]
    assert len(set(ids)) == 4
    assert ids == [manual_decision(SESSION, way).clip for way in ways]


def test_cuts_are_exact_unless_asked_otherwise() -> None:
    """Dropping ranges on keyframes would show what was to be dropped."""
    assert manual_spec(asked()).cut == "exact"
    assert manual_spec(asked(keyframes=True)).cut == "keyframes"
    with pytest.raises(UsageError):
        manual_spec(asked((12, 13), keyframes=True))


def test_a_range_is_written_with_a_dash() -> None:
    """In seconds or as clocks."""
    assert parse_range("70-73.5") == (70.0, 73.5)
    assert parse_range("1:10 - 1:13.5") == (70.0, 73.5)
    for text in ("70", "-", "70-", "a-b"):
        with pytest.raises(UsageError):
            parse_range(text)


def test_the_last_seconds_are_counted_from_the_newest_media() -> None:
    """And never from before the session; a start and an end stand as they are."""
    assert newest({"last_s": 5, "title": "x"}, ns(12)) == {"last_s": 5, "title": "x", "start_s": 7.0, "end_s": 12.0}
    assert newest({"last_s": 50}, ns(12))["start_s"] == 0.0
    assert newest({"start_s": 1, "end_s": 2}, ns(12)) == {"start_s": 1, "end_s": 2}


@pytest.mark.parametrize("bad", ["x", [], "1e999"])
def test_last_seconds_are_a_number(bad: Any) -> None:
    """They come from outside."""
    with pytest.raises(UsageError):
        newest({"last_s": bad}, ns(12))
