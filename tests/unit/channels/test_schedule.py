"""How often a platform is asked: bursts, pauses, back-off, jitter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.times import ns
from supervisor.channels.schedule import JITTER, MAX_WAIT_NS, OTHER, Bucket, Platforms, Rate, Waits, platform_of


@pytest.mark.parametrize(
    ("url", "platform"),
    [
        ("https://www.twitch.tv/a", "twitch"),
        ("https://m.twitch.tv/a", "twitch"),
        ("https://youtu.be/x", "youtube"),
        ("https://WWW.YouTube.com/@a/live", "youtube"),
        ("https://nottwitch.tv/a", "nottwitch.tv"),
        ("https://live.example.org:8443/a", "live.example.org"),
    ],
)
def test_patience_is_shared_by_platform(url: str, platform: str) -> None:
    """A name that merely ends alike is another platform."""
    assert platform_of(url) == platform


def test_a_burst_then_one_at_a_time() -> None:
    """Three at once, then one in 10 s."""
    bucket = Bucket(Rate(3, ns(10)), now_ns=0)
    assert [bucket.take(0) for _ in range(3)] == [0, 0, 0]
    assert bucket.take(0) == ns(10)
    assert bucket.take(ns(10)) == 0
    assert bucket.take(ns(10)) == ns(10)


@given(st.lists(st.integers(0, ns(60)), max_size=200))
def test_a_bucket_never_gives_more_than_its_rate(steps: list[int]) -> None:
    """In any stretch of time: the burst, and one for every interval in it."""
    bucket, now_ns, taken = Bucket(Rate(4, ns(6)), now_ns=0), 0, []
    for step in steps:
        now_ns += step
        if bucket.take(now_ns) == 0:
            taken.append(now_ns)
    for first, start_ns in enumerate(taken):
        for last in range(first, len(taken)):
            assert last - first + 1 <= 4 + (taken[last] - start_ns) // ns(6)


def test_a_pause_stops_the_whole_platform() -> None:
    """A Retry-After that one channel got holds for all; a shorter one later does not shorten it."""
    platforms = Platforms()
    platforms.bucket("https://www.twitch.tv/a", 0).block(0, ns(600))
    platforms.bucket("https://www.twitch.tv/a", 0).block(0, ns(5))
    assert platforms.bucket("https://www.twitch.tv/b", 0).take(ns(1)) == ns(599)
    assert platforms.bucket("https://kick.com/b", 0).take(ns(1)) == 0
    assert platforms.bucket("https://www.twitch.tv/b", 0).take(ns(600)) == 0


def test_failures_double_the_wait_and_a_word_resets_it() -> None:
    """60, 120, 240, 480, 900, 900 s; then the usual 60."""
    waits = Waits(ns(60), lambda: 0.5)
    assert [waits.after("unreachable") for _ in range(6)] == [ns(60 * 2**n) for n in range(4)] + [MAX_WAIT_NS] * 2
    assert waits.after("offline") == ns(60)
    assert waits.after("rate_limited") == ns(60)


def test_a_page_that_wants_something_is_asked_seldom() -> None:
    """Ten times the usual wait."""
    assert Waits(ns(60), lambda: 0.5).after("bot_check") == ns(600)


@given(st.floats(0, 1, exclude_max=True))
def test_jitter_stays_within_a_fifth(random: float) -> None:
    """Both ways."""
    wait_ns = Waits(ns(60), lambda: random).after("offline")
    assert ns(60) * (1 - JITTER) - 1 <= wait_ns <= ns(60) * (1 + JITTER) + 1


def test_an_unknown_platform_has_a_modest_share() -> None:
    """Four at once."""
    bucket = Platforms().bucket("https://live.example.org/a", 0)
    assert [bucket.take(0) == 0 for _ in range(5)] == [True] * OTHER.burst + [False]
