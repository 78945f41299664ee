"""What sets the families apart in numbers, and the words they use. All ranges are (low, high), drawn uniformly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.synthetic_streams.planted import texts_dev, texts_test, texts_tune
from tests.synthetic_streams.planted.stream import Family
from tests.synthetic_streams.planted.texts import Texts

Range = tuple[float, float]
LEVELS: Final = ("weak", "middle", "strong")
OVER_TALK_DB: Final[Mapping[str, float]] = {"weak": 3.0, "middle": 6.0, "strong": 10.0}  # detection.md section 5
WEAK_CHAT: Final = (2.5, 3.0)  # the brief: the weakest third of bursts
PLAIN_CHAT: Final = 4.0  # detection.md section 5, targets: single-signal plants at x4 chat
PEAK_QUARTILES: Final = (3.6, 5.4)  # detection.md section 5: peaks of measured bursts
CREST_S: Final = (21.0, 48.0, 81.0)  # detection.md section 0, 2: 10, 50, 90 % from labelled start to crest
CHAT_DECAY_S: Final = 40.0  # detection.md section 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """A family's ranges: levels in dB, times in s, rates per minute. What is not from detection.md is judgement."""

    talk_dbfs: float
    gain_db: Range  # of a whole stream
    level_jitter_db: float  # around +3, +6, +10
    reaction_s: Range
    pause_s: Range  # between phrases
    raised_pitch: Range
    raise_count: Range  # words of a raised phrase
    small_per_min: Range  # detection.md: 10, varied
    large_per_min: Range  # detection.md: 100-230
    large_share: float
    large_ratio: Range  # variance/mean per 10 s, detection.md: 8-14
    large_lag1: Range  # detection.md: 0.55-0.6
    chat_lag_s: Range  # of a stream; detection.md section 0, 2: the rate rises 20-30 s after the start on average
    chat_lag_sd_s: Range
    base_reactions: Range
    burst_reactions: Range
    scene_s: Range  # mean length of a stream's scenes
    commit_s: Range  # from a word's end to when it is final
    word_errors: float
    texts: Texts


TUNE: Final = Traits(
    talk_dbfs=-27.0,
    gain_db=(-8.0, 8.0),
    level_jitter_db=0.5,
    reaction_s=(2.0, 6.0),
    pause_s=(0.4, 2.0),
    raised_pitch=(1.3, 1.6),
    raise_count=(2, 5),
    small_per_min=(6.0, 20.0),
    large_per_min=(100.0, 190.0),
    large_share=0.3,
    large_ratio=(8.0, 12.0),
    large_lag1=(0.55, 0.6),
    chat_lag_s=(8.0, 35.0),
    chat_lag_sd_s=(3.0, 5.0),
    base_reactions=(0.08, 0.18),
    burst_reactions=(0.72, 0.9),
    scene_s=(20.0, 60.0),
    commit_s=(0.8, 2.4),
    word_errors=0.03,
    texts=texts_tune.TEXTS,
)
TEST: Final = Traits(
    talk_dbfs=-24.0,
    gain_db=(-12.0, 10.0),
    level_jitter_db=0.9,
    reaction_s=(1.7, 7.5),
    pause_s=(0.3, 1.6),
    raised_pitch=(1.12, 1.28),
    raise_count=(2, 6),
    small_per_min=(7.0, 25.0),
    large_per_min=(115.0, 230.0),
    large_share=0.35,
    large_ratio=(9.0, 14.0),
    large_lag1=(0.55, 0.6),
    chat_lag_s=(6.0, 40.0),
    chat_lag_sd_s=(3.0, 5.0),
    base_reactions=(0.1, 0.2),
    burst_reactions=(0.65, 0.85),
    scene_s=(12.0, 90.0),
    commit_s=(1.0, 3.0),
    word_errors=0.05,
    texts=texts_test.TEXTS,
)
DEV: Final = Traits(
    talk_dbfs=-20.0,
    gain_db=(-14.0, 6.0),
    level_jitter_db=1.0,
    reaction_s=(1.5, 9.0),
    pause_s=(0.25, 1.8),
    raised_pitch=(1.05, 1.5),
    raise_count=(2, 7),
    small_per_min=(6.0, 25.0),
    large_per_min=(100.0, 210.0),
    large_share=0.35,
    large_ratio=(8.0, 13.0),
    large_lag1=(0.55, 0.6),
    chat_lag_s=(5.0, 42.0),
    chat_lag_sd_s=(2.5, 6.0),
    base_reactions=(0.08, 0.25),
    burst_reactions=(0.6, 0.85),
    scene_s=(8.0, 120.0),
    commit_s=(0.9, 3.0),
    word_errors=0.08,
    texts=texts_dev.TEXTS,
)
TRAITS: Final[Mapping[Family, Traits]] = {"tune": TUNE, "test": TEST, "dev": DEV}
