"""The list "Robustness" of the detection design, section 5: what may happen to a stream without changing what is found.

Streams are made, of the family that constants were tuned on; the profile is gaming with a large budget, so that one
clip never costs another. A *clip* is a moment that was ever shown.
"""

from __future__ import annotations

import math
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from core.media import ChatMessage, Gap
from core.moments import Family, Moment, MomentState
from core.times import Ns, ns, to_s
from daemon.demo.mix import Mix
from daemon.demo.recipe import SOUNDS, compose, plant
from daemon.demo.synth import RATE as MIX_RATE
from daemon.worker.relive import relive
from tests.scenario.detection_runs import (
    Stretch,
    Watch,
    Wave,
    anchors,
    answered,
    begins_in_action,
    bots,
    chat_later,
    heard,
    louder,
    new_engine,
    profile,
    sound_only,
    stream_of,
    with_lines,
    without_chat,
    without_pictures,
    without_sound,
    without_words,
)
from tests.soaking import more
from tests.synthetic_streams.planted import FeatureStream

HOURS, LAG_S = 0.75, 8.0
MIXED, TALKED = 304, 301  # seeds: a stream of everything; one of sounds that chat answers
REACTIONS_S = (70.0, 130.0, 190.0, 250.0)
LOST_S, BACK_S = 500.0, 1600.0  # half of TALKED's moments lie in between
DEADLINE_S = 75.0  # detection.md section 4, 10
SETTLED_S = 1000.0  # after four moments that chat answered


def mixed() -> FeatureStream:
    """Moments and hard negatives of every kind, and a small chat."""
    return stream_of(MIXED, 1.0)


def talked() -> FeatureStream:
    """A dozen moments in 45 minutes; chat answers those that are heard eight seconds later."""
    return answered(TALKED, HOURS, LAG_S)


@cache
def undisturbed(name: str) -> Watch:
    """What is found when nothing happens."""
    watched = Watch({"mixed": mixed, "talked": talked}[name]()).go()
    assert len(watched.clips) >= 5
    return watched


def same(clips: Sequence[Moment], others: Sequence[Moment], within_s: float = 0.5) -> bool:
    """Whether two runs found the same moments."""
    pairs = zip(anchors(clips), anchors(others), strict=False)
    return len(clips) == len(others) and all(abs(a - b) <= within_s for a, b in pairs)


def added(clips: Sequence[Moment], reference: Watch, within_s: float = 12.0) -> list[float]:
    """Clips that the other run has nothing like."""
    known = anchors(reference.clips)
    return [a for a in anchors(clips) if all(abs(a - b) > within_s for b in known)]


def logit_without(clip: Moment, *families: Family) -> float:
    """What it scores on its other evidence."""
    gone = {family.value for family in families}
    left = {part for part in clip.parts if part not in {*gone, "prior", "agree"} and clip.parts[part] > 0.3}
    agree = clip.parts.get("agree", 0.0) if len(left) >= 2 else 0.0
    return sum(value for part, value in clip.parts.items() if part not in {*gone, "agree"}) + agree


def bar(clip: Moment) -> float:
    """As a logit."""
    return math.log(clip.bar / (1 - clip.bar))


def independent(reference: Watch, *families: Family, start_s: float, end_s: float) -> list[float]:
    """Anchors of the clips in a stretch that pass their bar with a margin without some families."""
    inside = (clip for clip in reference.clips if start_s <= to_s(clip.anchor_ns) < end_s)
    return anchors(clip for clip in inside if logit_without(clip, *families) >= bar(clip) + 0.5)


def waits(watched: Watch) -> list[float]:
    """How long after its anchor each clip was confirmed (s)."""
    first: dict[str, Moment] = {}
    for moment in watched.history:
        if moment.state in {MomentState.CONFIRMED, MomentState.FINAL}:
            first.setdefault(moment.id, moment)
    return [to_s(moment.decided_ns - moment.anchor_ns) for moment in first.values()]


