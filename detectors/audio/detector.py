"""Finds excursions of loudness and says what they are: the AUDIO family. Pure; rows come from detectors.features.

Two levels are watched at 10 Hz. The *floor* is the level that sound does not fall below for 1.2 s: speech keeps
dropping between syllables, a crowd does not. The *voice* level is the median over 0.7 s. Each is compared with what
this stream does at its loudest over 15 minutes, so a microphone's gain cancels out and speech is no excursion.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from core.media import Gap
from core.moments import Event, Family
from core.signals import SignalChunk
from core.times import NS_PER_S, Ns, ns, to_s
from detectors.audio.roar import Roar, Sustained
from detectors.audio.shape import Rows, Shape, describe
from detectors.baseline import Baseline, Tail, evidence, rate_text, readiness
from detectors.features import AUDIO_COLUMNS, AUDIO_KIND, FLOOR_DB, STEP_NS
from detectors.options import DetectOptions

_AT: Final = {name: place for place, name in enumerate(AUDIO_COLUMNS)}
_SPEECH, _DIP, _CREST = _AT["speech"], _AT["dip"], _AT["crest"]
_VOICING, _PITCH = _AT["voicing"], _AT["pitch"]
_KEEP_ROWS: Final = 600  # a minute: the longest excursion, 10 s before it, and room
_FLOOR_ROWS, _FLOOR_RANK = 12, 2  # third lowest of 1.2 s: one lost syllable may not decide
_VOICE_ROWS, _VOICE_RANK = 7, 3  # median of 0.7 s: a slam of 0.3 s cannot move it
_EVERY: Final = 5  # baselines take two samples a second
_ROAR_UNDER_DB: Final = 6.0  # sound that never pauses counts from 6 dB under the loudest speech: it carries more power
_LATELY_S, _LATELY_DB = 45.0, 3.0  # nothing stays the reference that was not reached, give or take, for this long
_DECAY_ROWS, _DECAYED_DB = 30, 3.0  # three seconds at half the power: on its way down
_QUIET_UNDER_DB: Final = 20.0  # a pause: this far under loud speech, or at the noise floor
_SAMPLES: Final = 40  # 20 s of floors: as many as readiness asks for
_LEAST_ROWS: Final = 15
_QUIET_ROWS: Final = 3  # >= 250 ms (detection.md section 4, 11)


class Silence(NamedTuple):
    """A pause long enough to cut in."""

    start_ns: Ns
    end_ns: Ns


class _Row(NamedTuple):
    end_ns: Ns
    values: Rows


class _Excursion:
    """An alarm that is open: since when, how high, and the last time it was high enough."""

    def __init__(self, first: int, excess: float) -> None:
        self.first, self.last = first, first
        self.peak, self.peak_at = excess, first


class _Accepted:
    """A level that lasted too long to be an event. It is the reference until the stream has been back for 5 s."""

    def __init__(self, voice_db: float, floor_db: float, *, before_db: float) -> None:
        self.voice_db, self.floor_db = voice_db, floor_db
        self._back_db = 0.5 * (voice_db + before_db)
        self._quiet = 0

    def over(self, voice: float) -> bool:
        """Take a second's level; whether the stream has come back from it."""
        self._quiet = self._quiet + 1 if voice < self._back_db else 0
        return self._quiet > 5


