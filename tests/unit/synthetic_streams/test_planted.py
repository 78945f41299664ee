"""The evaluation bench's made streams: what is planted, where, and whether sound, words and truth agree."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from itertools import combinations, pairwise

import numpy as np
import pytest

from core.times import ns, to_s
from daemon.evaluation.truth import TrueMoment, TrueNegative, truth_from
from detectors.features import AUDIO_COLUMNS, AUDIO_KIND
from tests.soaking import more
from tests.synthetic_streams.planted import FAMILIES, Family, FeatureStream, make_stream, place_of, quiet_stream
from tests.synthetic_streams.planted import schedule as planner
from tests.synthetic_streams.planted.scenes import EVERY_S
from tests.synthetic_streams.planted.sounds import REACTIONS
from tests.synthetic_streams.planted.stream import SCENE_COLUMNS
from tests.synthetic_streams.planted.traits import TRAITS

_LEVEL = AUDIO_COLUMNS.index("level")
_HASHES = slice(SCENE_COLUMNS.index("hash0"), None)


def seeds(family: Family, count: int) -> list[int]:
    """Seeds whose streams share the first setting, so that the tests build one library of each family."""
    return [seed for seed in range(400) if place_of(seed, family) == 0][:count]


@cache
def streams(family: Family) -> tuple[FeatureStream, ...]:
    """Six hours, one by one."""
    return tuple(make_stream(seed, family=family) for seed in seeds(family, 6))


@pytest.fixture(params=[FAMILIES[0], *more(*FAMILIES[1:])])
def some(request: pytest.FixtureRequest) -> tuple[FeatureStream, ...]:
    """A family's streams."""
    return streams(request.param)


def everything(stream: FeatureStream) -> list[object]:
    """All that a stream offers, comparable."""
    signals = [(c.kind, c.start_ns, c.values.tobytes()) for c in stream.signals()]
    return [signals, list(stream.chat()), list(stream.committed()), stream.truth, stream.said, stream.channel]


@pytest.mark.parametrize("family", [FAMILIES[0], *more(*FAMILIES[1:])])
def test_the_same_seed_gives_the_same_stream_and_another_seed_another(family: Family) -> None:
    """Signals, chat, words and truth."""
    first, second = seeds(family, 2)
    made = [make_stream(seed, family=family, hours=0.1) for seed in (first, first, second)]
    assert everything(made[0]) == everything(made[1])
    assert all(a != b for a, b in zip(everything(made[0])[:5], everything(made[2])[:5], strict=True))


def test_moments_and_negatives_come_as_often_as_asked(some: tuple[FeatureStream, ...]) -> None:
    """Six and twelve an hour; hardly a negative finds no place."""
    assert [len(stream.truth.moments) for stream in some] == [6] * len(some)
    assert sum(len(stream.truth.negatives) for stream in some) >= 12 * len(some) - 3


def test_a_third_of_the_moments_is_weakest_and_a_third_has_one_kind_of_evidence(
    some: tuple[FeatureStream, ...],
) -> None:
    """And single moments are of all three kinds."""
    moments = [moment for stream in some for moment in stream.truth.moments]
    assert Counter(moment.level for moment in moments) == {"weak": 12, "middle": 12, "strong": 12}
    singles = [moment.kind for moment in moments if len(moment.families) == 1]
    assert len(singles) == 12
    assert set(singles) == {"audio", "chat", "speech"}
    assert max(len(moment.families) for moment in moments) >= 3
    assert all(moment.kind == "+".join(moment.families) for moment in moments)


