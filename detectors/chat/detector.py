"""Finds bursts of chat: the CHAT family. Pure; messages come on media time.

Watched over 15 s: how many messages come, against their median of 15 minutes; what share of them laughs, cheers or
shouts what others shout, against its usual share; how their mood changes, where somebody can tell moods; and viewers
who ask for a clip. Nobody counts more than twice in a window. Raids, gifts, greetings, pasted texts and accounts that
nobody knows explain a busy chat without a moment, and take its evidence away.

Events carry raw times; how far the chat lags behind is learned by fusion (detectors.fusion.lag).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Final

import numpy as np

from core.media import ChatMessage, Gap
from core.moments import Event, Family
from core.signals import SignalChunk
from core.times import NS_PER_S, Ns, ns, to_s
from detectors.baseline import evidence, rate_text, readiness
from detectors.chat.clip import ClipCalls
from detectors.chat.flood import Flood, Line, Norm, Notices, explained
from detectors.chat.mood import Valence, change, mood_text, whole
from detectors.chat.onset import onset
from detectors.chat.share import Reactions
from detectors.chat.text import Tone, read
from detectors.chat.usual import LEARN_EVERY_NS, SMOOTH, Accounts, Echoes, Step, Usual
from detectors.chat.watch import Alarm, Burst
from detectors.options import DetectOptions

_KEEP_NS: Final = Ns(90 * NS_PER_S)  # messages kept for dating an onset
_MINUTE_NS: Final = 60 * NS_PER_S  # ... and for seeing who writes
_MAX_KEPT: Final = 20_000  # messages of a minute; the busiest chats write a tenth of it
_BACK_NS: Final = 20 * NS_PER_S  # a rate swings by itself: what came long before an alarm belongs to another swing
_NEW_NS: Final = Ns(60 * NS_PER_S)  # an account counts as a newcomer for this long
_ORDINARY: Final = 1.0  # standard deviations of the share of reactions
_NOTED: Final = 0.1  # a flood worth a word
_CHANGED: Final = 0.2  # another look has to change the flood by this much
_IS_FLOOD: Final = 0.5  # from here on an alarm is none: it teaches the threshold nothing
_REACTING: Final = (Tone.LAUGHTER, Tone.HYPE)
_TIME: Final = attrgetter("t_ns")


class ChatDetector:
    """Messages in; events `chat_rate`, `chat_reaction`, `chat_mood`, `chat_clip` and the note `chat_flood` out."""

    family = Family.CHAT

    def __init__(self, options: DetectOptions, *, valence: Valence | None = None) -> None:
        self._all, self._options, self._valence = options, options.chat, valence
        self._window_ns = ns(self._options.window_s)
        self._waiting: deque[ChatMessage] = deque()
        self._lines: deque[Line] = deque()
        self._recent: deque[Line] = deque()  # those of the last minute
        self._minute: dict[str, int] = {}  # ... and how many lines of each account
        self._accounts, self._notices = Accounts(), Notices(self._options.flood)
        self._echoes = Echoes(self._window_ns, ns(options.baseline.window_s))
        self._reactions = Reactions(self._options)
        self._window = self._reactions.short
        self._usual = Usual(self._options, options.baseline)
        chat, baseline = self._options, options.baseline
        self._rate = Burst(chat.rate, chat, baseline, Ns(_BACK_NS))
        self._reaction = Burst(chat.reaction, chat, baseline, _KEEP_NS)
        self._mood = Burst(chat.mood.burst, chat, baseline, _KEEP_NS)
        self._bursts = [self._rate, self._reaction, *([self._mood] if valence else [])]
        self._calls = ClipCalls(chat.clip, baseline)
        self._available, self._told = False, False
        self._since_ns: Ns | None = None  # of this connection
        self._before_ns = 0  # watched in earlier ones
        self._learned_ns = Ns(-LEARN_EVERY_NS)
        self._calm_ns = Ns(0)  # when all was last as usual
        self._now_ns = Ns(0)

    def feed(self, chunk: SignalChunk) -> None:
        """Signals say nothing about chat; its messages come through `chat`."""

    def gap(self, gap: Gap) -> None:
        """Missing footage does not silence a chat."""

    def set_available(self, yes: bool) -> None:
        """Whether there is a chat at all; a silent chat is available, a missing one is not."""
        if self._available and not yes:
            self._lose()
        self._available, self._told = yes, True

    def chat(self, messages: Sequence[ChatMessage]) -> None:
        """Take messages in, in any order. One that comes late counts from the next step on."""
        if messages and not self._told:
            self._available = True
        last_ns = self._waiting[-1].t_ns if self._waiting else Ns(0)
        ordered = sorted(messages, key=_TIME)
        if ordered and ordered[0].t_ns < last_ns:
            self._waiting = deque(sorted((*self._waiting, *ordered), key=_TIME))
        else:
            self._waiting.extend(ordered)

    def available(self) -> bool:
        """Whether chat is there: announced, or seen without ever having been announced."""
        return self._available

    def watermark(self) -> Ns:
        """The earliest onset of an alarm still open and unjudged or still rising, else now."""
        onsets = [
            alarm.earliest_ns if alarm.onset_ns is None else alarm.onset_ns
            for alarm in (burst.alarm for burst in self._bursts)
            if alarm and (not alarm.judged or self._now_ns - alarm.peak_ns < self._window_ns)
        ]
        return Ns(min([self._now_ns, *onsets]))

    def advance(self, t_ns: Ns) -> Sequence[Event]:
        """Count the messages up to `t_ns` and judge alarms that have peaked."""
        self._now_ns = t_ns
        if not self._available:
            while self._waiting and self._waiting[0].t_ns <= t_ns:
                self._waiting.popleft()
            return []
        if self._since_ns is None:
            self._since_ns = t_ns
        while self._waiting and self._waiting[0].t_ns <= t_ns:
            self._take(self._waiting.popleft(), t_ns)
        self._forget(t_ns)
        self._reactions.expire(t_ns)
        if t_ns - self._since_ns < self._window_ns:
            return []
        if self._watched_ns - self._learned_ns >= LEARN_EVERY_NS:
            self._learn()
        return self._watch() if self._usual.known else []

    def finish(self, t_ns: Ns) -> Sequence[Event]:
        """The stream is over: judge what is open."""
        events = list(self.advance(t_ns))
        for burst in self._bursts:
            if burst.alarm is not None and burst.alarm.peak > burst.alarm.judged:
                events += self._judge(burst, burst.alarm)
        return events

    # lines

    @property
    def _watched_ns(self) -> Ns:
        """For how long this chat has been watched; it stands still while the chat is gone."""
        return Ns(self._before_ns + (0 if self._since_ns is None else self._now_ns - self._since_ns))

    def _lose(self) -> None:
        """The connection is gone: what is usual stays known, what is going on is not."""
        self._before_ns, self._since_ns = self._watched_ns, None
        self._lines.clear()
        self._recent.clear()
        self._minute.clear()
        self._reactions.drop()
        self._window = self._reactions.short
        self._calls.drop()
        for burst in self._bursts:
            burst.drop(self._now_ns)

    def _take(self, message: ChatMessage, now_ns: Ns) -> None:
        t_ns, user = Ns(max(message.t_ns, now_ns - self._window_ns)), message.user
        if message.kind != "msg":
            self._notices.take(message, t_ns)
            return
        tone, echo, paste, calls = read(message.text, message.emotes)
        echoes = echo is not None and self._echoes.hear(echo, user, t_ns)
        reacts = tone in _REACTING or (echoes and tone is Tone.TALK)
        first_ns = self._accounts.hear(user, t_ns)
        mood = whole(self._valence(message.text, message.emotes)) if self._valence else 0
        line = Line(t_ns, user, first_ns, tone, paste, reacts, first_ns > t_ns - _NEW_NS, mood)
        self._lines.append(line)
        self._recent.append(line)
        self._minute[user] = self._minute.get(user, 0) + 1
        self._reactions.add(line)
        if calls:
            self._calls.add(line)

    def _forget(self, t_ns: Ns) -> None:
        lines, recent, minute = self._lines, self._recent, self._minute
        while lines and (lines[0].t_ns <= t_ns - _KEEP_NS or len(lines) > _MAX_KEPT):
            lines.popleft()
        while recent and (recent[0].t_ns <= t_ns - _MINUTE_NS or len(recent) > _MAX_KEPT):
            user = recent.popleft().user
            minute[user] -= 1
            if not minute[user]:
                del minute[user]

    def _learn(self) -> None:
        self._learned_ns = self._watched_ns
        raided = self._notices.since(self._now_ns) is not None
        calm = not raided and not any(burst.alarm for burst in self._bursts)
        window = self._window
        step = Step(
            self._watched_ns, window.count, window.reactions, window.newcomers, len(self._recent), len(self._minute),
            window.mood,
        )  # fmt: skip
        self._usual.learn(step, calm=calm, fast=not self._usual.known)
        if window.count or self._usual.count:  # silence teaches no threshold
            for burst in self._bursts:
                burst.threshold.pass_time(to_s(LEARN_EVERY_NS))

    # bursts

    def _watch(self) -> list[Event]:
        window, usual = self._window, self._usual
        ratio = math.log((window.count + SMOOTH) / (usual.count + SMOOTH))
        odd = self._reactions.odd(usual.count, usual.share(), self._reaction.alarm, self._now_ns)
        moved = abs(self._change()) if self._valence else 0.0
        events: list[Event] = []
        for burst, value in zip(self._bursts, (ratio, odd, moved), strict=False):
            if burst.alarm is not None and burst.over(value):
                if not burst.alarm.judged:
                    events += self._judge(burst, burst.alarm)
                burst.close(self._watched_ns)
            news, alarm = burst.see(value, self._now_ns), burst.alarm
            if alarm is None:
                continue
            if alarm.since_ns == self._now_ns:
                alarm.calm_ns = self._calm_ns
            if news or alarm.another_look(self._now_ns):
                events += self._judge(burst, alarm, look=not news)
        if self._calls.see(self._now_ns, window.users, self._watched_ns):
            events += self._called()
        if ratio <= 0 and self._reactions.brief <= _ORDINARY:
            self._calm_ns = self._now_ns
        if ratio <= 0 and odd <= _ORDINARY and not any(burst.alarm for burst in self._bursts):
            usual.back_to_usual(self._watched_ns)
        return events

    def _change(self) -> float:
        window = self._window
        return change(window.mood, window.count, window.users, self._usual.mood(), self._options.mood)

    def _judge(self, burst: Burst, alarm: Alarm, *, look: bool = False) -> list[Event]:
        """Events for one alarm: what it says, and what takes that away. A mere look speaks only of who writes."""
        reaction = burst is self._reaction
        if alarm.onset_ns is None:
            alarm.onset_ns = self._onset(alarm, reaction)
            if self._since_ns is not None and alarm.onset_ns - self._since_ns < self._window_ns:
                burst.level()  # nobody has seen the calm before it: this chat may always be so
                return []
        lines = [line for line in self._lines if line.t_ns >= alarm.onset_ns]
        flood = self._flood(lines, alarm.onset_ns, reaction)
        if look and abs(flood.share - alarm.flood) < _CHANGED:
            return []
        if not look:
            alarm.judged, alarm.judged_ns = alarm.peak, alarm.judged_ns or self._now_ns
        alarm.flood = flood.share
        options = burst.options
        per_hour = burst.tail.per_hour(alarm.peak - options.start, self._watched_ns, self._watched_ns)
        cap = options.worth * self._all.fusion.cap
        over = alarm.peak - alarm.threshold
        llr = evidence(over, options.none, options.full, per_hour, self._all.baseline, cap)
        if llr > 0.0 and not alarm.given and flood.share < _IS_FLOOD:
            alarm.given = True
            burst.threshold.fired()
        users = len({line.user for line in lines if line.reacts or not reaction})
        quality = self._ready(users) * (1.0 - flood.share)
        values = {
            "peak": alarm.peak,
            "flood": flood.share,
            "users": float(users),
            "threshold": alarm.threshold,
            "onset_sd_s": alarm.onset_sd_s,
            "calm_s": to_s(alarm.calm_ns),
        }
        kind, what = self._say(burst, alarm, lines)
        found = []
        if llr > 0.0:
            why = f"{what} ({rate_text(per_hour)})"
            found.append(self._event(kind, alarm, llr, why, quality=quality, per_hour=per_hour, values=values))
        if flood.share > _NOTED:
            penalty = -flood.share
            found.append(self._event("chat_flood", alarm, penalty, flood.why, per_hour=per_hour, values=values))
        return found

    def _event(
        self,
        kind: str,
        alarm: Alarm,
        llr: float,
        why: str,
        *,
        per_hour: float,
        values: Mapping[str, float],
        quality: float = 1.0,
    ) -> Event:
        return Event(
            kind=kind,
            family=Family.CHAT,
            start_ns=alarm.since_ns if alarm.onset_ns is None else alarm.onset_ns,
            end_ns=self._now_ns,
            peak_ns=alarm.peak_ns,
            llr=llr,
            surprise_per_h=per_hour,
            quality=quality,
            why=why,
            found_ns=self._now_ns,
            values=values,
        )

    def _ready(self, users: int) -> float:
        return readiness(self._watched_ns, self._all.baseline) * min(1.0, users / self._options.full_users)

    def _say(self, burst: Burst, alarm: Alarm, lines: Sequence[Line]) -> tuple[str, str]:
        """The kind of event, and what it found in words."""
        if burst is self._rate:
            minutes = self._all.baseline.window_s / 60
            return "chat_rate", f"chat {math.exp(alarm.peak):.1f} times its {minutes:.0f} min median"
        if burst is self._mood:
            return "chat_mood", mood_text(self._window.mood, self._window.count, self._usual.mood())
        reacting = [line for line in lines if line.reacts]
        laughing = sum(line.tone is Tone.LAUGHTER for line in reacting)
        name = "laughter" if 2 * laughing >= len(reacting) else "cheering"
        usual = 100 * self._usual.share()
        return "chat_reaction", f"{name} in {len(reacting)} of {len(lines)} chat lines, usually {usual:.0f} %"

    def _onset(self, alarm: Alarm, reaction: bool) -> Ns:
        lines = [line for line in self._lines if line.t_ns >= alarm.earliest_ns and (line.reacts or not reaction)]
        times = np.sort(np.array([to_s(line.t_ns) for line in lines]))
        usual = self._usual.count * (self._usual.share() if reaction else 1.0) / self._options.window_s
        began = onset(times, to_s(self._now_ns), usual, to_s(alarm.earliest_ns))
        if began is None:
            return alarm.since_ns
        alarm.onset_sd_s = began.sd_s
        return ns(max(began.at_s, 0.0))

    def _flood(self, lines: Sequence[Line], since_ns: Ns, reaction: bool) -> Flood:
        """How far something else explains these lines."""
        notice = self._notices.since(since_ns)
        if notice is not None:
            return notice
        usual = self._usual
        watched = [line for line in lines if line.reacts] if reaction else lines
        expected = usual.count * (usual.share() if reaction else 1.0) * (self._now_ns - since_ns) / self._window_ns
        norm = Norm(expected, usual.newcomers(), usual.lines_each())
        known_ns = Ns(since_ns - _NEW_NS)
        return explained(lines, watched, known_ns, self._minute, norm, self._options.flood)

    def _called(self) -> list[Event]:
        """Viewers ask for a clip."""
        calls, options = self._calls, self._options.clip
        assert calls.start_ns is not None
        flood = self._flood(calls.calls, calls.start_ns, reaction=True)
        per_hour = calls.per_hour(self._watched_ns)
        cap = options.worth * self._all.fusion.cap
        llr = evidence(calls.most, options.users - 1, options.full_users, per_hour, self._all.baseline, cap)
        if llr <= 0.0:
            return []
        alarm = Alarm(calls.start_ns, calls.start_ns, 0.0)
        alarm.peak_ns = self._now_ns
        if calls.began_ns is None:
            calls.began_ns = self._reaction.began_ns(calls.start_ns, _KEEP_NS)
        alarm.onset_ns = calls.began_ns
        quality = readiness(self._watched_ns, self._all.baseline) * (1.0 - flood.share)
        why = f"{calls.users} viewers ask for a clip ({rate_text(per_hour)})"
        values = {"users": float(calls.users), "flood": flood.share}
        return [self._event("chat_clip", alarm, llr, why, quality=quality, per_hour=per_hour, values=values)]
