"""The parts of fusion: score and words, bar and budget, lag, boundaries."""

from __future__ import annotations

import math

import pytest

from core.media import Epoch
from core.moments import Family
from core.times import Ns, ns, to_s
from detectors.audio.detector import Silence
from detectors.fusion.bar import Bar
from detectors.fusion.boundaries import Snapper, fit, overlap
from detectors.fusion.calibration import Calibration
from detectors.fusion.lag import LagModel
from detectors.fusion.scoring import explain, logit, score
from detectors.options import BarOptions, ClipLengths, FusionOptions, LagOptions, Weights
from tests.unit.detectors.runs import event

WEIGHTS, FUSION = Weights(), FusionOptions()


def test_members_of_a_family_count_once_and_a_bit() -> None:
    """The strongest in full, the others at 0.3; of one kind only the best."""
    crowd, loud = event("crowd", Family.AUDIO, 2.0), event("loud", Family.AUDIO, 1.0)
    result = score([crowd, loud, event("crowd", Family.AUDIO, 1.0, start_s=14.0)], WEIGHTS, FUSION)
    assert result.parts == {"prior": -2.0, "audio": pytest.approx(1.5 * 2.0 + 0.3 * 1.5)}
    assert result.logit == pytest.approx(sum(result.parts.values()))


def test_two_families_that_agree_are_worth_more_than_their_sum() -> None:
    """The agreement is a part of its own; a trace of evidence does not agree."""
    crowd, chat = event("crowd", Family.AUDIO, 2.0), event("chat_reaction", Family.CHAT, 2.0)
    assert score([crowd, chat], WEIGHTS, FUSION).parts["agree"] == FUSION.agree
    weak = event("chat_reaction", Family.CHAT, 0.1)
    assert "agree" not in score([crowd, weak], WEIGHTS, FUSION).parts


def test_evidence_is_capped_and_scaled_by_quality() -> None:
    """No event claims more than the cap; a cold start halves what it says."""
    huge = score([event("crowd", Family.AUDIO, 9.0)], WEIGHTS, FUSION)
    assert huge.parts["audio"] == WEIGHTS.audio_class * FUSION.cap
    cold = score([event("crowd", Family.AUDIO, 9.0, quality=0.5)], WEIGHTS, FUSION)
    assert cold.parts["audio"] == pytest.approx(huge.parts["audio"] / 2)


def test_a_penalty_speaks_about_its_own_sound() -> None:
    """Music that is the moment's strongest sound counts against it, music beside a roar does not."""
    music = event("music", Family.AUDIO, -2.0)
    assert score([event("loud", Family.AUDIO, 1.0), music], WEIGHTS, FUSION).parts["music"] == -2.0
    roar = event("crowd", Family.AUDIO, 2.5, start_s=20.0)
    assert "music" not in score([event("loud", Family.AUDIO, 1.0), music, roar], WEIGHTS, FUSION).parts


def test_every_family_has_a_weight() -> None:
    """A detector of a later family needs no change in fusion."""
    for family in Family:
        assert score([event("any", family, 1.0)], WEIGHTS, FUSION).parts[family.value] > 0


def test_reasons_are_phrases_strongest_first_and_chat_says_when() -> None:
    """As in: Crowd roar 3.2 s ...; chat 4.6 times its median ... 8 s later."""
    events = [
        event("chat_rate", Family.CHAT, 0.5, why="chat 4.6 times its median", onset_s=18.0),
        event("crowd", Family.AUDIO, 2.5, why="Crowd roar 3.2 s, 9.4 dB over the loudest tenth of 15 min"),
        event("loud", Family.AUDIO, 2.0, why="Loud for 3.2 s"),
        event("music", Family.AUDIO, -0.4, why="held notes"),
    ]
    assert explain(events, ns(10), WEIGHTS, FUSION.cap) == (
        "Crowd roar 3.2 s, 9.4 dB over the loudest tenth of 15 min",
        "chat 4.6 times its median 8 s later",
        "held notes (-0.4)",
    )


def test_the_bar_rises_after_a_clip_and_decays() -> None:
    """By one logit at the anchor, by 1/e of it a minute away, in both directions of time."""
    bar = Bar(BarOptions(), 6)
    bar.spend(ns(100))
    assert bar.bump(ns(100)) == pytest.approx(1.0)
    assert bar.bump(ns(160)) == pytest.approx(1 / math.e)
    assert bar.bump(ns(40)) == pytest.approx(1 / math.e)


