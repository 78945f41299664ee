"""The engine: causal, the same whatever the batching, bounded, open to new families."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest

from core.media import ChatMessage, Epoch, Gap
from core.moments import Event, Family, Moment, MomentState
from core.signals import SignalChunk
from core.times import NS_PER_S, Ns, ns, to_s
from detectors import Engine, Profile
from detectors.features import AUDIO_COLUMNS, AUDIO_KIND, SCENE_COLUMNS, SCENE_KIND, STEP_NS
from tests.media import media
from tests.synthetic_streams import feature_level as fl
from tests.unit.detectors.runs import SESSION, Sound, chunks_of, decide, event, shown

LENGTH_S = 150.0


@pytest.fixture(scope="module")
def stream() -> tuple[Sound, list[ChatMessage]]:
    """Talk with a roar at 45 s, its chat 8 s later, a music drop at 80 s and screams at 115 s."""
    rng = np.random.default_rng(31)
    sound = fl.talk(rng, LENGTH_S)
    fl.add(sound, fl.roar(rng, 4.0), 45.0, 9.0)
    fl.add(sound, fl.music(rng, 8.0), 80.0, 8.0)
    fl.add(sound, fl.screams(rng, 3.5), 115.0, 9.0)
    return sound, fl.chat(rng, LENGTH_S, 30.0, ((53.0, 5.0),))


def test_planted_moments_become_clips_and_the_music_does_not(stream: tuple[Sound, list[ChatMessage]]) -> None:
    """From the first minute of a stream on, seconds after each moment's end, in time for its post-roll."""
    moments = decide(*stream, end_s=LENGTH_S).moments
    roar, screams = shown(moments)
    for moment, start_s, end_s in ((roar, 45.0, 49.0), (screams, 115.0, 118.5)):
        assert to_s(moment.anchor_ns) == pytest.approx(start_s, abs=1.0)
        assert moment.start_ns <= ns(start_s)
        assert moment.end_ns >= ns(end_s + Profile().clip.post_s)
        assert to_s(moment.decided_ns) <= end_s + 3.0
    assert {m.state for m in moments if m.id == roar.id} >= {MomentState.CONFIRMED, MomentState.FINAL}
    assert "chat" in [m for m in moments if m.id == roar.id][-1].parts


@pytest.mark.parametrize("step_s", [0.5, 3.5, 150.0])
def test_batching_decides_nothing(stream: tuple[Sound, list[ChatMessage]], step_s: float) -> None:
    """Half a second at a time, in lumps, or all at once: the same events and moments."""
    whole = decide(*stream, end_s=LENGTH_S)
    lumps = decide(*stream, end_s=LENGTH_S, step_s=step_s)
    assert lumps.events == whole.events
    assert lumps.moments == whole.moments


@pytest.mark.parametrize("cut_s", [44.0, 47.5, 56.0, 119.0])
def test_truncating_the_input_changes_nothing_before(stream: tuple[Sound, list[ChatMessage]], cut_s: float) -> None:
    """Causality: decisions up to t need nothing after t."""
    sound, chat = stream
    known = [line for line in chat if line.t_ns <= ns(cut_s)]
    short = decide(sound[: round(cut_s * fl.RATE)], known, end_s=cut_s, finish=False)
    whole = decide(sound, chat, end_s=LENGTH_S, finish=False)
    assert short.moments == [m for m in whole.moments if m.decided_ns <= ns(cut_s)]
    assert short.events == [e for e in whole.events if e.found_ns <= ns(cut_s)]


def test_the_same_moment_has_the_same_id_in_a_second_run(stream: tuple[Sound, list[ChatMessage]]) -> None:
    """A replay names its moments as the first run did."""
    ids = [[m.id for m in shown(decide(*stream, end_s=LENGTH_S).moments)] for _ in range(2)]
    assert ids[0] == ids[1]


def test_finish_gives_every_moment_its_last_state(stream: tuple[Sound, list[ChatMessage]]) -> None:
    """Also in the middle of a roar."""
    sound, chat = stream
    moments = decide(sound[: round(48.0 * fl.RATE)], chat, end_s=48.0).moments
    last = {m.id: m.state for m in moments}
    assert set(last.values()) <= {MomentState.FINAL, MomentState.REJECTED}
    assert MomentState.FINAL in last.values()


def test_a_gap_over_a_moment_leaves_no_moment(stream: tuple[Sound, list[ChatMessage]]) -> None:
    """What was not recorded cannot be cut; the rest of the stream goes on."""
    sound, _ = stream
    engine = Engine(Profile(), SESSION)
    engine.epoch(Epoch(number=0, start_ns=Ns(0), reason="start", by="start"))
    engine.gap(Gap(start_ns=ns(44), end_ns=ns(50), reason="lost"))
    for chunk in chunks_of(sound):
        engine.feed(chunk)
    moments = engine.advance(ns(LENGTH_S)).moments
    assert [round(to_s(m.anchor_ns)) for m in shown(moments)] == [115]


def test_unknown_signals_are_left_alone() -> None:
    """A later family's chunks reach detectors that do not know them."""
    engine = Engine(Profile(), SESSION)
    values = np.zeros((3, 1), dtype=np.float32)
    engine.feed(SignalChunk(kind="hud", start_ns=Ns(0), step_ns=NS_PER_S, values=values, columns=("kills",)))
    assert engine.advance(ns(5)) == ([], [])


