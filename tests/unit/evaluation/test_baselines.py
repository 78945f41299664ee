"""Baselines: what a capable person would try first, causal, on streams whose answer is plain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from core.media import ChatMessage
from core.signals import SignalChunk
from core.times import Ns, ns, to_s
from core.words import Word
from daemon.evaluation.baselines import (
    BASELINES,
    Inputs,
    Points,
    at_random,
    baseline_runs,
    chat_only,
    energy_only,
    energy_z,
    inputs,
    seed_v0,
    too_easy,
)
from daemon.evaluation.seed_formula import Window, plain_feeling, seed_score
from detectors import Profile
from tests.unit.evaluation.made import moment, run, truth

LENGTH_S = 1800
PROFILE = Profile()


def stream(**changed: object) -> Inputs:
    """Half an hour of talk at -30 dB give or take 2, a chat of one line in three seconds, nothing said, no cuts."""
    rng = np.random.default_rng(4)
    plain = Inputs(
        stream="a",
        end_ns=ns(LENGTH_S),
        level_db=rng.normal(-30.0, 2.0, LENGTH_S),
        messages=(np.arange(LENGTH_S) % 3 == 0).astype(np.float64),
        words=(),
        cuts_s=np.zeros(0),
    )
    return replace(plain, **changed)  # type: ignore[arg-type]


def best(points: Points) -> float:
    """Seconds of the strongest."""
    return to_s(max(points, key=lambda point: point[1])[0])


def test_energy_finds_the_onset_of_a_roar() -> None:
    """At the second it begins, as the strongest of all."""
    data = stream()
    data.level_db[1200:1208] = -12.0
    assert best(energy_only(data, PROFILE)) == 1200


def test_energy_is_blind_to_gain() -> None:
    """The same stream 12 dB louder says the same."""
    data = stream()
    louder = replace(data, level_db=data.level_db + 12.0)
    np.testing.assert_allclose(energy_z(louder.level_db), energy_z(data.level_db), atol=1e-9)


def test_a_stream_without_sound_has_no_energy() -> None:
    """Rather than an error or a score for silence."""
    assert energy_only(stream(level_db=np.full(LENGTH_S, np.nan)), PROFILE) == []


def test_chat_is_moved_back_by_its_usual_delay() -> None:
    """A burst that begins at 1000 s means something at 975 s."""
    data = stream()
    data.messages[1000:1015] += 3
    assert best(chat_only(data, PROFILE)) == pytest.approx(976, abs=2)
    assert chat_only(stream(), PROFILE) == []


def test_random_is_as_many_as_the_budget_and_the_same_every_time() -> None:
    """Six an hour on average; seeded by the stream's name."""
    day = [at_random(stream(stream=str(n), end_ns=ns(3600)), PROFILE) for n in range(200)]
    assert sum(map(len, day)) / 200 == pytest.approx(6.0, abs=0.6)
    assert at_random(stream(), PROFILE) == at_random(stream(), PROFILE)


def test_the_seed_sum_is_the_sum() -> None:
    """0.30 energy + 0.25 keyword + 0.15 scene density + 0.15 sentiment + 0.15 game, each 0..1."""

    def of(text: str = "", *, energy_z: float = 0, cuts: int = 0, game: float = 0, age_s: float = 0) -> float:
        window = Window(energy_z=energy_z, text=text, cuts=cuts, game=game, age_s=age_s)
        return seed_score(window, lambda said: 1.0 if said else 0.0)

    assert of() == 0.0
    assert of(energy_z=4.0) == of(energy_z=40.0) == pytest.approx(0.30)
    assert of("oh my god no way") == pytest.approx(0.25 + 0.15)
    assert of("hello") == pytest.approx(0.15)
    assert of(cuts=5) == of(game=1.0) == pytest.approx(0.15)
    assert of("oh my god no way", energy_z=4, cuts=5, game=1) == pytest.approx(1.0)
    assert of(energy_z=4.0, age_s=3600) == pytest.approx(0.15)


def test_keywords_are_whole_words() -> None:
    """A goalkeeper is no goal."""
    assert seed_score(Window(energy_z=0, text="the goalkeeper", cuts=0), lambda _: 0.0) == 0.0
    assert seed_score(Window(energy_z=0, text="GOAL!", cuts=0), lambda _: 0.0) == pytest.approx(0.125)