def test_what_is_planted_keeps_its_distance(some: tuple[FeatureStream, ...]) -> None:
    """Moments 90 s from one another, negatives 20 s, floods of chat 75 s after a moment."""
    for stream in some:
        moments, negatives = stream.truth.moments, stream.truth.negatives
        assert all(b.start_ns - a.end_ns >= ns(90) for a, b in pairwise(moments))
        assert all(b.start_ns - a.end_ns >= ns(19) for a, b in pairwise(negatives))
        for negative in negatives:
            after = 75 if negative.kind in planner.CHAT_NEGATIVES else 20
            for moment in moments:
                before_it = moment.start_ns - negative.end_ns >= ns(20)
                assert before_it or negative.start_ns - moment.end_ns >= ns(after), negative.kind


def test_every_kind_of_hard_negative_occurs(some: tuple[FeatureStream, ...]) -> None:
    """Within six hours."""
    found = {negative.kind for stream in some for negative in stream.truth.negatives}
    assert found == set(planner.NEGATIVE_KINDS)


def test_truth_lies_within_the_stream_and_survives_its_file(some: tuple[FeatureStream, ...]) -> None:
    """Peaks lie inside moments, quiet stretches touch nothing that was planted."""
    for stream in some:
        truth = stream.truth
        planted: list[TrueMoment | TrueNegative] = [*truth.moments, *truth.negatives]
        assert all(0 < one.start_ns < one.end_ns < stream.end_ns for one in planted)
        assert all(moment.start_ns <= moment.peak_ns <= moment.end_ns for moment in truth.moments)
        assert all(q[1] <= one.start_ns or one.end_ns <= q[0] for q in truth.quiet for one in planted)
        again = truth_from(truth.as_json())
        assert [m.kind for m in again.moments] == [m.kind for m in truth.moments]
        assert 0.3 * stream.end_ns < sum(b - a for a, b in truth.quiet) < 0.9 * stream.end_ns


def test_words_are_in_order_and_known_after_they_end(some: tuple[FeatureStream, ...]) -> None:
    """Said and heard alike; commits come 0.8-3 s after their last word, or right behind the one before."""
    for stream in some:
        assert all(0 <= word.start_ns < word.end_ns <= stream.end_ns for word in stream.said)
        assert all(a.end_ns <= b.start_ns for a, b in pairwise(stream.said))
        commits = list(stream.committed())
        heard = [word for commit in commits for word in commit.words]
        assert all(a.end_ns <= b.start_ns + ns(0.1) for a, b in pairwise(heard))
        assert [commit.seq for commit in commits] == list(range(len(commits)))
        assert all(a.known_ns <= b.known_ns for a, b in pairwise(commits))
        lags = np.array([to_s(commit.known_ns - commit.words[-1].end_ns) for commit in commits])
        assert lags.min() >= 0.79
        assert np.quantile(lags, 0.99) <= 3.01
        assert all(1 <= len(commit.words) <= 8 for commit in commits)


def test_talk_has_the_pace_of_talk(some: tuple[FeatureStream, ...]) -> None:
    """2.2-3.5 words a second while somebody talks, sentences that end, a host who pauses."""
    for stream in some:
        spans = [(word.start_ns, word.end_ns) for word in stream.said]
        within = [b - a for a, b in pairwise(start for start, _ in spans) if b - a < ns(1.0)]
        assert 2.2 <= 1 / to_s(int(np.mean(within))) <= 3.5
        assert 0.08 <= np.mean([word.ends_sentence for word in stream.said]) <= 0.35
        assert 0.3 <= sum(b - a for a, b in spans) / stream.end_ns <= 0.8


