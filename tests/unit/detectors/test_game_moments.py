"""From a fight to a clip: one that grows with its streak, from before the first sign to after the last."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from configs import load_profile
from core.game import GameEvent, GameKind
from core.media import Epoch
from core.moments import Event, Family, Moment, MomentState
from core.signals import SignalChunk
from core.times import Ns, ns, to_s
from detectors import Engine, Profile
from detectors.features import SCENE_COLUMNS, SCENE_KIND
from tests.media import media
from tests.synthetic_streams import feature_level as fl
from tests.unit.detectors.games import kills, play, shows
from tests.unit.detectors.runs import SESSION, chunks_of, event, shown
from tests.unit.detectors.test_fusion import Story, laughter, roar, states

CLIP = Profile().clip


def last_of(moments: Sequence[Moment]) -> Moment:
    """The last state of the only clip."""
    [first] = shown(moments)
    return [moment for moment in moments if moment.id == first.id][-1]


@pytest.mark.parametrize(("count", "made"), [(1, 0), (2, 0), (3, 1), (4, 1), (5, 1)])
def test_three_kills_in_a_row_make_a_clip_alone_and_two_do_not(count: int, made: int) -> None:
    """Nothing else is heard, read or seen."""
    assert len(shown(play(kills(*(60.0 + 3 * n for n in range(count)))))) == made


@pytest.mark.parametrize(
    ("kind", "made"), [(GameKind.VICTORY, 1), (GameKind.CLUTCH, 1), (GameKind.ROUND_WON, 0), (GameKind.OBJECTIVE, 0)]
)
def test_what_the_game_calls_out_makes_a_clip_if_it_is_rare(kind: GameKind, made: int) -> None:
    """A won match and a clutch do; a won round comes too often."""
    assert len(shown(play([shows(60.0, kind, source="banner")]))) == made


def test_sounds_alone_make_no_clip() -> None:
    """Five kill sounds in a row: another player's, or a video that is watched."""
    assert shown(play(kills(60, 62, 64, 66, 68, source="sound"))) == []


def test_three_kills_are_enough_in_the_profile_for_matches() -> None:
    """Its clips are shorter, and so is the fight that one of them can hold."""
    sports = load_profile("sports")
    assert len(shown(play(kills(60, 62, 64), profile=sports))) == 1
    longest = max(to_s(m.end_ns - m.start_ns) for m in play(kills(*range(60, 120, 3)), profile=sports))
    assert longest <= sports.clip.max_s


def test_a_streak_is_one_clip_that_grows() -> None:
    """It is cut with the third kill, and every further one is a revision with a later end and the same start."""
    moments = play([*kills(60, 63, 66, 75, 84), shows(86.0, GameKind.ROUND_WON, source="banner")])
    out = [moment for moment in moments if moment.state is not MomentState.OPEN]
    assert len({moment.id for moment in out}) == 1
    assert len({moment.start_ns for moment in out}) == 1
    assert to_s(out[0].decided_ns) == 67.0
    ends = [to_s(moment.end_ns) for moment in out]
    assert ends == sorted(ends)
    assert ends[0] == 66 + CLIP.post_s
    assert ends[-1] == pytest.approx(87 + CLIP.post_s)
    assert out[-1].state is MomentState.FINAL
    assert [reason.split(" (")[0] for reason in out[-1].reasons] == ["5 kills in 24 s", "the round won"]


def test_a_clip_begins_before_the_first_sign_and_ends_after_the_last() -> None:
    """A long fight that others began: its first row is in the clip, and so is its last."""
    others = [shows(t, own=False, who=f"player {t}") for t in (46, 50, 55, 78, 83)]
    clip = last_of(play([*others, *kills(60, 66, 73)]))
    assert to_s(clip.start_ns) <= 50.0
    assert to_s(clip.end_ns) >= 83.0
    assert to_s(clip.anchor_ns) == 60.0


def test_the_length_is_that_of_the_fight() -> None:
    """Three kills in two seconds and five in twenty give clips as much longer."""
    short, long = (last_of(play(kills(*times))) for times in ((60, 61, 62), (60, 65, 70, 75, 80)))
    assert to_s((long.end_ns - long.start_ns) - (short.end_ns - short.start_ns)) == pytest.approx(18.0)


def test_a_clip_of_a_fight_keeps_to_max_s() -> None:
    """Two minutes of killing are several clips, each within the profile's longest."""
    moments = play(kills(*range(60, 180, 4)))
    assert len(shown(moments)) >= 2
    assert all(to_s(moment.end_ns - moment.start_ns) <= CLIP.max_s for moment in moments)


def test_a_fight_starts_at_a_cut_of_the_picture_where_one_is_near() -> None:
    """The streamer comes back from the map: the clip starts there, not twelve seconds before the first kill."""
    engine = Engine(Profile(), SESSION)
    times, values = np.array([ns(46.5)], dtype=np.int64), np.array([[0.8, 1, 2, 3, 4]], dtype=np.float32)
    engine.feed(
        SignalChunk(kind=SCENE_KIND, start_ns=ns(46.5), step_ns=0, values=values, columns=SCENE_COLUMNS, times_ns=times)
    )
    engine.game(kills(60, 62, 64))
    assert last_of(engine.finish(ns(200)).moments).start_ns == ns(46.5)


def test_a_fight_ends_with_its_epoch() -> None:
    """Nothing is cut across a reconnect."""
    engine = Engine(Profile(), SESSION)
    engine.epoch(Epoch(number=0, start_ns=Ns(0), reason="start", by="start"))
    engine.epoch(Epoch(number=1, start_ns=ns(66), reason="reconnect", by="boottime"))
    engine.game(kills(60, 62, 64))
    assert last_of(engine.finish(ns(200)).moments).end_ns <= ns(66)


