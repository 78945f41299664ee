"""What a crowd says together: emotes, calls for a clip, its mood. And a chat that goes away."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.media import ChatMessage
from core.times import ns, to_s
from daemon.worker.valence import vader
from detectors.chat.mood import change, whole
from detectors.chat.options import MoodOptions
from detectors.chat.text import clip_call, echo, emote_only, pasted
from detectors.chat.usual import RunningQuantile
from tests.synthetic_streams import feature_level as fl
from tests.unit.detectors.chats import AT, detector, evidence, last, run, say, watch

END = 1300.0
OWN = ("lionBabyHypeTrain",)


def calm(seed: int, seconds: float = END, per_min: float = 30.0) -> list[ChatMessage]:
    """About nothing."""
    return fl.chat(np.random.default_rng([seed, 2]), seconds, per_min)


# emotes


def test_a_channels_own_emote_is_a_reaction() -> None:
    """It is in no list; that twenty people write it at once, one or three at a time, says enough."""
    wave = [say(AT + 0.4 * i, " ".join(OWN * (1 + i % 3)), i, emotes=OWN) for i in range(20)]
    events = watch([*calm(1), *wave], END)
    assert evidence(events, "chat_reaction") > 1.0
    assert not [e for e in last(events, "chat_flood") if "pasted" in e.why]


def test_emote_spam_of_a_few_is_no_burst() -> None:
    """Three people write two hundred lines of it."""
    spam = [say(AT + 0.1 * i, "KEKW KEKW KEKW", i % 3, emotes=("KEKW",)) for i in range(200)]
    assert evidence(watch([*calm(2), *spam], END)) < 0.8


def test_lines_of_emotes_meet_under_the_emote() -> None:
    """However often it is repeated; they are no paste. A long word that is no emote is one."""
    assert emote_only("Kappa Kappa", ("Kappa",))
    assert not emote_only("not Kappa", ("Kappa",))
    assert not emote_only("Kappa", ())
    assert echo(" ".join(OWN * 3), OWN) == echo(OWN[0], OWN) == "lionbabyhypetrain"
    assert echo("LUL LUL LUL") == echo("lul") == "lul"
    assert pasted(" ".join(OWN * 3), OWN) is None
    assert pasted("LUL LUL LUL LUL LUL LUL LUL") is None
    assert pasted("supercalifragilistic") is not None


# calls for a clip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("clip it", True), ("CLIP THAT!!", True), ("someone clip that please", True), ("!clip", True), ("CLIIIP", True),
        ("clip clip clip", True), ("clipped", True), ("!clip that was great", True), ("don't clip that", False),
        ("please dont ever clip this", False), ("did you see the clip", False), ("nice clip", False),
        ("eclipse", False), ("clippers game", False), ("", False),
    ],
)  # fmt: skip
def test_who_asks_for_a_clip(text: str, expected: bool) -> None:
    """An order, not the word."""
    assert clip_call(text) is expected


def calls(users: int, text: str = "clip it") -> list[ChatMessage]:
    """So many viewers ask within ten seconds, each twice."""
    return [say(AT + 10 * i / (2 * users), text, i % users) for i in range(2 * users)]


def test_viewers_who_ask_for_a_clip_are_strong_evidence() -> None:
    """Five of them; the event counts heads, and starts with the first call."""
    events = last(watch([*calm(3), *calls(5)], END), "chat_clip")
    [event] = events
    assert "5 viewers ask for a clip" in event.why
    assert event.start_ns == ns(AT)
    assert event.llr * event.quality > 1.2
    assert to_s(event.found_ns) <= AT + 10


def test_two_viewers_are_too_few_and_a_busy_chat_needs_more() -> None:
    """Three viewers of a chat of five hundred lines a minute are no crowd."""
    assert not last(watch([*calm(4), *calls(2)], END), "chat_clip")
    assert last(watch([*calm(4), *calls(3)], END), "chat_clip")
    many = [say(AT - 60 + 0.1 * i, f"line {i}", f"many{i % 400}") for i in range(1500)]
    assert not last(watch([*calm(4), *many, *calls(3)], END), "chat_clip")


def test_calls_that_come_all_the_time_say_less() -> None:
    """A channel where viewers ask every two minutes."""
    habit = [say(t + i, "clip it", i) for t in range(300, 1150, 120) for i in range(5)]
    rare = evidence(watch([*calm(5), *calls(5)], END), "chat_clip")
    assert evidence(watch([*calm(5), *habit, *calls(5)], END), "chat_clip") < 0.7 * rare


def test_strangers_who_ask_are_explained() -> None:
    """Six accounts that never wrote before."""
    strangers = [say(AT + i, "clip that", f"stranger{i}") for i in range(6)]
    assert evidence(watch([*calm(6), *strangers], END), "chat_clip") < 0.4


# mood


def test_a_turn_of_the_mood_is_a_small_signal() -> None:
    """Thirty people are moved, some for the better, some for the worse: seen, in words, and never enough by itself."""
    for texts, word in ((("this is wonderful", "love it", "so beautiful"), "rises"), (("awful", "so sad"), "falls")):
        moved = [say(AT + 0.5 * i, f"{texts[i % len(texts)]} {i}", i) for i in range(30)]
        events = watch([*calm(7), *moved], END, vader())
        [event, *_] = [e for e in events if e.kind == "chat_mood" and e.found_ns > ns(AT)]
        assert f"mood {word} from" in event.why
        assert 0.0 < evidence(events, "chat_mood") <= 0.5


def test_without_a_lexicon_there_is_no_mood() -> None:
    """And nothing else changes."""
    moved = [say(AT + 0.5 * i, f"this is wonderful {i}", i) for i in range(30)]
    without, with_mood = watch([*calm(7), *moved], END), watch([*calm(7), *moved], END, vader())
    assert not [e for e in without if e.kind == "chat_mood"]
    assert without == [
        e for e in with_mood if e.kind != "chat_mood" and not (e.kind == "chat_flood" and e not in without)
    ]


def test_a_few_people_have_no_common_mood() -> None:
    """And few lines move it little."""
    options = MoodOptions()
    assert change(9000, 10, 4, 0.0, options) == 0.0
    assert change(9000, 10, 10, 0.0, options) == pytest.approx(0.3)
    assert change(90_000, 100, 50, 0.0, options) == pytest.approx(0.75)
    assert whole(float("nan")) == whole(float("inf")) == 0
    assert whole(-7.0) == -1000


@pytest.mark.parametrize(
    ("text", "emotes", "sign"),
    [
        ("KEKW", (), 1), ("", ("PogChamp",), 1), ("💀💀", (), 1), ("хахаха", (), 1), ("love this", (), 1),
        ("Sadge", (), -1), ("this is awful", (), -1), ("NotLikeThis", (), -1), ("what map is this", (), 0), ("", (), 0),
    ],
)  # fmt: skip
def test_how_a_line_feels(text: str, emotes: tuple[str, ...], sign: int) -> None:
    """Words, emotes in or beside the text, emoji and laughter of any language."""
    assert np.sign(vader()(text, emotes)) == sign


# presence


def test_a_chat_that_is_lost_goes_on_when_it_returns() -> None:
    """An outage of half an hour: no event, nothing learned from it, and a burst right after is still found."""
    before, after = calm(8, 900.0), [say(m.t_ns / 1e9 + 2700, m.text, m.user[4:]) for m in calm(9, 300.0)]
    burst = [say(2820 + 0.3 * i, "KEKW", i) for i in range(40)]
    chat = detector()
    chat.chat(before)
    run(chat, 0, 900)
    chat.set_available(False)
    assert not chat.available()
    chat.chat([say(1000 + 0.1 * i, "KEKW", i) for i in range(100)])  # left over from a reader that was cut off
    assert run(chat, 900, 2700) == []
    chat.set_available(True)
    chat.chat([*after, *burst])
    events = run(chat, 2700, 3000)
    assert not [e for e in events if e.found_ns < ns(2820) and e.llr * e.quality > 0.5]
    found = [e for e in events if e.kind == "chat_reaction" and e.found_ns > ns(2820)]
    assert found
    assert "usually 2" in found[0].why  # what was usual before is still known; a chat without a past has 15 %
    assert max(e.llr * e.quality for e in found) > 1.5


def test_a_chat_lost_within_a_burst_leaves_nothing_open() -> None:
    """The watermark goes on, and the rest of the burst is not judged."""
    chat = detector()
    chat.chat([*calm(8, 600.0), *(say(590 + 0.3 * i, "KEKW", i) for i in range(40))])
    run(chat, 0, 597)
    chat.set_available(False)
    assert run(chat, 597, 640) == []
    assert chat.watermark() == ns(640)


def test_a_silent_chat_is_there() -> None:
    """And a single viewer who comes back to it is no burst."""
    chat = detector()
    chat.chat([say(3000 + 2 * i, f"anybody here {i}", 1) for i in range(5)])
    events = run(chat, 0, 3100)
    assert chat.available()
    assert max((e.llr * e.quality for e in events), default=0.0) < 0.3


def test_pieces_do_not_matter() -> None:
    """All lines at once, or each when it is written."""
    messages = sorted([*calm(10, 400.0), *(say(300 + 0.3 * i, "KEKW", i) for i in range(30))], key=lambda m: m.t_ns)
    chat, events = detector(), []
    for step in range(1, 801):
        chat.chat([m for m in messages if ns((step - 1) / 2) < m.t_ns <= ns(step / 2)])
        events += list(chat.advance(ns(step / 2)))
    assert events == watch(messages, 400.0)


def test_the_running_quantile_is_the_quantile() -> None:
    """Against sorting, with weights, additions and removals."""
    rng = np.random.default_rng(1)
    quantile, kept = RunningQuantile(), []
    for _ in range(400):
        number, weight = int(rng.integers(0, 60)), int(rng.choice([1, 10]))
        quantile.add(number, weight)
        kept.append((number, weight))
        if len(kept) > 50:
            old, old_weight = kept.pop(0)
            quantile.add(old, -old_weight)
        values = np.sort(np.repeat(*np.array(kept).T))
        assert quantile.at(0.5) == values[(len(values) + 1) // 2 - 1]


@pytest.mark.parametrize("delay_s", [5.0, 30.0])
def test_a_delayed_chat_finds_the_same_later(delay_s: float) -> None:
    """The detector's times are the chat's own; what the delay is, fusion learns."""
    messages = [*calm(11, 400.0), *(say(300 + 0.3 * i, "KEKW", i) for i in range(30))]
    shifted = [replace(message, t_ns=ns(message.t_ns / 1e9 + delay_s)) for message in messages]
    now, later = watch(messages, 400.0), watch(shifted, 400.0 + delay_s)
    [one, *_], [two, *_] = ([e for e in found if e.kind == "chat_reaction"] for found in (now, later))
    assert to_s(two.start_ns - one.start_ns) == pytest.approx(delay_s, abs=1.0)
    assert two.llr == pytest.approx(one.llr, abs=0.3)


def test_what_is_not_written_yet_decides_nothing() -> None:
    """Cutting the chat at a time changes no event found before it."""
    messages = [*calm(12, 600.0), *(say(300 + 0.3 * i, "KEKW", i) for i in range(30))]
    cut = [message for message in messages if message.t_ns <= ns(305)]
    whole_chat = [e for e in watch(messages, 600.0) if e.found_ns <= ns(305)]
    assert [e for e in watch(cut, 600.0) if e.found_ns <= ns(305)] == whole_chat