# gain


@pytest.mark.parametrize(("name", "gain_db"), [("mixed", 12.0), ("talked", -12.0)])
def test_another_gain_changes_nothing(name: str, gain_db: float) -> None:
    """The same moments at the same places, with the same probabilities."""
    reference = undisturbed(name)
    stream = {"mixed": mixed, "talked": talked}[name]()
    watched = Watch(heard(stream, louder(stream.sound, gain_db))).go()
    assert same(watched.clips, reference.clips)
    assert [c.p for c in watched.clips] == pytest.approx([c.p for c in reference.clips], abs=0.05)


# codecs


@pytest.fixture(scope="module")
def wave() -> Wave:
    """Real voices over a game, with a roar, shouts, laughter and a cheer; mono at the mix's own rate."""
    rng = np.random.default_rng(2100)
    moments = [
        plant(rng, "sound_only", at, sound=sound, length_s=4.0) for at, sound in zip(REACTIONS_S, SOUNDS, strict=True)
    ]
    recipe = compose(rng, seed=2100, family="demo", duration_s=280.0, moments=moments, negatives=())
    mix = Mix(recipe)
    return mix.block(0, mix.samples)


@pytest.fixture(scope="module")
def original(wave: Wave) -> Watch:
    """As recorded."""
    return Watch(sound_only(ffmpeg(wave))).go(has_chat=False)


