"""What every AsrEngine promises to the planners: the fake one of the tests, and Whisper in this process.

Left open by the contract: which words are heard, `infer_ns`, and how silence is told apart from speech (gates do that).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
import pytest

from core.media import AUDIO_RATE
from daemon.demo.speech import ASSETS, catalogue
from daemon.speech.engine import MAX_WINDOW, MIN_WINDOW, AsrEngine, DecodeRequest, DecodeResult
from daemon.speech.gates import VadTrack, fault, words_on_speech
from daemon.speech.local import LocalEngine
from daemon.speech.models import Sources, find_model
from daemon.speech.vad import FRAME
from tests.unit.speech.fake_engine import FakeEngine, Sound, sound_of, talk

NEAR = AUDIO_RATE // 20  # 50 ms: a batch adds its numbers in another order


@dataclass(frozen=True)
class Case:
    """An engine, three windows of speech it can hear, and some words of each."""

    engine: AsrEngine
    windows: tuple[Sound, Sound, Sound]
    said: tuple[str, str, str]


def fake(_folder: Path) -> Case:
    """Bursts of tone."""
    talks = [talk(0.5, 3, first=first) for first in (0, 8, 16)]
    windows = [sound_of(said, 3.5) for said in talks]
    said = [" ".join(word.text for word in words) for words in talks]
    return Case(FakeEngine(), (windows[0], windows[1], windows[2]), (said[0], said[1], said[2]))


def tiny(folder: Path) -> Case:
    """English only."""
    return local("tiny.en", folder)


def base(folder: Path) -> Case:
    """The default on a CPU: many languages, float16 weights."""
    return local("base", folder)


def local(name: str, folder: Path) -> Case:
    files = find_model(name, "cpu", folder, lambda *_: None, sources=Sources.here(fetch=False))
    engine = LocalEngine(files, device="cpu", compute_type="int8", threads=2)
    names = ("u00_am_michael", "u06_af_heart", "u12_bm_george")
    windows = [sentence(name) for name in names]
    said = [catalogue()[name].text for name in names]
    return Case(engine, (windows[0], windows[1], windows[2]), (said[0], said[1], said[2]))


def sentence(name: str) -> Sound:
    """A recorded sentence of the demo."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=AUDIO_RATE)
    with av.open(str(ASSETS / f"{name}.opus")) as container:
        frames = [*container.decode(audio=0), None]
        parts = [out.to_ndarray()[0] for frame in frames for out in resampler.resample(frame)]
    return np.concatenate(parts).astype(np.float32)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(fake, id="fake"),
        pytest.param(tiny, id="tiny"),
        pytest.param(base, id="base", marks=pytest.mark.soak),  # the same code on four times the work
    ],
)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    make: Callable[[Path], Case] = request.param
    folder = tmp_path_factory.mktemp("models")
    yield make(folder)
    shutil.rmtree(folder)


def ask(pcm: Sound, *, language: str | None = "en", beam: int = 5, detect: bool = False) -> DecodeRequest:
    return DecodeRequest(pcm=pcm, language=language, beam=beam, detect=detect)


def timeless(result: DecodeResult) -> DecodeResult:
    return replace(result, infer_ns=0)


def letters(text: str) -> set[str]:
    return {"".join(filter(str.isalpha, word)).lower() for word in text.split()}


def test_it_hears_what_is_said(case: Case) -> None:
    """Most words of each sentence, as words and as text alike; a good hypothesis passes the gates."""
    for pcm, said in zip(case.windows, case.said, strict=True):
        [result] = case.engine.decode([ask(pcm)])
        assert len(letters(said) & letters(result.text)) >= 0.7 * len(letters(said))
        assert letters(" ".join(word.text for word in result.words)) == letters(result.text)
        assert fault(result, len(pcm), "en") is None


def test_words_lie_in_the_window_and_in_order(case: Case) -> None:
    """Without spaces around them; probabilities are such."""
    results = case.engine.decode([ask(pcm) for pcm in case.windows])
    for pcm, result in zip(case.windows, results, strict=True):
        assert result.words
        last = 0
        for word in result.words:
            assert last <= word.start <= word.end <= len(pcm)
            assert 0 <= word.prob <= 1
            assert word.text == word.text.strip() != ""
            last = word.end
        assert result.infer_ns >= 0


def test_words_move_with_their_sound(case: Case) -> None:
    """A second of silence in front: the same words, a second later; to 0.2 s, as Whisper sees other frames."""
    pcm = case.windows[0]
    [plain, later] = case.engine.decode([ask(pcm), ask(np.concatenate([np.zeros(AUDIO_RATE, np.float32), pcm]))])
    assert letters(later.text) == letters(plain.text)
    for one, two in zip(plain.words[1:], later.words[1:], strict=True):
        assert abs(two.start - AUDIO_RATE - one.start) <= AUDIO_RATE // 5