class AudioDetector:
    """Signals `audio` in; events `loud`, `crowd`, `shout` and the penalties `music` and `steady` out."""

    family = Family.AUDIO

    def __init__(self, options: DetectOptions) -> None:
        self._all, self._options = options, options.audio
        self._waiting: deque[tuple[Ns, Rows]] = deque()
        self._used = 0  # rows of the first waiting chunk that have been used
        self._gaps: list[Gap] = []
        self._history = _History()
        self._floor = Baseline(options.baseline, low=FLOOR_DB, high=20.0, step=0.25)
        self._loud = Baseline(options.baseline, low=FLOOR_DB, high=20.0, step=0.25)
        self._lately = Baseline(options.baseline, low=FLOOR_DB, high=20.0, step=0.25, window_s=_LATELY_S)
        self._accepted: _Accepted | None = None
        self._pitches = Baseline(options.baseline, low=0.0, high=60.0, step=0.25)
        self._tail = Tail(options.baseline, prior_per_h=self._options.tail_per_h, prior_scale=self._options.tail_db)
        self._seen = 0  # rows with sound
        self._open: _Excursion | None = None
        self._roar = Roar(self._options.roar, options.baseline)
        self._floor_high, self._floor_spread = 100.0, self._options.prior_spread_db
        self._voice_ref = self._roar_ref = 100.0  # nothing is loud before there is anything to compare with
        self._quiet_db = FLOOR_DB
        self._quiet_run = 0
        self._now_ns = Ns(0)
        self.silences: deque[Silence] = deque(maxlen=200)

    def feed(self, chunk: SignalChunk) -> None:
        """Take a chunk in; others than `audio` are not for this detector."""
        if chunk.kind == AUDIO_KIND and chunk.step_ns == STEP_NS:
            self._waiting.append((chunk.start_ns, chunk.values.astype(np.float64)))

    def gap(self, gap: Gap) -> None:
        """Rows inside a gap carry no information."""
        if gap.track != "video":
            self._gaps.append(gap)

    def available(self) -> bool:
        """Whether any sound has come."""
        return self._seen > 0

    def watermark(self) -> Ns:
        """The start of the open excursion, else a little before now: an onset is dated back by up to 1.5 s."""
        excursion = None if self._open is None else self._open.first
        since = [first for first in (excursion, self._roar.open_since) if first is not None]
        if since:
            return Ns(self._history.time(min(since)) - STEP_NS)
        return Ns(self._now_ns - 2 * NS_PER_S)

    def advance(self, t_ns: Ns) -> Sequence[Event]:
        """Use the rows known at `t_ns`."""
        self._now_ns = t_ns
        events: list[Event] = []
        for row in self._rows_until(t_ns):
            events += self._take(row)
        if self._gaps:
            self._gaps = [gap for gap in self._gaps if gap.end_ns > t_ns - 60 * NS_PER_S]
        return events

    def finish(self, t_ns: Ns) -> Sequence[Event]:
        """The stream is over: what is open ends here."""
        return [*self.advance(t_ns), *self._close(), *self._sustained(self._roar.close())]

    def _rows_until(self, t_ns: Ns) -> Iterator[_Row]:
        """The rows that are known by then, in order; a chunk may be used up over many steps."""
        while self._waiting:
            start_ns, values = self._waiting[0]
            while self._used < len(values):
                end_ns = Ns(start_ns + STEP_NS * (self._used + 1))
                if end_ns > t_ns:
                    return
                self._used += 1
                yield _Row(end_ns, values[self._used - 1])
            self._waiting.popleft()
            self._used = 0

    def _take(self, row: _Row) -> list[Event]:
        broken, hole = self._history.breaks(row.end_ns), bool(self._gaps) and self._is_hole(row)
        events = [*self._close(), *self._sustained(self._roar.close())] if broken or hole else []
        if hole:
            return events
        index = self._history.push(row, fresh=broken)
        self._seen += 1
        floor, voice = self._history.levels()
        if floor is None or voice is None:
            return events
        self._note_silence(row)
        if self._seen % _EVERY == 0:
            self._learn(row, floor, voice)
            if self._floor.count > _SAMPLES:
                events += self._sustained(self._roar.push((floor - self._floor_high) / self._floor_spread, index))
        excess = max(floor - self._roar_ref, voice - self._voice_ref)
        return [*events, *self._watch(index, excess)]

    def _is_hole(self, row: _Row) -> bool:
        start_ns = row.end_ns - STEP_NS
        return any(gap.start_ns < row.end_ns and start_ns < gap.end_ns for gap in self._gaps)

    def _learn(self, row: _Row, floor: float, voice: float) -> None:
        alarm = self._open is not None or self._roar.open_since is not None
        self._floor.push(floor, row.end_ns, alarm=alarm)
        if voice > FLOOR_DB + 1.0:  # a gate's digital silence says nothing about how loud talk is
            self._loud.push(voice, row.end_ns, alarm=alarm)
            self._lately.push(voice, row.end_ns, alarm=False)
        if row.values[_VOICING] > 0.5 and row.values[_SPEECH] > self._quiet_db:
            self._pitches.push(float(row.values[_PITCH]), row.end_ns, alarm=alarm)
        if self._loud.count and (self._loud.count < _SAMPLES or self._seen % (2 * _EVERY) == 0):
            self._refer(voice)

    def _refer(self, voice: float) -> None:
        """Bring what sound is compared with up to date."""
        spread = self._floor_spread = self._floor.spread(self._options.prior_spread_db, self._options.floor_db)
        self._floor_high = self._floor.quantile(0.9)
        self._voice_ref = min(self._loud.quantile(0.9), self._lately.quantile(0.9) + _LATELY_DB)
        usual = self._floor.quantile(0.5)
        self._roar_ref = max(self._voice_ref - _ROAR_UNDER_DB, min(usual + 2.0 * spread, self._voice_ref))
        if self._accepted is not None and self._accepted.over(voice):
            self._accepted = None
        if self._accepted is not None:
            self._voice_ref = max(self._voice_ref, self._accepted.voice_db)
            self._roar_ref = max(self._roar_ref, self._accepted.floor_db)
        self._quiet_db = max(self._voice_ref - _QUIET_UNDER_DB, self._floor.quantile(0.2) + 3.0)

    def _watch(self, index: int, excess: float) -> list[Event]:
        options = self._options
        if self._open is None:
            if excess >= options.enter_db:
                self._open = _Excursion(index, excess)
            return []
        alarm = self._open
        if excess > alarm.peak:
            alarm.peak, alarm.peak_at = excess, index
        if excess >= options.enter_db * options.exit_share:
            alarm.last = index
        if (index - alarm.last) * STEP_NS >= ns(options.hang_s):
            return self._close()
        if (index - alarm.first) * STEP_NS < ns(options.max_s):
            return []
        speech = self._history.rows(alarm.first, index + 1)[:, _SPEECH]
        if float(np.median(speech[-_DECAY_ROWS:])) <= float(np.percentile(speech, 90)) - _DECAYED_DB:
            return self._close()  # a crowd that dies down slowly; what follows is another event of the same moment
        self._accept_level(alarm)
        return []

    def _accept_level(self, alarm: _Excursion) -> None:
        """Too long to be an event: this is how loud the stream is now."""
        rows = self._history.rows(alarm.first, alarm.last + 1)
        voice_db, floor_db = float(np.percentile(rows[:, _SPEECH], 90)), float(np.median(rows[:, _DIP])) + 1.0
        self._accepted = _Accepted(voice_db, floor_db, before_db=self._voice_ref)
        self._voice_ref, self._roar_ref = voice_db, floor_db
        self._open = None

    def _close(self) -> list[Event]:
        alarm, self._open = self._open, None
        if alarm is None:
            return []
        history, options = self._history, self._options
        first = history.onset(alarm.first, self._roar_ref - 3.0, self._voice_ref)
        if (alarm.last + 1 - first) * STEP_NS < ns(options.min_s):
            return []
        rows = history.rows(first, alarm.last + 1)
        before = history.rows(first - 105, first - 5)
        after = history.rows(alarm.last + 1, alarm.last + 60)
        usual = self._pitches.quantile(0.9) if self._pitches.count else 60.0
        shape = describe(rows, before, after, usual_pitch=usual)
        plain = options.unclassed + (1.0 - options.unclassed) * shape.worth
        excess = alarm.peak * plain - options.enter_db
        per_hour = self._tail.per_hour(excess, self._now_ns, self._seen * STEP_NS)
        if excess > 0:
            self._tail.push(excess, history.time(alarm.last))
        return self._events(alarm, first, shape, plain, per_hour)

    def _events(self, alarm: _Excursion, first: int, shape: Shape, plain: float, per_hour: float) -> list[Event]:
        options, baseline, cap = self._options, self._all.baseline, self._all.fusion.cap
        loudness = evidence(alarm.peak, options.none_db, options.full_db, per_hour, baseline, cap)
        start_ns = Ns(self._history.time(first) - STEP_NS)
        end_ns = Ns(self._history.time(alarm.last) + ns(options.hang_s))
        length_s = to_s(end_ns - start_ns)
        kind, name = ("crowd", "Crowd roar") if shape.crowd >= shape.voice else ("shout", "Shout")
        measured = f"{length_s:.1f} s, {alarm.peak:.1f} dB over the loudest tenth of 15 min"
        known = {
            "excess_db": alarm.peak, "crowd": shape.crowd, "voice": shape.voice, "music": shape.music,
            "plateau": shape.plateau, "knob": shape.knob, "noisy": shape.noisy, "tonal": shape.tonal,
            "bass_db": shape.bass_db, "treble_db": shape.treble_db, "jump": shape.jump, "wander": shape.wander,
            "fill": shape.fill,
            "flux": shape.flux,
        }  # fmt: skip

        def event(kind: str, llr: float, why: str) -> Event:
            return Event(
                kind=kind,
                family=Family.AUDIO,
                start_ns=start_ns,
                end_ns=end_ns,
                peak_ns=self._history.time(alarm.peak_at),
                llr=llr,
                surprise_per_h=per_hour,
                quality=readiness(self._seen * STEP_NS, baseline),
                why=why,
                found_ns=self._now_ns,
                values=known,
            )

        events = [event("loud", loudness * plain, f"Loud for {measured} ({rate_text(per_hour)})")]
        if shape.worth * loudness > 0.1:
            events.append(event(kind, loudness * shape.worth, f"{name} {measured} ({rate_text(per_hour)})"))
        if shape.music > 0.1:
            events.append(event("music", -2.0 * shape.music, f"held notes, like music ({shape.tonal:.2f})"))
        if max(shape.plateau, shape.knob) > 0.1:
            events.append(event("steady", -2.0 * max(shape.plateau, shape.knob), "one level throughout, like a knob"))
        return events

    def _sustained(self, found: Sustained | None) -> list[Event]:
        """A stretch of sound that did not pause: evidence as far as it is like a crowd."""
        options, baseline, history = self._options.roar, self._all.baseline, self._history
        if found is None or found.last + 1 - found.first < _LEAST_ROWS:
            return []
        rows = history.rows(found.first, found.last + 1)
        before, after = history.rows(found.first - 105, found.first - 5), history.rows(found.last + 1, found.last + 60)
        shape = describe(rows, before, after, usual_pitch=60.0)
        excess, last_ns = found.total - options.h, history.time(found.last)
        per_hour = self._roar.tail.per_hour(excess, self._now_ns, self._seen * STEP_NS)
        self._roar.tail.push(excess, last_ns)
        cap = options.worth * self._all.fusion.cap
        llr = evidence(found.total, options.h, options.full, per_hour, baseline, cap)
        llr *= shape.crowd * (1.0 - shape.plateau) * (1.0 - shape.knob)
        start_ns = Ns(history.time(found.first) - STEP_NS)
        why = f"crowd that did not pause for {to_s(last_ns - start_ns):.1f} s ({rate_text(per_hour)})"
        event = Event(
            kind="roar",
            family=Family.AUDIO,
            start_ns=start_ns,
            end_ns=last_ns,
            peak_ns=last_ns,
            llr=llr,
            surprise_per_h=per_hour,
            quality=readiness(self._seen * STEP_NS, baseline),
            why=why,
            found_ns=self._now_ns,
            values={"sum": found.total, "crowd": shape.crowd},
        )
        return [event] if llr > 0.1 else []

    def _note_silence(self, row: _Row) -> None:
        if row.values[_SPEECH] + row.values[_CREST] < self._quiet_db:
            self._quiet_run += 1
        else:
            self._quiet_run = 0
        start_ns = Ns(row.end_ns - self._quiet_run * STEP_NS)
        if self._quiet_run == _QUIET_ROWS:
            self.silences.append(Silence(start_ns, row.end_ns))
        elif self._quiet_run > _QUIET_ROWS:
            self.silences[-1] = Silence(start_ns, row.end_ns)