def test_the_budget_starts_with_three_clips_and_refills_with_the_hour() -> None:
    """Three at once at the ordinary bar, then only the strongest, then nothing; ten minutes give one back at 6/h."""
    options = BarOptions()
    bar = Bar(options, 6)
    bases = []
    for place in range(7):
        bases.append(bar.base())
        bar.spend(ns(1000 * place))
    assert [base is not None and base < logit(options.p_max) for base in bases] == [True] * 3 + [False] * 4
    assert bases[3:6] == [logit(options.p_max)] * 3
    assert bases[6] is None
    bar.pass_time(ns(3 * 600))
    assert bar.base() == logit(options.p_max)
    bar.pass_time(ns(6 * 600))
    ordinary = bar.base()
    assert ordinary is not None
    assert ordinary < logit(options.p_max)


def test_the_bar_never_falls_below_its_floor() -> None:
    """Ten quiet hours leave it at p_min."""
    bar = Bar(BarOptions(), 6)
    bar.spend(ns(10))
    bar.pass_time(ns(36_000))
    assert bar.base() == logit(BarOptions().p_min)


def test_the_lag_moves_from_its_prior_to_what_was_observed() -> None:
    """25 s +/- 12 before; close to 8 s after a few, and much surer."""
    lag = LagModel(LagOptions())
    assert lag.estimate() == (ns(25), ns(12))
    assert lag.learn(ns(8.0))
    assert 8.0 < to_s(lag.estimate().mean_ns) < 12.0
    for delay in (7.5, 8.0, 8.5, 40.0):
        lag.learn(ns(delay))
    assert to_s(lag.estimate().mean_ns) == pytest.approx(8.5, abs=0.6)
    assert to_s(lag.estimate().sd_ns) < 7.0


@pytest.mark.parametrize("delay_s", [-4.0, 0.0, 2.9, 60.1])
def test_delays_out_of_bounds_teach_nothing(delay_s: float) -> None:
    """Chat cannot be that fast, and nobody reacts a minute later."""
    lag = LagModel(LagOptions())
    assert not lag.learn(ns(delay_s))
    assert lag.count == 0


def test_a_start_moves_to_a_pause_rather_earlier_than_later() -> None:
    """Within 3 s; just before the sound after the pause; a scene cut where there is no pause; else as wanted."""
    snapper = Snapper(3.0)
    pauses = [Silence(ns(17.5), ns(18.0)), Silence(ns(21.0), ns(21.5)), Silence(ns(30.0), ns(30.5))]
    assert snapper.start(ns(20), ns(40), pauses) == ns(17.9)
    assert snapper.start(ns(20), ns(40), pauses[1:]) == ns(21.4)
    assert snapper.start(ns(20), ns(21), pauses[1:]) == ns(20)
    snapper.cut(ns(19.2))
    assert snapper.start(ns(20), ns(40), []) == ns(19.2)
    assert snapper.start(ns(1), ns(40), []) == ns(1)


def test_an_end_moves_only_where_the_footage_is_known() -> None:
    """To the next pause; never for an end that lies ahead, nor inside a pause."""
    snapper = Snapper(3.0)
    pauses = [Silence(ns(21.0), ns(21.5))]
    assert snapper.end(ns(20), ns(30), pauses) == ns(21)
    assert snapper.end(ns(20), ns(21), pauses) == ns(20)
    assert snapper.end(ns(21.2), ns(30), pauses) == ns(21.2)


def test_lengths_fit_the_profile() -> None:
    """Too long loses run-up first and then its end; too short starts earlier, or ends later at the stream's start."""
    clip = ClipLengths(pre_s=12, post_s=6, min_s=12, max_s=60)
    assert fit(ns(0), ns(70), ns(40), clip) == (ns(10), ns(70))
    assert fit(ns(0), ns(100), ns(12), clip) == (ns(0), ns(60))
    assert fit(ns(50), ns(55), ns(52), clip) == (ns(43), ns(55))
    assert fit(ns(0), ns(5), ns(1), clip) == (ns(0), ns(12))


def test_overlap_is_shared_over_joined() -> None:
    """Half over half gives a third."""
    assert overlap((ns(0), ns(10)), (ns(5), ns(15))) == pytest.approx(1 / 3)
    assert overlap((ns(0), ns(10)), (ns(20), ns(30))) == 0.0


def test_an_epoch_has_its_bounds() -> None:
    """From its own start to the next one's."""
    snapper = Snapper(3.0)
    for number, start in enumerate((0, 100, 200)):
        snapper.epoch(Epoch(number=number, start_ns=ns(start), reason="start", by="start"))
    assert snapper.epoch_bounds(ns(150)) == (ns(100), ns(200))
    assert snapper.epoch_bounds(ns(250)) == (ns(200), None)
    assert Snapper(3.0).epoch_bounds(ns(5)) == (Ns(0), None)


def test_probability_and_logit_are_inverse() -> None:
    """Both ways."""
    assert Calibration().apply(logit(0.7)) == pytest.approx(0.7)
