"""The model as the worker opens it, under any planner and with any idea of what is speech."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import repeat
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from benchmarks.hearing.corpus import Pcm
from configs import load_settings
from core.times import Ns, to_s
from core.words import Committed, text_of
from daemon.speech import gates, planner
from daemon.speech.ear import Ear
from daemon.speech.engine import AsrEngine, DecodeRequest, DecodeResult
from daemon.speech.glossary import Glossary
from daemon.speech.language import LanguageTracker
from daemon.speech.live import LivePlanner
from daemon.speech.models import ModelFiles, find_model, vad_model_path
from daemon.speech.packed import PackedPlanner
from daemon.speech.planner import Planner, Tally, Voice
from daemon.speech.vad import FRAME, SileroVad, VadModel
from daemon.worker.speech import MODELS, open_engine

MakePlanner = Callable[[Voice], Planner]


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word and when it was said, in seconds."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a run over some sound gave and what it cost. `delays_s`: media time from a word's end until it was final."""

    text: str
    words: list[TimedWord]
    delays_s: list[float]
    decode_s: float
    tally: Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Recogniser:
    """A loaded model."""

    engine: AsrEngine
    files: ModelFiles
    vad: VadModel

    @classmethod
    def open(cls, model: str, folder: Path) -> Recogniser:
        """As the settings `speech.model` would; our copy of the model is kept in the folder."""
        settings = load_settings(data_dir=folder, speech={"model": model})
        engine, _ = open_engine(settings)
        files = find_model(
            engine.info.model if "/" not in model else model, engine.info.device, folder / MODELS, _quiet
        )
        return cls(engine=engine, files=files, vad=VadModel(vad_model_path()))

    @property
    def facts(self) -> dict[str, Any]:
        """For the results."""
        packages = {name: version(name) for name in ("ctranslate2", "faster-whisper", "onnxruntime")}
        return {"engine": asdict(self.engine.info), "packages": packages}

    def listen(self, make: MakePlanner, sound: Pcm, vad: SileroVad | None = None) -> Heard:
        """Run a planner over the sound as fast as it goes."""
        voice = Voice(language=LanguageTracker("en"), glossary=Glossary(()))
        spent_s = 0.0

        def decode(batch: Sequence[DecodeRequest]) -> list[DecodeResult]:
            nonlocal spent_s
            started = time.perf_counter()
            results = self.engine.decode(batch)
            spent_s += time.perf_counter() - started
            return results

        ear = Ear(Ns(0), make(voice), vad or SileroVad(self.vad), decode)
        commits = [event for event in [*ear.push(sound), *ear.finish()] if isinstance(event, Committed)]
        words = [(word, commit) for commit in commits for word in commit.words]
        return Heard(
            text=text_of(word for word, _ in words),
            words=[TimedWord(word.text, to_s(word.start_ns), to_s(word.end_ns)) for word, _ in words],
            delays_s=[to_s(commit.known_ns - word.end_ns) for word, commit in words],
            decode_s=spent_s,
            tally=voice.tally,
        )

    def offline(self, sound: Pcm) -> Heard:
        """faster-whisper's own `transcribe` over the whole recording, with word times."""
        from faster_whisper import WhisperModel  # noqa: PLC0415 - heavy, and only this compares with it

        info = self.engine.info
        model = WhisperModel(
            str(self.files.folder), device=info.device, compute_type=info.compute_type, cpu_threads=info.threads
        )
        started = time.perf_counter()
        segments, _ = model.transcribe(
            sound, beam_size=5, language="en", condition_on_previous_text=False, word_timestamps=True
        )
        found = list(segments)
        spent_s = time.perf_counter() - started
        return Heard(
            text="".join(segment.text for segment in found).strip(),
            words=[TimedWord(w.word.strip(), w.start, w.end) for segment in found for w in segment.words or ()],
            delays_s=[],
            decode_s=spent_s,
            tally=Tally(),
        )

    def probabilities(self, sound: Pcm) -> list[float]:
        """Of speech, frame by frame."""
        vad = SileroVad(self.vad)
        padded = np.pad(sound, (0, -len(sound) % FRAME))
        return [vad.frame(padded[at : at + FRAME]) for at in range(0, len(padded), FRAME)]


def live(voice: Voice) -> Planner:
    """As on a stream with time to spare."""
    return LivePlanner(0, Ns(0), voice)


def packed(voice: Voice) -> Planner:
    """As on a recording."""
    return PackedPlanner(0, Ns(0), voice)


class ToldSpeech(SileroVad):
    """Believes what it is told, frame by frame."""

    def __init__(self, probabilities: Iterable[float]) -> None:
        self._told = iter(probabilities)

    def frame(self, samples: NDArray[np.float32]) -> float:  # noqa: ARG002 - it does not listen
        """The next one."""
        return next(self._told)


def all_speech() -> SileroVad:
    """Everything is decoded, and every word lies on speech."""
    return ToldSpeech(repeat(1.0))


@contextlib.contextmanager
def without_gates() -> Iterator[None]:
    """No hypothesis is at fault and no word is dropped; the VAD still says where utterances are."""
    with mock.patch.object(planner, "fault", return_value=None), mock.patch.object(gates, "MIN_VAD", 0.0):
        yield


def _quiet(*_: object) -> None:
    """A download is told of by nobody: the engine has been opened before."""
