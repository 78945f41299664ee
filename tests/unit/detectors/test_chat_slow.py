"""Bursts that rise over a minute in chats of a few lines a minute: found, dated, and not found again on their slope."""

from __future__ import annotations

import numpy as np
import pytest

from core.media import ChatMessage
from core.moments import Event
from core.times import ns, to_s
from detectors.chat.flood import Line
from detectors.chat.onset import onset
from detectors.chat.options import ChatOptions
from detectors.chat.share import Reactions, surprise
from detectors.chat.text import Tone
from detectors.chat.watch import Alarm
from tests.synthetic_streams import feature_level as fl
from tests.unit.detectors.chats import AT, DECAY_S, last, say, watch

END = 1500.0
LOUD = 0.8  # evidence that alone is worth a clip: 2.5 times it is the bias of -2


def burst(rng: np.random.Generator, per_min: float, rise_s: float, factor: float = 4.0) -> list[ChatMessage]:
    """From `AT` on: an even rise to so many times the chat, then decay; four lines in five react."""
    found = []
    for t in np.arange(0.0, rise_s + 4 * DECAY_S, 0.25):
        shape = t / rise_s if t < rise_s else np.exp(-(t - rise_s) / DECAY_S)
        for _ in range(rng.poisson(0.25 * (factor - 1) * per_min / 60 * shape)):
            text = rng.choice(["LUL", "KEKW", "hahaha", "POG"]) if rng.random() < 0.8 else f"so #{rng.integers(999)}"
            found.append(say(AT + t, str(text), int(rng.integers(80))))
    return found


def strong(events: list[Event]) -> list[Event]:
    """What could be a clip by itself."""
    return [e for e in last(events) if e.llr * e.quality >= LOUD]


def run(seed: int, per_min: float, rise_s: float) -> list[Event]:
    """One burst in a chat of its own."""
    rng = np.random.default_rng([seed, 21])
    return watch([*fl.chat(rng, END, per_min), *burst(rng, per_min, rise_s)], END)


@pytest.mark.parametrize(("per_min", "share"), [(10.0, 0.7), (20.0, 0.9), (150.0, 0.9)])
def test_slow_bursts_are_found_in_chats_of_any_size(per_min: float, share: float) -> None:
    """Four times the chat within half a minute; the smallest chats write nine lines in 15 s of its crest."""
    found = [strong(run(seed, per_min, 30.0)) for seed in range(10)]
    assert sum(bool(events) for events in found) >= 10 * share


@pytest.mark.parametrize("per_min", [15.0, 150.0])
def test_the_slope_of_a_burst_is_no_second_one(per_min: float) -> None:
    """Its decay goes on for two minutes; no event that could be a clip starts in it."""
    late = [e for seed in range(10) for e in strong(run(seed, per_min, 20.0)) if to_s(e.start_ns) > AT + 40]
    assert len(late) <= 1


def test_a_second_burst_of_its_own_is_found() -> None:
    """Two minutes after the first."""
    rng = np.random.default_rng(5)
    again = [say(to_s(m.t_ns) + 120, m.text, m.user[4:]) for m in burst(rng, 20.0, 15.0)]
    events = strong(watch([*fl.chat(rng, END, 20.0), *burst(rng, 20.0, 15.0), *again], END))
    assert any(e.start_ns < ns(AT + 40) for e in events)
    assert any(ns(AT + 100) < e.start_ns < ns(AT + 150) for e in events)


def test_hours_of_calm_hold_next_to_nothing() -> None:
    """Small chats and large ones, whose rate swings by itself: an even chance of a clip at most, in three hours."""
    found = []
    for seed, per_min in ((1, 8.0), (2, 20.0), (3, 150.0)):
        found += last(watch(fl.chat(np.random.default_rng([seed, 22]), 3600.0, per_min), 3600.0))
    strengths = sorted(event.llr * event.quality for event in found if event.llr > 0)
    assert strengths[-1] < LOUD + 0.1
    assert strengths[-2] < LOUD


