"""Which moment a burst of chat belongs to, how sure chat alone is, and what speaks against it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.moments import Event, Family, MomentState
from core.times import ns, to_s
from detectors import Profile
from detectors.fusion.scoring import score
from tests.unit.detectors.runs import event, shown
from tests.unit.detectors.test_fusion import Story, laughter, roar

PROFILE = Profile()
FUSION = PROFILE.detect.fusion


def logit(*events: Event) -> float:
    """What these events add up to."""
    return score(events, PROFILE.detect.weights, FUSION).logit


def burst(onset_s: float, *, llr: float = 2.5, kind: str = "chat_reaction", calm_s: float = 0.0) -> Event:
    """A side of a burst, at its raw time; the chat was last as usual at `calm_s`."""
    made = laughter(onset_s, llr=llr)
    return replace(made, kind=kind, values={**made.values, "calm_s": calm_s})


def test_a_moment_only_chat_knows_of_follows_the_strongest_side_of_its_burst() -> None:
    """The first lines of a rise open it; what says more dates it."""
    story = Story()
    story.until(118.0, burst(112.0, llr=0.1, kind="chat_rate"))
    [moment, *_] = shown(story.until(160.0, burst(125.0)))
    sd_s = to_s(next(e for e in moment.events if e.kind == "chat_reaction").sd_ns)
    assert to_s(moment.anchor_ns) == pytest.approx(125.0 - PROFILE.detect.lag.prior_s + sd_s / 2, abs=0.6)
    assert {e.kind for e in moment.events} == {"chat_rate", "chat_reaction"}


@pytest.mark.parametrize(("calm_s", "clips"), [(0.0, 1), (150.0, 2)])
def test_what_comes_out_of_a_burst_goes_on_with_it(calm_s: float, clips: int) -> None:
    """A minute after the first: its own moment only when the chat was calm in between."""
    story = Story()
    story.until(160.0, burst(125.0))
    story.until(320.0, burst(185.0, calm_s=calm_s))
    assert len(shown(story.moments)) == clips


def test_a_near_miss_is_taken_up_again_by_the_burst_it_caused() -> None:
    """Its sound was too weak alone; the chat that lags far behind speaks when that has been decided."""
    story = Story()
    missed = story.until(160.0, roar(100.0, llr=1.0))
    assert missed[-1].state is MomentState.REJECTED
    later = story.until(220.0, replace(burst(135.0), found_ns=ns(165)))
    [moment, *_] = shown(later)
    assert {Family.AUDIO.value, Family.CHAT.value} <= set(moment.parts)
    assert to_s(moment.anchor_ns) == 100.0
    assert [m.reason for m in later if m.id == missed[-1].id] == ["merged"]


def test_chat_alone_counts_little_beyond_even_odds() -> None:
    """More is more, but the strongest burst is no surer than its place; with a sound it counts in full."""
    even, strong = burst(100.0, llr=0.8), burst(100.0)
    assert logit(even) == pytest.approx(0.0, abs=0.1)
    assert 0.0 < logit(strong) - logit(even) < 1.0
    assert logit(strong, roar(93.0)) - logit(roar(93.0)) > 5.0


def test_a_flood_that_explains_one_side_of_a_burst_explains_the_burst() -> None:
    """Bots are seen in the rate before they are seen in the laughter."""
    flood = event("chat_flood", Family.CHAT, -0.8, start_s=96.0)
    assert logit(burst(100.0), flood) == pytest.approx(logit(burst(100.0)) - 0.8)


def test_music_explains_a_sound_unless_somebody_calls_out_in_it() -> None:
    """Cries hold their vowels like singers."""
    loud, music = event("loud", Family.AUDIO, 1.0), event("music", Family.AUDIO, -1.5)
    phrase = event("phrase", Family.SPEECH, 2.5)
    assert logit(loud, music) == pytest.approx(logit(loud) - 1.5)
    assert logit(loud, music, phrase) == pytest.approx(logit(loud, phrase))
