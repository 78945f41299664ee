"""What a game calls out once: a match won, a round won, a clutch. Pure."""

from __future__ import annotations

import math
from typing import Final

from core.game import GameEvent, GameKind
from core.moments import Event, Family
from core.times import NS_PER_S, Ns, ns, to_s
from detectors.baseline import Tail, rate_text
from detectors.game.options import CallOptions
from detectors.options import BaselineOptions

_SAME_NS: Final = ns(10)  # judgement: banner, sound and text of one call, or a banner that comes back
_SCALE: Final = 1.0  # every call is as strong as another
WORDS: Final = {
    GameKind.VICTORY: "the match won",
    GameKind.CLUTCH: "a clutch: the last one alive wins",
    GameKind.ROUND_WON: "the round won",
    GameKind.OBJECTIVE: "an objective taken",
}


class Calls:
    """Calls of one kind; tells of each once, and again when it is surer."""

    def __init__(self, kind: GameKind, options: CallOptions, baseline: BaselineOptions) -> None:
        self._kind, self._options, self._baseline = kind, options, baseline
        self._tail = Tail(baseline, prior_per_h=options.per_h, prior_scale=_SCALE)
        self._last: Event | None = None
        self._per_h = options.per_h

    def take(self, event: GameEvent, trust: float, now_ns: Ns) -> Event | None:
        """The evidence of a call; None when it says nothing new."""
        sure = trust * event.score
        last = self._last
        again = last is not None and abs(event.t_ns - last.peak_ns) <= _SAME_NS
        if again and last is not None and sure <= last.quality:
            return None
        start_ns = last.start_ns if again and last is not None else event.t_ns
        if not again:
            self._per_h = self._tail.per_hour(0.0, now_ns, now_ns)
            self._tail.push(0.0, now_ns)
        rarity = math.log(self._baseline.neutral_per_h / max(self._per_h, 1e-9))
        self._last = Event(
            kind=self._kind.value,
            family=Family.GAME,
            start_ns=start_ns,
            end_ns=Ns(max(event.t_ns, start_ns) + NS_PER_S),
            peak_ns=start_ns,
            llr=max(0.0, min(self._options.worth, rarity)),
            surprise_per_h=self._per_h,
            quality=sure,
            why=f"{WORDS[self._kind]} ({rate_text(self._per_h)})",
            found_ns=now_ns,
            values={"onset_s": to_s(start_ns)},
        )
        return self._last
