"""Chat has the statistics of a small channel, reacts late, and reads like chat."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from core.media import ChatMessage
from core.times import ns
from daemon.demo.chat import as_line, make_chat
from daemon.demo.recipe import Negative, Recipe
from tests.synthetic_streams.streams import plain


def counts(chat: tuple[ChatMessage, ...], duration_s: float, bin_s: float) -> np.ndarray[tuple[int], np.dtype[np.int_]]:
    """Messages per bin."""
    times = [m.t_ns / 1e9 for m in chat]
    return np.histogram(times, bins=np.arange(0, duration_s + bin_s / 2, bin_s))[0]


def calm(seed: int, hours: float) -> Recipe:
    """Chat without talk or moments, for hours."""
    return replace(plain(seed, 10), duration_s=hours * 3600, chat_per_min=30.0)


def test_calm_chat_has_the_statistics_of_a_small_channel() -> None:
    """Per 10 s over 24 hours: mean as set, variance/mean 2 and lag-1 correlation 0.35, as measured on real channels."""
    n = np.concatenate([counts(make_chat(calm(seed, 6)), 6 * 3600, 10) for seed in range(4)]).astype(float)
    assert n.mean() == pytest.approx(5.0, rel=0.06)
    assert n.var() / n.mean() == pytest.approx(2.0, abs=0.25)
    assert np.corrcoef(n[:-1], n[1:])[0, 1] == pytest.approx(0.35, abs=0.06)


def test_bursts_begin_late_and_are_as_strong_as_planned() -> None:
    """Over 40 seeds the best 15 s after a moment hold on average the planned multiple, and nothing comes before 6 s."""
    ratios = []
    for seed in range(40):
        recipe = Recipe.from_seed(seed)
        times = np.array([m.t_ns / 1e9 for m in make_chat(recipe)])
        for p in recipe.moments[:2]:
            windows = p.chat_start_s + np.arange(0, 12, 0.5)
            best = max(((times >= w) & (times < w + 15)).sum() for w in windows)
            ratios.append(best / (recipe.chat_per_min / 4) / p.chat_x)
            assert p.chat_start_s >= p.start_s + 6
    assert np.mean(ratios) == pytest.approx(1.1, abs=0.15)  # the best of many windows lies a little over the plan


def test_a_moment_by_loudness_alone_leaves_chat_calm() -> None:
    """Over 40 seeds the 12 s after the third moment hold no more messages than the 12 s before it."""
    before, after = [], []
    for seed in range(40):
        recipe = Recipe.from_seed(seed)
        third = recipe.moments[2]
        times = np.array([m.t_ns / 1e9 for m in make_chat(recipe)]) - third.start_s
        before.append(((times > -12) & (times < 0)).sum())
        after.append(((times > 0) & (times < 12)).sum())
    assert np.mean(after) <= np.mean(before)


def test_a_raid_is_announced_and_brings_new_names() -> None:
    """The flood opens with a raid message; its greetings come from users the calm chat does not have."""
    flood = Negative(kind="greeting_flood", start_s=60.0, end_s=66.0, chat_x=5.0)
    chat = make_chat(replace(calm(3, 0.05), negatives=(flood,)))
    [raid] = [m for m in chat if m.kind == "raid"]
    assert raid.t_ns == ns(60.0)
    assert raid.n >= 18
    before = {m.user for m in chat if m.t_ns < ns(60)}
    newcomers = [m for m in chat if ns(60) < m.t_ns < ns(66) and m.user not in before]
    assert len(newcomers) >= 6


def test_emote_spam_is_a_few_people_with_emotes_only() -> None:
    """At most three users, every word an emote."""
    spam = Negative(kind="emote_spam", start_s=60.0, end_s=66.0, chat_x=2.4)
    silent = replace(calm(3, 0.05), chat_per_min=40.0)
    calm_lines = set(make_chat(silent))
    extra = [m for m in make_chat(replace(silent, negatives=(spam,))) if m not in calm_lines and m.emotes]
    emotes_only = [m for m in extra if list(m.emotes) == m.text.split() and ns(60) <= m.t_ns < ns(72)]
    assert len(emotes_only) >= 3
    assert len({m.user for m in emotes_only}) <= 3 + 1


def test_lines_follow_the_designs_form(recipe: Recipe) -> None:
    """JSON with `t_s` on stream time, or `wall` as epoch seconds; messages in time order inside the stream."""
    chat = make_chat(recipe)
    assert [m.t_ns for m in chat] == sorted(m.t_ns for m in chat)
    assert chat[-1].t_ns < ns(recipe.duration_s)
    line = json.loads(as_line(chat[0]))
    assert sorted(line) == ["emotes", "kind", "n", "t_s", "text", "user"]
    wall = json.loads(as_line(chat[0], wall_start_ns=1_700_000_000 * 10**9))
    assert wall["wall"] == pytest.approx(1_700_000_000 + line["t_s"], abs=0.002)
    assert "t_s" not in wall
    assert all(set(m.emotes) <= set(m.text.split()) for m in chat)


def test_chat_is_the_same_for_the_same_seed(recipe: Recipe) -> None:
    """Message for message."""
    assert make_chat(recipe) == make_chat(recipe)
