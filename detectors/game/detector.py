"""From what a game shows to evidence: the GAME family. Pure.

What counts is combos, not kills: in 15.7 h of Counter-Strike there were 183 kills an hour, and 5.5 times an hour three
by one player inside 15 s (detection.md section 2, signal 1). One streak is one event that grows, from the first sign of
its fight to the last.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Final

from core.game import GameEvent, GameKind
from core.media import Gap
from core.moments import Event, Family
from core.signals import SignalChunk
from core.times import Ns, ns, to_s
from detectors.baseline import Tail, rate_text
from detectors.game.calls import WORDS, Calls
from detectors.game.fight import Fights
from detectors.game.kills import alike
from detectors.game.streaks import Streak
from detectors.options import Profile

_MOST_STREAKS: Final = 50  # that may still grow: more players than any game has
_MOST_AT_ONCE: Final = 50  # events of one step: a screen full of rows
_MOST_COUNTED: Final = 20  # kills of one step of a counter: more is a misread


class GameDetector:
    """Game events in; events `streak`, and `victory`, `clutch`, `round_won` and `objective`, out."""

    family = Family.GAME

    def __init__(self, profile: Profile) -> None:
        """A fight is as long as a clip of this profile can hold."""
        game, baseline, clip = profile.detect.game, profile.detect.baseline, profile.clip
        self._options, self._baseline = game, baseline
        self._window_ns, self._longest_ns = ns(game.window_s), ns(clip.max_s - clip.pre_s - clip.post_s)
        self._same_ns, self._known_ns = ns(game.same_s), ns(game.known_s)
        others_per_h = game.kills_per_h * game.other_players
        self._own_tail = Tail(baseline, prior_per_h=game.kills_per_h, prior_scale=game.tail_kills)
        self._others_tail = Tail(baseline, prior_per_h=others_per_h, prior_scale=game.tail_kills)
        self._calls = {kind: Calls(kind, getattr(game, kind.value), baseline) for kind in WORDS}
        self._fights = Fights(ns(game.fight_gap_s), ns(clip.pre_s), self._longest_ns)
        self._waiting: list[GameEvent] = []
        self._streaks: list[Streak] = []
        self._said: dict[Streak, Event] = {}
        self._player = ""  # the first whose kills were own
        self._several = False  # whether everybody's are: a broadcast
        self._seen = False
        self._now_ns = Ns(0)

    def feed(self, chunk: SignalChunk) -> None:
        """Signals are for others."""

    def gap(self, gap: Gap) -> None:
        """Nothing is shown in a gap, and a fight may go on behind it."""

    def game(self, events: Sequence[GameEvent]) -> None:
        """What a game showed; each counts from its `known_ns` on."""
        self._waiting.extend(events)

    def available(self) -> bool:
        """Whether a game has shown anything; what never did is not waited for."""
        return self._seen

    def watermark(self) -> Ns:
        """The screen is read a little late."""
        return Ns(max(self._now_ns - self._known_ns, 0))

    def finish(self, t_ns: Ns) -> Sequence[Event]:
        """Nothing more is to be said at the end."""
        return self.advance(t_ns)

    def advance(self, t_ns: Ns) -> Sequence[Event]:
        """Use what is known at `t_ns`."""
        self._now_ns = t_ns
        self._close()
        if not self._waiting:
            return []
        known = sorted((e for e in self._waiting if e.known_ns <= t_ns), key=attrgetter("known_ns", "t_ns"))
        if not known:
            return []
        self._waiting = [event for event in self._waiting if event.known_ns > t_ns]
        self._seen = True
        found = [call for event in known[:_MOST_AT_ONCE] if (call := self._take(event)) is not None]
        return [*found, *(event for streak in self._streaks if (event := self._tell(streak)) is not None)]

    def _take(self, event: GameEvent) -> Event | None:
        """A kill goes to its streak; a call is evidence by itself."""
        trust = self._options.sound if event.source == "sound" else 1.0
        if event.source != "sound":
            self._fights.sign(event.t_ns)
        if event.own and event.kind is GameKind.KILL:
            self._player = self._player or event.who
            self._several = self._several or not alike(self._player, event.who)
        somebodys = event.own or bool(event.who)  # of strangers without a name nobody knows who has how many
        if event.kind is GameKind.KILL or (event.kind is GameKind.STREAK and event.count == 1):
            for _ in range(min(event.count, _MOST_COUNTED) if somebodys else 0):
                self._kill(event, trust)
        elif event.kind is GameKind.STREAK and somebodys:
            self._home(event).call(event, trust)
        elif event.own and event.kind in self._calls:
            return self._calls[event.kind].take(event, trust, self._now_ns)
        return None

    def _kill(self, event: GameEvent, trust: float) -> None:
        """Of one that has been told of already the nearest source's kill; else a new one."""
        mine = (streak for streak in self._streaks if streak.own == event.own and alike(streak.who, event.who))
        told = [(kill, streak) for streak in mine if (kill := streak.told(event, self._same_ns)) is not None]
        nearest = min(told, key=lambda each: abs(each[0].t_ns - event.t_ns), default=None)
        if nearest is None:
            self._home(event).add(event, trust)
        else:
            nearest[1].add(event, trust, nearest[0])

    def _home(self, event: GameEvent) -> Streak:
        """The streak that a kill goes on with, or a new one."""
        fitting = [s for s in self._streaks if s.fits(event, self._window_ns, self._longest_ns)]
        if fitting:
            return min(fitting, key=lambda s: abs(s.last_ns - event.t_ns))
        streak = Streak(event.t_ns, own=event.own, who=event.who)
        self._streaks.append(streak)
        if len(self._streaks) > _MOST_STREAKS:
            self._over(self._streaks.pop(0))
        return streak

    def _close(self) -> None:
        """Streaks that nothing can join any more are counted: they say how rare the next one is."""
        old_ns = self._now_ns - self._window_ns - self._known_ns
        over = [streak for streak in self._streaks if streak.last_ns < old_ns]
        if over:
            self._streaks = [streak for streak in self._streaks if streak.last_ns >= old_ns]
            for streak in over:
                self._over(streak)

    def _over(self, streak: Streak) -> None:
        size, _ = streak.best(self._window_ns, self._options.called_less)
        if size >= 1.0:
            self._tail(streak).push(size - 1.0, streak.last_ns)
        self._said.pop(streak, None)

    def _tail(self, streak: Streak) -> Tail:
        return self._own_tail if streak.own else self._others_tail

    def _tell(self, streak: Streak) -> Event | None:
        """The evidence of a streak as it stands; None when nothing about it is new, or it never said anything."""
        before = self._said.get(streak)
        size, peak_ns = streak.best(self._window_ns, self._options.called_less)
        if before is not None and before.values["kills"] == round(size, 2):
            llr, per_h = before.llr, before.surprise_per_h
        else:
            llr, per_h = self._evidence(streak, size)
        if llr <= 0.0 and before is None:
            return None
        start_ns, end_ns = self._fights.around(streak.first_ns, streak.last_ns)
        event = Event(  # a kill more never says less
            kind="streak",
            family=self.family,
            start_ns=start_ns,
            end_ns=Ns(max(end_ns, start_ns + 1)),
            peak_ns=peak_ns,
            llr=max(llr, 0.0 if before is None else before.llr),
            surprise_per_h=per_h,
            quality=1.0,
            why=f"{streak.text(named=not streak.own or self._several)} ({rate_text(per_h)})",
            found_ns=self._now_ns,
            values={"onset_s": to_s(streak.opened_ns), "kills": round(size, 2)},
        )
        if before is not None and replace(event, found_ns=before.found_ns) == before:
            return None
        self._said[streak] = event
        return event

    def _evidence(self, streak: Streak, size: float) -> tuple[float, float]:
        """llr, and how often an hour there are as many: both have to speak for it."""
        per_h = self._tail(streak).per_hour(size - 1.0, self._now_ns, self._now_ns)
        rarity = math.log(self._baseline.neutral_per_h / max(per_h, 1e-9))
        return max(0.0, min(self._worth(size), rarity)) * (1.0 if streak.own else self._options.others), per_h

    def _worth(self, size: float) -> float:
        """llr of so many kills, straight between whole ones; as many as the largest for more."""
        table = (0.0, *self._options.kills)
        low = min(int(size), len(table) - 1)
        high = min(low + 1, len(table) - 1)
        return table[low] + (size - low) * (table[high] - table[low]) if low < high else table[low]
