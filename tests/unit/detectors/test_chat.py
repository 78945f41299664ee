"""Bursts of chat, what explains them away, and what a line is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from core.media import ChatMessage
from core.moments import Event
from core.times import Ns, ns, to_s
from detectors import Profile
from detectors.chat.detector import ChatDetector
from detectors.chat.share import surprise
from detectors.chat.text import Tone, echo, pasted, tone
from detectors.chat.usual import Echoes
from tests.synthetic_streams import feature_level as fl


def say(t_s: float, text: str, user: int, kind: str = "msg", n: int = 1) -> ChatMessage:
    """One message."""
    return ChatMessage(t_ns=ns(t_s), user=f"user{user}", text=text, kind=kind, n=n)


def calm(seed: int, seconds: float) -> list[ChatMessage]:
    """Thirty lines a minute about nothing."""
    return fl.chat(np.random.default_rng(seed), seconds, 30.0)


def watch(messages: Sequence[ChatMessage], seconds: float) -> list[Event]:
    """Every event of the chat detector."""
    detector = ChatDetector(Profile().detect)
    detector.set_available(True)
    detector.chat(messages)
    return [e for step in range(1, int(seconds * 2)) for e in detector.advance(ns(step / 2))]


def evidence(events: Sequence[Event], *, from_s: float = 0.0) -> float:
    """Largest evidence, scaled by quality as fusion does."""
    late = [e for e in events if e.llr > 0 and e.start_ns >= ns(from_s)]
    return max((e.llr * e.quality for e in late), default=0.0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_burst_of_laughter_is_found_and_dated(seed: int) -> None:
    """Four times the usual rate, most of it laughing: strong evidence within 15 s, its start within 3 s."""
    events = watch(fl.chat(np.random.default_rng(seed), 400.0, 30.0, ((300.0, 4.5),)), 400.0)
    assert evidence(events) > 1.0
    [first, *_] = [e for e in events if e.kind == "chat_reaction" and e.llr > 0.5 and e.found_ns > ns(295)]
    assert to_s(first.start_ns) == pytest.approx(300.0, abs=3.0)
    assert to_s(first.found_ns) < 316.0
    assert "chat lines, usually" in first.why


def test_a_calm_chat_gives_no_strong_evidence() -> None:
    """An hour of a small channel, whose rate swings by four times and more."""
    assert evidence(watch(fl.chat(np.random.default_rng(4), 3600.0, 15.0), 3600.0)) < 1.0


def test_a_raid_explains_its_flood() -> None:
    """Forty people who arrive and cheer are no moment; the event says why."""
    raid = [say(200.0, "", 999, kind="raid", n=40)]
    hype = [say(200.5 + i * 0.2, "POG hype", 100 + i) for i in range(40)]
    events = watch([*calm(5, 260.0), *raid, *hype], 260.0)
    assert evidence(events, from_s=195.0) == 0.0
    assert any(e.kind == "chat_flood" and "raid" in e.why for e in events)


def test_a_gift_of_subscriptions_explains_its_applause() -> None:
    """Five subs at once bring their own."""
    gift = [say(200.0, "", 999, kind="sub", n=5)]
    hype = [say(200.5 + i * 0.2, "POG hype", 100 + i) for i in range(40)]
    assert evidence(watch([*calm(5, 260.0), *gift, *hype], 260.0), from_s=195.0) == 0.0


def test_greetings_explain_a_flood() -> None:
    """Everybody says hello at once."""
    greeting = [say(200.0 + i * 0.2, ("hello everyone", "hi", "good evening")[i % 3], 100 + i) for i in range(50)]
    events = watch([*calm(6, 260.0), *greeting], 260.0)
    assert evidence(events) < 0.3


def test_a_pasted_text_explains_a_flood() -> None:
    """Fifty people paste one long line: a second into it there is hardly any evidence, in the end none."""
    paste = [say(200.0 + i * 0.2, "LOL this is a very long text that bots paste", 100 + i) for i in range(50)]
    found = [watch([*calm(seed, 260.0), *paste], 260.0) for seed in range(7, 12)]
    assert np.median([evidence(events, from_s=150.0) for events in found]) < 0.1
    assert all(evidence([e for e in events if e.found_ns > ns(203)]) < 0.1 for events in found)


def test_three_bots_make_no_burst() -> None:
    """Nobody counts more than twice in a window."""
    spam = [say(200.0 + i * 0.1, "KEKW KEKW", 900 + i % 3) for i in range(200)]
    assert evidence(watch([*calm(8, 260.0), *spam], 260.0)) < 1.0


def test_a_new_joke_that_many_shout_is_a_reaction() -> None:
    """`GOTTEM` is in no list; that eight people write it within seconds says enough."""
    shout = [say(300.0 + i * 0.4, ("GOTTEM", "gottem!", "GOTTEMMMM")[i % 3], 100 + i) for i in range(20)]
    assert evidence(watch([*calm(9, 360.0), *shout], 360.0)) > 0.8


def test_late_lines_count_from_the_next_step_on() -> None:
    """A line older than the last step is not lost, and no decision before it changes."""
    detector = ChatDetector(Profile().detect)
    detector.chat([say(0.1, "hi", 1)])
    detector.advance(ns(5))
    detector.chat([say(2.0, "LUL", 2)])
    detector.advance(ns(5.5))
    assert detector.watermark() == ns(5.5)


def test_a_missing_chat_is_not_a_silent_one() -> None:
    """Unannounced and unseen it is not available; announced it is, without a line."""
    detector = ChatDetector(Profile().detect)
    assert not detector.available()
    detector.set_available(True)
    assert detector.available()
    assert list(detector.advance(Ns(1))) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("KEKW", Tone.LAUGHTER), ("hahahahaha", Tone.LAUGHTER), ("jajaja no", Tone.LAUGHTER),
        ("ㅋㅋㅋㅋ", Tone.LAUGHTER), ("草", Tone.LAUGHTER), ("wwwwww", Tone.LAUGHTER),
        ("kkkkkk", Tone.LAUGHTER), ("хахаха", Tone.LAUGHTER),
        ("55555", Tone.LAUGHTER), ("lmaooo", Tone.LAUGHTER), ("LETS GOOOO", Tone.HYPE), ("POGGERS", Tone.HYPE),
        ("clip that please", Tone.HYPE), ("?????", Tone.HYPE), ("W", Tone.HYPE), ("hello chat", Tone.GREETING),
        ("lmao!", Tone.LAUGHTER), ("siiiii", Tone.HYPE), ("CE BUT DE FOU", Tone.HYPE), ("madre mía", Tone.HYPE),
        ("すごい", Tone.HYPE), ("hmmm", Tone.TALK), ("AFK", Tone.TALK), ("www.site.example", Tone.TALK),
        ("good morning all", Tone.GREETING), ("what map is this", Tone.TALK), ("I know that one", Tone.TALK),
        ("", Tone.TALK),
    ],
)  # fmt: skip
def test_the_tone_of_a_line(text: str, expected: Tone) -> None:
    """In many languages and emotes."""
    assert tone(text) is expected


def test_hostile_lines_are_read_in_linear_time() -> None:
    """A million characters cost what two hundred cost."""
    for hostile in ("ha" * 500_000 + "!", "a " * 500_000, "w" * 1_000_000 + "x", "lo" * 500_000, "?" * 1_000_000):
        assert tone(hostile) in Tone
        assert echo(hostile) is None
        assert pasted(hostile) is not None


def test_echoes_are_short_new_and_by_others() -> None:
    """What one person repeats, or what the channel says all day, is no echo."""
    echoes = Echoes(ns(15), ns(900))
    assert not echoes.hear("gottem", "a", ns(1))
    assert not echoes.hear("gottem", "a", ns(2))
    assert echoes.hear("gottem", "b", ns(3))
    for at in range(20, 200, 20):
        echoes.hear("true", "a", ns(at))
    assert not echoes.hear("true", "b", ns(181))


def test_a_share_of_reactions_surprises_by_its_size_and_number() -> None:
    """Fifteen of twenty where 15 % are usual is far out; three of twenty is nothing; more lines say more."""
    assert surprise(3, 20, 0.15) == 0.0
    assert surprise(15, 20, 0.15) > 5.0
    assert surprise(30, 40, 0.15) > surprise(15, 20, 0.15)
    assert surprise(0, 0, 0.15) == 0.0
