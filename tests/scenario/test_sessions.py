"""Finished sessions: cut by hand, replayed under another profile, rendered again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from daemon.demo import Recipe
from tests.scenario.command import Ran, clipd
from tests.synthetic_streams import StreamFiles, write_stream


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> StreamFiles:
    """Two minutes with three planted moments."""
    return write_stream(tmp_path_factory.mktemp("stream"), Recipe.from_seed(11))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One user for the whole module."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def ran(stream: StreamFiles, home: Path) -> Ran:
    """A VOD run whose session the tests use."""
    ran = clipd("vod", str(stream.media), "--chat", str(stream.chat), "--out", str(home / "out"), "--json", home=home)
    assert ran.code == 0, ran.stderr[-2000:]
    return ran


def test_every_line_has_the_fields_of_the_contract(ran: Ran) -> None:
    """type, session, t_s and wall; times are seconds of media."""
    for line in ran.lines:
        assert {"type", "session", "t_s", "wall"} <= line.keys()
        assert line["wall"].endswith("Z")
    assert [line["type"] for line in ran.lines if line["type"] in ("session", "summary")] == ["session", "summary"]
    fields = {
        "media_s",
        "wall_s",
        "clips",
        "near_misses",
        "gaps",
        "speech_s",
        "words",
        "speed_x",
        "cpu_s",
        "peak_rss_mb",
    }
    assert fields <= ran.summary.keys()


def test_a_clip_line_names_files_that_are_there(ran: Ran) -> None:
    """Absolute paths in the folder the user asked for, named by media time, slug and clip id."""
    clips = ran.of("clip")
    assert clips
    for clip in clips:
        master = Path(clip["files"]["master"])
        assert master.is_absolute()
        assert master.exists()
        assert master.parent.name.endswith(clip["id"])
        assert Path(clip["files"]["thumbnail"]).exists()
        assert clip["latency_s"] is None


def test_the_report_lies_beside_the_clips(ran: Ran, home: Path) -> None:
    """One file, and its path is printed."""
    assert Path(ran.summary["report"]) == home / "out" / "report.html"
    assert (home / "out" / "report.html").stat().st_size > 5_000


def test_the_same_profile_replays_to_the_same_clips(ran: Ran, home: Path) -> None:
    """The signal log holds all that decisions depend on."""
    replayed = clipd("replay", ran.summary["session"], "--json", home=home)
    assert replayed.code == 0, replayed.stderr[-2000:]
    [difference] = replayed.lines
    assert (difference["gained"], difference["lost"], difference["moved"]) == ([], [], [])
    assert difference["same"] == ran.summary["clips"]
    assert difference["media_s"] == pytest.approx(ran.summary["media_s"], abs=0.5)
    assert difference["machine_s_per_h"] > 0


def test_another_profile_says_what_it_would_change(ran: Ran, home: Path) -> None:
    """And changes nothing."""
    replayed = clipd("replay", ran.summary["session"], "--profile", "podcast", "--json", home=home)
    assert replayed.code == 0
    [difference] = replayed.lines
    assert difference["lost"] or difference["moved"] or difference["gained"]


def test_a_session_is_scored_against_its_truth(ran: Ran, stream: StreamFiles, home: Path) -> None:
    """`clipd eval`, with the truth file beside the session; the same profile again scores the same."""
    session = ran.summary["session"]
    (folder,) = home.rglob(f"sessions/{session}")
    shutil.copy(stream.truth, folder / "truth.json")
    scored = clipd("eval", "--session", session, "--profile", "gaming", "--json", home=home)
    assert scored.code == 0, scored.stderr[-2000:]
    own, again = (line for line in scored.lines if line["type"] == "system")
    assert own["figures"]["shown.recall"]["value"] >= 2 / 3
    assert {key: again["figures"][key] for key in own["figures"]} == own["figures"]


def test_a_cut_by_hand_takes_a_clock(ran: Ran, home: Path) -> None:
    """`0:50 1:02.5` of media time, to the frame; with --keyframes from the keyframe at or before."""
    cut = clipd("cut", ran.summary["session"][:12], "0:50", "1:02.5", "--json", "--title", "By hand", home=home)
    assert cut.code == 0, cut.stderr[-2000:]
    [record] = cut.lines
    assert record["start_s"] == pytest.approx(50, abs=0.021)
    assert record["end_s"] == pytest.approx(62.5, abs=0.021)
    assert record["title"] == "By hand"
    copied = clipd("cut", ran.summary["session"], "0:50", "1:02.5", "--json", "--keyframes", home=home)
    assert copied.lines[0]["start_s"] <= 50
    assert copied.lines[0]["id"] != record["id"]


def test_a_pause_is_dropped_from_a_finished_session(ran: Ran, home: Path) -> None:
    """`--drop` may be repeated; what is left plays on, and `clipd render` makes the same bytes again."""
    arguments = ("0:50", "1:02", "--drop", "0:52-0:54.5", "--drop", "58-60", "--json")
    cut = clipd("cut", ran.summary["session"], *arguments, home=home)
    assert cut.code == 0, cut.stderr[-2000:]
    [record] = cut.lines
    recipe = json.loads((Path(record["folder"]) / "clip.json").read_text())
    assert recipe["cut"]["duration_s"] == pytest.approx(12 - 2.5 - 2, abs=0.06)
    assert len(recipe["cut"]["kept"]) == 3
    again = clipd("render", str(Path(record["folder"]) / "clip.json"), "--json", home=home)
    assert again.lines[0]["identical"]


def test_a_range_that_is_not_there_is_refused(ran: Ran, home: Path) -> None:
    """With what is there."""
    cut = clipd("cut", ran.summary["session"], "500", "510", home=home)
    assert cut.code == 70
    assert "Buffered now" in cut.stderr


def test_a_clip_is_made_again_from_its_recipe(ran: Ran, home: Path) -> None:
    """The same bytes."""
    master = Path(ran.of("clip")[0]["files"]["master"])
    before = master.read_bytes()
    again = clipd("render", str(master.parent / "clip.json"), "--out", str(home / "again"), "--json", home=home)
    assert again.code == 0, again.stderr[-2000:]
    [made] = again.lines
    assert made["identical"]
    assert Path(made["path"]).read_bytes() == before


def test_the_recipe_says_where_it_comes_from(ran: Ran) -> None:
    """Source, decision, profile and versions, without any secret."""
    recipe = json.loads((Path(ran.of("clip")[0]["files"]["master"]).parent / "clip.json").read_text())
    assert recipe["schema"] == 1
    assert {"source", "session", "decision", "profile", "versions"} <= recipe.keys()