class _History:
    """The last minute of rows by a running index, and the levels taken over the newest of them."""

    def __init__(self) -> None:
        self._values = np.zeros((2 * _KEEP_ROWS, len(AUDIO_COLUMNS)))
        self._times: list[Ns] = []
        self._dips: deque[float] = deque(maxlen=_FLOOR_ROWS)
        self._voices: deque[float] = deque(maxlen=_VOICE_ROWS)
        self._base = 0
        self._run = 0

    def breaks(self, end_ns: Ns) -> bool:
        """Whether a row ending then does not follow the newest one."""
        return bool(self._times) and abs(end_ns - self._times[-1] - STEP_NS) > STEP_NS // 2

    def push(self, row: _Row, *, fresh: bool) -> int:
        """Keep a row; returns its index."""
        if len(self._times) == 2 * _KEEP_ROWS:
            self._values[:_KEEP_ROWS] = self._values[_KEEP_ROWS:]
            del self._times[:_KEEP_ROWS]
            self._base += _KEEP_ROWS
        self._values[len(self._times)] = row.values
        self._dips.append(float(row.values[_DIP]))
        self._voices.append(float(row.values[_SPEECH]))
        self._times.append(row.end_ns)
        self._run = 1 if fresh else self._run + 1
        return self._base + len(self._times) - 1

    def levels(self) -> tuple[float | None, float | None]:
        """Floor and voice level now; None until enough rows follow each other."""
        if self._run < _FLOOR_ROWS:
            return None, None
        return sorted(self._dips)[_FLOOR_RANK], sorted(self._voices)[_VOICE_RANK]

    def time(self, index: int) -> Ns:
        """When a row ended."""
        return self._times[max(index - self._base, 0)]

    def rows(self, first: int, end: int) -> Rows:
        """Rows `first` up to `end`, as far as they are kept."""
        return self._values[max(first - self._base, 0) : max(min(end - self._base, len(self._times)), 0)]

    def onset(self, entered: int, floor_db: float, voice_db: float) -> int:
        """Where the sound noticed at `entered` began: back while rows are above either level, at most 1.5 s."""
        first = entered
        while first > max(entered - 15, self._base):
            row = self._values[first - 1 - self._base]
            if row[_DIP] < floor_db and row[_SPEECH] < voice_db:
                break
            first -= 1
        return first
