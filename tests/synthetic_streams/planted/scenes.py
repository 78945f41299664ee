"""Keyframes: how much each differs from the one before, and a 64-bit difference hash in four numbers of 16 bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.times import NS_PER_S
from tests.synthetic_streams.planted.stream import SCENE_COLUMNS, Rows
from tests.synthetic_streams.planted.traits import Traits

EVERY_S: Final = 2.0  # a keyframe
_NEW: Final = (0.4, 0.95)  # change of a new scene: the brief
_LITTLE: Final = 0.035  # median change within a scene; judgement
_CUTS: Final = {"cut_montage": 0.85, "advert": 0.5}  # of their keyframes
Spans = Sequence[tuple[str, float, float]]  # kind, start, end in s
Copies = Sequence[tuple[float, float, float]]  # start, end, start of what is shown again, in s


def make_scenes(
    rng: np.random.Generator, traits: Traits, seconds: float, spans: Spans, copies: Copies
) -> tuple[NDArray[np.int64], Rows]:
    """Times and SCENE_COLUMNS of every keyframe but the first, which has nothing to differ from."""
    n = int(seconds / EVERY_S)
    cut = rng.random(n) < EVERY_S / rng.uniform(*traits.scene_s)
    flips = _bits(rng, n, rng.integers(0, 7, n))
    change = np.minimum(_LITTLE * np.exp(rng.normal(0, 0.7, n)), 0.3)
    for kind, a, b in spans:
        first, last = _frames(a, b, n)
        if kind in _CUTS:
            cut[first:last] |= rng.random(last - first) < _CUTS[kind]
            cut[first : first + 1] = cut[last : last + 1] = True
        elif kind == "static_scene":
            cut[first:last], flips[first:last], change[first:last] = False, 0, 0.0
        elif kind == "menu_flash":
            cut[first:last] = False
            flips[first:last] = rng.integers(0, 2**64, dtype=np.uint64)
            change[first:last] = rng.uniform(0.5, 0.9, last - first)
    flips = np.where(cut, rng.integers(0, 2**64, n, dtype=np.uint64), flips)
    change = np.where(cut, rng.uniform(*_NEW, n), change)
    hashes = np.bitwise_xor.accumulate(flips)
    for a, b, of in copies:
        _show_again(rng, hashes, change, _frames(a, b, n), round(of / EVERY_S))
    parts = [(hashes >> np.uint64(16 * k)) & np.uint64(0xFFFF) for k in range(4)]
    rows = np.stack([change, *parts], axis=1).astype(np.float32)
    times = (np.arange(n) * EVERY_S * NS_PER_S).astype(np.int64)
    assert rows.shape[1] == len(SCENE_COLUMNS)
    return times[1:], rows[1:]


def _frames(a: float, b: float, n: int) -> tuple[int, int]:
    first = min(n, max(1, int(np.ceil(a / EVERY_S))))
    return first, max(first, min(n, int(b / EVERY_S) + 1))


def _bits(rng: np.random.Generator, n: int, counts: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Numbers with at most so many bits set."""
    places = rng.integers(0, 64, (n, 6), dtype=np.uint64)
    single = np.where(np.arange(6) < counts[:, None], np.uint64(1) << places, np.uint64(0))
    return np.asarray(np.bitwise_or.reduce(single, axis=1), dtype=np.uint64)


def _show_again(
    rng: np.random.Generator, hashes: NDArray[np.uint64], change: NDArray[np.float64], to: tuple[int, int], of: int
) -> None:
    """Copy keyframes with up to three bits of noise; a cut leads in and out."""
    first, last = to
    of = max(1, of)
    size = min(last - first, len(hashes) - of)
    noise = _bits(rng, size, rng.integers(0, 4, size))
    hashes[first : first + size] = hashes[of : of + size] ^ noise
    change[first : first + size] = change[of : of + size]
    change[first : first + 1] = rng.uniform(*_NEW)
    change[first + size : first + size + 1] = rng.uniform(*_NEW)
