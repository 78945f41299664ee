"""Bots, raids without notice and pasted texts explain themselves; a crowd that lurkers join does not."""

from __future__ import annotations

import numpy as np
import pytest

from core.media import ChatMessage
from core.times import Ns, ns
from detectors.chat.flood import Line, Norm, explained
from detectors.chat.options import FloodOptions
from detectors.chat.text import Tone, copies
from detectors.chat.usual import Accounts
from tests.synthetic_streams import feature_level as fl
from tests.unit.detectors.chats import AT, bots, crowd, evidence, last, say, watch

END = 1300.0
ADS = ("get free viewers at bestviewers#.com now",)
ALIKE = tuple(f"the streamer is so good today {word} love it" for word in ("wow", "really", "yes", "bro", "man"))
EMOTES = ("KEKW", "LUL", "OMEGALUL", "POG")
TALK = ("nice one #", "what map is this #", "same here #", "how long is the stream #")


def flooded(seed: int, per_min: float, extra: list[ChatMessage]) -> tuple[float, str]:
    """The evidence that is left, and what explains the rest."""
    events = watch([*fl.chat(np.random.default_rng([seed, 1]), END, per_min), *extra], END)
    floods = sorted(last(events, "chat_flood"), key=lambda e: e.llr)
    return evidence(events), floods[0].why if floods else ""


@pytest.mark.parametrize("per_min", [30.0, 150.0])
@pytest.mark.parametrize("texts", [ADS, ALIKE, EMOTES, TALK], ids=["ads", "alike", "emotes", "talk"])
def test_twenty_bots_that_multiply_the_chat_are_no_moment(texts: tuple[str, ...], per_min: float) -> None:
    """Five times the chat by twenty accounts, whatever they write: almost nothing is left of it, and a note says what
    they are, or they raise no alarm at all."""
    left, why = zip(*(flooded(s, per_min, bots(np.random.default_rng(s), per_min, texts)) for s in (1, 3)), strict=True)
    assert max(left) < 0.4
    assert all(not text or "accounts" in text or "text" in text for text in why)


def test_bots_of_a_small_channel_pass_no_bar_alone() -> None:
    """Ten lines a minute: there is less to tell them by."""
    left = [flooded(s, 10.0, bots(np.random.default_rng(s), 10.0, EMOTES))[0] for s in (1, 3, 5, 7)]
    assert np.median(left) < 0.8  # 2.5 times this is 2, what a family alone needs


def test_the_note_counts_the_accounts() -> None:
    """In words, for people."""
    _, why = flooded(2, 30.0, bots(np.random.default_rng(2), 30.0, EMOTES))
    assert "accounts that" in why
    assert why.endswith("explain the chat")


@pytest.mark.parametrize("lurkers", [0.0, 0.3, 0.6])
def test_lurkers_may_join_a_crowd(lurkers: float) -> None:
    """Up to more than half of the lines of a burst may come from people who never wrote before."""
    left = [flooded(s, 30.0, crowd(np.random.default_rng(s), 30.0, lurkers))[0] for s in (1, 3, 5)]
    assert min(left) > 1.5


def test_nobody_is_a_stranger_in_the_first_minutes() -> None:
    """Where everybody is new, newcomers explain nothing."""
    early = [say(120 + 0.2 * i, "KEKW", f"early{i}") for i in range(40)]
    events = watch([*fl.chat(np.random.default_rng(1), 180, 30.0), *early], 180.0)
    assert not [e for e in events if e.kind == "chat_flood"]
    assert max(e.llr * e.quality for e in events) > 1.0


def test_a_later_look_takes_back_what_was_said() -> None:
    """Accounts that were known begin to shout: at first a crowd, half a minute later a few that never stop."""
    known = [say(100 + 40 * i, "hello there", f"bot{i}") for i in range(20)]
    messages = [*known, *bots(np.random.default_rng(4), 30.0, EMOTES)]
    events = watch([*fl.chat(np.random.default_rng(4), END, 30.0), *messages], END)
    first = next(e for e in events if e.kind == "chat_reaction" and e.found_ns > ns(AT))
    final = next(e for e in last(events, "chat_reaction") if e.start_ns == first.start_ns)
    assert first.quality > 0.9
    assert final.quality < 0.5
    assert any("lines a minute, usually" in e.why for e in last(events, "chat_flood"))


def test_near_copies_are_copies_and_short_shouts_are_none() -> None:
    """A changed number or word does not make a text new; texts that share a word are not alike."""
    assert copies(["buy followers at site12.com", "buy followers at site99.com", "Buy followers at site9.com!!"]) == 2
    assert copies(["the left door is open now", "who opened that door again", "is it raining where you live"]) == 0
    assert copies(["?!?!?!?!?!?!?!?!?!", ":-) :-) :-) :-) :-)"]) == 0


def line(user: str, first_s: float, *, reacts: bool = True) -> Line:
    """A line at 100 s."""
    return Line(ns(100), user, ns(first_s), Tone.TALK, None, reacts)


def test_an_explanation_needs_more_than_two_accounts() -> None:
    """Two newcomers who talk are people."""
    burst = [line(user, 99.0) for user in ("a", "b") * 5]
    norm = Norm(2.0, 0.1, 1.2)
    assert explained(burst, burst, ns(60), {}, norm, FloodOptions()).share == 0.0
    burst.append(line("c", 99.0))
    assert explained(burst, burst, ns(60), {}, norm, FloodOptions()).share == 1.0
    assert explained([], [], ns(60), {}, norm, FloodOptions()).share == 0.0


def test_accounts_are_remembered_up_to_a_limit() -> None:
    """The one that has been silent longest is forgotten first."""
    accounts = Accounts(most=2)
    accounts.hear("a", Ns(1))
    accounts.hear("b", Ns(2))
    assert accounts.hear("a", Ns(3)) == 1
    accounts.hear("c", Ns(4))
    assert accounts.hear("a", Ns(5)) == 1
    assert accounts.hear("b", Ns(6)) == 6
