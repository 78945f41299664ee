"""Hears the sounds of a game: a kill's, a fanfare. Pure.

A game plays its sounds sample for sample, so they are found by normalised cross-correlation of the sound itself: what
else is heard over one is not in phase with it, and averages out. Spectra without their phase were tried: under game
sound and music as loud as the cue they match it hardly better (0.56-0.89) than other sounds do by chance (0.54-0.84);
the waveform gives 0.76-0.94 and 0.03-0.51 (benchmarks.cues). Gain changes nothing. A sound that a game plays at another
pitch each time is another sound each time, and needs a cue for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.game import GameEvent
from core.media import AUDIO_RATE as RATE
from core.media import AudioBlock
from core.times import NS_PER_S, Ns
from detectors.hud.model import Cue

Floats = NDArray[np.float64]

_HOP: Final = RATE // 2  # samples correlated at once: what is heard is known half a second after it is over
_EMPHASIS: Final = 0.95  # usual for speech; a game's rumble would outweigh what tells sounds apart
_SILENT: Final = 1e-2  # of its peak: what a cue begins and ends with below this is none of it
_FLOOR: Final = 1e-4  # of full scale (-80 dBFS): quieter is nothing
_AGAIN: Final = RATE // 5  # what comes this soon, or in the first half of a cue, is an echo in it
_JOIN_NS: Final = 5_000_000  # blocks this close follow each other; more is a new run (an epoch)


class _Template(NamedTuple):
    """A cue, ready to be looked for."""

    cue: Cue
    length: int
    spectrum: NDArray[np.complex128]  # conjugate, of unit energy


class _Peak(NamedTuple):
    """The best match near a time."""

    at: int  # sample of the run at which the cue's sound begins
    score: float
    cue: Cue
    until: int  # sample up to which a better match is the same sound


class CueListener:
    """16 kHz mono blocks in, game events of source `sound` out; the same in whatever blocks the sound comes."""

    def __init__(self, game: str, cues: Mapping[str, Cue]) -> None:
        self._game = game
        sounds = [(cue, _sounding(cue.samples)) for _, cue in sorted(cues.items())]
        self._longest = max((len(sound) for _, sound in sounds), default=1)
        self._size = 1 << (_HOP + self._longest).bit_length()
        self._templates = [_template(cue, sound, self._size) for cue, sound in sounds]
        self.cut()

    def cut(self) -> None:
        """What follows does not go on with what was heard before."""
        self._start_ns: Ns | None = None
        self._heard = 0  # samples since the run began
        self._last = 0.0  # sample, for the emphasis
        self._rest: Floats = np.zeros(0)  # emphasised, not yet looked through
        self._at = 0  # sample of the run that `_rest` begins with
        self._open: _Peak | None = None  # may still be outdone

    def push(self, block: AudioBlock) -> list[GameEvent]:
        """What is found by the end of the block; a break in the sound is a cut."""
        if not self._templates:
            return []
        if self._start_ns is None or abs(block.start_ns - self._time(self._heard)) > _JOIN_NS:
            self.cut()
            self._start_ns = block.start_ns
        samples = block.samples.astype(np.float64)
        if len(samples):
            before = np.concatenate(([self._last], samples[:-1]))
            self._last = float(samples[-1])
            self._rest = np.concatenate((self._rest, samples - _EMPHASIS * before))
            self._heard += len(samples)
        found: list[GameEvent] = []
        while len(self._rest) >= _HOP + self._longest:
            found += self._look(self._rest[: _HOP + self._longest])
            self._rest = self._rest[_HOP:]
            self._at += _HOP
        return found

    def _look(self, sound: Floats) -> list[GameEvent]:
        """Cues that begin in the next stretch; one that may still be outdone waits for the one after it."""
        spectrum = np.fft.rfft(sound, self._size)
        energy = np.concatenate(([0.0], np.cumsum(sound**2)))
        peaks: list[_Peak] = []
        for template in self._templates:
            match = np.fft.irfft(spectrum * template.spectrum, self._size)[:_HOP]
            power = energy[template.length : template.length + _HOP] - energy[:_HOP]
            score = np.abs(match) / np.sqrt(np.maximum(power, template.length * _FLOOR**2))
            peaks += _peaks(score, template, self._at)
        events: list[GameEvent] = []
        for peak in sorted(peaks, key=lambda peak: peak.at):
            if self._open is not None and peak.at <= self._open.until:
                self._open = max(self._open, peak, key=lambda each: each.score)
                continue
            if self._open is not None:
                events.append(self._event(self._open))
            self._open = peak
        if self._open is not None and self._open.until < self._at + _HOP:
            events.append(self._event(self._open))
            self._open = None
        return events

    def _event(self, peak: _Peak) -> GameEvent:
        rule = peak.cue.rule
        return GameEvent(
            t_ns=self._time(peak.at),
            known_ns=self._time(self._at + _HOP + self._longest),
            kind=rule.event,
            game=self._game,
            own=rule.own,
            source="sound",
            count=rule.count,
            score=min(peak.score, 1.0),
        )

    def _time(self, sample: int) -> Ns:
        return Ns((self._start_ns or 0) + sample * NS_PER_S // RATE)


def _sounding(samples: NDArray[np.float32]) -> Floats:
    """A cue without the silence it begins and ends with, emphasised."""
    loud = np.flatnonzero(np.abs(samples) > _SILENT * float(np.abs(samples).max(initial=0.0)))
    sound = (samples[loud[0] : loud[-1] + 1] if len(loud) else samples).astype(np.float64)
    return sound - _EMPHASIS * np.concatenate(([0.0], sound[:-1]))


def _template(cue: Cue, sound: Floats, size: int) -> _Template:
    unit = sound / max(float(np.sqrt(np.sum(sound**2))), 1e-12)
    return _Template(cue, len(sound), np.conj(np.fft.rfft(unit, size)))


def _peaks(score: Floats, template: _Template, at: int) -> list[_Peak]:
    """The best match of every stretch that is over the cue's threshold."""
    found: list[_Peak] = []
    for place in np.flatnonzero(score >= template.cue.rule.threshold).tolist():
        until = at + place + max(_AGAIN, template.length // 2)
        peak = _Peak(at + place, float(score[place]), template.cue, until)
        if found and peak.at <= found[-1].until:
            found[-1] = max(found[-1], peak, key=lambda each: each.score)
        else:
            found.append(peak)
    return found