def ffmpeg(wave: Wave, *codec: str, folder: Path | None = None) -> Wave:
    """Resampled to 16 kHz, by way of a coded file where a codec is named."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    raw = ["-f", "f32le", "-ar", str(MIX_RATE), "-ac", "1", "-i", "pipe:"]
    out = ["-f", "f32le", "-ac", "1", "-ar", "16000", "pipe:"]
    run = [program, "-v", "error", "-nostdin"]
    sound = wave.astype("<f4").tobytes()
    if codec:
        assert folder is not None
        coded = str(folder / "coded.mp4")
        subprocess.run([*run, *raw, "-ar", "48000", "-ac", "2", *codec, coded], input=sound, check=True)
        raw, sound = ["-i", coded], b""
    done = subprocess.run([*run, *raw, *out], input=sound, check=True, capture_output=True)
    return np.frombuffer(done.stdout, "<f4")


def test_every_reaction_is_heard_in_the_original(original: Watch) -> None:
    """So that there is something to lose."""
    for at in REACTIONS_S:
        assert original.near(at, 3.0), (at, anchors(original.clips))


@pytest.mark.parametrize("gain_db", [0.0, -12.0])
def test_aac_at_96_kbit_changes_nothing(wave: Wave, original: Watch, tmp_path: Path, gain_db: float) -> None:
    """Nor at another gain; 0.5 s is five times what a frame of AAC lasts."""
    quieter = (wave * 10 ** (gain_db / 20)).astype(np.float32)
    coded = Watch(sound_only(ffmpeg(quieter, "-c:a", "aac", "-b:a", "96k", folder=tmp_path))).go(has_chat=False)
    assert same(coded.clips, original.clips)


# chat that comes late


@pytest.mark.parametrize("later_s", [10.0, *more(0.0, 20.0, 30.0)])
def test_a_later_chat_is_learned_and_moves_no_clip(later_s: float) -> None:
    """As if the platform were slower: clips stay where the sound is, and their chat still confirms them."""
    watched, reference = Watch(chat_later(talked(), later_s)).go(), undisturbed("talked")
    lag = watched.engine.chat_lag
    assert to_s(lag.mean_ns) == pytest.approx(LAG_S + later_s, abs=5.0)  # a burst is dated to within 4 s
    assert to_s(lag.sd_ns) < profile().detect.lag.prior_sd_s
    confirmed = 0
    for clip in reference.clips:
        at = to_s(clip.anchor_ns)
        if at < SETTLED_S or clip.parts.get("audio", 0.0) < 2:
            continue
        [again] = watched.near(at, 20.0)
        assert anchors([again]) == anchors([clip])
        assert abs(again.start_ns - clip.start_ns) <= ns(0.5)
        assert again.parts["chat"] > 1.0
        confirmed += 1
    assert confirmed >= 4


# bots


BOTS = {
    "links": ("free skins at example.test/skins", "visit example.test now", "best prices example.test/shop"),
    "laughter": ("LUL", "KEKW", "OMEGALUL", "LMAO", "hahaha", "no way"),
    "variety": tuple(
        f"{a} {b}" for a in ("wow", "so", "this", "very") for b in ("good", "nice", "cool", "fast", "mad")
    ),
}


@pytest.mark.parametrize("start_s", [420.0, *more(1560.0)], ids=["early", "late"])
@pytest.mark.parametrize("texts", BOTS)
def test_twenty_bots_are_no_moment(texts: str, start_s: float) -> None:
    """Five times the chat for two minutes, where nothing happens: what was shown for it at first is withdrawn.

    The moments elsewhere are found as before.
    """
    stream, reference = talked(), undisturbed("talked")
    per_min = 5 * 60 * len(stream.messages) / to_s(stream.end_ns)
    lines = bots(np.random.default_rng(3), start_s, start_s + 120.0, per_min, BOTS[texts])
    watched = Watch(with_lines(stream, lines)).go()
    assert added(watched.standing, reference) == []
    for clip in reference.clips:
        if clip.parts.get("audio", 0.0) >= 2:
            assert watched.near(to_s(clip.anchor_ns), 1.0), clip


def test_a_crowd_as_large_as_the_bots_is_a_moment() -> None:
    """The test above could fail: as many lines by those who always write are a clip."""
    stream = talked()
    known = sorted({m.user for m in stream.messages if m.t_ns < ns(900)})
    per_min = 5 * 60 * len(stream.messages) / to_s(stream.end_ns)
    lines = bots(np.random.default_rng(3), 1560.0, 1600.0, per_min, BOTS["laughter"])
    crowd = [ChatMessage(t_ns=line.t_ns, user=known[i % len(known)], text=line.text) for i, line in enumerate(lines)]
    assert len(added(Watch(with_lines(stream, crowd)).go().standing, undisturbed("talked"))) == 1


# a kind of evidence goes away, and comes back


def lose(family: Family) -> Watch:
    """Without one family between LOST_S and BACK_S, as a worker meets it."""
    stream = talked()
    match family:
        case Family.CHAT:
            watch = Watch(without_chat(stream, LOST_S, BACK_S))
            return watch.go(LOST_S).go(BACK_S, has_chat=False).go()
        case Family.AUDIO:
            hole = Gap(start_ns=ns(LOST_S), end_ns=ns(BACK_S), reason="test", track="audio")
            return Watch(without_sound(stream, LOST_S, BACK_S), holes=[hole]).go()
        case Family.SPEECH:
            return Watch(without_words(stream, LOST_S, BACK_S)).go()
        case _:
            return Watch(without_pictures(stream, LOST_S, BACK_S)).go()


@cache
def lost(family: Family) -> Watch:
    """Made once."""
    return lose(family)


LOSABLE = [Family.CHAT, Family.AUDIO, Family.SPEECH, Family.VISION]


@pytest.mark.parametrize("family", LOSABLE)
def test_nothing_waits_for_what_is_gone(family: Family) -> None:
    """Every clip is confirmed within the deadline."""
    assert max(waits(lost(family))) <= DEADLINE_S + 0.5


@pytest.mark.parametrize("family", LOSABLE)
def test_what_the_others_see_is_still_found(family: Family) -> None:
    """Each clip that would have passed its bar without the family."""
    reference, watched = undisturbed("talked"), lost(family)
    gone = (family, Family.SPEECH) if family is Family.AUDIO else (family,)  # a phrase counts by how it is said
    others = independent(reference, *gone, start_s=LOST_S, end_s=BACK_S)
    assert len(others) >= 2
    for at in others:
        near = 25.0 if family is Family.AUDIO else 1.0  # chat dates a moment to within its lag's spread
        assert watched.near(at, near), (at, anchors(watched.clips))


@pytest.mark.parametrize("family", LOSABLE)
def test_a_loss_is_no_moment(family: Family) -> None:
    """Nor is the return: nothing is found that was not there before, but at another place where sound is gone."""
    within_s = 25.0 if family is Family.AUDIO else 12.0
    assert added(lost(family).clips, undisturbed("talked"), within_s) == []


@pytest.mark.parametrize("family", [Family.CHAT, Family.AUDIO, Family.SPEECH])
def test_what_comes_back_counts_again(family: Family) -> None:
    """Clips after the return have about the evidence of this family that they always had."""
    reference, watched = undisturbed("talked"), lost(family)
    compared = 0
    for clip in reference.clips:
        if to_s(clip.anchor_ns) < BACK_S + 120 or clip.parts.get(family.value, 0.0) < 1.0:
            continue
        [again] = watched.near(to_s(clip.anchor_ns), 1.0)
        assert again.parts[family.value] >= 0.6 * clip.parts[family.value], (clip, again)
        compared += 1
    assert compared >= 1


def test_what_was_lost_was_really_gone() -> None:
    """The tests above could fail: the family leaves no evidence in the stretch without it."""
    for family in (Family.CHAT, Family.AUDIO):
        inside = [c for c in lost(family).clips if LOST_S + 60 < to_s(c.anchor_ns) < BACK_S - 60]
        assert inside
        assert not any(clip.parts.get(family.value) for clip in inside)


# half a minute that is missing


def outage(start_s: float) -> Watch:
    """Neither sound nor pictures nor words for 30 s; viewers are ten seconds further behind afterwards."""
    end_s = start_s + 30.0
    hole = Gap(start_ns=ns(start_s), end_ns=ns(end_s), reason="test")
    stream = without_pictures(without_words(without_sound(talked(), start_s, end_s), start_s, end_s), start_s, end_s)
    stream = chat_later(stream, 10.0, from_s=start_s)
    watch = Watch(stream, holes=[hole]).go(start_s - 0.5)
    before = watch.engine.chat_lag
    watch.go(start_s + 0.5)
    assert watch.engine.chat_lag.sd_ns > before.sd_ns  # what was learned is a guess again
    return watch.go()


@pytest.mark.parametrize("start_s", [660.0, 577.0], ids=["in calm", "in a roar"])
def test_a_gap_is_no_moment_and_poisons_nothing(start_s: float) -> None:
    """No clip in it or because of it, later moments weigh what they weighed, and the chat's delay is learned again."""
    reference, watched = undisturbed("talked"), outage(start_s)
    planted = [(to_s(moment.start_ns), to_s(moment.end_ns)) for moment in talked().truth.moments]
    new = added(watched.clips, reference)  # a clip less before leaves the hour's budget to a weaker moment
    assert [at for at in new if not any(first <= at <= last for first, last in planted)] == []
    assert not [c for c in watched.clips if start_s <= to_s(c.anchor_ns) < start_s + 30]
    later = [c for c in reference.clips if to_s(c.anchor_ns) > start_s + 120 and c.parts.get("audio", 0.0) >= 2]
    assert len(later) >= 5
    for clip in later:
        [again] = watched.near(to_s(clip.anchor_ns), 1.0)
        assert again.parts["audio"] >= clip.parts["audio"] - 0.5
    assert to_s(watched.engine.chat_lag.mean_ns) == pytest.approx(LAG_S + 10, abs=5.0)


