"""The life of one channel: what its page, its worker and its media say, turned into one state. Pure.

    offline ──live──> starting ──media──> live <──media── gap
       ^                                   │ worker ended  │ ^
       └──────── ended <──────── the end rule ─────────────┘ └─ no media for FROZEN_NS
    error: the page says why nobody may see it (reason); polling goes on, slowly

A stream is over when its platform has said so twice, `apart_ns` apart, or when nothing has come for `silence_ns`
(reliability.md row 41). Until then a stream that comes back belongs to the same session.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from core.times import ns
from supervisor.channels.answers import NO_WORD, NOT_ON_AIR, Code

FROZEN_NS: Final = ns(15)  # nothing may be called live that has been frozen for more than 20 s


class State(StrEnum):
    """What a person is told about a channel."""

    OFFLINE = "offline"
    STARTING = "starting"
    LIVE = "live"
    GAP = "gap"
    ENDED = "ended"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRule:
    """When a stream that has stopped is over."""

    apart_ns: int = ns(30)
    silence_ns: int = ns(300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One channel at one moment. Times are CLOCK_BOOTTIME ns. `media_ns`: when media last came, or its session began;
    `gone_ns`: when the platform first said that the stream is over; `running`: a worker is at work."""

    state: State = State.OFFLINE
    reason: str = ""
    open: bool = False  # there is a session that has not ended
    running: bool = False
    media_ns: int = 0
    gone_ns: int | None = None
    captured_s: float = 0.0
    known: bool = False  # the page has given a word at least once


def answered(channel: Channel, code: Code, now_ns: int, rule: EndRule) -> Channel:
    """The page was asked while no worker was running. `starting` is what the caller acts on."""
    if code == "live":
        begun = channel if channel.open else replace(channel, open=True, media_ns=now_ns)
        return replace(begun, state=State.STARTING, reason="", gone_ns=None, captured_s=0.0, known=True)
    if channel.open:
        return _after_the_end(channel, code, now_ns, rule)
    if code in NO_WORD:  # the last answer is kept: a platform that is down has not ended anything
        return channel if channel.known else replace(channel, reason=code)
    state = State.OFFLINE if code == "offline" else State.ERROR
    return replace(channel, state=state, reason="" if code == "offline" else code, known=True)


def _after_the_end(channel: Channel, code: Code, now_ns: int, rule: EndRule) -> Channel:
    if code in NOT_ON_AIR:
        if channel.gone_ns is None:
            return silent(replace(channel, gone_ns=now_ns, reason="platform_says_offline"), now_ns, rule)
        if now_ns - channel.gone_ns >= rule.apart_ns:
            return _over(channel, "offline")
    return silent(channel, now_ns, rule)


def silent(channel: Channel, now_ns: int, rule: EndRule) -> Channel:
    """Time has passed: an open session without a worker ends when nothing has come for long enough."""
    if channel.open and not channel.running and now_ns - channel.media_ns >= rule.silence_ns:
        return _over(channel, "silence")
    return channel


def started(channel: Channel) -> Channel:
    """A worker is at work; its first media makes the channel live."""
    return replace(channel, state=State.STARTING, reason="", running=True, captured_s=0.0)


def measured(channel: Channel, captured_s: float, now_ns: int) -> Channel:
    """The worker said how much media it has captured, in seconds; more than before means that the stream lives."""
    if captured_s > channel.captured_s:
        return replace(channel, state=State.LIVE, reason="", captured_s=captured_s, media_ns=now_ns, gone_ns=None)
    if channel.state is State.LIVE and now_ns - channel.media_ns >= FROZEN_NS:
        return replace(channel, state=State.GAP, reason="frozen")
    return channel


def stopped(channel: Channel, reason: str) -> Channel:
    """The worker has ended because its source has; whether the stream is over, the end rule says."""
    return replace(channel, state=State.GAP, reason=reason, running=False, gone_ns=None)


def _over(channel: Channel, reason: str) -> Channel:
    return replace(channel, state=State.ENDED, reason=reason, open=False, gone_ns=None)