def test_feeling_is_signed_and_bounded() -> None:
    """Any text, -1..1."""
    assert plain_feeling("what an amazing, beautiful win") > 0.5
    assert plain_feeling("terrible, just awful") < -0.4
    assert plain_feeling("the map") == plain_feeling("") == 0.0


def test_the_seed_sum_hears_what_was_said_in_its_window() -> None:
    """Ten seconds each, anchored in the middle; sentiment may be anybody's."""
    words = [Word(text=text, start_ns=ns(903), end_ns=ns(904), prob=1, vad=1, epoch=0) for text in ("No", "way!")]
    quiet = stream(words=words, level_db=np.full(LENGTH_S, -30.0))
    [(at_ns, score)] = seed_v0(quiet, PROFILE, lambda text: -1.0 if text else 0.0)
    assert (at_ns, round(score, 6)) == (ns(905), 0.275)


@pytest.mark.parametrize("baseline", [energy_only, chat_only, seed_v0])
def test_baselines_know_nothing_of_the_future(baseline: Callable[[Inputs, Profile], Points]) -> None:
    """What is said about the first 20 min is the same when the rest never comes."""
    data = stream()
    data.level_db[700:706] += 15.0
    data.level_db[1500:1520] += 20.0
    data.messages[800:815] += 4
    data.messages[1600:1615] += 9
    cut = replace(data, end_ns=ns(1200), level_db=data.level_db[:1200], messages=data.messages[:1200])
    early = [point for point in baseline(data, PROFILE) if point[0] < ns(1100)]
    assert early
    assert [point for point in baseline(cut, PROFILE) if point[0] < ns(1100)] == early


def test_inputs_come_from_a_sessions_log() -> None:
    """Power is averaged over each second; raids are no messages; holes stay holes."""
    rows = np.array([[-20.0]] * 10 + [[-40.0]] * 10, dtype=np.float32)
    sound = SignalChunk(kind="audio", start_ns=ns(1), step_ns=ns(0.1), values=rows, columns=("level",))
    scene = SignalChunk(
        kind="scene",
        start_ns=ns(2),
        step_ns=0,
        values=np.array([[0.1], [0.9]], dtype=np.float32),
        columns=("change",),
        times_ns=np.array([ns(2), ns(3.5)]),
    )
    chat = [ChatMessage(t_ns=ns(2.5), user="u", text="hi"), ChatMessage(t_ns=ns(2.6), user="u", text="", kind="raid")]
    data = inputs("a", ns(4), [sound, scene], chat, ())
    np.testing.assert_allclose(data.level_db, [np.nan, -20.0, -40.0, np.nan], atol=1e-4)
    assert data.messages.tolist() == [0, 0, 1, 0]
    assert data.cuts_s.tolist() == [3.5]


def test_every_baseline_runs_beside_a_system_on_the_same_truth() -> None:
    """Candidates of the same type, none of them shown; their clips have the profile's lengths."""
    beside = run(truth(moment(600, 610)), hours=0.5)
    found = baseline_runs(stream(), beside, PROFILE)
    assert found.keys() == BASELINES.keys()
    for one in found.values():
        assert (one.stream, one.truth, one.shows) == (beside.stream, beside.truth, False)
        assert all(c.end_ns - c.start_ns == ns(18) and not c.shown for c in one.candidates)


def test_a_set_is_too_easy_when_a_simple_baseline_masters_it() -> None:
    """Recall of 0.6 at half a false clip an hour; chance is not asked."""
    assert too_easy({"random": 0.9, "energy only": 0.59, "chat only": None, "seed-v0": 0.1}) == {}
    assert too_easy({"energy only": 0.6, "chat only": 0.2, "seed-v0": 0.7}) == {"energy only": 0.6, "seed-v0": 0.7}


def test_an_empty_stream_is_no_error() -> None:
    """A session that ended at once."""
    data = inputs("a", Ns(1), [], [], ())
    assert [energy_only(data, PROFILE), chat_only(data, PROFILE), seed_v0(data, PROFILE)] == [[], [], []]
