"""One person's sound out of several files: the best there is, silence where they were muted, no clicks between."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from daemon.rooms.voices import Spans, Voice, mixed, read_wav, write_wav
from recorder.align import RATE, AlignedFile, TimedSound

ROOM_MS = 5_000.0


def tone(seconds: float, level: float) -> TimedSound:
    at = np.arange(round(seconds * RATE)) / RATE
    return TimedSound.from_start((level * np.sin(2 * np.pi * 300 * at)).astype(np.float32), ROOM_MS)


def local(seconds: float, from_s: float) -> tuple[TimedSound, AlignedFile]:
    """The same tone, louder, in a file that begins later in the room."""
    at = np.arange(round(seconds * RATE)) / RATE + from_s
    sound = TimedSound.from_start((0.5 * np.sin(2 * np.pi * 300 * at)).astype(np.float32))
    placed = AlignedFile(
        seg="s",
        pid="p",
        track="mic",
        offset_ms=ROOM_MS + from_s * 1000,
        ppm=0,
        method="content",
        confidence=1,
        bound_ms=1,
    )
    return sound, placed


def test_the_backup_stands_in_where_the_local_file_is_missing() -> None:
    """Faded over 5 ms; the spans say what is from where; chunks join without a seam."""
    voice, spans = Voice((local(20, 3), (tone(25, 0.25), None))), Spans(ROOM_MS)
    pieces = []
    for sound, origin in voice.chunks(ROOM_MS, ROOM_MS + 25_000):
        spans.add(origin)
        pieces.append(sound[:, 0])
    whole = np.concatenate(pieces)
    assert len(whole) == 25 * RATE
    assert [(round(low - ROOM_MS), round(high - ROOM_MS)) for low, high in spans.local] == [(3000, 23_000)]
    assert [round(low - ROOM_MS) for low, _ in spans.backup] == [0, 23_000]
    assert np.abs(np.diff(whole)).max() < 0.03, "a click"
    assert np.abs(whole[RATE : 2 * RATE]).max() == pytest.approx(0.25, abs=0.01)
    assert np.abs(whole[10 * RATE : 12 * RATE]).max() == pytest.approx(0.5, abs=0.01)


def test_who_was_muted_is_silent_though_their_recorder_went_on() -> None:
    """In the voice, and in what is said to be there."""
    voice, spans = Voice((local(20, 0),), off=((ROOM_MS + 4000, ROOM_MS + 6000),)), Spans(ROOM_MS)
    sound, origin = voice.read(ROOM_MS, ROOM_MS + 10_000)
    spans.add(origin)
    assert not sound[4 * RATE : 6 * RATE].any()
    assert [(round(low - ROOM_MS), round(high - ROOM_MS)) for low, high in spans.local] == [(0, 4000), (6000, 10_000)]


def test_a_mix_never_clips_and_changes_nothing_that_is_quiet(tmp_path: Path) -> None:
    """Six who shout at once stay below full scale; what is written is read back, with silence outside."""
    quiet, loud = np.full((RATE, 1), 0.1, np.float32), np.full((RATE, 2), 0.9, np.float32)
    assert np.allclose(mixed([quiet, quiet]), 0.2)
    assert np.abs(mixed([loud] * 6)).max() <= 1
    write_wav(tmp_path / "a.wav", [quiet, quiet], 1)
    read = read_wav(tmp_path / "a.wav", -500, 2500)
    assert read.shape == (3 * RATE, 1)
    assert read[RATE, 0] == pytest.approx(0.1, abs=1e-3)
    assert not read[: RATE // 2].any()
