"""A session's lines over media time, thinned to what a screen can show: signals, the fused probability and the bar."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from pydantic import ValidationError

from core.game import GameEvent
from core.moments import Event, Moment
from core.times import NS_PER_S, Ns, ns
from daemon.journal import Look
from daemon.report.lines import CHAT_NS, Line, chat_rate, loudness
from detectors import Profile
from detectors.features import AUDIO_KIND
from detectors.fusion.bar import Bar
from detectors.fusion.candidate import Key, key_of
from detectors.fusion.scoring import logit, score
from supervisor.sessions_reader import Curves

TICK_NS: Final = NS_PER_S // 2  # the grid on which a worker decides
SEEN_LATE_NS: Final = ns(120)  # an event is found so long after it began, at most: chat lags, and grows
MOST_EVENTS: Final = 4_000
READ_LATE_NS: Final = ns(30)  # a long GOP and what reads it
MOST_SHOWN: Final = 1_000  # of a game; a deathmatch shows some hundred an hour
LONGEST_TICKS: Final = 240  # of one event
PLACES: Final = 4


def curves(journal: Look, start_ns: Ns, end_ns: Ns, points: int) -> Curves:
    """Of a span, as far as the media goes; at most `points` values a line."""
    end_ns = Ns(max(start_ns, min(end_ns, journal.media_end_ns())))
    step_ns = max(TICK_NS, -(-(end_ns - start_ns) // points))
    grid = _Grid(start_ns, step_ns, -(-(end_ns - start_ns) // step_ns))
    profile = _profile(journal)
    chat_first_ns = Ns(start_ns - start_ns % CHAT_NS)
    sound = loudness(journal.signals(AUDIO_KIND, start_ns, end_ns))
    chat = chat_rate(journal.chat_times(chat_first_ns, end_ns), chat_first_ns)
    series = {"loudness": grid.highest(sound)} if len(sound) else {}
    if len(chat):
        series["chat"] = grid.lasting(chat, CHAT_NS)
    events = journal.events(start_ns, Ns(end_ns + SEEN_LATE_NS), MOST_EVENTS)
    return Curves(
        start_ns=start_ns,
        step_ns=step_ns,
        series=series,
        p=grid.p(events, journal.moments(), profile),
        bar=grid.bar(journal.shown(), profile),
        game=_game(journal, start_ns, end_ns),
    )


class _Grid:
    """Stretches of equal length."""

    def __init__(self, start_ns: Ns, step_ns: int, count: int) -> None:
        self._start_ns, self._step_ns, self._count = start_ns, step_ns, count

    def highest(self, line: Line) -> list[float | None]:
        """The highest value of each stretch, so that no peak is lost; None where there is none."""
        found = np.full(self._count, -np.inf)
        places = (line.times_ns - 1 - self._start_ns) // self._step_ns  # told at the end of what it is of
        inside = (places >= 0) & (places < self._count) & np.isfinite(line.values)
        np.maximum.at(found, places[inside], line.values[inside])
        return _known(found)

    def lasting(self, line: Line, lasts_ns: Ns) -> list[float | None]:
        """The same of values that each stand for so long a time, up to when they are told."""
        found = np.full(self._count, -np.inf)
        for end_ns, value in zip(line.times_ns.tolist(), line.values.tolist(), strict=True):
            self._raise(found, end_ns - lasts_ns, end_ns, value)
        return _known(found)

    def p(self, events: Iterable[Event], moments: Iterable[Moment], profile: Profile) -> list[float]:
        """What the evidence of the same time adds up to; in a moment at least what all of its evidence did."""
        options, apply = profile.detect.fusion, profile.detect.calibration.apply
        found = np.full(self._count, apply(options.bias))
        for tick, together in _by_tick(events).items():
            p = apply(score(together, profile.detect.weights, options).logit)
            self._raise(found, tick * TICK_NS, (tick + 1) * TICK_NS, p)
        for moment in moments:
            self._raise(found, *_evidence(moment), moment.p)
        return _rounded(found)

    def bar(self, shown: Sequence[tuple[Ns, Ns]], profile: Profile) -> list[float]:
        """Walks the bar through the session as its clips were decided (`shown`: when, and where)."""
        apply, options = profile.detect.calibration.apply, profile.detect.bar
        bar, spent, found = Bar(options, profile.clips_per_hour), list(shown), np.empty(self._count)
        for place in range(self._count):
            now_ns = Ns(self._start_ns + place * self._step_ns)
            while spent and spent[0][0] <= now_ns:
                decided_ns, anchor_ns = spent.pop(0)
                bar.pass_time(decided_ns)
                bar.spend(anchor_ns)
            bar.pass_time(now_ns)
            base = bar.base()
            found[place] = apply((logit(options.p_max) if base is None else base) + bar.bump(now_ns))
        return _rounded(found)

    def _raise(self, found: np.ndarray[Any, Any], start_ns: int, end_ns: int, p: float) -> None:
        first = max(0, (start_ns - self._start_ns) // self._step_ns)
        last = min(self._count, -(-(end_ns - self._start_ns) // self._step_ns))
        if first < last:
            found[first:last] = np.maximum(found[first:last], p)


def _by_tick(events: Iterable[Event]) -> dict[int, list[Event]]:
    """Events by the ticks that they last for; of a revised one its last version."""
    newest: dict[Key, Event] = {key_of(event): event for event in events}
    ticks: defaultdict[int, list[Event]] = defaultdict(list)
    for event in newest.values():
        first = event.start_ns // TICK_NS
        for tick in range(first, min(max(-(-event.end_ns // TICK_NS), first + 1), first + LONGEST_TICKS)):
            ticks[tick].append(event)
    return ticks


def _evidence(moment: Moment) -> tuple[int, int]:
    """From its first event to its last, inside what its clip would show."""
    for_it = [event for event in moment.events if event.llr > 0]
    start_ns = min((event.start_ns for event in for_it), default=moment.anchor_ns)
    end_ns = max((event.end_ns for event in for_it), default=moment.anchor_ns)
    return max(start_ns, moment.start_ns), min(max(end_ns, start_ns + TICK_NS), moment.end_ns)


def _game(journal: Look, start_ns: Ns, end_ns: Ns) -> list[GameEvent]:
    """What a HUD showed in a span; read off the screen it is known a little later."""
    known = journal.game(start_ns, Ns(end_ns + READ_LATE_NS), MOST_SHOWN)
    return sorted((event for event in known if start_ns <= event.t_ns < end_ns), key=lambda event: event.t_ns)


def _profile(journal: Look) -> Profile:
    """The one that the session ran with; the default where it is another version's."""
    try:
        return Profile.model_validate(journal.meta("profile") or {})
    except ValidationError:
        return Profile()


def _known(found: np.ndarray[Any, Any]) -> list[float | None]:
    return [round(value, 2) if math.isfinite(value) else None for value in found.tolist()]


def _rounded(found: np.ndarray[Any, Any]) -> list[float]:
    return [round(value, PLACES) for value in np.nan_to_num(found).tolist()]