# a stream that begins in the middle of it


def test_a_stream_that_begins_in_an_action_scene() -> None:
    """Two loud minutes from the first second on are no flood of clips, and hide nothing that comes later."""
    stream, reference = talked(), undisturbed("talked")
    watched = Watch(begins_in_action(stream, 120.0, over_talk_db=8.0)).go()
    assert len([c for c in watched.clips if to_s(c.anchor_ns) < 130]) <= 1
    later = [c for c in reference.clips if to_s(c.anchor_ns) > 300 and c.parts.get("audio", 0.0) >= 2]
    assert len(later) >= 5
    for clip in later:  # a weak one may drown for the 15 min that a baseline remembers, and be dated by its chat
        assert watched.near(to_s(clip.anchor_ns), 10.0), clip
    assert added(watched.clips, reference) == [a for a in anchors(watched.clips) if a < 130]


# the past decides


@pytest.mark.parametrize("cut_s", [575.5, 1310.5, *more(380.0, 601.0, 2100.0)])
def test_the_future_decides_nothing(cut_s: float) -> None:
    """Cut anywhere, in a roar or in its chat's burst, all decisions up to there are the same."""
    whole = undisturbed("talked").history
    cut = Watch(talked()).go(cut_s)
    assert cut.history == [moment for moment in whole if moment.decided_ns <= ns(cut_s)]
    assert cut.history


