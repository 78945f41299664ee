"""Where a local file lies on the room's clock: by its sound against the live backup, whatever its clock and gaps."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from recorder.align import RATE, AlignedFile, StartBiases, TimedSound, align_file, coarse_file, lay_sound
from tests.room_takes import Local, ffmpeg, heard_at, sound_of, speech, write_pcm

LENGTH_S = 32.0
ZERO_MS = 7_000.0  # room time of the speech's first sample
TRUE_MS = 0.1
Samples = NDArray[np.float32]


@cache
def said() -> Samples:
    return speech(LENGTH_S) * 0.5


def placed(offset_ms: float) -> AlignedFile:
    return AlignedFile(
        seg="s", pid="p", track="mic", offset_ms=offset_ms, ppm=0, method="content", confidence=1, bound_ms=1
    )


def backup(sound: Samples, *, late_ms: float = 0.0) -> list[TimedSound]:
    """A live track whose times are whole milliseconds, in blocks of 20 ms."""
    starts = np.arange(0, len(sound), RATE // 50)
    times = np.round(ZERO_MS + late_ms + starts / 48 + np.random.default_rng(1).uniform(-0.4, 0.4, len(starts)))
    return [TimedSound(sound, starts, times)]


def aligned(local: Local, live: list[TimedSound], *, noise: float = 0.0, bound_ms: float = 2.0) -> AlignedFile | None:
    heard = heard_at(said(), local, LENGTH_S)
    heard = heard + np.random.default_rng(2).normal(0, noise, len(heard)).astype(np.float32)
    start_ms = ZERO_MS + local.start_s * 1000 + local.late_ms
    return align_file(
        TimedSound.from_start(heard), live, seg="s", pid="p", track="mic", start_ms=start_ms, clock_bound_ms=bound_ms
    )


@pytest.mark.parametrize("ppm", [0.0, 50.0, -50.0, 200.0])
def test_offset_and_drift_are_found_whatever_the_start_event_says(ppm: float) -> None:
    """The start event is 82 ms late, as Chromium's is; the clocks differ by as much as sound cards do."""
    found = aligned(Local(start_s=1.3, ppm=ppm, late_ms=82), backup(said()))
    assert found is not None
    assert found.method == "content"
    assert abs(found.offset_ms - (ZERO_MS + 1300)) < 3 * TRUE_MS
    assert abs(found.ppm - ppm) < 8
    assert not found.edits
    assert found.bound_ms >= 2.0
    end_ms = (LENGTH_S - 1.3) * 1000 / (1 + ppm * 1e-6)
    assert abs(found.picture_ms(end_ms) - (ZERO_MS + LENGTH_S * 1000)) < 1


@pytest.mark.parametrize("ppm", [0.0, 200.0])
def test_a_slice_that_a_recorder_lost_is_found_and_placed(ppm: float) -> None:
    """40 ms are missing at 14 s of the file, and the file's times don't say so."""
    found = aligned(Local(start_s=0.5, ppm=ppm, cut=(14.0, 0.04)), backup(said()))
    assert found is not None
    [edit] = found.edits
    assert abs(edit.shift_ms - 40) < 0.5
    assert abs(edit.at_ms - 14_000) < 400
    assert abs(found.offset_ms - (ZERO_MS + 500)) < 3 * TRUE_MS


def test_noise_and_a_codec_between_them_cost_less_than_a_millisecond(tmp_path: Path) -> None:
    """The backup went through Opus at 32 kbit/s, as live voices do."""
    coded = tmp_path / "live.mkv"
    pcm = write_pcm(tmp_path / "said.wav", said())
    ffmpeg("-i", str(pcm), "-c:a", "libopus", "-b:a", "32k", "-application", "voip", str(coded))
    live = sound_of(coded)
    found = aligned(Local(start_s=2.0, ppm=-120), backup(live), noise=0.01)
    assert found is not None
    assert abs(found.offset_ms - (ZERO_MS + 2000)) < 1
    assert abs(found.ppm + 120) < 15
    assert found.confidence > 0.6


def test_a_delay_on_the_way_stays_within_the_bound() -> None:
    """80 ms one way that no clock exchange can see: the bound is half a round trip, and says so."""
    found = aligned(Local(start_s=1.0), backup(said(), late_ms=40), bound_ms=40)
    assert found is not None
    assert abs(found.offset_ms - (ZERO_MS + 1000)) <= found.bound_ms


def test_who_speaks_for_ten_seconds_of_a_long_file_says_little_of_its_end() -> None:
    """The drift is drawn to what clocks usually are, and the bound says how far off the end may be."""
    sound = np.concatenate((said()[: 10 * RATE], np.zeros(600 * RATE, np.float32)))
    found = align_file(
        TimedSound.from_start(sound), backup(sound), seg="s", pid="p", track="mic", start_ms=ZERO_MS, clock_bound_ms=2
    )
    assert found is not None
    end_ms = 610_000
    assert abs(found.picture_ms(end_ms) - ZERO_MS - end_ms) < found.bound_ms
    assert found.bound_ms > 20