def test_a_chat_that_is_lively_from_its_first_line_is_taken_for_one_that_always_is() -> None:
    """Half of it reacts: no burst. What rises out of that is one, dated where it rose."""
    rng = np.random.default_rng(9)
    lively = [
        say(t, "KEKW" if rng.random() < 0.5 else f"so #{rng.integers(999)}", int(rng.integers(40)))
        for t in np.sort(rng.uniform(0, 90, 45))
    ]
    cheer = [say(t, "POG", 100 + n) for n, t in enumerate(np.sort(rng.uniform(66, 86, 60)))]
    assert [e for e in watch(lively, 90.0) if e.kind == "chat_reaction"] == []
    found = [e for e in watch([*lively, *cheer], 90.0) if e.kind == "chat_reaction" and e.llr > 1.0]
    assert found
    assert all(58.0 <= to_s(e.start_ns) <= 72.0 for e in found)


def test_calls_for_a_clip_belong_to_the_burst_they_are_part_of() -> None:
    """Viewers ask half a minute into it; what they mean began when the laughter did."""
    rng = np.random.default_rng(6)
    calls = [say(AT + 25 + i, "clip it", 60 + i) for i in range(5)]
    events = last(watch([*fl.chat(rng, END, 30.0), *burst(rng, 30.0, 10.0), *calls], END))
    [call] = [e for e in events if e.kind == "chat_clip"]
    assert any(e.kind == "chat_reaction" and e.start_ns == call.start_ns for e in events)
    assert to_s(call.start_ns) < AT + 15


def test_an_onset_says_how_far_off_it_may_be() -> None:
    """Twenty lines at once are dated to the second; six over half a minute are not."""
    sharp = onset(np.arange(100.0, 105.0, 0.25), 105.0, 0.05, 40.0)
    vague = onset(np.array([80.0, 88.0, 93.0, 97.0, 100.0, 103.0]), 105.0, 0.05, 40.0)
    assert sharp is not None
    assert vague is not None
    assert sharp.at_s == pytest.approx(100.0, abs=1.5)
    assert sharp.sd_s < 2.0
    assert vague.at_s < 82.0
    assert vague.sd_s > 4.0
    assert onset(np.array([20.0]), 105.0, 0.05, 40.0) is None


def hear(reactions: Reactions, from_s: float, to_s_: float, step_s: float, every: int) -> None:
    """A line of somebody else every so often, of which every so-many-th reacts."""
    for i, t in enumerate(np.arange(from_s, to_s_, step_s)):
        reactions.add(line(float(t), f"u{t}", reacts=i % every == 0))


def line(at_s: float, user: str, *, reacts: bool) -> Line:
    """One of an account that wrote before."""
    return Line(ns(at_s), user, ns(0), Tone.TALK, None, reacts)


def test_a_minute_counts_only_in_small_chats() -> None:
    """Where 15 s hold enough lines a longer stretch would blur two bursts into one."""
    reactions = Reactions(ChatOptions())
    hear(reactions, 0.0, 60.0, 2.0, every=2)
    reactions.expire(ns(60))
    assert reactions.odd(40, 0.15, None, ns(60)) == surprise(3, 7, 0.15)
    assert reactions.odd(5, 0.15, None, ns(60)) > reactions.odd(40, 0.15, None, ns(60)) + 1.0


def test_who_writes_much_counts_once() -> None:
    """Two people who send forty emotes are two people who react; their newest lines count."""
    reactions = Reactions(ChatOptions())
    hear(reactions, 0.0, 14.0, 1.0, every=100)
    before = reactions.odd(5, 0.15, None, ns(14))
    for i in range(40):
        reactions.add(line(10 + 0.1 * i, f"spam{i % 2}", reacts=True))
    assert before == 0.0
    assert reactions.odd(5, 0.15, None, ns(14)) < 1.0


def test_what_is_left_of_a_burst_is_expected() -> None:
    """The same share of reactions that surprises in a calm chat does not half a minute after a greater one."""
    reactions, calm = Reactions(ChatOptions()), Reactions(ChatOptions())
    hear(reactions, 0.0, 10.0, 0.5, every=1)
    assert reactions.odd(20, 0.15, Alarm(ns(10), ns(0), 3.0), ns(10)) > 6.0
    for each in (reactions, calm):
        hear(each, 30.0, 40.0, 0.5, every=2)
        each.expire(ns(40))
    assert calm.odd(20, 0.15, None, ns(40)) > 3.0
    assert reactions.odd(20, 0.15, None, ns(40)) == 0.0
    assert reactions.odd(20, 0.15, None, ns(200)) > 3.0
