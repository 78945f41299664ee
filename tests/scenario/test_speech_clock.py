"""Words on the right time: real media with holes and jumps, through ingest, decoders, analysis and speech.

Each word is a burst of tone that a fake engine hears to the sample: what is off is the clock. One file is real speech.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest

from core.ids import SessionId
from core.media import AUDIO_RATE, Epoch, Gap, Packet, Track
from core.times import Ns, ns, to_s
from core.words import Committed, SpeechEvent, Word
from daemon.demo.speech import ASSETS, OPENING
from daemon.ingest.files import FileSource
from daemon.speech.agreement import plain
from daemon.speech.engine import AsrEngine, DecodeRequest
from daemon.speech.lanes import Lane, LiveLane, PackedLane, Told
from daemon.speech.local import LocalEngine
from daemon.speech.models import Sources, find_model, vad_model_path
from daemon.speech.transcriber import Transcriber
from daemon.speech.vad import VadModel
from daemon.worker.analysis import Analysis, StepResult
from daemon.worker.chat import NoChat
from daemon.worker.queue import AnalysisQueue, Batch, EpochStart
from detectors import Engine, Profile
from tests.fakes import FakeClock
from tests.unit.speech.fake_engine import FakeEngine, LoudVad, Said, Sound, a_voice, sound_of, talk

WRAP_S = 2**33 / 90_000
PART_S = 4.0
TALK = talk(0.3, 3.8)  # of every part: words from its beginning to 50 ms before its end
NEAR_NS = ns(0.02)
PACKED = pytest.mark.parametrize("packed", [False, True], ids=["live", "packed"])


@dataclass(frozen=True)
class Part:
    """A stretch of a recording: its sound, and the time its first frame carries in the file."""

    sound: Sound
    at_s: float


def recorded(folder: Path, parts: Sequence[Part]) -> Path:
    """Parts as one MPEG-TS file, H.264 and AAC, one behind the other with the timestamps they have."""
    whole = folder / "recorded.ts"
    with whole.open("wb") as out:
        for number, part in enumerate(parts):
            path = folder / f"part-{number}.ts"
            encode(path, part)
            out.write(path.read_bytes())
    return whole


def encode(path: Path, part: Part) -> None:
    seconds = len(part.sound) / AUDIO_RATE
    arguments = [
        "-f", "f32le", "-ar", str(AUDIO_RATE), "-ac", "1", "-i", "pipe:0",
        "-f", "lavfi", "-i", f"testsrc2=s=160x90:r=25:d={seconds}",
        "-map", "1:v", "-map", "0:a", "-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-bf", "0",
        "-c:a", "aac", "-b:a", "128k", "-ar", "48000", "-muxdelay", "0", "-muxpreload", "0",
        "-output_ts_offset", f"{part.at_s:.6f}", str(path),
    ]  # fmt: skip
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *arguments]
    subprocess.run(command, input=part.sound.tobytes(), check=True, capture_output=True, timeout=60)


class QueueSink:
    """Capture without a ring: what analysis needs goes to its queue."""

    def __init__(self, queue: AnalysisQueue) -> None:
        self._queue = queue
        self._handed_ns = Ns(0)
        self.epochs: list[Epoch] = []

    async def streams(self, epoch: Epoch, tracks: tuple[Track, ...]) -> None:
        self.epochs.append(epoch)
        self._queue.put(EpochStart(epoch, tracks))

    async def write(self, packets: Sequence[Packet]) -> None:
        wanted = tuple(packet for packet in packets if packet.kind == "audio" or packet.is_keyframe)
        before_ns, self._handed_ns = self._handed_ns, max(self._handed_ns, packets[-1].dts_ns)
        self._queue.put(Batch(wanted, before_ns, self._handed_ns))

    async def gap(self, gap: Gap) -> None:
        self._queue.put(gap)

    async def warn(self, code: str, message: str, remedy: str) -> None:
        raise AssertionError(f"{code}: {message}")

    async def live_edge(self, media_ns: Ns) -> None: ...


@dataclass
class Listener:
    """Speech that works says nothing but words."""

    events: list[SpeechEvent] = field(default_factory=list)

    def spoken(self, events: Sequence[SpeechEvent]) -> None:
        self.events.extend(events)

    def lost(self, gap: Gap) -> None:
        raise AssertionError(gap)

    def paced(self, level: int, lag_ns: int) -> None: ...

    def failed(self, error: Exception) -> None:
        raise AssertionError(error)


@dataclass
class Steps:
    """What analysis learned, step by step."""

    taken: list[StepResult] = field(default_factory=list)

    def step(self, result: StepResult) -> None:
        self.taken.append(result)


@dataclass(frozen=True)
class Heard:
    """The words of a file and its epochs."""

    words: list[Word]
    epochs: list[Epoch]
    end_ns: Ns


def hear(path: Path, *, packed: bool, engine: AsrEngine | None = None, vad: VadModel | None = None) -> Heard:
    """Replay a file as a session does."""
    queue = AnalysisQueue(limit_ns=ns(10_000), sheds=False, on_shed=lambda _a, _b: None)
    sink, steps = QueueSink(queue), Steps()

    def open_lane(told: Told) -> Lane:
        args = (engine or FakeEngine(), vad or LoudVad(), a_voice(), told)
        return PackedLane(*args) if packed else LiveLane(*args, clock=None)

    listener = Listener()
    transcriber = Transcriber(open_lane, listener, FakeClock(), waits=True)
    detectors = Engine(Profile(), SessionId("s20260101t000000-abcdef"))
    analysis = Analysis(queue, detectors, NoChat(), transcriber, steps)
    asyncio.run(FileSource(path, clock=FakeClock(), speed=None).run(sink))
    queue.close()
    end_ns = analysis.run()
    commits = [event for event in listener.events if isinstance(event, Committed)]
    assert all(commit.known_ns <= end_ns + ns(2) for commit in commits)
    return Heard([word for commit in commits for word in commit.words], sink.epochs, end_ns)


def check(found: Sequence[Word], said: Sequence[Said], start_ns: int, epoch: int) -> None:
    """Each word, once, within 20 ms of where it was said."""
    assert [word.text.rstrip(".") for word in found] == [word.text for word in said]
    for word, true in zip(found, said, strict=True):
        assert abs(word.start_ns - start_ns - true.start * 62_500) <= NEAR_NS, (word, to_s(Ns(start_ns)))
        assert abs(word.end_ns - start_ns - true.end * 62_500) <= NEAR_NS, (word, to_s(Ns(start_ns)))
        assert word.epoch == epoch


@PACKED
@pytest.mark.parametrize("gap_s", [0.1, 1.0, 5.0])
def test_words_around_a_gap(tmp_path: Path, gap_s: float, packed: bool) -> None:
    """Picture and sound are missing for a while: what follows lies where its timestamps say."""
    sound = sound_of(TALK, PART_S)
    later_s = PART_S + gap_s
    heard = hear(recorded(tmp_path, [Part(sound, 10), Part(sound, 10 + later_s)]), packed=packed)
    assert len(heard.epochs) == 1
    check(heard.words[: len(TALK)], TALK, 0, 0)
    check(heard.words[len(TALK) :], TALK, ns(later_s), 0)


@PACKED
def test_words_around_a_backward_jump(tmp_path: Path, packed: bool) -> None:
    """Timestamps start anew: a new epoch at the old end, its words on its own clock, none across."""
    sound = sound_of(TALK, PART_S)
    heard = hear(recorded(tmp_path, [Part(sound, 100), Part(sound, 10)]), packed=packed)
    assert [epoch.number for epoch in heard.epochs] == [0, 1]
    later_ns = heard.epochs[1].start_ns
    assert abs(later_ns - ns(PART_S)) <= ns(0.1)
    check([word for word in heard.words if word.epoch == 0], TALK, 0, 0)
    check([word for word in heard.words if word.epoch == 1], TALK, later_ns, 1)


@PACKED
def test_no_word_crosses_a_jump_that_goes_through_it(tmp_path: Path, packed: bool) -> None:
    """Somebody talks when the timestamps jump: each half stays in its epoch."""
    spoken = [*TALK, Said("zulu", round(3.85 * AUDIO_RATE), round(4.15 * AUDIO_RATE))]
    sound = sound_of(spoken, 5)
    parts = [Part(sound[: 4 * AUDIO_RATE], 100), Part(sound[4 * AUDIO_RATE :], 10), Part(sound_of(TALK, PART_S), 300)]
    heard = hear(recorded(tmp_path, parts), packed=packed)
    starts = [epoch.start_ns for epoch in heard.epochs]
    assert len(starts) == 3
    for word in heard.words:
        assert starts[word.epoch] <= word.start_ns
        assert word.end_ns <= [*starts[1:], heard.end_ns + ns(0.1)][word.epoch]
    check([word for word in heard.words if word.epoch == 0][: len(TALK)], TALK, 0, 0)
    check([word for word in heard.words if word.epoch == 2], TALK, starts[2], 2)


@PACKED
def test_words_around_the_wrap_of_33_bits(tmp_path: Path, packed: bool) -> None:
    """MPEG-TS counts to 26.5 hours: time goes on across it, in one epoch, also in the middle of a part."""
    sound = sound_of(TALK, PART_S)
    path = recorded(tmp_path, [Part(sound, WRAP_S - 2), Part(sound, WRAP_S - 2 + PART_S)])
    with av.open(str(path), options={"correct_ts_overflow": "0"}) as container:
        times = [packet.pts for packet in container.demux(audio=0) if packet.pts is not None]
    assert min(times) < 90_000 < 2**33 - 90_000 < max(times)
    heard = hear(path, packed=packed)
    assert len(heard.epochs) == 1
    check(heard.words[: len(TALK)], TALK, 0, 0)
    check(heard.words[len(TALK) :], TALK, ns(PART_S), 0)


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> LocalEngine:
    """The real thing, its smallest form."""
    sources, folder = Sources.here(fetch=False), tmp_path_factory.mktemp("models")
    files = find_model("tiny.en", "cpu", folder, lambda *_: None, sources=sources)
    return LocalEngine(files, device="cpu", compute_type="int8", threads=2)


@PACKED
def test_a_sentence_before_and_after_a_gap(tmp_path: Path, whisper: LocalEngine, packed: bool) -> None:
    """Real speech, a real model, a real detector of speech: the same words, later by the sentence and the gap."""
    sentence = recording(OPENING)
    [alone] = whisper.decode([DecodeRequest(pcm=sentence, language="en")])
    later_ns = round(len(sentence) * 62_500 + ns(1))
    parts = [Part(sentence, 10), Part(sentence, 10 + to_s(Ns(later_ns)))]
    heard = hear(recorded(tmp_path, parts), packed=packed, engine=whisper, vad=VadModel(vad_model_path()))
    first, second = heard.words[: len(alone.words)], heard.words[len(alone.words) :]
    for copy, start_ns in ((first, 0), (second, later_ns)):
        assert [plain(word.text) for word in copy] == [plain(word.text) for word in alone.words]
        off_s = sorted(
            abs(to_s(Ns(word.start_ns - start_ns)) - true.start / AUDIO_RATE)
            for word, true in zip(copy, alone.words, strict=True)
        )
        assert off_s[len(off_s) // 2] <= 0.02
        assert off_s[-2] <= 0.1
        assert off_s[-1] <= 0.25  # the model itself wavers on a short word


def recording(name: str) -> Sound:
    """A sentence of the demo, of a whole number of pictures."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=AUDIO_RATE)
    with av.open(str(ASSETS / f"{name}.opus")) as container:
        frames = [*container.decode(audio=0), None]
        sound = np.concatenate([out.to_ndarray()[0] for frame in frames for out in resampler.resample(frame)])
    return sound[: len(sound) // 640 * 640].astype(np.float32)