def test_silence_is_placed_by_its_start_event_and_says_so() -> None:
    """What recorders of the same kind were late by in this room is taken off."""
    silent = TimedSound.from_start(np.zeros(RATE * 20, np.float32))
    facts = {"seg": "s", "pid": "p", "track": "mic"}
    assert align_file(silent, backup(said()), **facts, start_ms=ZERO_MS, clock_bound_ms=2) is None
    biases = StartBiases()
    for late_ms in (80.0, 82.0, 85.0):
        biases.learn("audio/webm", ZERO_MS + 1000 + late_ms, placed(ZERO_MS + 1000))
    found = coarse_file(
        **facts, start_ms=ZERO_MS + 500, biases=biases, key="audio/webm", clock_bound_ms=2, why="no_sound"
    )
    assert (found.method, found.confidence, found.why) == ("coarse", 0.0, "no_sound")
    assert abs(found.offset_ms - (ZERO_MS + 500 - 82)) < 1
    strange = coarse_file(**facts, start_ms=ZERO_MS, biases=biases, key="video/mp4", clock_bound_ms=2, why="no_sound")
    assert strange.offset_ms == ZERO_MS
    assert strange.bound_ms > found.bound_ms


def test_somebody_elses_speech_is_no_match() -> None:
    """Neither another voice nor a tone that repeats itself is taken for the file's own sound."""
    other = TimedSound.from_start(speech(LENGTH_S, voice=2))
    tone = TimedSound.from_start(np.sin(np.arange(RATE * 20) * 0.05).astype(np.float32))
    for local in (other, tone):
        assert (
            align_file(local, backup(said()), seg="s", pid="p", track="mic", start_ms=ZERO_MS, clock_bound_ms=2) is None
        )


def test_a_hole_in_the_backup_and_a_second_connection_are_no_step() -> None:
    """Both are on the room's clock already."""
    sound = said()
    first, second = sound[: 12 * RATE], sound[15 * RATE :]
    parts = [TimedSound.from_start(first, ZERO_MS), TimedSound.from_start(second, ZERO_MS + 15_000)]
    found = aligned(Local(start_s=0.5, ppm=30), parts)
    assert found is not None
    assert not found.edits
    assert abs(found.ppm - 30) < 8


def late(sound: Samples, *spans_s: tuple[float, float, float]) -> list[TimedSound]:
    """A backup whose clock was late: (from, to, by how many milliseconds); a connection each."""
    edges = sorted({0.0, LENGTH_S, *(edge for low, high, _ in spans_s for edge in (low, high))})
    parts = []
    for low, high in itertools.pairwise(edges):
        by_ms = sum(by for first, last, by in spans_s if first <= low < last)
        parts.append(TimedSound.from_start(sound[int(low * RATE) : int(high * RATE)], ZERO_MS + low * 1000 + by_ms))
    return parts


@pytest.mark.parametrize(
    "spans_s",
    [
        [(12.0, 21.0, 353.0)],
        [(0.0, 9.0, 68.0), (18.0, 24.0, 300.0)],
        [(0.0, 10.0, 58.0)],
        [(0.0, 19.0, 58.0)],
        [(11.0, 20.0, -16.0)],
    ],
)
def test_a_backup_that_was_late_for_a_while_moves_nothing(spans_s: list[tuple[float, float, float]]) -> None:
    """A new connection's clock takes seconds to settle; the recorder went on the same."""
    found = aligned(Local(start_s=0.5, ppm=30), late(said(), *spans_s))
    assert found is not None
    assert not found.edits
    assert abs(found.offset_ms - (ZERO_MS + 500)) < 1
    assert abs(found.ppm - 30) < 12


def test_what_a_recorder_lost_is_told_from_a_late_backup() -> None:
    """Both in one file: the loss stays, the lateness does not."""
    found = aligned(Local(start_s=0.5, ppm=0, cut=(8.0, 0.08)), late(said(), (16.0, 24.0, 200.0)))
    assert found is not None
    [edit] = found.edits
    assert edit.shift_ms == pytest.approx(80, abs=1)
    assert edit.at_ms == pytest.approx(7_500, abs=600)


def test_sound_is_laid_onto_the_room_without_drift_and_with_its_step_undone() -> None:
    """What comes out is what was said, to the sample, before and behind the lost slice."""
    local = Local(start_s=0.5, ppm=150, cut=(14.0, 0.04))
    found = aligned(local, backup(said()))
    assert found is not None
    sound = TimedSound.from_start(heard_at(said(), local, LENGTH_S))
    laid, there = lay_sound(sound, found, ZERO_MS, ZERO_MS + LENGTH_S * 1000)
    assert len(laid) == LENGTH_S * RATE
    assert not there[: int(0.49 * RATE)].any()
    for low, high in spans(2.0, 12.0, 16.0, 30.0):
        truth, made = said()[low:high], laid[low:high, 0]
        assert np.corrcoef(truth, made)[0, 1] > 0.995


def test_resampling_keeps_a_tone_clean() -> None:
    """Taken at places between samples, a tone of 15 kHz is the tone to -60 dB."""
    sound = TimedSound.from_start(np.sin(2 * np.pi * 15_000 * np.arange(RATE) / RATE).astype(np.float32))
    moved = placed(0.37)
    laid, _ = lay_sound(sound, moved, 0, 1000)
    truth = np.sin(2 * np.pi * 15_000 * (np.arange(RATE) / RATE - 0.37e-3))
    assert np.abs(laid[1000:-1000, 0] - truth[1000:-1000]).max() < 1e-3


def spans(*edges_s: float) -> Iterator[tuple[int, int]]:
    for low, high in zip(edges_s[::2], edges_s[1::2], strict=True):
        yield round(low * RATE), round(high * RATE)
