"""Whisper in this process: CTranslate2's encode, generate and align, with faster-whisper's features and tokenizer.

Not `WhisperModel.transcribe()`: that carries text from window to window, retries at random temperatures and cannot be
asked for one window's words at a time (speech.md section 4). Nothing is random: the same window gives the same words.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.errors import MissingPart
from core.media import AUDIO_RATE
from daemon.speech.engine import MAX_WINDOW, MIN_WINDOW, DecodeRequest, DecodeResult, EngineInfo, HeardWord
from daemon.speech.memory import give_back, returned_memory
from daemon.speech.models import ModelFiles

# Padding. Short windows are cheaper, but Whisper drops words of a window it nearly fills: 0.5 s of padding tripled the
# WER, 3 s did not hurt (speech.md section 3, row 13). A 15 s window costs a third of a 30 s one.
WINDOWS_S: Final = (15, 20, 30)
MIN_PADDING_S: Final = 3
HOP: Final = 160  # samples a mel frame
TOKEN_SAMPLES: Final = 320  # one encoder position, 20 ms
MAX_TOKENS: Final = 224
FIRST_TOKENS: Final = 12
TOKENS_PER_S: Final = 8  # fast speech is 3-4 words a second
TOKENS_PER_S_OTHER: Final = 14  # languages whose words take many of Whisper's tokens
WORDY: Final = frozenset(
    {"en", "de", "fr", "es", "it", "pt", "nl", "sv", "no", "da", "fi", "pl", "cs", "ro", "hu", "tr"}
)
NO_REPEAT: Final = {"no_repeat_ngram_size": 3, "repetition_penalty": 1.2}
UNSPACED: Final = frozenset({"zh", "ja", "th", "lo", "my", "yue"})  # as faster-whisper's tokenizer splits them
OPENERS: Final = "\"'“¿([{-"


@dataclass(frozen=True, slots=True)
class _Kind:
    """What rows of one CTranslate2 batch have in common: it takes one prompt length, one window, one set of options."""

    window_s: int
    language: str
    beam: int
    careful: bool


class LocalEngine:
    """One model in this process. Building it reads the weights (about 1 s for `base`).

    Raises MissingPart where the device's libraries or the compute type do not work.
    """

    def __init__(self, files: ModelFiles, *, device: str, compute_type: str, threads: int) -> None:
        # These take 60 MB and 0.3 s to import: only a process that listens pays for them.
        import ctranslate2  # noqa: PLC0415
        from faster_whisper.feature_extractor import FeatureExtractor  # noqa: PLC0415
        from faster_whisper.tokenizer import Tokenizer  # noqa: PLC0415
        from tokenizers import Tokenizer as Vocabulary  # noqa: PLC0415

        self._to_storage = ctranslate2.StorageView.from_array
        try:
            with returned_memory():
                self._model = ctranslate2.models.Whisper(
                    str(files.folder), device=device, compute_type=compute_type, inter_threads=1, intra_threads=threads
                )
        except (RuntimeError, ValueError) as err:
            raise MissingPart(
                f"The speech model {files.name} does not load on {device}: {err}",
                remedy="`clipd doctor` says what works here; speech.device: cpu always does.",
                code="asr_unavailable",
            ) from err
        self._vocabulary = Vocabulary.from_file(str(files.folder / "tokenizer.json"))
        self._make_tokenizer = Tokenizer
        self._tokenizers: dict[str, Any] = {}
        self._features = FeatureExtractor(feature_size=self._model.n_mels)
        self._suppressed: list[int] | None = None
        self.info = EngineInfo(
            model=files.name,
            sha256=files.sha256,
            device=device,
            compute_type=self._model.compute_type,
            threads=threads,
            multilingual=self._model.is_multilingual,
        )

    def decode(self, batch: Sequence[DecodeRequest]) -> list[DecodeResult]:
        """Rows that can share a CTranslate2 batch do; the answers come in the order of the requests."""
        results: list[DecodeResult | None] = [None] * len(batch)
        windows: dict[int, list[int]] = {}
        for row, request in enumerate(batch):
            windows.setdefault(_window_s(len(request.pcm)), []).append(row)
        for window_s, rows in windows.items():
            for row, result in zip(rows, self._window(window_s, [batch[row] for row in rows]), strict=True):
                results[row] = result
        if len(batch) > 1:
            give_back()
        return [result for result in results if result is not None]

    def _window(self, window_s: int, requests: Sequence[DecodeRequest]) -> list[DecodeResult]:
        """All of one padded length: one encode; languages are known after it, then one generate and align for each."""
        started = time.perf_counter_ns()
        encoded = self._encode([request.pcm for request in requests], window_s)
        spoken = self._languages(encoded, requests)
        kinds: dict[_Kind, list[int]] = {}
        for row, (request, (_, language, _)) in enumerate(zip(requests, spoken, strict=True)):
            kinds.setdefault(_Kind(window_s, language, request.beam, request.careful), []).append(row)
        found: dict[int, DecodeResult] = {}
        for kind, rows in kinds.items():
            part = encoded
            if len(rows) < len(requests):
                part = self._encode([requests[row].pcm for row in rows], window_s)
            for row, (words, text, generated) in zip(
                rows, self._generate(kind, part, [requests[row] for row in rows]), strict=True
            ):
                heard, _, prob = spoken[row]
                tokens = generated.sequences_ids[0]
                found[row] = DecodeResult(
                    words=words,
                    text=text,
                    avg_logprob=generated.scores[0] * len(tokens) / (len(tokens) + 1),
                    compression_ratio=_compression(text),
                    no_speech_prob=generated.no_speech_prob,
                    language=heard,
                    language_prob=prob,
                    infer_ns=0,
                )
        spent = (time.perf_counter_ns() - started) // len(requests)
        return [replace(found[row], infer_ns=spent) for row in range(len(requests))]

    def _encode(self, pcms: Sequence[NDArray[np.float32]], window_s: int) -> Any:
        rows = []
        for pcm in pcms:
            if not MIN_WINDOW <= len(pcm) <= MAX_WINDOW:
                raise ValueError(f"a window of {len(pcm) / AUDIO_RATE:.2f} s cannot be decoded")
            padded = np.zeros(window_s * AUDIO_RATE, np.float32)
            padded[: len(pcm)] = pcm
            rows.append(self._features(padded)[:, : window_s * AUDIO_RATE // HOP])
        return self._model.encode(self._to_storage(np.ascontiguousarray(np.stack(rows))))

    def _languages(self, encoded: Any, requests: Sequence[DecodeRequest]) -> list[tuple[str, str, float | None]]:
        """For each row: the language heard, the one to decode in, and how sure the first is (None: nobody asked)."""
        if not self.info.multilingual:
            return [("en", "en", None)] * len(requests)
        if all(request.language and not request.detect for request in requests):
            return [(str(request.language), str(request.language), None) for request in requests]
        rows: list[tuple[str, str, float | None]] = []
        for request, found in zip(requests, self._model.detect_language(encoded), strict=True):
            token, prob = found[0]
            heard = token[2:-2]  # "<|en|>"
            if request.language and not request.detect:
                rows.append((request.language, request.language, None))
            else:
                rows.append((heard, request.language or heard, float(prob)))
        return rows

    def _generate(
        self, kind: _Kind, encoded: Any, requests: Sequence[DecodeRequest]
    ) -> list[tuple[tuple[HeardWord, ...], str, Any]]:
        tokenizer = self._tokenizer(kind.language)
        longest_s = max(len(request.pcm) for request in requests) / AUDIO_RATE
        per_s = TOKENS_PER_S if kind.language in WORDY else TOKENS_PER_S_OTHER
        limit = min(MAX_TOKENS, FIRST_TOKENS + int(per_s * longest_s))
        generated = self._model.generate(
            encoded,
            [[*tokenizer.sot_sequence, tokenizer.no_timestamps]] * len(requests),
            beam_size=kind.beam,
            max_length=2 * limit,  # CTranslate2 gives at most half of it (speech.md section 3, row 8)
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=self._suppress(tokenizer),
            **(NO_REPEAT if kind.careful else {}),
        )
        rows = [[token for token in row.sequences_ids[0] if token < tokenizer.eot] for row in generated]
        aligned: list[Any] = [None] * len(rows)
        spoken = [row for row, tokens in enumerate(rows) if tokens]
        if spoken:
            part = encoded if len(spoken) == len(rows) else self._rows(requests, spoken, kind.window_s)
            frames = [-(-len(requests[row].pcm) // HOP) for row in spoken]
            found = self._model.align(part, tokenizer.sot_sequence, [rows[row] for row in spoken], frames)
            for row, alignment in zip(spoken, found, strict=True):
                aligned[row] = alignment
        return [
            (_words(tokenizer, tokens, alignment, len(request.pcm)), tokenizer.decode(tokens).strip(), row)
            for tokens, alignment, request, row in zip(rows, aligned, requests, generated, strict=True)
        ]

    def _rows(self, requests: Sequence[DecodeRequest], rows: Sequence[int], window_s: int) -> Any:
        """A window with no text at all cannot be aligned; encoding the others again is rare and simple."""
        return self._encode([requests[row].pcm for row in rows], window_s)

    def _tokenizer(self, language: str) -> Any:
        if language not in self._tokenizers:
            self._tokenizers[language] = self._make_tokenizer(
                self._vocabulary, self.info.multilingual, task="transcribe", language=language
            )
        return self._tokenizers[language]

    def _suppress(self, tokenizer: Any) -> list[int]:
        """No speaker tags, no [MUSIC], no prompt tokens inside text."""
        if self._suppressed is None:
            special = (tokenizer.transcribe, tokenizer.translate, tokenizer.sot, tokenizer.sot_prev, tokenizer.sot_lm)
            found = {*tokenizer.non_speech_tokens, *special, tokenizer.no_speech}
            self._suppressed = sorted(token for token in found if token is not None)
        return self._suppressed


def _window_s(samples: int) -> int:
    return next(
        (size for size in WINDOWS_S if samples <= (size - MIN_PADDING_S) * AUDIO_RATE),
        WINDOWS_S[-1],
    )


def _compression(text: str) -> float:
    """Whisper's measure of a loop: how much zlib shrinks the text."""
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