def test_words_lie_where_somebody_is_heard(some: tuple[FeatureStream, ...]) -> None:
    """Rows inside words are clearly louder than rows in the pauses around them."""
    for stream in some:
        middle = np.array([(word.start_ns + word.end_ns) // 2 for word in stream.said]) // 100_000_000
        gaps = [(a.end_ns + b.start_ns) // 2 for a, b in pairwise(stream.said) if b.start_ns - a.end_ns > ns(0.6)]
        level = stream.sound[:, _LEVEL]
        assert np.median(level[middle]) > np.median(level[np.array(gaps) // 100_000_000]) + 6


def heard_level(stream: FeatureStream, moment: TrueMoment) -> float:
    """Power while it lasts, in dB over the stream's usual words."""
    talk = np.array([word.start_ns // 100_000_000 + 1 for word in stream.said]).clip(max=len(stream.sound) - 1)
    first, last = moment.start_ns // 100_000_000, moment.end_ns // 100_000_000
    power = 10 ** (stream.sound[:, _LEVEL].astype(np.float64) / 10)
    return float(10 * np.log10(power[first:last].mean() / power[talk].mean()))


def test_stronger_moments_are_louder(some: tuple[FeatureStream, ...]) -> None:
    """By about the 3 and 4 dB between the levels."""
    found: dict[str, list[float]] = {"weak": [], "middle": [], "strong": []}
    for stream in some:
        for moment in stream.truth.moments:
            if "audio" in moment.families:
                found[moment.level].append(heard_level(stream, moment))
    weak, middle, strong = (float(np.mean(found[level])) for level in ("weak", "middle", "strong"))
    assert 1.0 <= middle - weak <= 5.0
    assert 2.0 <= strong - middle <= 6.0
    assert 0.0 <= weak <= 6.0


def test_hooks_are_said_at_their_moments(some: tuple[FeatureStream, ...]) -> None:
    """A moment with speech has words with an exclamation mark in it; commands follow within 20 s of its end."""
    for stream in some:
        for moment in stream.truth.moments:
            if "speech" in moment.families:
                inside = [w for w in stream.said if w.end_ns > moment.start_ns and w.start_ns < moment.end_ns]
                assert any(word.text.endswith("!") for word in inside)
            if "command" in moment.families:
                after = [w for w in stream.said if ns(5) <= w.start_ns - moment.end_ns <= ns(22)]
                assert "clip" in " ".join(word.text.lower() for word in after)


def test_a_replay_repeats_rows_words_and_hashes() -> None:
    """Of a moment at least two minutes before; hashes up to three bits off."""
    stream = next(s for s in streams("tune") if any(n.kind == "replay" for n in s.truth.negatives))
    replay = next(n for n in stream.truth.negatives if n.kind == "replay")
    first, size = replay.start_ns // 100_000_000, (replay.end_ns - replay.start_ns) // 100_000_000
    again = stream.sound[first + 2 : first + size - 2]
    places = [m.start_ns // 100_000_000 for m in stream.truth.moments if m.end_ns + ns(120) <= replay.start_ns]
    of = next(
        p + k
        for p in places
        for k in (1, 2, 3)
        if np.array_equal(stream.sound[p + k : p + k + len(again)], again)
    )  # fmt: skip
    frame, source = (round(x / 10 / EVERY_S) for x in (first, of - 2))
    now, then = (stream.scene[i - 1 : i + 1, _HASHES].astype(np.uint16) for i in (frame, source))
    bits = [int(np.bitwise_count(a ^ b).sum()) for a in now for b in then]
    assert min(bits) <= 3
    texts = [[w.text for w in stream.said if a <= w.start_ns < a + replay.end_ns - replay.start_ns] for a in (
        replay.start_ns, (of - 2) * 100_000_000)]  # fmt: skip
    assert texts[0]
    assert set(texts[0][1:-1]) <= set(texts[1])


def test_signals_come_in_order_finite_and_complete(some: tuple[FeatureStream, ...]) -> None:
    """Ten rows a second of sound and a keyframe every two seconds, by the time at which they are known."""
    stream = some[0]
    for rows in (5, 600):
        chunks = list(replace(stream, chunk_rows=rows).signals())
        assert all(a.end_ns <= b.end_ns for a, b in pairwise(chunks))
        assert all(np.isfinite(chunk.values).all() for chunk in chunks)
        assert sum(len(chunk) for chunk in chunks if chunk.kind == AUDIO_KIND) == 36_000
        assert sum(len(chunk) for chunk in chunks if chunk.kind != AUDIO_KIND) == 1_799
    assert min(chunk.end_ns for chunk in stream.signals(ns(600))) >= ns(600)
    assert all(a.t_ns <= b.t_ns for a, b in pairwise(stream.chat()))
    assert all(message.t_ns >= ns(600) for message in stream.chat(ns(600)))
    assert (len(stream.epochs()), stream.gaps()) == (1, [])


def test_hashes_change_a_little_within_scenes_and_wholly_between_them(some: tuple[FeatureStream, ...]) -> None:
    """A static scene repeats its hash."""
    for stream in some:
        change, hashes = stream.scene[:, 0], stream.scene[:, _HASHES].astype(np.uint16)
        assert np.array_equal(hashes, stream.scene[:, _HASHES])
        bits = np.bitwise_count(hashes[1:] ^ hashes[:-1]).sum(axis=1)
        assert bits[change[1:] < 0.35].max() <= 12  # six, and a replay's noise on two frames
        assert 26 <= np.median(bits[change[1:] >= 0.4]) <= 38
        for negative in stream.truth.negatives:
            if negative.kind == "static_scene":
                inside = (stream.scene_ns > negative.start_ns + ns(2)) & (stream.scene_ns < negative.end_ns)
                assert len(np.unique(hashes[inside], axis=0)) == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_a_quiet_stream_has_nothing_planted(family: Family) -> None:
    """Talk, words and chat all the same."""
    stream = quiet_stream(seeds(family, 1)[0], family=family, hours=0.25)
    assert (stream.truth.moments, stream.truth.negatives) == ((), ())
    assert stream.truth.quiet == ((0, stream.end_ns),)
    assert stream.said
    assert stream.messages


def test_without_chat_moments_have_other_evidence() -> None:
    """And no flood of chat is among the negatives."""
    stream = make_stream(seeds("tune", 1)[0], family="tune", chat_per_min=0)
    assert stream.messages == ()
    assert all("chat" not in moment.families and moment.families for moment in stream.truth.moments)
    assert not {negative.kind for negative in stream.truth.negatives} & set(planner.CHAT_NEGATIVES)


def test_moments_that_do_not_fit_are_refused() -> None:
    """Rather than planted too close."""
    with pytest.raises(ValueError, match="do not fit"):
        make_stream(seeds("tune", 1)[0], family="tune", hours=0.1, plants_per_h=60)


def test_the_families_share_no_texts_sounds_or_ranges() -> None:
    """Else what is tuned on one would be known on the other."""
    for one, other in combinations(FAMILIES, 2):
        assert_apart(one, other)
    assert TRAITS["tune"].raised_pitch[0] > TRAITS["test"].raised_pitch[1]
    assert set(REACTIONS["tune"]) != set(REACTIONS["test"])


def assert_apart(one: Family, other: Family) -> None:
    """No text, no row of sound and no range of the chat's lag in both."""
    mine, theirs = TRAITS[one].texts.pools(), TRAITS[other].texts.pools()
    said = ("subjects", "verbs", "nouns", "places", "hooks", "cries", "commands", "quotes", "superlatives", "openers")
    written = ("calm", "laugh", "hype", "about", "emotes", "jokes", "greetings", "thanks", "adverts", "pastas")
    assert {name: mine[name] & theirs[name] for name in (*said, *written)} == {
        name: set() for name in (*said, *written)
    }
    assert set(TRAITS[one].texts.calm) & set(TRAITS[other].texts.calm) == {"en"}
    assert TRAITS[one].chat_lag_s != TRAITS[other].chat_lag_s
    assert TRAITS[one].reaction_s != TRAITS[other].reaction_s
    beds = [make_stream(seeds(family, 1)[0], family=family, hours=0.1).sound for family in (one, other)]
    assert not {row.tobytes() for row in beds[0]} & {row.tobytes() for row in beds[1]}
