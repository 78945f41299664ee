"""Finds bursts of chat: the CHAT family. Pure; messages come on media time.

Two numbers are watched over 15 s: how many messages come, against their median of 15 minutes, and what share of them
laughs, cheers or shouts what others shout, against its usual share. Nobody counts more than twice in a window, so a few
bots cannot make a burst. Raids, gifts, greetings and pasted texts explain a busy chat without a moment, and take its
evidence away.

Events carry raw times; how far the chat lags behind is learned by fusion (detectors.lag).
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from core.media import ChatMessage, Gap
from core.moments import Event, Family
from core.signals import SignalChunk
from core.times import NS_PER_S, Ns, ns, to_s
from detectors.baseline import evidence, ramp, rate_text, readiness
from detectors.chat_text import Tone, echo, pasted, tone
from detectors.chat_watch import SMOOTH, Alarm, Burst, Echoes, Step, Usual, Window, surprise
from detectors.options import DetectOptions

_KEEP_NS: Final = 60 * NS_PER_S  # messages kept for dating an onset; an alarm is judged within 10 s
_MAX_KEPT: Final = 20_000  # messages of a minute; the busiest chats write a tenth of it
_ORDINARY: Final = 1.0  # standard deviations of the share of reactions
_ONSET_SHARE: Final = 0.25  # of the peak's rate: a trickle before the burst is not its onset
_GIFT_SIZE: Final = 5  # subs at once that bring their own applause


class _Line(NamedTuple):
    t_ns: Ns
    user: str
    tone: Tone
    paste: str | None
    reacts: bool


class ChatDetector:
    """Messages in; events `chat_rate`, `chat_reaction` and the note `chat_flood` out."""

    family = Family.CHAT

    def __init__(self, options: DetectOptions) -> None:
        self._all, self._options = options, options.chat
        self._waiting: deque[ChatMessage] = deque()
        self._lines: deque[_Line] = deque(maxlen=_MAX_KEPT)
        self._echoes = Echoes(ns(self._options.window_s), ns(options.baseline.window_s))
        self._floods: deque[tuple[Ns, str]] = deque(maxlen=100)
        self._messages, self._reactions = Window(ns(self._options.window_s)), Window(ns(self._options.window_s))
        self._usual = Usual(self._options, options.baseline)
        self._rate = Burst(self._options.rate, self._options, options.baseline)
        self._reaction = Burst(self._options.reaction, self._options, options.baseline)
        self._available = False
        self._since_ns: Ns | None = None
        self._now_ns = Ns(0)

    def feed(self, chunk: SignalChunk) -> None:
        """Signals say nothing about chat; its messages come through `chat`."""

    def gap(self, gap: Gap) -> None:
        """Missing footage does not silence a chat."""

    def set_available(self, yes: bool) -> None:
        """Whether there is a chat at all; a silent chat is available, a missing one is not."""
        self._available = yes

    def chat(self, messages: Sequence[ChatMessage]) -> None:
        """Take messages in, in any order. One that comes late counts from the next step on."""
        self._available = self._available or bool(messages)
        merged = sorted((*self._waiting, *messages), key=lambda message: message.t_ns)
        self._waiting = deque(merged)

    def available(self) -> bool:
        """Whether chat has been announced or seen."""
        return self._available

    def watermark(self) -> Ns:
        """The earliest onset of an alarm still open and unjudged, else now."""
        alarms = [burst.alarm for burst in (self._rate, self._reaction)]
        return Ns(min([self._now_ns, *(alarm.earliest_ns for alarm in alarms if alarm and not alarm.judged)]))

    def advance(self, t_ns: Ns) -> Sequence[Event]:
        """Count the messages up to `t_ns` and judge alarms that have peaked."""
        self._now_ns = t_ns
        if not self._available:
            return []
        if self._since_ns is None:
            self._since_ns = t_ns
        while self._waiting and self._waiting[0].t_ns <= t_ns:
            self._count(self._waiting.popleft(), t_ns)
        while self._lines and self._lines[0].t_ns <= t_ns - _KEEP_NS:
            self._lines.popleft()
        self._messages.expire(t_ns)
        self._reactions.expire(t_ns)
        if t_ns - self._since_ns >= ns(self._options.window_s):
            self._learn()
        return self._watch() if self._usual.known else []

    def finish(self, t_ns: Ns) -> Sequence[Event]:
        """The stream is over: judge what is open."""
        events = list(self.advance(t_ns))
        for burst in (self._rate, self._reaction):
            if burst.alarm is not None and burst.alarm.peak > burst.alarm.judged:
                events += self._judge(burst, burst.alarm)
        return events

    def _count(self, message: ChatMessage, now_ns: Ns) -> None:
        t_ns = Ns(max(message.t_ns, now_ns - ns(self._options.window_s)))
        if message.kind != "msg":
            if message.kind == "raid" or (message.kind == "sub" and message.n >= _GIFT_SIZE):
                self._floods.append((t_ns, message.kind))
            return
        mood, short = tone(message.text, message.emotes), echo(message.text)
        echoes = short is not None and self._echoes.hear(short, message.user, t_ns)
        reacts = mood in {Tone.LAUGHTER, Tone.HYPE} or (echoes and mood is Tone.TALK)
        line = _Line(t_ns, message.user, mood, pasted(message.text), reacts)
        self._lines.append(line)
        self._messages.add(t_ns, line.user)
        if line.reacts:
            self._reactions.add(t_ns, line.user)

    def _learn(self) -> None:
        raided = bool(self._floods) and self._floods[-1][0] > self._now_ns - ns(self._options.flood_s)
        calm = self._rate.alarm is None and self._reaction.alarm is None and not raided
        step = Step(self._now_ns, self._messages.count, self._reactions.count)
        self._usual.learn(step, calm=calm, fast=not self._usual.known)

    def _watch(self) -> list[Event]:
        count, reactions = self._messages.count, self._reactions.count
        ratio = math.log(count + SMOOTH) - self._usual.log_count()
        odd = surprise(reactions, count, self._usual.share())
        values = ((self._rate, ratio), (self._reaction, odd))
        events: list[Event] = []
        for burst, value in values:
            if burst.see(value, self._now_ns) and burst.alarm is not None:
                events += self._judge(burst, burst.alarm)
            burst.leave(value, self._now_ns)
        if ratio <= 0 and odd <= _ORDINARY and self._rate.alarm is None and self._reaction.alarm is None:
            self._usual.back_to_usual(self._now_ns)
        return events

    def _judge(self, burst: Burst, alarm: Alarm) -> list[Event]:
        """Events for one alarm: what it says, and what takes that away."""
        assert self._since_ns is not None
        alarm.judged = alarm.peak
        rate, options = burst is self._rate, self._options.rate if burst is self._rate else self._options.reaction
        watched = [line for line in self._lines if rate or line.reacts]
        if alarm.onset_ns is None:
            alarm.onset_ns = self._onset([line.t_ns for line in watched], alarm)
        lines = [line for line in self._lines if line.t_ns >= alarm.onset_ns]
        flood, why_flood = self._flood(lines)
        observed_ns = self._now_ns - self._since_ns
        per_hour = burst.tail.per_hour(alarm.peak - options.enter, self._now_ns, observed_ns)
        cap = options.worth * self._all.fusion.cap
        llr = evidence(alarm.peak, options.none, options.full, per_hour, self._all.baseline, cap)
        users = len({line.user for line in lines if rate or line.reacts})
        ready = readiness(observed_ns, self._all.baseline) * min(1.0, users / self._options.full_users)
        what = f"{self._rate_text(alarm) if rate else self._reaction_text(lines)} ({rate_text(per_hour)})"
        values = {"peak": alarm.peak, "flood": flood, "users": float(users)}

        def event(kind: str, llr: float, quality: float, why: str) -> Event:
            return Event(
                kind=kind,
                family=Family.CHAT,
                start_ns=alarm.onset_ns or self._now_ns,
                end_ns=self._now_ns,
                peak_ns=alarm.peak_ns,
                llr=llr,
                surprise_per_h=per_hour,
                quality=quality,
                why=why,
                found_ns=self._now_ns,
                values=values,
            )

        kind = "chat_rate" if rate else "chat_reaction"
        found = [event(kind, llr, ready * (1.0 - flood), what)] if llr > 0.0 else []
        if flood > 0.1:
            found.append(event("chat_flood", -flood, 1.0, why_flood))
        return found

    @staticmethod
    def _rate_text(alarm: Alarm) -> str:
        return f"chat {math.exp(alarm.peak):.1f} times its median"

    def _reaction_text(self, lines: Sequence[_Line]) -> str:
        reacting = [line for line in lines if line.reacts]
        laughing = sum(line.tone is Tone.LAUGHTER for line in reacting)
        name = "laughter" if 2 * laughing >= len(reacting) else "cheering"
        return f"{name} in {len(reacting)} of {len(lines)} chat lines, usually {100 * self._usual.share():.0f} %"

    def _onset(self, times_ns: Sequence[Ns], alarm: Alarm) -> Ns:
        """When the burst began: the message from which on the rate is least likely to be a quarter of its peak's."""
        recent = np.array([to_s(t) for t in times_ns if t >= alarm.earliest_ns])
        if not len(recent):
            return alarm.since_ns
        slow_per_s = _ONSET_SHARE * len(recent) / self._options.window_s
        count = len(recent) - np.arange(len(recent))
        expected = np.maximum(to_s(self._now_ns) - recent, 0.5) * slow_per_s
        gain = np.where(count > expected, count * np.log(count / expected) - count + expected, 0.0)
        return ns(float(recent[int(np.argmax(gain))]))

    def _flood(self, burst: Sequence[_Line]) -> tuple[float, str]:
        """How far something else explains the burst, 0..1, and what."""
        start_ns = burst[0].t_ns if burst else self._now_ns
        recent = [kind for t_ns, kind in self._floods if t_ns > start_ns - ns(self._options.flood_s)]
        if recent:
            return 1.0, f"a {'raid' if 'raid' in recent else 'gift of subscriptions'} explains the chat"
        count = max(len(burst), 1)
        greeting = ramp(sum(line.tone is Tone.GREETING for line in burst) / count, 0.25, 0.4)
        pastes = Counter(line.paste for line in burst if line.paste is not None)
        copies = ramp(sum(n - 1 for n in pastes.values()) / count, 0.3, 0.5)
        if greeting >= copies:
            return greeting, "greetings explain the chat"
        return copies, "one text pasted again and again explains the chat"
