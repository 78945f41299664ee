"""Says what was heard, as events with their evidence. Pure."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from core.moments import Event, Family
from core.times import Ns, ns, to_s
from detectors.audio.excursions import Excursion
from detectors.audio.references import References
from detectors.audio.roar import Sustained
from detectors.audio.rows import AT, History, Rows
from detectors.audio.shape import Shape, describe
from detectors.baseline import Tail, evidence, ramp, rate_text, readiness
from detectors.features import STEP_NS
from detectors.options import DetectOptions

_LEAST_ROWS: Final = 15  # of a roar
_BEFORE_ROWS, _EDGE_ROWS, _AFTER_ROWS = 105, 5, 60
_STRETCH_ROWS: Final = 30
_PENALTY: Final = 2.0  # logits
_WORTH_SAYING: Final = 0.1
_ANY_PITCH: Final = 60.0


class When(NamedTuple):
    """The moment of judging: media time, the newest row, and how long sound has been watched."""

    now_ns: Ns
    row: int
    observed_ns: int


class Judge:
    """Keeps count of how often things as strong as this come."""

    def __init__(self, options: DetectOptions, history: History, references: References) -> None:
        self._options, self._all = options.audio, options
        self._history, self._references = history, references
        audio, roar = options.audio, options.audio.roar
        self._peaks = Tail(options.baseline, prior_per_h=audio.tail_per_h, prior_scale=audio.tail_db)
        self._sums = Tail(options.baseline, prior_per_h=roar.tail_per_h, prior_scale=roar.tail_scale)

    def excursion(self, alarm: Excursion, when: When) -> list[Event]:
        """How loud it was, which sound people make it is like, and what speaks against it."""
        options, history = self._options, self._history
        first = history.onset(alarm.first, self._references.roar_db - 3.0, self._references.voice_db)
        if (alarm.last + 1 - first) * STEP_NS < ns(options.min_s):
            return []
        shape = self._shape(first, alarm.last, min(first, alarm.run), when, self._references.usual_pitch)
        plain = options.unclassed + (1.0 - options.unclassed) * shape.worth
        per_hour = self._per_hour(self._peaks, alarm.peak * plain - options.enter_db, alarm.last, when)
        loudness = evidence(
            alarm.peak, options.none_db, options.full_db, per_hour, self._all.baseline, self._all.fusion.cap
        )
        over_db = self._over_talk(first, alarm.last)
        loudness *= ramp(over_db, options.talk_none_db, options.talk_full_db)
        start_ns = Ns(history.time(first) - STEP_NS)
        end_ns = Ns(history.time(alarm.last) + ns(options.hang_s))
        said = f"{to_s(end_ns - start_ns):.1f} s, {alarm.peak:.1f} dB over the loudest tenth of 15 min"
        known = {**_values(alarm, shape), "over_talk_db": over_db}
        return [
            Event(
                kind=kind,
                family=Family.AUDIO,
                start_ns=start_ns,
                end_ns=end_ns,
                peak_ns=history.time(alarm.peak_at),
                llr=llr,
                surprise_per_h=per_hour,
                quality=readiness(when.observed_ns, self._all.baseline),
                why=why,
                found_ns=when.now_ns,
                values=known,
            )
            for kind, llr, why in _meanings(shape, loudness, plain, f"{said} ({rate_text(per_hour)})")
        ]

    def sustained(self, found: Sustained, when: When) -> list[Event]:
        """A stretch of sound that did not pause: evidence as far as it is like a crowd."""
        if found.last + 1 - found.first < _LEAST_ROWS:
            return []
        options, baseline, history = self._options.roar, self._all.baseline, self._history
        shape = self._shape(found.first, found.last, found.first, when, _ANY_PITCH)
        like = shape.crowd * shape.alive
        per_hour = self._per_hour(self._sums, found.total * like - options.h, found.last, when)
        cap = options.worth * self._all.fusion.cap
        level = history.rows(found.first, found.last + 1)[:, AT["level"]]
        over_db = float(np.median(level)) - self._references.talk_db
        like *= ramp(over_db, options.talk_none_db, options.talk_full_db)
        llr = like * evidence(found.total, options.h, options.full, per_hour, baseline, cap)
        if llr <= _WORTH_SAYING:
            return []
        start_ns, last_ns = Ns(history.time(found.first) - STEP_NS), history.time(found.last)
        return [
            Event(
                kind="roar",
                family=Family.AUDIO,
                start_ns=start_ns,
                end_ns=last_ns,
                peak_ns=last_ns,
                llr=llr,
                surprise_per_h=per_hour,
                quality=readiness(when.observed_ns, baseline),
                why=f"crowd that did not pause for {to_s(last_ns - start_ns):.1f} s ({rate_text(per_hour)})",
                found_ns=when.now_ns,
                values={"sum": found.total, "crowd": shape.crowd},
            )
        ]

    def _over_talk(self, first: int, last: int) -> float:
        """The exposure to a sound against three seconds of loud talk, dB: its level and 10 log of its length.

        The level of all of the sound in its loudest stretch of three seconds, since a crowd swells and dies down; the
        median there, since talk goes on over it.
        """
        level = self._history.rows(first, last + 1)[:, AT["level"]]
        length_db = 10.0 * math.log10(len(level) / _STRETCH_ROWS)
        if len(level) > _STRETCH_ROWS:
            level = np.median(sliding_window_view(level, _STRETCH_ROWS), axis=1).max()
        return float(np.median(level)) + length_db - self._references.talk_db

    def _shape(self, first: int, last: int, run: int, when: When, usual_pitch: float) -> Shape:
        rows, known = self._history.rows, when.row + 1
        before: Rows = rows(first - _BEFORE_ROWS, first - _EDGE_ROWS)
        after = rows(last + 1, min(last + _AFTER_ROWS, known))
        return describe(rows(first, last + 1), before, after, rows(run, last + 1), usual_pitch=usual_pitch)

    def _per_hour(self, tail: Tail, excess: float, last: int, when: When) -> float:
        """How often such a sound comes; what people do not make does not count as one."""
        per_hour = tail.per_hour(excess, when.now_ns, when.observed_ns)
        if excess > 0:
            tail.push(excess, self._history.time(last))
        return per_hour


def _meanings(shape: Shape, loudness: float, plain: float, said: str) -> list[tuple[str, float, str]]:
    """Kinds of event, each with its evidence and its words."""
    kind, name = ("crowd", "Crowd roar") if shape.crowd >= shape.voice else ("shout", "Shout")
    out = [("loud", loudness * plain, f"Loud for {said}")]
    if shape.worth * loudness > _WORTH_SAYING:
        out.append((kind, loudness * shape.worth, f"{name} {said}"))
    if shape.music > _WORTH_SAYING:
        out.append(("music", -_PENALTY * shape.music, f"held notes, like music ({shape.tonal:.2f})"))
    steady, why = max(
        (shape.programme, "one voice without pauses at one level, like an advert"),
        (shape.plateau, "one level throughout, like rain or an engine"),
        (shape.knob, "everything louder alike, like a gain knob"),
    )
    if steady > _WORTH_SAYING:
        out.append(("steady", -_PENALTY * steady, why))
    return out


def _values(alarm: Excursion, shape: Shape) -> dict[str, float]:
    return {
        "excess_db": alarm.peak, "crowd": shape.crowd, "voice": shape.voice, "music": shape.music,
        "plateau": shape.plateau, "knob": shape.knob, "programme": shape.programme, "noisy": shape.noisy,
        "tonal": shape.tonal, "bass_db": shape.bass_db, "treble_db": shape.treble_db, "jump": shape.jump,
        "wander": shape.wander, "fill": shape.fill, "flux": shape.flux,
    }  # fmt: skip