def test_what_the_game_shows_is_confirmed_at_once() -> None:
    """Nobody can gainsay it, so the chat is not waited for; two kills that need a cheer are."""
    alone = Story(Family.GAME, Family.CHAT)
    found = alone.until(70.0, event("streak", Family.GAME, 1.5, start_s=60.0, onset_s=60.0))
    assert states(found) == ["provisional", "confirmed"]
    both = Story(Family.GAME, Family.AUDIO, Family.CHAT)
    found = both.until(70.0, event("streak", Family.GAME, 0.6, start_s=60.0, onset_s=60.0), roar(62.0, llr=1.0))
    assert states(found) == ["open", "provisional"]
    assert {"game", "audio", "agree"} <= set(found[-1].parts)


def test_two_kills_and_a_chat_that_cheers_are_a_clip() -> None:
    """Neither passes alone."""
    two = event("streak", Family.GAME, 0.6, start_s=60.0, onset_s=60.0)
    story = Story(Family.GAME, Family.CHAT)
    found = story.until(160.0, two, laughter(80.0, llr=0.8))
    assert states(found)[:2] == ["open", "provisional"]
    assert to_s(found[1].anchor_ns) == 60.0


def test_chat_is_late_to_the_last_kill_not_to_the_first() -> None:
    """Five kills in twenty seconds and a burst eight after: eight is what is learned."""
    streak = event("streak", Family.GAME, 2.5, start_s=60.0, onset_s=60.0)
    long = Event(**{**{n: getattr(streak, n) for n in streak.__slots__}, "end_ns": ns(80), "peak_ns": ns(80)})
    story = Story(Family.GAME, Family.CHAT)
    story.until(160.0, long, laughter(88.0))
    assert story.fuser.lag.count == 1
    assert to_s(story.fuser.lag.estimate().mean_ns) < 15.0


def test_a_fight_that_follows_a_clip_is_judged_as_one_of_its_own() -> None:
    """Forty seconds later, with as many kills: the bar is higher then, and four kills pass it."""
    assert len(shown(play([*kills(60, 62, 64), *kills(110, 112, 114, 116)]))) == 2


@pytest.mark.parametrize("profile", ["podcast", "irl"])
def test_profiles_that_are_no_games_make_nothing_of_it(profile: str) -> None:
    """Their weight of games is 0."""

    assert shown(play(kills(60, 61, 62, 63, 64), profile=load_profile(profile))) == []


def noisy_stream() -> tuple[list[SignalChunk], list[Any]]:
    """A minute and a half of talk with a roar and its chat."""
    rng = np.random.default_rng(5)
    sound = fl.talk(rng, 90.0)
    fl.add(sound, fl.roar(rng, 4.0), 45.0, 9.0)
    return chunks_of(sound, block=1600), fl.chat(rng, 90.0, 30.0, ((53.0, 5.0),))


def test_without_a_game_nothing_is_decided_otherwise() -> None:
    """An engine that has no game family at all, one whose game shows nothing, and one told that there is none."""
    chunks, chat = noisy_stream()

    def run(engine: Engine, events: Sequence[GameEvent] = ()) -> tuple[list[Event], list[Moment]]:
        for chunk in chunks:
            engine.feed(chunk)
        engine.chat(chat)
        engine.game(events)
        return engine.finish(ns(90))

    without = Engine(Profile(), SESSION)
    without._detectors = tuple(d for d in without._detectors if d.family is not Family.GAME)
    expected = run(without)
    assert len(shown(expected[1])) == 1
    assert run(Engine(Profile(), SESSION)) == expected
    missing = Engine(Profile(), SESSION)
    missing.available(Family.GAME, False)
    assert run(missing) == expected


def test_batching_and_truncation_change_nothing() -> None:
    """Fed at once or step by step, whole or cut off: decisions up to a time need nothing after it."""
    events = [*kills(60, 63, 66, 75), shows(77, GameKind.ROUND_WON, source="banner"), *kills(76, source="sound")]
    engine, found = Engine(Profile(), SESSION), []
    for step in range(1, 241):
        engine.game([e for e in events if ns((step - 1) / 2) < e.known_ns <= ns(step / 2)])
        found += engine.advance(ns(step / 2)).moments
    whole = Engine(Profile(), SESSION)
    whole.game(events)
    assert whole.advance(ns(120)).moments == found
    part = Engine(Profile(), SESSION)
    part.game([e for e in events if e.known_ns <= ns(70)])
    assert part.advance(ns(70)).moments == [moment for moment in found if moment.decided_ns <= ns(70)]


def test_five_frags_of_a_real_game_are_one_clip() -> None:
    """The frags and deaths that the engine of a real shooter logged in 90 s: one clip, of the five in nine seconds."""
    logged = json.loads((media("fx-game") / "dm_seed7.mp4.json").read_text())["events"]
    kinds = {"fragcount": GameKind.KILL, "deathcount": GameKind.DEATH}
    events = [shows(e["t"], kinds[e["event"]]) for e in logged if e["event"] in kinds and e["delta"] > 0]
    clip = last_of(play(events, until_s=90.0))
    frags_s = [to_s(e.t_ns) for e in events if e.kind is GameKind.KILL][-5:]
    assert to_s(clip.anchor_ns) == pytest.approx(frags_s[0])
    assert to_s(clip.start_ns) < frags_s[0] - 5
    assert to_s(clip.end_ns) > frags_s[-1] + 5
    assert clip.reasons == ("5 kills in 9 s (less than once an hour)",)
