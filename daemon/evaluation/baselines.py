"""Named baselines that every report carries beside ours (detection.md section 5). Pure and causal.

Each gives scored candidates from the same log, so that their thresholds can be swept like ours. They are meant to be
what a capable person would try first: a set of streams on which one of them is already good measures nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.media import ChatMessage
from core.signals import SignalChunk
from core.times import NS_PER_S, Ns, ns, to_s
from core.words import Word
from daemon.evaluation.candidates import Candidate, Run
from daemon.evaluation.seed_formula import Feeling, Window, plain_feeling, seed_score
from detectors import Profile
from detectors.features import AUDIO_KIND, SCENE_KIND

Floats = NDArray[np.float64]
Points = list[tuple[Ns, float]]  # anchor and score, in the order of deciding

BASELINE_S: Final = 900  # running median and MAD: 15 min
RENEW_S: Final = 10  # how often they are computed anew
CHAT_WINDOW_S: Final = 15  # detection.md section 2, signal 2
CHAT_LAG_S: Final = 25.0  # section 4, item 4
CHAT_SMOOTH: Final = 2.0
ENERGY_ENTER, ENERGY_FLOOR_DB, ENERGY_MAX_S = 2.0, 1.0, 20
CHAT_ENTER: Final = 0.5  # well below what real windows reach (1.50), so that thresholds can be swept
EXIT_SHARE: Final = 0.6
SEED_WINDOW_S: Final = 10
SEED_ENTER: Final = 0.1
NEW_SCENE: Final = 0.35  # as detectors: share of the picture that moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """One stream as baselines see it, once a second: mean level in dB, messages; and its words and scene cuts."""

    stream: str
    end_ns: Ns
    level_db: Floats  # nan where there is no sound
    messages: Floats
    words: Sequence[Word]
    cuts_s: Floats


def inputs(
    stream: str, end_ns: Ns, signals: Iterable[SignalChunk], chat: Iterable[ChatMessage], words: Sequence[Word]
) -> Inputs:
    """From a session's log."""
    seconds = max(int(np.ceil(to_s(end_ns))), 1)
    power, rows, cuts = np.zeros(seconds), np.zeros(seconds), []
    for chunk in signals:
        if chunk.kind == AUDIO_KIND and "level" in chunk.columns:
            at = np.minimum(((chunk.known_ns() - 1) // NS_PER_S).astype(np.int64), seconds - 1)
            np.add.at(power, at, 10.0 ** (chunk.values[:, chunk.columns.index("level")].astype(np.float64) / 10.0))
            np.add.at(rows, at, 1.0)
        elif chunk.kind == SCENE_KIND:
            cuts += [to_s(t) for t, row in zip(chunk.known_ns(), chunk.values, strict=True) if row[0] >= NEW_SCENE]
    times = np.array([min(int(to_s(m.t_ns)), seconds - 1) for m in chat if m.kind == "msg"], dtype=np.int64)
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.where(rows > 0, 10.0 * np.log10(power / rows + 1e-12), np.nan)
    messages = np.bincount(times, minlength=seconds).astype(np.float64)
    return Inputs(stream=stream, end_ns=end_ns, level_db=level, messages=messages, words=words, cuts_s=np.array(cuts))


def at_random(data: Inputs, profile: Profile) -> Points:
    """As many as the profile's budget allows, anywhere; seeded by the stream's name."""
    rng = np.random.default_rng(zlib.crc32(data.stream.encode()))
    count = int(rng.poisson(profile.clips_per_hour * to_s(data.end_ns) / 3600))
    return [(ns(float(t)), float(score)) for t, score in rng.uniform((0, 0), (to_s(data.end_ns), 1), (count, 2))]


def energy_only(data: Inputs, profile: Profile) -> Points:
    """Onsets of loudness: z of the log-RMS against 15 min, MAD of at least 1 dB."""
    peaks = _excursions(energy_z(data.level_db), ENERGY_ENTER, longest_s=ENERGY_MAX_S)
    return _cooled([(ns(start), peak) for start, peak in peaks], profile.detect.bar.cooldown_s)


def chat_only(data: Inputs, profile: Profile) -> Points:
    """Bursts of messages: log-ratio of the 15 s count to its 15 min median, moved back by the usual delay."""
    counts = np.convolve(data.messages, np.ones(CHAT_WINDOW_S))[: len(data.messages)]
    medians = _running(counts, lambda past: float(np.median(past)))
    ratio = np.log((counts + CHAT_SMOOTH) / (medians + CHAT_SMOOTH))
    peaks = _excursions(ratio, CHAT_ENTER, longest_s=60)
    anchors = [(ns(max(start - CHAT_LAG_S, 0.0)), peak) for start, peak in peaks]
    return _cooled(anchors, profile.detect.bar.cooldown_s)


def seed_v0(data: Inputs, profile: Profile, feeling: Feeling = plain_feeling) -> Points:
    """The sum this project started from, in windows of 10 s."""
    z, points = np.nan_to_num(energy_z(data.level_db)), []
    words: dict[int, list[str]] = {}
    for word in data.words:
        words.setdefault(int(to_s(word.end_ns)) // SEED_WINDOW_S, []).append(word.text)
    cuts = np.bincount((data.cuts_s // SEED_WINDOW_S).astype(np.int64)) if len(data.cuts_s) else np.zeros(1)
    for place in range(len(z) // SEED_WINDOW_S):
        start = place * SEED_WINDOW_S
        window = Window(
            energy_z=float(z[start : start + SEED_WINDOW_S].max()),
            text=" ".join(words.get(place, ())),
            cuts=int(cuts[place]) if place < len(cuts) else 0,
        )
        score = seed_score(window, feeling)
        if score >= SEED_ENTER:
            points.append((ns(start + SEED_WINDOW_S / 2), score))
    return _cooled(points, profile.detect.bar.cooldown_s)


BASELINES: Final[Mapping[str, Callable[[Inputs, Profile], Points]]] = {
    "random": at_random,
    "energy only": energy_only,
    "chat only": chat_only,
    "seed-v0": seed_v0,
}
VALID_BELOW: Final = {"energy only": 0.6, "chat only": 0.6, "seed-v0": 0.6}  # recall at 0.5 false/h of a fair set


def candidates(points: Points, profile: Profile) -> tuple[Candidate, ...]:
    """Points with the profile's run-up and post-roll around them; nothing a baseline says was ever shown."""
    clip = profile.clip
    length_ns = ns(max(clip.pre_s + clip.post_s, clip.min_s))
    return tuple(
        Candidate(
            anchor_ns=anchor,
            start_ns=Ns(anchor - ns(clip.pre_s)),
            end_ns=Ns(anchor - ns(clip.pre_s) + length_ns),
            score=score,
        )
        for anchor, score in points
    )


def baseline_runs(data: Inputs, beside: Run, profile: Profile) -> dict[str, Run]:
    """Every baseline on the stream of a run."""
    return {
        name: replace(beside, candidates=candidates(points(data, profile), profile), machine_s=None, shows=False)
        for name, points in BASELINES.items()
    }


def too_easy(recalls: Mapping[str, float | None]) -> dict[str, float]:
    """The simple baselines whose recall at 0.5 false clips an hour is too high for the set to measure anything."""
    found = {name: recalls.get(name) for name in VALID_BELOW}
    return {name: recall for name, recall in found.items() if recall is not None and recall >= VALID_BELOW[name]}


def energy_z(level_db: Floats) -> Floats:
    """(level - median) / (1.4826 x MAD) over the 15 min before, second by second; nan without sound."""
    medians = _running(level_db, lambda past: float(np.median(past)))
    spreads = _running(level_db, lambda past: float(np.median(np.abs(past - np.median(past)))))
    return np.asarray((level_db - medians) / (1.4826 * np.maximum(spreads, ENERGY_FLOOR_DB)))


def _running(values: Floats, of: Callable[[Floats], float]) -> Floats:
    """A figure of the 15 min before, renewed every 10 s; nan until there are 30 s."""
    out = np.full(len(values), np.nan)
    for at in range(RENEW_S, len(values), RENEW_S):
        past = values[max(at - BASELINE_S, 0) : at]
        past = past[~np.isnan(past)]
        if len(past) >= 30:
            out[at : at + RENEW_S] = of(past)
    return out


def _excursions(values: Floats, enter: float, *, longest_s: int) -> list[tuple[float, float]]:
    """Onset in seconds and peak of every stretch over `enter`, left at 0.6 of it; a long one is judged early."""
    out: list[tuple[float, float]] = []
    onset, peak, waiting = -1, 0.0, False
    for second, value in enumerate(np.nan_to_num(values, nan=0.0).tolist()):
        if value < enter * EXIT_SHARE:
            if onset >= 0:
                out.append((float(onset), peak))
            onset, waiting = -1, False
        elif onset >= 0:
            peak = max(peak, value)
            if second - onset >= longest_s:
                out.append((float(onset), peak))
                onset, waiting = -1, True
        elif value >= enter and not waiting:
            onset, peak = second, value
    return [*out, (float(onset), peak)] if onset >= 0 else out


def _cooled(points: Points, cooldown_s: float) -> Points:
    """Inside the cool-down of what was said before, only what is stronger is said."""
    kept: Points = []
    for anchor, score in points:
        if not kept or anchor - kept[-1][0] >= ns(cooldown_s) or score > kept[-1][1]:
            kept.append((anchor, score))
    return kept
