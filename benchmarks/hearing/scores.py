"""Word error rate by utterance with bootstrap intervals, and the same words found in two transcripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import jiwer
import numpy as np
from numpy.typing import NDArray

from benchmarks.hearing.corpus import Corpus
from benchmarks.hearing.listen import TimedWord
from daemon.speech.agreement import plain

DRAWS: Final = 10_000
Counts = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Errors:
    """By utterance of a corpus: words of the reference, and of them deleted; errors of all kinds."""

    words: Counts
    deleted: Counts
    errors: Counts

    @property
    def wer(self) -> float:
        """Percent."""
        return float(100 * self.errors.sum() / self.words.sum())

    @property
    def lost(self) -> float:
        """Deletions in percent of the reference words."""
        return float(100 * self.deleted.sum() / self.words.sum())


@cache
def _normaliser() -> Any:
    from whisper_normalizer.english import EnglishTextNormalizer  # noqa: PLC0415 - a development dependency

    return EnglishTextNormalizer()


def normal(text: str) -> list[str]:
    """Whisper's own normalisation, as words."""
    return list(_normaliser()(text).split())


def errors(corpus: Corpus, text: str) -> Errors:
    """What is wrong, at the utterance whose word it stands at; one alignment over all, so no boundary counts twice."""
    reference = [(word, index) for index, said in enumerate(corpus.texts) for word in normal(said)]
    owner = np.array([index for _, index in reference])
    words = np.bincount(owner, minlength=len(corpus.texts)).astype(float)
    deleted, wrong = np.zeros_like(words), np.zeros_like(words)
    for chunk in aligned([word for word, _ in reference], normal(text)):
        if chunk.type == "insert":
            wrong[owner[min(chunk.ref_start_idx, len(owner) - 1)]] += chunk.hyp_end_idx - chunk.hyp_start_idx
        elif chunk.type != "equal":
            hit = owner[chunk.ref_start_idx : chunk.ref_end_idx]
            np.add.at(wrong, hit, 1)
            if chunk.type == "delete":
                np.add.at(deleted, hit, 1)
    return Errors(words, deleted, wrong)


def aligned(reference: Sequence[str], hypothesis: Sequence[str]) -> list[Any]:
    """jiwer's alignment; words must hold no spaces."""
    if not hypothesis:
        return [jiwer.AlignmentChunk("delete", 0, len(reference), 0, 0)]
    return list(jiwer.process_words(" ".join(reference), " ".join(hypothesis)).alignments[0])


def same_words(reference: Sequence[TimedWord], hypothesis: Sequence[TimedWord]) -> list[tuple[int, int]]:
    """Places of words that both have, by text alone."""
    kept = [
        [(i, plain(word.text)) for i, word in enumerate(side) if plain(word.text)] for side in (reference, hypothesis)
    ]
    chunks = aligned(*([text for _, text in side] for side in kept))
    return [
        (kept[0][chunk.ref_start_idx + i][0], kept[1][chunk.hyp_start_idx + i][0])
        for chunk in chunks
        if chunk.type == "equal"
        for i in range(chunk.ref_end_idx - chunk.ref_start_idx)
    ]


def interval(hits: Counts, words: Counts) -> tuple[float, float]:
    """95 % of sum(hits) / sum(words) in percent, over utterances drawn with replacement."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(words), size=(DRAWS, len(words)))
    low, high = np.percentile(100 * hits[drawn].sum(axis=1) / words[drawn].sum(axis=1), [2.5, 97.5])
    return round(float(low), 2), round(float(high), 2)