class Kills:
    """Another detector: one ace at 60 s."""

    def __init__(self, family: Family = Family.GAME) -> None:
        self.family = family
        self._now = Ns(0)
        self.fed: list[str] = []

    def feed(self, chunk: SignalChunk) -> None:
        self.fed.append(chunk.kind)

    def gap(self, gap: Gap) -> None:
        """Nothing to forget."""

    def advance(self, t_ns: Ns) -> Sequence[Event]:
        self._now = t_ns
        return [event("ace", self.family, 2.5, start_s=60.0)] if t_ns == ns(63) else []

    def finish(self, t_ns: Ns) -> Sequence[Event]:
        return self.advance(t_ns)

    def watermark(self) -> Ns:
        return self._now

    def available(self) -> bool:
        return True


def test_a_new_family_is_a_new_detector_and_no_change_in_fusion() -> None:
    """Its event is weighed, explained and confirmed like the others."""
    kills = Kills()
    engine = Engine(Profile(), SESSION, detectors=[kills])
    engine.feed(chunks_of(np.zeros(16_000))[0])
    moments = engine.advance(ns(200)).moments
    assert [m.state.value for m in moments] == ["provisional", "confirmed", "final"]
    assert moments[0].parts["game"] > 0
    assert moments[0].reasons == ("ace",)
    assert kills.fed == ["audio"]


def test_a_clip_starts_at_a_scene_cut_where_there_is_no_pause() -> None:
    """The ace at 60 s wants to start at 48 s; the picture changed at 46.5 s, and a little at 47.5 s."""
    engine = Engine(Profile(), SESSION, detectors=[Kills()])
    times = np.array([ns(46.5), ns(47.5)], dtype=np.int64)
    values = np.array([[0.8, 1, 2, 3, 4], [0.1, 1, 2, 3, 4]], dtype=np.float32)
    engine.feed(
        SignalChunk(kind=SCENE_KIND, start_ns=ns(46.5), step_ns=0, values=values, columns=SCENE_COLUMNS, times_ns=times)
    )
    [moment, *_] = shown(engine.advance(ns(80)).moments)
    assert moment.start_ns == ns(46.5)


def test_a_family_declared_missing_is_not_waited_for() -> None:
    """Confirmed sooner than with a chat that stays silent."""

    def confirmed_at(chat: bool) -> float:
        engine = Engine(Profile(), SESSION, detectors=[Kills(Family.SPEECH)])
        engine.available(Family.CHAT, chat)
        moments = engine.advance(ns(200)).moments
        return next(to_s(m.decided_ns) for m in moments if m.state is MomentState.CONFIRMED)

    assert confirmed_at(False) < confirmed_at(True) <= 60.0 + Profile().detect.fusion.deadline_s


def quiet_rows(seconds: float, seed: int) -> SignalChunk:
    """Signals of a quiet stream without making its sound."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 2, (round(seconds * 10), len(AUDIO_COLUMNS))).astype(np.float32) - 40
    return SignalChunk(kind=AUDIO_KIND, start_ns=Ns(0), step_ns=STEP_NS, values=values, columns=AUDIO_COLUMNS)


def test_memory_stays_bounded_in_a_long_stream() -> None:
    """Forty minutes and an hour and twenty leave the same number of things behind, give or take the two-hour tails."""
    sizes = []
    for minutes in (40, 80):
        engine = Engine(Profile(), SESSION)
        engine.feed(quiet_rows(60.0 * minutes, 5))
        engine.chat(fl.chat(np.random.default_rng(6), 60.0 * minutes, 60.0))
        engine.advance(ns(60.0 * minutes))
        sizes.append(held(engine))
    assert sizes[1] <= 1.1 * sizes[0] + 100


def held(thing: object, seen: set[int] | None = None) -> int:
    """How many items the containers of an object hold, all the way down; arrays count once."""
    seen = set() if seen is None else seen
    if id(thing) in seen or isinstance(thing, str | bytes | int | float | type | None):
        return 0
    seen.add(id(thing))
    if isinstance(thing, dict):
        return len(thing) + sum(held(value, seen) for value in thing.values())
    if hasattr(thing, "__iter__") and hasattr(thing, "__len__") and not isinstance(thing, np.ndarray):
        return len(thing) + sum(held(item, seen) for item in thing)
    slots = [name for cls in type(thing).__mro__ for name in getattr(cls, "__slots__", ())]
    members = [*vars(thing).values()] if hasattr(thing, "__dict__") else [getattr(thing, n) for n in slots]
    return sum(held(member, seen) for member in members)


def test_the_ministream_gives_its_one_moment() -> None:
    """Ninety seconds of a real game with commentary, a cheer, a laugh and a chat burst: one clip, around 59-82 s."""
    av = pytest.importorskip("av")
    folder = media("fx-game")
    resampler = av.AudioResampler(format="flt", layout="mono", rate=16_000)
    with av.open(str(folder / "fx_ministream.mp4")) as container:
        parts = [p.to_ndarray()[0] for frame in container.decode(audio=0) for p in resampler.resample(frame)]
    lines = [json.loads(line) for line in (folder / "fx_ministream.mp4.chat.jsonl").read_text().splitlines()]
    chat = [ChatMessage(t_ns=ns(x["t"]), user=x["user"], text=x["text"]) for x in lines]
    moments = decide(np.concatenate(parts), chat, end_s=90.0).moments
    [moment] = shown(moments)
    last: Moment = [m for m in moments if m.id == moment.id][-1]
    assert moment.start_ns <= ns(59.5)
    assert last.end_ns >= ns(81.4)
    assert {"audio", "chat", "agree"} <= set(last.parts)