def test_a_batch_keeps_its_order(case: Case) -> None:
    """Also when its rows differ in length, beam or language, and so cannot be decoded together."""
    one, two, three = case.windows
    long = np.concatenate([one, np.zeros(14 * AUDIO_RATE - len(one), np.float32)])
    batch = [ask(three), ask(long), ask(one, beam=1), ask(two, language=None), ask(one), ask(three, detect=True)]
    texts = [letters(result.text) for result in case.engine.decode(batch)]
    wanted = [2, 0, 0, 1, 0, 2]
    for heard, row in zip(texts, wanted, strict=True):
        shared = [len(heard & letters(said)) for said in case.said]
        assert shared.index(max(shared)) == row


def test_a_row_of_a_batch_is_what_it_is_alone(case: Case) -> None:
    """The same words; their times and likelihoods to the last digits that another order of adding changes."""
    alone = [case.engine.decode([ask(pcm)])[0] for pcm in case.windows]
    for one, two in zip(alone, case.engine.decode([ask(pcm) for pcm in case.windows]), strict=True):
        assert one.text == two.text
        assert one.avg_logprob == pytest.approx(two.avg_logprob, abs=0.05)
        for a, b in zip(one.words, two.words, strict=True):
            assert a.text == b.text
            assert abs(a.start - b.start) <= NEAR
            assert abs(a.end - b.end) <= NEAR


def test_the_same_window_twice_gives_the_same_result(case: Case) -> None:
    """Nothing is random and nothing is carried over, whatever was decoded between; a careful try has its own."""
    batch = [ask(case.windows[0]), replace(ask(case.windows[1]), careful=True)]
    first = [timeless(result) for result in case.engine.decode(batch)]
    case.engine.decode([ask(case.windows[2], language=None)])
    assert [timeless(result) for result in case.engine.decode(batch)] == first


def test_a_window_of_another_length_is_refused(case: Case) -> None:
    """CTranslate2 #2065: one without frames ends the process, so none comes near it."""
    for size in (0, 1, MIN_WINDOW - 1, MAX_WINDOW + 1):
        with pytest.raises(ValueError, match="cannot be decoded"):
            case.engine.decode([ask(case.windows[0]), ask(np.zeros(size, np.float32))])


def test_the_shortest_and_the_longest_window_are_decoded(case: Case) -> None:
    """At the very bounds."""
    pcm = np.zeros(MAX_WINDOW, np.float32)
    pcm[-len(case.windows[0]) :] = case.windows[0]
    short, long = case.engine.decode([ask(case.windows[0][:MIN_WINDOW]), ask(pcm)])
    assert all(word.end <= MIN_WINDOW for word in short.words)
    assert len(letters(long.text) & letters(case.said[0])) >= 0.6 * len(letters(case.said[0]))


@pytest.mark.parametrize("level", [0.0, 0.001])
def test_silence_gives_no_word_that_passes_the_gates(case: Case, level: float) -> None:
    """Whisper says "you" or "Thank you." to silence: no speech lies under it. It has its places in the window."""
    noise = np.random.default_rng(1).normal(0, 1, 3 * AUDIO_RATE).astype(np.float32) * np.float32(level)
    [result] = case.engine.decode([ask(noise)])
    track = VadTrack()
    for _ in range(0, len(noise), FRAME):
        track.add(0.02)
    assert words_on_speech(result.words, track)[0] == []
    assert all(0 <= word.start <= word.end <= len(noise) for word in result.words)


def test_the_language_is_told_when_asked_for(case: Case) -> None:
    """With how sure it is; an engine that knows one language need not be."""
    pcm = case.windows[0]
    given, free, asked = case.engine.decode([ask(pcm), ask(pcm, language=None), ask(pcm, detect=True)])
    assert {given.language, free.language, asked.language} == {"en"}
    assert given.language_prob is None
    if case.engine.info.multilingual:
        for result in (free, asked):
            assert result.language_prob is not None
            assert 0.5 < result.language_prob <= 1


def test_an_empty_batch_is_no_work(case: Case) -> None:
    """Nor an error."""
    assert case.engine.decode([]) == []


def test_threads_may_share_it(case: Case) -> None:
    """Each gets its own answers."""
    texts = [case.engine.decode([ask(pcm)])[0].text for pcm in case.windows]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda pcm: case.engine.decode([ask(pcm)])[0].text, case.windows))
    assert found == texts


def test_it_says_what_it_is(case: Case) -> None:
    """For doctor, logs and clip.json."""
    assert case.engine.info.model in ("fake", "tiny.en", "base")
    assert case.engine.info.device == "cpu"
    assert case.engine.info.threads > 0