@pytest.mark.parametrize("restart_s", [577.0, *more(1320.0)])
def test_a_restart_is_not_noticed(restart_s: float) -> None:
    """Brought up to date from the log, an engine goes on as if nothing had happened: state by state, to the end."""
    before = Watch(talked()).go(restart_s)
    engine = new_engine()
    relive(engine, Stretch(talked(), Ns(0), ns(restart_s)), has_chat=True, until_ns=ns(restart_s), finish=False)
    after = Watch(talked(), engine=engine, since_s=restart_s).go()
    assert before.history + after.history == undisturbed("talked").history


def test_a_restart_after_two_hours_finds_the_same() -> None:
    """The log of two hours, as far as a worker goes back, stands for all of what came before."""
    stream, restart_s = stream_of(TALKED, 3.0), 9000.0
    whole = Watch(stream).go()
    engine, back_s = new_engine(), restart_s - 7200.0
    log = Stretch(stream, ns(back_s), ns(restart_s))
    relive(engine, log, has_chat=True, since_ns=ns(back_s), until_ns=ns(restart_s), finish=False)
    after = Watch(stream, engine=engine, since_s=restart_s).go()
    wanted = [clip for clip in whole.clips if to_s(clip.anchor_ns) >= restart_s]
    assert len(wanted) >= 2
    assert same(after.clips, wanted)
    assert [c.p for c in after.clips] == pytest.approx([c.p for c in wanted], abs=0.1)


# missing is not zero


def test_a_stream_without_chat_loses_nothing_that_is_heard() -> None:
    """What sound and words weigh is the same, moment by moment."""
    unchanged(Watch(without_chat(mixed())).go(has_chat=False), without=Family.CHAT)


def test_a_stream_without_words_loses_nothing_that_is_heard_or_written() -> None:
    """Without a recogniser the rest counts as always."""
    unchanged(Watch(without_words(mixed())).go(), without=Family.SPEECH)


def unchanged(watched: Watch, *, without: Family) -> None:
    """Each clip that does not need the family is there, with all that is heard in it."""
    compared = 0
    for clip in undisturbed("mixed").clips:
        if logit_without(clip, without) < bar(clip):
            continue
        near = watched.near(to_s(clip.anchor_ns), 10.0)
        assert near, clip
        again = max(near, key=lambda other: other.p)
        for part in {"audio", "speech"} - {without.value}:
            assert again.parts.get(part, 0.0) >= clip.parts.get(part, 0.0) - 0.01
        assert without.value not in again.parts
        compared += 1
    assert compared >= 3
