"""Alarms come as often as asked, in small and large channels; bursts that rise slowly are dated and not waited for."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.chat_alarms import Alarms, alarms_of, asking, messages_of, pooled, vods
from detectors import Profile
from detectors.chat.options import BurstOptions, ChatOptions
from detectors.chat.watch import Threshold
from tests.media import media
from tests.soaking import more
from tests.synthetic_streams import feature_level as fl
from tests.unit.detectors.chats import onset_errors

SIZES = {10.0: 6, 60.0: 4, 200.0: 3}  # lines a minute: hours


def generated(per_min: float, asked: float) -> list[Alarms]:
    """Chats in which nothing happens: negative binomial counts with a log-rate that wanders."""
    seconds, profile = 3600.0 * SIZES[per_min], asking(Profile(), asked)
    return [alarms_of(fl.chat(np.random.default_rng([seed, 3]), seconds, per_min), seconds, profile) for seed in (1, 3)]


@pytest.mark.parametrize("asked", [4.0, *more(12.0)])
@pytest.mark.parametrize("per_min", SIZES)
def test_alarms_come_at_the_asked_rate(per_min: float, asked: float) -> None:
    """Whatever the size of the channel."""
    assert 0.7 <= pooled(generated(per_min, asked)) / asked <= 1.3


def test_alarms_come_at_the_asked_rate_in_a_real_channel() -> None:
    """Thirty hours of real counts; the benchmark has all 208."""
    media("fx-chat-counts")
    long = [vod for vod in vods()[::2] if len(vod["counts"]) > 1800][:6]
    streams = [alarms_of(messages_of(vod), 10.0 * len(vod["counts"]), asking(Profile(), 6.0)) for vod in long]
    assert 0.8 <= pooled(streams) / 6.0 <= 1.3
    claims = [claim for stream in streams for claim in stream.claims]
    for most in (1.5, 2.5, 4.0):  # "about once an hour", "about twice", "about 3 times"
        came = sum(claim <= most for claim in claims) / sum(stream.hours for stream in streams)
        assert 0.5 <= came / most <= 1.3


def test_the_threshold_follows_the_alarms_within_bounds() -> None:
    """Each alarm raises it by its gain, an hour takes back what was asked for."""
    options = BurstOptions(
        start=1.0, lowest=0.5, highest=1.6, alarms_per_h=2, gain=0.25, none=0, full=1, fresh=0.5, tail_scale=0.2,
        worth=1,
    )  # fmt: skip
    threshold = Threshold(options)
    threshold.fired()
    assert threshold.value == 1.25
    threshold.pass_time(1800)
    assert threshold.value == pytest.approx(1.0)
    for _ in range(5):
        threshold.fired()
    assert threshold.value == 1.6
    threshold.pass_time(36_000)
    assert threshold.value == 0.5


def test_a_profile_with_impossible_bounds_is_refused() -> None:
    """A threshold starts within its bounds, and full evidence lies above none."""
    rate = ChatOptions().rate.model_dump()
    with pytest.raises(ValueError, match="not within"):
        BurstOptions.model_validate({**rate, "start": 0.1})
    with pytest.raises(ValueError, match="not below"):
        BurstOptions.model_validate({**rate, "none": 9.0})


@pytest.mark.parametrize(
    ("per_min", "kind", "rise_s", "median_s", "most_s"),
    [
        (30.0, "chat_rate", (3.0, 3.1), 4.0, 15.0),
        (30.0, "chat_rate", (21.0, 81.0), 16.0, 40.0),
        (150.0, "chat_rate", (21.0, 81.0), 16.0, 35.0),
        (150.0, "chat_reaction", (3.0, 3.1), 3.0, 6.0),
        (150.0, "chat_reaction", (21.0, 81.0), 12.0, 25.0),
    ],
)
def test_slow_bursts_are_dated_by_their_rise(
    per_min: float, kind: str, rise_s: tuple[float, float], median_s: float, most_s: float
) -> None:
    """Median and nine in ten errors; a rise of a minute out of a wandering rate has no sharper start."""
    errors = [abs(error) for seed in (1, 3) for error in onset_errors(seed, per_min, kind, rise_s)[0]]
    assert len(errors) >= 10
    assert np.median(errors) < median_s
    assert np.percentile(errors, 90) < most_s


def test_decisions_do_not_wait_for_the_crest() -> None:
    """A burst that takes a minute to rise is found before its crest in most cases."""
    waits = [wait for seed in (1, 3) for wait in onset_errors(seed, 150.0, "chat_reaction", (40.0, 81.0))[1]]
    assert np.median(waits) < -5.0
