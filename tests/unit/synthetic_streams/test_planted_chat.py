"""The made chats have the statistics that were measured on real ones (detection.md section 5)."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from core.times import ns, to_s
from tests.synthetic_streams.planted.chat import BIN_S, Burst, Channel, Room, burst_of, calm_times_s, channel, factor
from tests.synthetic_streams.planted.schedule import CHAT_NEGATIVES, Plan
from tests.synthetic_streams.planted.stream import FAMILIES, Family
from tests.synthetic_streams.planted.traits import TRAITS

HOURS = 30


def counts(kind: Channel, seed: int, hours: int = HOURS) -> np.ndarray:
    """Messages per 10 s of a calm channel."""
    times = calm_times_s(np.random.default_rng(seed), kind, hours * 3600.0)
    return np.histogram(times, np.arange(0, hours * 3600.0 + 1, BIN_S))[0]


@pytest.mark.parametrize("per_min", [6.0, 10.0, 25.0, 100.0, 230.0])
@pytest.mark.parametrize("family", FAMILIES)
def test_calm_counts_are_overdispersed_and_hang_together(family: Family, per_min: float) -> None:
    """Mean, variance/mean and lag-1 of the counts per 10 s as drawn for the channel, over 30 h."""
    kind = channel(np.random.default_rng(7), TRAITS[family], per_min)
    found = counts(kind, 8)
    assert found.mean() == pytest.approx(per_min / 6, rel=0.08)
    assert found.var() / found.mean() == pytest.approx(kind.ratio, rel=0.2)
    assert np.corrcoef(found[:-1], found[1:])[0, 1] == pytest.approx(kind.lag1, abs=0.08)


@pytest.mark.parametrize("family", FAMILIES)
def test_channels_are_small_or_large(family: Family) -> None:
    """6-25 and 100-230 messages a minute, with their measured statistics."""
    rng = np.random.default_rng(9)
    drawn = [channel(rng, TRAITS[family], None) for _ in range(300)]
    assert 0.2 <= np.mean([kind.name == "large" for kind in drawn]) <= 0.45
    for kind in drawn:
        low, high, ratio, lag1 = (
            (100, 230, (8, 14), (0.55, 0.6)) if kind.name == "large" else (6, 25, (2, 2), (0.35, 0.35))
        )
        assert low <= kind.per_min <= high
        assert ratio[0] <= kind.ratio <= ratio[1]
        assert lag1[0] <= kind.lag1 <= lag1[1]
    assert channel(rng, TRAITS[family], 150.0).name == "large"


def test_peak_factors_have_the_measured_quartiles() -> None:
    """x3.6-5.4 for ordinary bursts, x4 for a single one, x2.5-3 for weak ones."""
    rng = np.random.default_rng(10)
    plain = [factor(rng, level, single=False) for level in ("middle", "strong") for _ in range(2000)]
    assert np.quantile(plain, [0.25, 0.5, 0.75]) == pytest.approx([3.6, 4.4, 5.4], rel=0.05)
    weak = [factor(rng, "weak", single=single) for single in (False, True) for _ in range(200)]
    assert 2.5 <= min(weak) <= max(weak) <= 3.0
    assert factor(rng, "middle", single=True) == 4.0


@pytest.mark.parametrize("family", FAMILIES)
def test_bursts_crest_when_real_ones_do(family: Family) -> None:
    """21-81 s after the moment's start (10-90 %), median 48 s; onsets after 20-30 s on average, 3-5 s about the lag."""
    rng = np.random.default_rng(11)
    plan = Plan(kind="audio+chat", at_s=100.0, length_s=4.0, families=("audio", "chat"), level="middle")
    crests, onsets, within = [], [], []
    for _ in range(300):
        kind = channel(rng, TRAITS[family], None)
        bursts = [burst_of(rng, kind, plan) for _ in range(12)]
        crests += [burst.crest_s - 100 for burst in bursts]
        onsets += [burst.onset_s - 100 for burst in bursts]
        within.append(np.std([burst.onset_s for burst in bursts], ddof=1))
    assert np.quantile(crests, [0.1, 0.5, 0.9]) == pytest.approx([21, 48, 81], rel=0.2)
    assert 20 <= np.mean(onsets) <= 30
    assert 3.0 <= np.mean(within) <= 5.0