def _words(tokenizer: Any, tokens: list[int], alignment: Any, samples: int) -> tuple[HeardWord, ...]:
    """Whisper's word timing: a word starts where the alignment first reaches its first token."""
    if not tokens:
        return ()
    texts, groups = tokenizer.split_to_word_tokens([*tokens, tokenizer.eot])
    if len(groups) <= 1:
        return ()
    text_at, time_at = (np.array(column) for column in zip(*alignment.alignments, strict=True))
    jumps = np.pad(np.diff(text_at), (1, 0), constant_values=1).astype(bool)
    reached = time_at[jumps] * TOKEN_SAMPLES
    bounds = np.pad(np.cumsum([len(group) for group in groups[:-1]]), (1, 0))
    probs = np.asarray(alignment.text_token_probs)
    words: list[HeardWord] = []
    opener = ""
    spaced = tokenizer.language_code not in UNSPACED
    for text, first, last in zip(texts, bounds[:-1], bounds[1:], strict=False):
        plain = text.strip()
        if words and spaced and not text.startswith(" "):  # "9" ".1" "%", "Counter" "-Strike"
            start, end = words[-1].start, int(reached[min(last, len(reached) - 1)])
            words[-1] = replace(words[-1], text=words[-1].text + opener + plain, end=min(max(end, start), samples))
            opener = ""
            continue
        if not any(letter.isalnum() for letter in plain):
            if words and plain and plain[0] not in OPENERS:
                words[-1] = replace(words[-1], text=words[-1].text + plain)
            else:
                opener += plain
            continue
        start, end = int(reached[first]), int(reached[min(last, len(reached) - 1)])
        prob = float(np.mean(probs[first:last])) if last > first else 0.0
        words.append(
            HeardWord(text=opener + plain, start=min(start, samples), end=min(max(end, start), samples), prob=prob)
        )
        opener = ""
    return tuple(words)
