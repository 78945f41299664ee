"""The life of a channel, as a table of what is said and what becomes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.times import ns
from supervisor.channels.answers import CODES, Code
from supervisor.channels.state import FROZEN_NS, Channel, EndRule, State, answered, measured, silent, started, stopped

RULE = EndRule()


def live(at_ns: int = 0) -> Channel:
    """A channel whose worker has media."""
    return measured(started(answered(Channel(), "live", at_ns, RULE)), 1.0, at_ns)


def after_the_end(at_ns: int = 0) -> Channel:
    """A channel whose worker's playlist has ended."""
    return stopped(live(at_ns), "endlist")


def test_a_channel_starts_by_its_page_and_is_live_by_its_media() -> None:
    """A platform's word alone is not live: it takes media."""
    starting = answered(Channel(), "live", 0, RULE)
    assert (starting.state, starting.open) == (State.STARTING, True)
    assert started(starting).state is State.STARTING
    assert measured(started(starting), 0.0, ns(5)).state is State.STARTING
    assert measured(started(starting), 0.5, ns(6)).state is State.LIVE


def test_nothing_frozen_is_called_live() -> None:
    """Within 20 s it is a gap, though the worker is at work; media makes it live again."""
    assert ns(20) > FROZEN_NS
    frozen = measured(live(), 1.0, FROZEN_NS)
    assert (frozen.state, frozen.reason) == (State.GAP, "frozen")
    assert measured(live(), 1.0, FROZEN_NS - 1).state is State.LIVE
    assert measured(frozen, 1.5, FROZEN_NS + 1).state is State.LIVE


def test_the_end_takes_two_words_of_the_platform() -> None:
    """Offline once is a glitch, twice within 30 s too; twice 30 s apart is the end."""
    once = answered(after_the_end(), "offline", ns(1), RULE)
    assert (once.state, once.open) == (State.GAP, True)
    assert answered(once, "offline", ns(30), RULE).open
    over = answered(once, "offline", ns(31), RULE)
    assert (over.state, over.reason, over.open) == (State.ENDED, "offline", False)


def test_a_stream_that_is_back_before_the_end_goes_on() -> None:
    """The same session: it stays open, and the first word of the end is forgotten."""
    once = answered(after_the_end(), "offline", ns(1), RULE)
    back = answered(once, "live", ns(20), RULE)
    assert (back.state, back.open) == (State.STARTING, True)
    again = stopped(measured(started(back), 9.0, ns(25)), "endlist")
    assert answered(again, "offline", ns(31), RULE).open


@pytest.mark.parametrize("code", ["rate_limited", "unreachable", "bot_check", "geo_block"])
def test_no_word_is_no_end_until_five_minutes_of_silence(code: Code) -> None:
    """A platform that is down, or wants cookies, has not said that the stream is over."""
    channel = after_the_end()
    for at in range(30, 300, 30):
        channel = answered(channel, code, ns(at), RULE)
        assert (channel.state, channel.open) == (State.GAP, True)
    over = answered(channel, code, ns(300), RULE)
    assert (over.state, over.reason) == (State.ENDED, "silence")


def test_silence_never_ends_a_session_whose_worker_runs() -> None:
    """How long a frozen source is waited for is the worker's own rule."""
    assert silent(live(), ns(9999), RULE).open


def test_after_the_end_comes_the_next_stream_in_a_new_session() -> None:
    """Ended, offline, starting."""
    over = replace(after_the_end(), state=State.ENDED, open=False)
    offline = answered(over, "offline", ns(100), RULE)
    assert (offline.state, offline.open) == (State.OFFLINE, False)
    assert answered(offline, "live", ns(200), RULE).open


def test_a_platform_that_is_down_leaves_the_last_answer() -> None:
    """Offline stays offline, an error stays that error; before the first word the reason says why there is none."""
    offline = answered(Channel(), "offline", 0, RULE)
    assert answered(offline, "unreachable", ns(60), RULE) == offline
    error = answered(Channel(), "bot_check", 0, RULE)
    assert (error.state, error.reason) == (State.ERROR, "bot_check")
    assert answered(error, "rate_limited", ns(60), RULE) == error
    assert (answered(Channel(), "unreachable", 0, RULE).reason) == "unreachable"


CODE_LIST = sorted(CODES)
EVENTS = st.one_of(
    st.sampled_from(CODE_LIST), st.floats(0, 100).map(lambda media: ("media", media)), st.just("stopped")
)


@given(st.lists(st.tuples(EVENTS, st.integers(0, ns(100))), max_size=60))
def test_whatever_is_said_a_session_ends_by_the_rule_only(events: list[tuple[object, int]]) -> None:
    """An open session closes only after 30 s of the platform's word, or 300 s without media."""
    channel, now_ns, first_gone_ns = Channel(), 0, None
    for event, step_ns in events:
        now_ns += step_ns
        before = channel
        if isinstance(event, tuple):
            channel = measured(channel, event[1], now_ns) if channel.running else channel
        elif event == "stopped":
            channel = stopped(channel, "endlist") if channel.running else channel
        elif not channel.running:
            channel = answered(channel, event, now_ns, RULE)  # type: ignore[arg-type]
            channel = started(channel) if channel.state is State.STARTING else channel
        first_gone_ns = channel.gone_ns if channel.gone_ns is not None else first_gone_ns
        if before.open and not channel.open:
            said = before.gone_ns is not None and now_ns - before.gone_ns >= RULE.apart_ns
            assert said or now_ns - before.media_ns >= RULE.silence_ns
        assert channel.open == (channel.state in (State.STARTING, State.LIVE, State.GAP))