@pytest.mark.parametrize("rise_s", [5.0, 30.0])
def test_a_burst_reaches_its_factor_and_decays_over_forty_seconds(rise_s: float) -> None:
    """Mean of many: the best 15 s hold factor times the calm, the calm included."""
    rng = np.random.default_rng(12)
    burst, calm = Burst(onset_s=10.0, crest_s=10.0 + rise_s, factor=4.0), 1.5
    times = np.concatenate([burst.times_s(rng, calm) for _ in range(200)])
    rate = np.histogram(times, np.arange(0, 200, 1.0))[0] / 200
    best = np.convolve(rate, np.ones(15), "valid").max() / 15
    assert (best + calm) / calm == pytest.approx(4.0, rel=0.05)
    after = round(burst.crest_s)
    fallen = rate[after + 40 : after + 45].sum() / rate[after : after + 5].sum()
    assert fallen == pytest.approx(np.exp(-1), rel=0.1)
    assert times.min() >= 10.0


@pytest.mark.parametrize("family", FAMILIES)
def test_a_burst_is_mostly_reactions_of_many_people(family: Family) -> None:
    """Calm chat has regulars with a falling law; a burst brings lurkers out and other texts."""
    traits, rng = TRAITS[family], np.random.default_rng(13)
    plan = Plan(kind="chat", at_s=1800.0, length_s=4.0, families=("chat",), level="strong")
    kind = channel(rng, traits, 150.0)
    room = Room(rng, traits, kind)
    lines = room.messages(3600.0, [plan], [])
    calm = {text for pool in traits.texts.calm.values() for text in pool if "{" not in text}
    before = [m for m in lines if m.t_ns < ns(1800) and m.kind == "msg"]
    burst = [m for m in lines if ns(1850) <= m.t_ns < ns(1880) and m.kind == "msg"]
    share = [np.mean([m.text in calm for m in part]) for part in (before, burst)]
    assert share[1] < 0.7 * share[0]
    users = Counter(m.user for m in before)
    most = [n for _, n in users.most_common()]
    assert most[0] > 4 * most[len(most) // 2]
    assert len({m.user for m in burst} - set(users)) > 0.15 * len({m.user for m in burst})


@pytest.mark.parametrize("kind", CHAT_NEGATIVES)
def test_floods_are_what_they_are_called(kind: str) -> None:
    """Their messages lie in their span and raise the rate of a small channel."""
    traits, rng = TRAITS["tune"], np.random.default_rng(14)
    plan = Plan(kind=kind, at_s=600.0, length_s=30.0)
    room = Room(rng, traits, channel(rng, traits, 12.0))
    inside = [m for m in room.messages(1200.0, [], [plan]) if ns(600) <= m.t_ns < ns(630)]
    assert len(inside) >= 9
    kinds, texts = Counter(m.kind for m in inside), Counter(m.text for m in inside)
    assert (kinds["raid"] == 1) == (kind == "raid")
    if kind == "gift_flood":
        assert any(m.kind == "sub" and m.n >= 5 for m in inside)
    if kind == "copypasta":
        assert texts.most_common(1)[0][1] >= 5
    if kind == "bot_flood":
        assert len({m.user for m in inside if "dot example" in m.text}) >= 10
    if kind == "emote_spam":
        assert len({m.user for m in inside if m.emotes}) <= 12


def test_no_message_comes_after_the_end() -> None:
    """Nor out of order."""
    traits, rng = TRAITS["test"], np.random.default_rng(15)
    plan = Plan(kind="chat", at_s=550.0, length_s=4.0, families=("chat",), level="strong")
    lines = Room(rng, traits, channel(rng, traits, 20.0)).messages(600.0, [plan], [])
    times = [to_s(m.t_ns) for m in lines]
    assert times == sorted(times)
    assert max(times) < 600
