"""The figures of a report, on streams whose figures are known by hand."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.evaluation.candidates import Candidate, Run
from daemon.evaluation.metrics import Figures, figures, paired
from daemon.evaluation.truth import Truth
from tests.unit.evaluation.made import moment, negative, run, said, truth

TWO = truth(
    moment(600, 610, kind="roar", families=("audio", "chat"), level="strong"),
    moment(2400, 2420, peak_s=2404, kind="joke", families=("speech",), level="middle"),
)


def scored(truth_: Truth, *candidates: Candidate, **known: Any) -> dict[str, float | None]:
    """Figures of one stream without their intervals."""
    return values(figures([run(truth_, *candidates, **known)]))


def values(found: Figures) -> dict[str, float | None]:
    """Rounded, so that they can be written down."""
    return {key: None if figure.value is None else round(figure.value, 6) for key, figure in found.items()}


def test_precision_and_recall_of_what_was_shown() -> None:
    """One of two moments found, one clip of three right; a near miss was never shown."""
    found = scored(TWO, said(601, 3), said(602, 2), said(1500, 1), said(2405, 0.5, shown_s=None))
    assert found["shown.precision"] == pytest.approx(1 / 3, abs=1e-6)
    assert found["shown.recall"] == 0.5
    assert found["shown.false_per_h"] == 2.0
    assert found["shown.duplicates"] == pytest.approx(1 / 3, abs=1e-6)
    assert found["shown.per_h"] == 3.0


def test_near_misses_count_in_rankings() -> None:
    """Hit, duplicate, false, hit: (1 + 2/4) / 2; the best four of the hour hold both moments."""
    found = scored(TWO, said(601, 3), said(602, 2), said(1500, 1), said(2405, 0.5, shown_s=None))
    assert found["ap.10"] == pytest.approx(0.75)
    assert found["top4.precision"] == 0.5
    assert found["top4.recall"] == 1.0
    assert found["hit@3"] == 0.5
    assert found["hit@5"] == 1.0


def test_tolerances_differ_and_their_mean_is_reported() -> None:
    """8 s off: no hit within 5 s, one within 10 and 20."""
    found = scored(truth(moment(600, 610)), said(592))
    assert [found[f"ap.{s}"] for s in (5, 10, 20)] == [0.0, 1.0, 1.0]
    assert found["ap.mean"] == pytest.approx(2 / 3, abs=1e-6)


def test_recall_is_told_by_kind_number_of_families_and_level() -> None:
    """Of what was shown."""
    found = scored(TWO, said(601))
    assert (found["recall.families.2"], found["recall.families.1"]) == (1.0, 0.0)
    assert found["recall.single.speech.middle"] == 0.0
    assert (found["recall.kind.roar"], found["recall.kind.joke"]) == (1.0, 0.0)


def test_weak_single_evidence_is_not_asked_for() -> None:
    """The target is about +6 dB and x4 chat."""
    weak = truth(
        moment(600, 610, families=("audio",), level="weak"), moment(900, 910, families=("chat",), level="strong")
    )
    assert scored(weak, said(905))["recall_at.single"] == 1.0
    assert scored(weak, said(905))["recall_at.all"] == 0.5


def test_unsure_moments_are_neither_missed_nor_found() -> None:
    """Recall is of the sure ones."""
    doubt = truth(moment(600, 610), moment(900, 910), unsure=[(905, 920)])
    found = scored(doubt, said(605, 2), said(905, 1))
    assert (found["shown.precision"], found["shown.recall"], found["ap.10"]) == (1.0, 1.0, 1.0)


def test_latency_is_media_time_from_the_end_and_from_the_peak() -> None:
    """Clips that waited for chat stand in rows of their own."""
    found = scored(
        TWO,
        said(601, shown_s=613, confirmed_s=640),
        said(2404, shown_s=2450, confirmed_s=2460, waited_for_chat=True),
    )
    assert found["provisional.after_end.p50"] == 3.0
    assert found["provisional.after_peak.p95"] == 8.0
    assert found["provisional.after_end.waited.p50"] == 30.0
    assert found["confirmed.after_end.chat.p50"] == 30.0
    assert found["confirmed.after_end.chat.p95"] == 40.0
    assert found["waited_for_chat"] == 0.5


def test_streams_without_a_chat_confirm_in_a_row_of_their_own() -> None:
    """They have nothing to wait for."""
    found = scored(TWO, said(601, shown_s=613, confirmed_s=625), has_chat=False)
    assert found["confirmed.after_end.no_chat.p50"] == 15.0
    assert "confirmed.after_end.chat.p50" not in found


def test_edges_are_measured_against_the_run_up_and_the_post_roll() -> None:
    """Wanted: 588-616. Got: 585-612, with the anchor 2 s late."""
    found = scored(TWO, said(602, span=(585, 612)))
    assert (found["start_error.p50"], found["end_error.p50"], found["anchor_error.p50"]) == (3.0, 4.0, 2.0)
    assert found["inside"] == 1.0
    assert scored(TWO, said(602, span=(601, 620)))["inside"] == 0.0


def test_a_run_up_before_the_stream_begins_is_not_asked_for() -> None:
    """A moment at 5 s can start at 0 at the earliest."""
    assert scored(truth(moment(5, 10)), said(5, span=(0, 16)))["start_error.p50"] == 0.0


def test_overlap_is_scored_apart() -> None:
    """Wanted 588-616; 588-602 is half of it."""
    found = scored(TWO, said(601, span=(588, 602)))
    assert [found[f"iou{least}.recall"] for least in (0.3, 0.5, 0.7)] == [0.5, 0.5, 0.0]
    assert found["iou0.7.precision"] == 0.0


def test_quiet_footage_counts_its_own_hours() -> None:
    """Two false clips in half an hour of quiet; one outside of it does not count."""
    quiet = truth(moment(100, 110), quiet=[(1800, 3600)])
    found = figures([run(quiet, said(105), said(900), said(2000), said(3000))])
    assert found["quiet.false_per_h"].value == 4.0
    assert found["quiet.false_per_h"].count == 0.5


def test_no_alarm_in_some_hours_proves_no_more_than_the_rule_of_three() -> None:
    """Nothing in 15 h: at most one in five hours, at 95 %."""
    found = figures([run(truth(quiet=[(0, 5 * 3600)]), hours=5, stream=name) for name in "abc"])["quiet.false_per_h"]
    assert (found.value, found.estimate.low, found.estimate.high) == (0.0, 0.0, 0.2)


def test_false_clips_belong_to_hard_negatives_by_kind() -> None:
    """One slam of two draws a clip; a false clip far from any has no cause."""
    noise = truth(negatives=[negative(500, 501, "slam"), negative(900, 901, "slam"), negative(1500, 1510, "music")])
    found = scored(noise, said(505), said(2500))
    assert found["negatives.per_100"] == pytest.approx(100 / 3, abs=1e-6)
    assert (found["negatives.slam"], found["negatives.music"]) == (50.0, 0.0)
    assert found["false.no_cause_per_h"] == 1.0


def test_a_right_clip_beside_a_negative_is_not_held_against_it() -> None:
    """The moment explains it."""
    both = truth(moment(500, 510), negatives=[negative(505, 506)])
    assert scored(both, said(505))["negatives.per_100"] == 0.0


def test_the_alarm_rate_is_judged_after_half_an_hour() -> None:
    """A budget of 6/h leaves 3 for the second half; what was shown in the first does not count."""
    found = scored(truth(moment(100, 110)), said(100), said(200), said(1900), said(2500))
    assert found["alarm_rate"] == pytest.approx(2 / 3, abs=1e-6)
    assert "alarm_rate" not in scored(truth(moment(100, 110)), said(100), hours=0.5)


def test_cut_words_are_a_share_of_the_clips_whose_words_are_known() -> None:
    """Nobody's words, no figure."""
    assert scored(TWO, said(601, cuts_word=True), said(2405, cuts_word=False), said(50))["words_cut"] == 0.5
    assert "words_cut" not in scored(TWO, said(601))


