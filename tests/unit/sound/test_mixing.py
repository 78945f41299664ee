"""Which tracks go into a clip."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from core.errors import UsageError
from core.times import ns
from daemon.ffmpeg import ffmpeg_path
from daemon.sound import MixRule, SoundPlan, SoundWishes, TrackUse, choose_tracks, measure_sound, plan_sound
from daemon.sound.plan import duck_threshold
from tests.synthetic_sounds import FAMILIES, write_wav


def test_the_first_track_is_the_whole_mix() -> None:
    """OBS writes everything on track 1 and the parts on the others."""
    assert choose_tracks(6, MixRule()) == (TrackUse(index=0),)


def test_all_tracks_weigh_the_same() -> None:
    assert [use.index for use in choose_tracks(3, MixRule(rule="all"))] == [0, 1, 2]
    assert choose_tracks(0, MixRule(rule="all")) == ()


def test_listed_tracks_have_their_gains_and_roles() -> None:
    rule = MixRule(rule="listed", gains_db={2: 0, 3: -6.0, 9: 1}, voices=frozenset({2}), backgrounds=frozenset({3}))
    assert choose_tracks(3, rule) == (
        TrackUse(index=1, gain_db=0, role="voice"),
        TrackUse(index=2, gain_db=-6, role="background"),
    )


def test_a_rule_for_more_tracks_than_there_are_takes_the_first() -> None:
    assert choose_tracks(1, MixRule(rule="listed", gains_db={2: 0, 3: 0})) == (TrackUse(index=0),)


@pytest.mark.parametrize(
    "rule",
    [
        MixRule(gains_db={0: 0}),
        MixRule(gains_db={1: 200}),
        MixRule(gains_db={1: float("nan")}),
        MixRule(voices=frozenset({1}), backgrounds=frozenset({1})),
    ],
)
def test_impossible_rules_are_refused(rule: MixRule) -> None:
    with pytest.raises(UsageError):
        choose_tracks(2, rule)


def test_tracks_of_one_file_are_measured_apart_and_together(tmp_path: Path) -> None:
    """A microphone under a game: the voice sets the threshold of the ducking."""
    parts = [write_wav(tmp_path / f"{name}.wav", FAMILIES[name](3, 1, 48_000)) for name in ("voice", "loud noise")]
    master = tmp_path / "master.mp4"
    inputs = [part for path in parts for part in ("-i", str(path))]
    command = [ffmpeg_path(), "-v", "error", *inputs, "-map", "0:a", "-map", "1:a", "-c:a", "aac", str(master)]
    subprocess.run(command, check=True)
    rule = MixRule(rule="listed", gains_db={1: 0, 2: -12}, voices=frozenset({1}), backgrounds=frozenset({2}))
    measure = measure_sound(master, ns(0), ns(3), rule=rule)
    voice, game = measure.by_track
    assert game.integrated_lufs > voice.integrated_lufs
    assert measure.loudness.integrated_lufs < game.integrated_lufs
    assert duck_threshold(measure) == pytest.approx(voice.integrated_lufs - 12)
    assert (
        SoundPlan.from_json(plan_sound(measure, SoundWishes()).to_json()).treatment.tracks == measure.treatment.tracks
    )


@pytest.mark.parametrize("change", [{"method": "x"}, {"gain_db": "1;movie=/etc"}, {"extra": 1}, {"treatment": 3}])
def test_a_damaged_recipe_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    source = write_wav(tmp_path / "in.wav", FAMILIES["voice"](1, 1, 48_000))
    document = plan_sound(measure_sound(source, ns(0), ns(1)), SoundWishes()).to_json()
    with pytest.raises(UsageError, match="cannot be read"):
        SoundPlan.from_json({**document, **change})
