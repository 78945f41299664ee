"""The life of a moment: from events to states, with the clips around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from core.media import Epoch
from core.moments import Event, Family, Moment, MomentState
from core.times import Ns, ns, to_s
from detectors import Profile
from detectors.fusion.fuser import Fuser
from tests.unit.detectors.runs import SESSION, event, shown

GAMING = Profile()


class Story:
    """Feeds a fuser events at the time they were found, step by step, with chosen families present."""

    def __init__(self, *families: Family, profile: Profile = GAMING) -> None:
        self.fuser = Fuser(profile, SESSION)
        self._families = families or (Family.AUDIO, Family.CHAT)
        self._now = 0.0
        self.moments: list[Moment] = []

    def until(self, end_s: float, *events: Event, marks: Mapping[Family, float] | None = None) -> list[Moment]:
        """Run to a time; returns what changed on the way. `marks` holds watermarks back."""
        fresh: list[Moment] = []
        waiting = sorted(events, key=lambda e: e.found_ns)
        while self._now < end_s:
            self._now += 0.5
            while waiting and waiting[0].found_ns <= ns(self._now):
                self.fuser.take(waiting.pop(0))
            held = {f: ns(min(self._now, (marks or {}).get(f, self._now))) for f in self._families}
            fresh += self.fuser.step(ns(self._now), held)
        self.moments += fresh
        return fresh


def states(moments: Sequence[Moment]) -> list[str]:
    """The states in order."""
    return [moment.state.value for moment in moments]


def roar(start_s: float, *, llr: float = 2.5, kind: str = "crowd") -> Event:
    """A strong sound of two seconds."""
    return event(kind, Family.AUDIO, llr, start_s=start_s)


def lasting(start_s: float, end_s: float, *, llr: float = 2.5) -> Event:
    """A crowd that is told of when it is over."""
    return replace(roar(start_s, llr=llr), end_ns=ns(end_s), found_ns=ns(end_s))


def laughter(onset_s: float, *, llr: float = 2.5) -> Event:
    """A burst of chat, at its raw time."""
    return event("chat_reaction", Family.CHAT, llr, start_s=onset_s)


def test_a_loud_moment_is_provisional_at_once_and_confirmed_without_chat() -> None:
    """It does not wait for chat to get a file; once chat has had its time it is confirmed, then final."""
    story = Story()
    first = story.until(104.0, roar(100.0))
    assert states(first) == ["provisional"]
    assert first[0].decided_ns <= ns(103.5)
    rest = story.until(250.0)
    assert states(rest) == ["confirmed", "final"]
    assert to_s(rest[0].decided_ns) - 100.0 <= GAMING.detect.fusion.deadline_s
    assert not first[0].waited_for_chat


def test_without_chat_a_moment_is_confirmed_soon() -> None:
    """A missing chat is not waited for: twelve seconds after the end at most."""
    [_, confirmed, *_] = Story(Family.AUDIO).until(200.0, roar(100.0))
    assert confirmed.state is MomentState.CONFIRMED
    assert to_s(confirmed.decided_ns) - 102.0 <= 12.0


def test_chat_that_agrees_raises_p_and_confirms() -> None:
    """Eight seconds later, so the wait for the usual 25 s ends early."""
    moments = Story().until(120.0, roar(100.0), laughter(108.0))
    assert states(moments) == ["provisional", "confirmed"]
    assert moments[1].p > moments[0].p
    assert to_s(moments[1].decided_ns) <= 112.0
    assert {"audio", "chat", "agree", "prior"} == set(moments[1].parts)
    assert any(reason.endswith("8 s later") for reason in moments[1].reasons)


def test_chat_never_moves_the_end() -> None:
    """The clip ends with the last sound plus post-roll however long the chat goes on."""
    moments = Story().until(140.0, roar(100.0), laughter(108.0), laughter(116.0, llr=1.0))
    assert {m.end_ns for m in moments} == {ns(102 + GAMING.clip.post_s)}


def test_weak_evidence_is_a_near_miss_with_its_distance() -> None:
    """Rejected once everybody has reported; the ledger says why and how far from the bar."""
    moments = Story().until(200.0, roar(100.0, llr=0.9))
    assert states(moments) == ["open", "rejected"]
    assert moments[1].reason == "below_bar"
    assert 0 < moments[1].bar - moments[1].p < 0.3


def test_noise_leaves_no_trace() -> None:
    """What has hardly any evidence is not even a near miss."""
    assert Story().until(200.0, roar(100.0, llr=0.2, kind="loud")) == []


def test_weak_sound_and_chat_together_make_a_moment_that_waited_for_chat() -> None:
    """Neither passes alone."""
    moments = Story().until(200.0, roar(100.0, llr=1.0), laughter(108.0, llr=0.7))
    assert states(moments)[:2] == ["open", "provisional"]
    assert moments[1].waited_for_chat


def test_an_event_that_goes_on_extends_the_clip() -> None:
    """The same moment, a later end, the same start: a new revision."""
    story = Story()
    [first] = story.until(105.0, roar(100.0))
    [second] = story.until(112.0, roar(107.0))
    assert second.id == first.id
    assert second.state is MomentState.PROVISIONAL
    assert second.start_ns == first.start_ns
    assert to_s(second.end_ns) == 109.0 + GAMING.clip.post_s


def test_a_clip_grows_no_longer_than_its_profile_allows() -> None:
    """Waves of cheering for two minutes become several moments, each within max_s."""
    story = Story()
    story.until(240.0, *(roar(100.0 + 6 * i) for i in range(20)))
    assert all(to_s(m.end_ns - m.start_ns) <= GAMING.clip.max_s for m in story.moments)


def test_a_burst_of_chat_alone_is_dated_back_by_the_lag() -> None:
    """At first by 25 s, 12 s either way, and half of that later; the clip ends soon after the burst began."""
    [moment, *_] = shown(Story().until(200.0, laughter(125.0)))
    assert to_s(moment.anchor_ns) == 100.0 + 6.0
    assert to_s(moment.start_ns) <= 106.0 - 12.0
    assert to_s(moment.end_ns) <= 125.0 + GAMING.clip.post_s
    assert moment.waited_for_chat
    assert to_s(moment.end_ns - moment.start_ns) <= GAMING.clip.max_s


def test_the_lag_is_learned_from_moments_that_were_heard() -> None:
    """After one moment with chat 7 s later, the next burst alone is dated back by about that."""
    story = Story()
    story.until(160.0, roar(100.0), laughter(107.0))
    story.until(340.0, laughter(307.0))
    moment = shown(story.moments)[-1]
    assert 296.0 <= to_s(moment.anchor_ns) - to_s(moment.events[0].sd_ns) / 2 <= 300.0
    assert to_s(moment.end_ns - moment.start_ns) < 40.0


def test_a_sound_adopts_a_burst_that_was_dated_elsewhere() -> None:
    """Chat this early seems to speak of 25 s ago; the roar that then comes to light is what it was about."""
    story = Story()
    story.until(107.0, laughter(98.0), marks={Family.AUDIO: 97.0})
    story.until(112.0, roar(93.0, llr=0.2, kind="loud"), roar(99.0))
    [moment] = shown(story.moments)
    assert to_s(moment.anchor_ns) == 99.0
    assert "chat" in moment.parts
    assert [m.reason for m in story.moments if m.state is MomentState.REJECTED] == ["merged"]


def test_plain_loudness_teaches_no_lag() -> None:
    """Only sounds that are surely reactions do."""
    story = Story()
    story.until(160.0, roar(100.0, kind="loud"), laughter(107.0))
    assert story.fuser.lag.count == 0


def test_chat_waits_for_a_sound_that_has_begun() -> None:
    """A roar is still going on when chat is over the bar: one moment comes of it, placed by the roar."""
    story = Story()
    waiting = story.until(112.0, laughter(105.0), marks={Family.AUDIO: 103.0})
    assert states(waiting) == ["open"]
    [moment] = shown(story.until(114.0, roar(103.0)))
    assert to_s(moment.anchor_ns) == 103.0
    assert "chat" in moment.parts


def test_a_moment_inside_the_cool_down_meets_a_raised_bar() -> None:
    """35 s after a clip a strong moment passes, a fair one is rejected for the cool-down."""
    strong = Story()
    strong.until(240.0, roar(100.0), roar(135.0), roar(135.0, kind="loud"))
    assert len(shown(strong.moments)) == 2
    fair = Story()
    fair.until(240.0, roar(100.0), roar(135.0, llr=1.6))
    assert len(shown(fair.moments)) == 1
    assert fair.moments[-1].state is MomentState.FINAL or fair.moments[-1].reason == "cooldown"
    assert "cooldown" in {m.reason for m in fair.moments}


def test_a_later_duplicate_is_a_near_miss() -> None:
    """Two long sounds over the same stretch of stream that are too long for one clip together: one clip."""
    story = Story()
    story.until(300.0, lasting(100.0, 140.0), lasting(121.0, 152.0))
    assert len(shown(story.moments)) == 1
    assert [m.reason for m in story.moments if m.state is MomentState.REJECTED] == ["duplicate"]


def test_a_later_duplicate_with_a_lead_replaces_the_earlier() -> None:
    """By one logit and more; what was shown is withdrawn as superseded."""
    story = Story()
    story.until(300.0, lasting(100.0, 140.0, llr=1.5), lasting(121.0, 152.0))
    first, second = shown(story.moments)
    ends = {m.id: (m.state, m.reason) for m in story.moments}
    assert ends[first.id] == (MomentState.WITHDRAWN, "superseded")
    assert ends[second.id] == (MomentState.FINAL, "")


def test_a_contradiction_withdraws_what_was_shown() -> None:
    """The crowd turns out to be music: its own later version says so."""
    story = Story()
    [first] = story.until(105.0, roar(100.0, llr=1.6))
    found = story.until(108.0, event("music", Family.AUDIO, -2.0, start_s=100.0))
    assert states(found) == ["withdrawn"]
    assert found[0].id == first.id
    assert found[0].reason == "contradicted"


def test_silence_of_the_chat_withdraws_nothing() -> None:
    """A strong sound stays however calm the chat is."""
    assert "withdrawn" not in states(Story().until(300.0, roar(100.0)))


def test_the_budget_holds_in_a_busy_hour() -> None:
    """A fair moment a minute: three, and what the hour gives back; the others are near misses for want of budget."""
    story = Story()
    story.until(3600.0, *(roar(60.0 * i, llr=1.6) for i in range(1, 59)))
    assert len(shown(story.moments)) <= 3 + GAMING.clips_per_hour
    assert "budget" in {m.reason for m in story.moments}


def test_an_order_is_followed_at_once() -> None:
    """`clip that` needs no agreement, no wait, and knows no cool-down."""
    order = event("order", Family.COMMAND, 2.5, start_s=110.0)
    moments = Story().until(130.0, roar(100.0), order)
    assert "confirmed" in states([m for m in moments if m.decided_ns <= ns(114.0)])


def test_a_clip_stays_inside_its_epoch() -> None:
    """Timestamps start anew 3 s before the moment and 1 s after it."""
    story = Story()
    for number, start in enumerate((0, 97, 103)):
        story.fuser.epoch(Epoch(number=number, start_ns=ns(start), reason="gap", by="pdt"))
    [moment, *_] = story.until(120.0, roar(100.0))
    assert (moment.start_ns, moment.end_ns) == (ns(97), ns(103))


def test_the_end_of_the_stream_settles_everything() -> None:
    """Shown moments become final, open ones are rejected, at once."""
    story = Story()
    story.until(104.0, roar(100.0), roar(60.0, llr=0.9))
    story.moments += story.fuser.finish(ns(104))
    last = {m.id: m.state for m in story.moments}
    assert set(last.values()) == {MomentState.FINAL, MomentState.REJECTED}


def test_late_versions_of_decided_events_change_nothing() -> None:
    """A rejected moment is not opened again by an update."""
    story = Story()
    story.until(200.0, laughter(125.0, llr=0.5))
    assert states(story.moments)[-1] == "rejected"
    assert story.until(260.0, laughter(125.0, llr=2.5)) == []


_EVENTS = st.lists(
    st.builds(
        event,
        st.sampled_from(["crowd", "loud", "chat_reaction"]),
        st.sampled_from([Family.AUDIO, Family.CHAT, Family.GAME]),
        st.floats(-2.0, 3.0),
        start_s=st.floats(0.0, 400.0),
    ),
    max_size=25,
)


@settings(max_examples=30, deadline=None)
@given(_EVENTS)
def test_whatever_happens_the_states_and_spans_are_lawful(events: list[Event]) -> None:
    """Only allowed transitions; spans in order, within lengths; starts fixed and ends growing once shown."""
    story = Story(Family.AUDIO, Family.CHAT, Family.GAME)
    story.until(600.0, *events)
    story.moments += story.fuser.finish(ns(600))
    before: dict[str, Moment] = {}
    allowed = {
        None: {"open", "provisional", "rejected"},
        "open": {"provisional", "rejected"},
        "provisional": {"provisional", "confirmed", "withdrawn"},
        "confirmed": {"confirmed", "final", "withdrawn"},
    }
    for moment in story.moments:
        old = before.get(moment.id)
        assert moment.state.value in allowed[old.state.value if old else None]
        assert Ns(0) <= moment.start_ns < moment.end_ns
        assert to_s(moment.end_ns - moment.start_ns) <= GAMING.clip.max_s
        if old is not None and old.state is not MomentState.OPEN:
            assert moment.start_ns == old.start_ns
            assert moment.end_ns >= old.end_ns or moment.state is MomentState.WITHDRAWN
        before[moment.id] = moment
    assert {m.state for m in before.values()} <= {MomentState.FINAL, MomentState.REJECTED, MomentState.WITHDRAWN}