def test_claimed_probabilities_are_held_against_the_truth() -> None:
    """0.9 where it was one and 0.3 where it was none: Brier (0.01 + 0.09) / 2, off by 0.1 and 0.3."""
    found = scored(TWO, said(601, 2, p=0.9), said(1500, 1, p=0.3, shown_s=None))
    assert found["brier"] == pytest.approx(0.05)
    assert found["ece"] == pytest.approx(0.2)


def test_a_baseline_is_ranked_and_nothing_else() -> None:
    """It shows nothing: it has no bar."""
    found = scored(TWO, said(601, shown_s=None), shows=False)
    assert found["ap.10"] == 0.5
    assert not any(key.startswith(("shown", "quiet", "iou", "provisional")) for key in found)


def test_a_stream_without_moments_has_no_recall() -> None:
    """Neither 0 nor 1."""
    found = scored(truth(quiet=[(0, 3600)]))
    assert not any(key.startswith(("ap", "recall", "top4.recall", "hit")) for key in found)


def test_intervals_come_from_streams() -> None:
    """The same stream eight times leaves nothing to chance."""
    found = figures([run(TWO, said(601, 2), said(900, 1), stream=name) for name in "abcdefgh"])
    for key in ("ap.mean", "recall_at.all", "shown.precision", "start_error.p90"):
        one = found[key].estimate
        assert one.low == pytest.approx(one.value), key
        assert one.high == pytest.approx(one.value), key


def runs(*found: bool) -> list[Run]:
    """A stream each, with its only moment found or not."""
    return [run(truth(moment(600, 610)), *([said(605)] if yes else []), stream=str(n)) for n, yes in enumerate(found)]


def test_two_systems_are_compared_stream_by_stream() -> None:
    """The same system: no difference, and chance alone is always as far apart."""
    same = paired(runs(True, False, True), runs(True, False, True))
    assert {(one.by.value, one.chance) for one in same.values()} == {(0.0, 1.0)}
    better = paired(runs(*[True] * 12), runs(*[False] * 12))
    assert better["ap.mean"].by.value == 1.0
    assert better["ap.mean"].chance < 0.01


def test_a_comparison_takes_the_same_streams() -> None:
    """Anything else would not be paired."""
    with pytest.raises(ValueError, match="same streams"):
        paired(runs(True, False), runs(True))
