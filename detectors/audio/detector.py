"""Finds excursions of loudness and says what they are: the AUDIO family. Pure; rows come from detectors.features.

Rows are taken in groups that end where the references may change, twice a second; most groups are as quiet as the rest
of the stream, and one look at their loudest row is enough.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from core.media import Gap
from core.moments import Event, Family
from core.signals import SignalChunk
from core.times import NS_PER_S, Ns
from detectors.audio.events import Judge, When
from detectors.audio.excursions import Excursions
from detectors.audio.pauses import Pauses, Silence
from detectors.audio.references import References
from detectors.audio.roar import Roar
from detectors.audio.rows import FLOOR_ROWS, Batch, History, Intake
from detectors.features import AUDIO_KIND, STEP_NS
from detectors.options import DetectOptions

__all__ = ["AudioDetector", "Silence"]
_EVERY: Final = 5  # baselines take two samples a second
_HEARD: Final = ("all", "audio")  # tracks without which there is no sound
_BREATHS: Final = 600  # some minutes of talk
_GAP_KEPT_NS: Final = 60 * NS_PER_S


class AudioDetector:
    """Signals `audio` in; events `loud`, `crowd`, `shout`, `roar` and the penalties `music` and `steady` out."""

    family = Family.AUDIO

    def __init__(self, options: DetectOptions) -> None:
        self._waiting: deque[Batch] = deque()
        self._used = 0  # rows of the first waiting batch that have been used
        self._gaps: list[Gap] = []
        self._intake, self._history = Intake(), History()
        self._pauses, self.breaths = Pauses(), Pauses(least_rows=1, keep=_BREATHS)
        self._references = References(options)
        self._excursions = Excursions(options.audio, self._history, self._references)
        self._roar = Roar(options.audio.roar)
        self._judge = Judge(options, self._history, self._references)
        self._seen = 0  # rows with sound
        self._now_ns = Ns(0)
        self.silences = self._pauses.silences

    def feed(self, chunk: SignalChunk) -> None:
        """Take a chunk in; others than `audio` are not for this detector."""
        if chunk.kind == AUDIO_KIND and chunk.step_ns == STEP_NS:
            self._waiting.append(self._intake.batch(chunk))

    def gap(self, gap: Gap) -> None:
        """Rows inside a gap carry no information."""
        if gap.track in _HEARD:
            self._gaps.append(gap)

    def available(self) -> bool:
        """Whether any sound has come."""
        return self._seen > 0

    def watermark(self) -> Ns:
        """The start of the open excursion, else a little before now: an onset is dated back by up to 1.5 s."""
        since = [first for first in (self._excursions.open_since, self._roar.open_since) if first is not None]
        if since:
            return Ns(self._history.time(min(since)) - STEP_NS)
        return Ns(self._now_ns - 2 * NS_PER_S)

    def advance(self, t_ns: Ns) -> Sequence[Event]:
        """Use the rows known at `t_ns`."""
        self._now_ns = t_ns
        events: list[Event] = []
        for batch, first, last in self._groups(t_ns):
            if not self._gaps or not self._in_gap(batch, first, last):
                events += self._take(batch, first, last)
                continue
            for row in range(first, last):
                hole = self._in_gap(batch, row, row + 1)
                events += self._close() if hole else self._take(batch, row, row + 1)
        if self._gaps:
            self._gaps = [gap for gap in self._gaps if gap.end_ns > t_ns - _GAP_KEPT_NS]
        return events

    def finish(self, t_ns: Ns) -> Sequence[Event]:
        """The stream is over: what is open ends here."""
        return [*self.advance(t_ns), *self._close()]

    def _groups(self, t_ns: Ns) -> Iterator[tuple[Batch, int, int]]:
        """The rows that are known by then, in order: a batch, the first row and the end. A batch may last many steps.

        A group ends with the row from which something is learned.
        """
        while self._waiting:
            batch = self._waiting[0]
            known = batch.known(t_ns)
            while self._used < known:
                first = self._used
                self._used = min(first + _EVERY - self._seen % _EVERY, known)
                yield batch, first, self._used
            if known < len(batch.floors):
                return
            self._waiting.popleft()
            self._used = 0

    def _in_gap(self, batch: Batch, first: int, last: int) -> bool:
        start_ns, end_ns = batch.end_ns(first) - STEP_NS, batch.end_ns(last - 1)
        return any(gap.start_ns < end_ns and start_ns < gap.end_ns for gap in self._gaps)

    def _take(self, batch: Batch, first: int, last: int) -> list[Event]:
        history = self._history
        broken = history.breaks(batch.end_ns(first))
        events = self._close() if broken else []
        index = history.end - first  # of the batch's first row, had it been kept as this group is
        history.push(batch, first, last, fresh=broken)
        self._seen += last - first
        first = max(first, last - max(history.run - FLOOR_ROWS + 1, 0))  # a level needs so many rows in a row
        if first == last:
            return events
        peaks, end_ns = batch.peaks[first:last], batch.end_ns(first)
        self._pauses.push(peaks, self._references.quiet_db, end_ns)
        self.breaths.push(peaks, self._references.breath_db, end_ns)
        if self._seen % _EVERY == 0:  # the last row teaches, and is compared with what it taught
            if first < last - 1:
                events += self._watch(batch, index, first, last - 1)
            events += self._learn(batch, index, last - 1)
            first = last - 1
        events += self._watch(batch, index, first, last)
        return events

    def _watch(self, batch: Batch, index: int, first: int, last: int) -> list[Event]:
        ended = self._excursions.push(index + first, batch.floors[first:last], batch.voices[first:last])
        if not ended:
            return []
        return [event for one in ended for event in self._judge.excursion(one, self._when(one.ended))]

    def _learn(self, batch: Batch, index: int, row: int) -> list[Event]:
        floor, references = batch.floors[row], self._references
        alarm = self._excursions.open_since is not None or self._roar.open_since is not None
        even = self._seen % (2 * _EVERY) == 0
        line: list[float] = batch.values[row].tolist()
        references.learn(line, floor, batch.voices[row], batch.end_ns(row), alarm=alarm, even=even)
        if not references.settled:
            return []
        found = self._roar.push(references.unusual(floor), index + row)
        return [] if found is None else self._judge.sustained(found, self._when(index + row))

    def _close(self) -> list[Event]:
        """Nothing goes on across a break, nor when the stream is over."""
        self._pauses.close()
        self.breaths.close()
        newest = self._history.end - 1
        ended, found = self._excursions.close(newest), self._roar.close()
        events = [] if ended is None else self._judge.excursion(ended, self._when(newest))
        return events if found is None else [*events, *self._judge.sustained(found, self._when(newest))]

    def _when(self, index: int) -> When:
        """Judging at a row of the newest group."""
        return When(self._now_ns, index, (self._seen - (self._history.end - 1 - index)) * STEP_NS)
