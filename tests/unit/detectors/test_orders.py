""" "Clip that": an order means what happened before it; and a scene that is shown again is no second clip."""

from __future__ import annotations

from core.media import Gap
from core.moments import Event, Family, MomentState
from core.times import ns, to_s
from core.words import Word
from detectors import Engine, Profile
from detectors.fusion.lag import LagEstimate, LagModel
from tests.unit.detectors.runs import SESSION, event, shown
from tests.unit.detectors.test_fusion import Story, laughter, roar, states


def order(said_s: float) -> Event:
    """Somebody says it."""
    return event("command", Family.COMMAND, 2.5, start_s=said_s, why="'clip that' said")


def test_an_order_means_the_strongest_thing_of_the_last_half_minute() -> None:
    """A sound too weak for a clip becomes one, at its own place and at once."""
    story = Story(Family.AUDIO)
    assert states(story.until(107.0, roar(100.0, llr=1.0))) == ["open"]
    found = story.until(112.0, order(108.0))
    assert [(m.state, m.anchor_ns) for m in found] == [
        (MomentState.PROVISIONAL, ns(100)),
        (MomentState.CONFIRMED, ns(100)),
    ]
    assert found[0].reasons[0] == "'clip that' said 8 s later"


def test_an_order_brings_back_what_was_turned_down() -> None:
    """The near miss was decided already; the new moment has its evidence."""
    story = Story(Family.AUDIO)
    assert states(story.until(124.0, roar(100.0, llr=1.0))) == ["open", "rejected"]
    [found, *_] = shown(story.until(130.0, order(125.0)))
    assert found.anchor_ns == ns(100)
    assert set(found.parts) >= {"audio", "command"}


def test_an_order_out_of_the_blue_clips_the_half_minute_before_it() -> None:
    """Nothing was noticed, but somebody saw something."""
    [found, *_] = shown(Story(Family.AUDIO).until(210.0, order(200.0)))
    assert found.start_ns <= ns(170)
    assert found.end_ns >= ns(202)


def test_an_order_passes_a_cooldown_and_a_spent_budget() -> None:
    """Six clips in a row use the bucket up; what is asked for comes all the same."""
    story = Story(Family.AUDIO)
    for n in range(6):
        story.until(100.0 + 40 * n, roar(90.0 + 40 * n))
    [found, *_] = shown(story.until(420.0, order(400.0)))
    assert found.p > Profile().detect.bar.p_max


def test_an_order_for_what_is_a_clip_already_makes_no_second_one() -> None:
    """It confirms it."""
    story = Story(Family.AUDIO, Family.CHAT)
    [first, *_] = shown(story.until(105.0, roar(100.0)))
    later = story.until(120.0, order(109.0))
    assert {m.id for m in later} == {first.id}
    assert later[0].state is MomentState.CONFIRMED


def spoken(text: str, start_s: float) -> list[Word]:
    """Three words a second."""
    return [
        Word(text=word, start_ns=ns(start_s + n / 3), end_ns=ns(start_s + n / 3 + 0.3), prob=0.9, vad=0.9, epoch=0)
        for n, word in enumerate(text.split())
    ]


def test_a_clip_that_is_watched_again_is_linked_and_not_clipped_again() -> None:
    """The same words a quarter of an hour later: rejected as a replay that names the first showing."""
    story = Story(Family.AUDIO)
    line = (
        "they are all looking at the gate because somebody shot at it a minute ago and it is loud in there "
        "and then he walks right past all of them and takes the flag and nobody even sees him do it"
    )
    story.fuser.words(spoken(line, 89.0))
    [first, *_] = shown(story.until(200.0, roar(100.0)))
    story.fuser.words(spoken(line, 989.0))
    later = story.until(1008.0, roar(1000.0))
    assert [(m.state, m.reason) for m in later] == [(MomentState.REJECTED, "replay")]
    assert later[0].reasons[0].startswith("shows again what was clipped at 0:01:")
    asked = story.until(1200.0, order(1009.0))  # it is there already; the note says where
    assert [m.reason for m in asked if m.id != later[0].id] == ["replay"]
    assert first.reason == ""


def test_an_outage_makes_the_chats_delay_a_guess_again() -> None:
    """Eight moments taught 12 s; after a gap of 30 s the spread is wide, and it learns anew."""
    lag = LagModel(Profile().detect.lag)
    for _ in range(8):
        lag.learn(ns(12))
    settled = lag.estimate()
    lag.unsettle()
    guess = lag.estimate()
    assert guess.mean_ns == settled.mean_ns
    assert guess.sd_ns > 1.25 * settled.sd_ns
    for _ in range(8):
        lag.learn(ns(30))
    assert abs(to_s(lag.estimate().mean_ns) - 30) < 3


def test_an_outage_before_anything_was_learned_changes_nothing() -> None:
    """The prior of all channels is wider than what an outage does to one."""
    lag = LagModel(Profile().detect.lag)
    before = lag.estimate()
    lag.unsettle()
    assert lag.estimate() == before


def test_a_long_gap_is_an_outage_and_a_dropped_segment_is_not() -> None:
    """Missing sound alone does not move the viewers."""

    def spread_after(gap: Gap) -> int:
        engine = Engine(Profile(), SESSION, lag=LagEstimate(ns(12), ns(4)))
        engine.gap(gap)
        return engine.chat_lag.sd_ns

    short = spread_after(Gap(start_ns=ns(50), end_ns=ns(52), reason="lost"))
    sound = spread_after(Gap(start_ns=ns(50), end_ns=ns(90), reason="lost", track="audio"))
    long = spread_after(Gap(start_ns=ns(50), end_ns=ns(90), reason="lost"))
    assert short == sound == ns(4) < long


def test_a_channel_starts_with_what_its_last_session_learned() -> None:
    """The chat's first burst is dated with it."""
    engine = Engine(Profile(), SESSION, lag=LagEstimate(ns(9), ns(4)))
    assert engine.chat_lag == LagEstimate(ns(9), ns(4))


def test_near_the_streams_start_a_clip_has_its_least_length() -> None:
    """A moment at 3 s: the profile's twelve seconds are taken from what follows."""
    [found, *_] = shown(Story(Family.AUDIO).until(40.0, roar(3.0), laughter(30.0)))
    assert to_s(found.end_ns - found.start_ns) >= Profile().clip.min_s
