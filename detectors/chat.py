"""Finds bursts of chat: the CHAT family. Pure; messages come on media time.

Two counts of 15 s are watched against their own medians of 15 minutes, as log ratios: all messages, and reactions,
that is those that laugh, cheer or shout what others shout. Nobody counts more than twice in a window, so a few bots
cannot make a burst. Raids, gifts, greetings and pasted texts explain a busy chat without a moment, and take its
evidence away.

Events carry raw times; how far the chat lags behind is learned by fusion (detectors.lag).
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict, deque
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from core.media import ChatMessage, Gap
from core.moments import Event, Family
from core.signals import SignalChunk
from core.times import NS_PER_S, Ns, ns, to_s
from detectors.baseline import evidence, ramp, rate_text, readiness
from detectors.chat_rate import SMOOTH, Alarm, Rate
from detectors.chat_text import Tone, echo, pasted, tone
from detectors.options import DetectOptions

_KEEP_NS: Final = 60 * NS_PER_S  # messages kept for dating an onset; an alarm is judged within 10 s
_MAX_KEPT: Final = 20_000  # messages of a minute; the busiest chats write a tenth of it
_ONSET_SHARE: Final = 0.25  # of the peak's rate: a trickle before the burst is not its onset
_ECHOES_KEPT: Final = 2_000  # texts of the last seconds
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
        self._said: OrderedDict[str, tuple[Ns, str]] = OrderedDict()
        self._floods: deque[tuple[Ns, str]] = deque(maxlen=100)
        self._all_lines = Rate("chat_rate", options)
        self._reactions = Rate("chat_reaction", options)
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
        """The onset of an alarm still open and unjudged, else now."""
        open_since = [r.alarm.since_ns for r in (self._all_lines, self._reactions) if r.alarm and not r.alarm.judged]
        return Ns(min([self._now_ns, *(since - ns(self._options.window_s) for since in open_since)]))

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
        busy = bool(self._floods) and self._floods[-1][0] > t_ns - ns(self._options.flood_s)
        learn = t_ns - self._since_ns >= ns(self._options.window_s)
        events: list[Event] = []
        for rate in (self._all_lines, self._reactions):
            if rate.step(t_ns, learn=learn, busy=busy):
                events += self._judge(rate)
            rate.close_if_over(t_ns)
        return events

    def finish(self, t_ns: Ns) -> Sequence[Event]:
        """The stream is over: judge what is open."""
        events = list(self.advance(t_ns))
        for rate in (self._all_lines, self._reactions):
            if rate.alarm is not None and rate.alarm.peak > rate.alarm.judged:
                events += self._judge(rate)
        return events

    def _count(self, message: ChatMessage, now_ns: Ns) -> None:
        t_ns = Ns(max(message.t_ns, now_ns - ns(self._options.window_s)))
        if message.kind != "msg":
            if message.kind == "raid" or (message.kind == "sub" and message.n >= _GIFT_SIZE):
                self._floods.append((t_ns, message.kind))
            return
        mood = tone(message.text, message.emotes)
        reacts = mood in {Tone.LAUGHTER, Tone.HYPE} or (self._echoes(message, t_ns) and mood is not Tone.GREETING)
        line = _Line(t_ns, message.user, mood, pasted(message.text), reacts)
        self._lines.append(line)
        self._all_lines.window.add(t_ns, line.user)
        if line.reacts:
            self._reactions.window.add(t_ns, line.user)

    def _echoes(self, message: ChatMessage, t_ns: Ns) -> bool:
        """Whether somebody else wrote the same short thing within the window."""
        key = echo(message.text)
        if key is None:
            return False
        before = self._said.pop(key, None)
        self._said[key] = t_ns, message.user
        if len(self._said) > _ECHOES_KEPT:
            self._said.popitem(last=False)
        return before is not None and before[1] != message.user and before[0] > t_ns - ns(self._options.window_s)

    def _judge(self, rate: Rate) -> list[Event]:
        alarm, options, baseline = rate.alarm, self._options, self._all.baseline
        assert alarm is not None
        assert self._since_ns is not None
        lines = [line for line in self._lines if rate is self._all_lines or line.reacts]
        if alarm.onset_ns is None:
            alarm.onset_ns = self._onset([line.t_ns for line in lines], alarm)
        alarm.judged = alarm.peak
        burst = [line for line in lines if line.t_ns >= alarm.onset_ns]
        flood, why_flood = self._flood([line for line in self._lines if line.t_ns >= alarm.onset_ns])
        observed_ns = self._now_ns - self._since_ns
        per_hour = rate.tail.per_hour(alarm.peak - options.enter, self._now_ns, observed_ns)
        llr = evidence(alarm.peak, options.none, options.full, per_hour, baseline, self._all.fusion.cap)
        users = len({line.user for line in burst})
        quality = readiness(observed_ns, baseline) * min(1.0, users / options.full_users)
        values = {"ratio": alarm.peak, "times": math.exp(alarm.peak), "flood": flood, "users": float(users)}

        def event(kind: str, llr: float, quality: float, why: str) -> Event:
            assert alarm.onset_ns is not None
            return Event(
                kind=kind,
                family=Family.CHAT,
                start_ns=alarm.onset_ns,
                end_ns=self._now_ns,
                peak_ns=alarm.peak_ns,
                llr=llr,
                surprise_per_h=per_hour,
                quality=quality,
                why=why,
                found_ns=self._now_ns,
                values=values,
            )

        name = f"{self._mood(burst)} in chat" if rate is self._reactions else "chat"
        what = f"{name} {values['times']:.1f} times its median ({rate_text(per_hour)})"
        found = [event(rate.kind, llr, quality * (1.0 - flood), what)] if llr > 0.0 else []
        if flood > 0.1:
            found.append(event("chat_flood", -flood, 1.0, why_flood))
        return found

    @staticmethod
    def _mood(burst: Sequence[_Line]) -> str:
        laughing = sum(line.tone is Tone.LAUGHTER for line in burst)
        return "laughter" if 2 * laughing >= len(burst) else "cheering"

    def _onset(self, times_ns: Sequence[Ns], alarm: Alarm) -> Ns:
        """When the burst began: the message after which the rate is least likely to be the usual one."""
        usual, peak = math.exp(alarm.usual) - SMOOTH, math.exp(alarm.usual + alarm.peak) - SMOOTH
        usual_per_s = max(usual, _ONSET_SHARE * peak) / self._options.window_s
        now = to_s(self._now_ns)
        recent = np.array([to_s(t) for t in times_ns if t >= alarm.earliest_ns])
        if not len(recent):
            return alarm.since_ns
        count = len(recent) - np.arange(len(recent))
        expected = np.maximum(now - recent, 0.5) * usual_per_s
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
