"""`clipd eval`: sessions scored against what somebody wrote down about them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner, Result

from core.errors import UsageError
from core.ids import SessionId
from core.media import Epoch
from core.moments import Moment
from core.times import Ns, ns
from daemon.cli.main import app
from daemon.evaluation.sessions import find, profile_of, read_truth
from daemon.journal import Journal
from detectors import Profile
from detectors.fusion.calibration import Calibration
from tests.synthetic_streams import feature_level as fl
from tests.unit.detectors.runs import chunks_of, decide

LENGTH_S = 150.0
ROAR = {"moments": [{"start_s": 45, "end_s": 49, "peak_s": 47, "kind": "roar", "families": ["audio", "chat"]}]}
Maker = Callable[..., Path]


@pytest.fixture(scope="module")
def recording() -> tuple[fl.Wave, list[Any], list[Moment]]:
    """Talk, a roar at 45 s with its chat, screams at 115 s; and what was decided of them."""
    rng = np.random.default_rng(31)
    sound = fl.talk(rng, LENGTH_S)
    fl.add(sound, fl.roar(rng, 4.0), 45.0, 9.0)
    fl.add(sound, fl.screams(rng, 3.5), 115.0, 9.0)
    chat = fl.chat(rng, LENGTH_S, 30.0, ((53.0, 5.0),))
    lines = [line for line in chat if line.t_ns < ns(LENGTH_S)]
    return sound, lines, decide(sound, lines, end_s=LENGTH_S).moments


@pytest.fixture
def session(tmp_path: Path, recording: tuple[fl.Wave, list[Any], list[Moment]]) -> Maker:
    """Makes a session's folder as a worker leaves it, with its truth where asked."""

    def make(name: str = "s20260101t000000-abcdef", truth: object = None, *, empty: bool = False) -> Path:
        folder = tmp_path / "data" / "sessions" / name
        folder.mkdir(parents=True)
        with Journal.open_or_create(folder / "session.db", session=SessionId(name)) as journal:
            if not empty:
                sound, chat, moments = recording
                journal.set_meta("chat", "made")
                journal.set_meta("profile", Profile().model_dump(mode="json"))
                journal.add_epoch(Epoch(number=0, start_ns=Ns(0), reason="start", by="start"))
                journal.add_signals(chunks_of(sound, block=1600))
                journal.add_chat(chat)
                for moment in moments:
                    journal.add_moment(moment)
        if truth is not None:
            (folder / "truth.json").write_text(json.dumps(truth))
        return folder

    return make


def run(tmp_path: Path, *arguments: str) -> Result:
    """The command in this process."""
    whole = ["eval", "--data-dir", str(tmp_path / "data"), *arguments]
    return CliRunner().invoke(app, whole, catch_exceptions=False)


def lines(result: Result) -> list[dict[str, Any]]:
    """JSON lines on stdout."""
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def figures_of(result: Result, system: str) -> dict[str, float]:
    """The figures of one system."""
    [line] = [line for line in lines(result) if line["type"] == "system" and line["system"] == system]
    return {key: figure["value"] for key, figure in line["figures"].items()}


def test_a_session_is_scored_as_it_decided(session: Maker, tmp_path: Path) -> None:
    """The roar is in the truth file, the screams are not."""
    session(truth=ROAR)
    found = figures_of(run(tmp_path, "--json"), "recorded")
    assert found["shown.recall"] == found["ap.10"] == 1.0
    assert 0.0 < found["shown.precision"] < 1.0
    assert found["anchor_error.p50"] < 1.0
    assert found["provisional.after_end.p50"] < 3.0


def test_a_table_for_people_has_the_headline(session: Maker, tmp_path: Path) -> None:
    """What it is about, and the figures that matter first."""
    session(truth=ROAR)
    text = run(tmp_path).stdout
    assert "recorded: 1 session, 0.04 h, 1 true moments, hit within 10 s" in text
    assert text.index("average precision") < text.index("false clips an hour") < text.index("start error")


def test_another_profile_is_scored_beside_what_was_recorded(session: Maker, tmp_path: Path) -> None:
    """Gaming again decides the same; the comparison is paired."""
    session(truth=ROAR)
    result = run(tmp_path, "--json", "--profile", "gaming")
    again, own = figures_of(result, "profile gaming"), figures_of(result, "recorded")
    assert {key: again[key] for key in own} == own
    assert again["machine_s_per_h"] > 0
    [difference] = [line for line in lines(result) if line["type"] == "difference"]
    assert (difference["system"], difference["minus"]) == ("profile gaming", "recorded")
    assert difference["figures"]["ap.mean"]["value"] == 0.0
    assert difference["figures"]["ap.mean"]["chance"] == 1.0


def test_ablations_leave_one_family_out_each(session: Maker, tmp_path: Path) -> None:
    """Those that the sessions have: nothing was said and no game was read in this one."""
    session(truth=ROAR)
    result = run(tmp_path, "--json", "--ablate")
    systems = [line["system"] for line in lines(result) if line["type"] == "system"]
    assert systems == ["recorded", "without chat", "without audio"]
    assert figures_of(result, "without audio")["shown.recall"] < 1.0


def test_baselines_stand_beside_it_with_a_verdict(session: Maker, tmp_path: Path) -> None:
    """A session that loudness alone can clip proves little."""
    session(truth=ROAR)
    result = run(tmp_path, "--json", "--baselines")
    systems = {line["system"] for line in lines(result) if line["type"] == "system"}
    assert systems == {"recorded", "random", "energy only", "chat only", "seed-v0"}
    [verdict] = [line for line in lines(result) if line["type"] == "validity"]
    assert set(verdict["too_easy_for"]) <= {"energy only", "chat only", "seed-v0"}
    assert "false clips an hour" in run(tmp_path, "--baselines").stdout


def test_sessions_are_pooled_and_those_without_truth_are_named(session: Maker, tmp_path: Path) -> None:
    """Nothing is left out silently; one that recorded nothing is no reason to stop."""
    session("s20260101t000000-aaaaaa", ROAR)
    session("s20260101t000000-bbbbbb", ROAR)
    session("s20260101t000000-cccccc")
    session("s20260101t000000-dddddd", ROAR, empty=True)
    found = lines(run(tmp_path, "--json"))
    assert found[0]["sessions"] == 2
    assert found[0]["figures"]["shown.recall"]["count"] == 2
    skipped = {line["session"][-6:]: line["reason"] for line in found if line["type"] == "skipped"}
    assert skipped["cccccc"] == "no truth file"
    assert "no media" in skipped["dddddd"]


def test_one_session_can_be_asked_for(session: Maker, tmp_path: Path) -> None:
    """By how its id begins."""
    session("s20260101t000000-aaaaaa", ROAR)
    session("s20260102t000000-bbbbbb", ROAR)
    assert lines(run(tmp_path, "--json", "--session", "s20260102"))[0]["sessions"] == 1
    with pytest.raises(UsageError, match="No session begins with") as error:
        run(tmp_path, "--session", "nope")
    assert error.value.code == "unknown_session"


@pytest.mark.parametrize("place", ["{s}/truth.json", "{s}/{n}.truth.json", "{n}.truth.json", "../../{n}.truth.json"])
def test_a_truth_file_lies_in_the_session_or_bears_its_name(session: Maker, tmp_path: Path, place: str) -> None:
    """In its folder, beside it, or in the folder that was named."""
    folder = session()
    target = folder.parent / place.format(s=folder.name, n=folder.name)
    target.write_text(json.dumps(ROAR))
    assert [one.name for one in find(tmp_path).labelled] == [folder.name]


def test_one_truth_above_several_sessions_is_nobodys(session: Maker, tmp_path: Path) -> None:
    """It counts where there is only one session that it can mean."""
    session("s20260101t000000-aaaaaa")
    (tmp_path / "truth.json").write_text(json.dumps(ROAR))
    assert len(find(tmp_path).labelled) == 1
    session("s20260101t000000-bbbbbb")
    with pytest.raises(UsageError, match="None of 2 sessions"):
        find(tmp_path)


def test_nothing_to_score_is_a_usage_error_with_a_remedy(session: Maker, tmp_path: Path) -> None:
    """No folder, no session, no truth: each says what to do."""
    with pytest.raises(UsageError, match="is no folder") as error:
        run(tmp_path, str(tmp_path / "nowhere"))
    assert error.value.exit_code == 2
    with pytest.raises(UsageError, match=r"No session .* `clipd watch` or `clipd vod`"):
        run(tmp_path, str(tmp_path))
    session()
    with pytest.raises(UsageError, match=r"has a truth file. Write what really happened as"):
        run(tmp_path)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "Expecting"),
        ("[]", "no truth file"),
        ("{}", "moments is missing"),
        ('{"moments": [{"start_s": 1}]}', "end_s is missing"),
        ('{"moments": [{"start_s": 9, "end_s": 1}]}', "a span from 9 to 1 s"),
        ('{"moments": [{"start_s": NaN, "end_s": 1}]}', "NaN"),
        ('{"moments": [{"start_s": 1e400, "end_s": 1}]}', "infinity"),
        ('{"moments": [], "quiet": [[1]]}', "unpack"),
        ('{"moments": [{"start_s": "a", "end_s": 1}]}', "no truth file"),
        ("\x00", "no truth file"),
        ("[" * 100_000, "no truth file"),
    ],
)
def test_a_broken_truth_file_is_named_with_what_is_wrong(tmp_path: Path, text: str, what: str) -> None:
    """Whoever wrote it can mend it."""
    file = tmp_path / "truth.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=what) as error:
        read_truth(file)
    assert (error.value.code, str(file) in error.value.what) == ("bad_truth", True)


def test_a_profile_that_this_version_does_not_know_still_gives_its_lengths(session: Maker) -> None:
    """A session of another version keeps the run-up it had."""
    folder = session()
    with Journal.open(folder / "session.db") as journal:
        stored = {**Profile().model_dump(mode="json"), "clips_per_hour": 9, "detect": {"what_is_this": 1}}
        stored["clip"] = {**stored["clip"], "pre_s": 20}
        journal.set_meta("profile", stored)
        found = profile_of(journal, Profile())
        assert (found.clip.pre_s, found.clips_per_hour, found.detect) == (20, 9, Profile().detect)
        journal.set_meta("profile", "nonsense")
        assert profile_of(journal, Profile()) == Profile()


def test_probabilities_are_fitted_to_labels_for_a_profile(session: Maker, tmp_path: Path) -> None:
    """The file has the shape of a profile's `detect.calibration`."""
    for number in range(8):
        session(f"s20260101t000000-{number:06x}", ROAR)
    target = tmp_path / "out" / "calibration.yaml"
    result = run(tmp_path, "--json", "--calibrate", str(target))
    assert lines(result)[0]["type"] == "system"
    written = yaml.safe_load(target.read_text())["detect"]["calibration"]
    found = Calibration.model_validate(written)
    assert found.method == "temperature"
    assert found.labels >= 16


def test_labels_of_one_kind_calibrate_nothing(session: Maker, tmp_path: Path) -> None:
    """And no file is written."""
    session(truth={"moments": []})
    with pytest.raises(UsageError, match="Cannot calibrate"):
        run(tmp_path, "--calibrate", str(tmp_path / "c.yaml"))
    assert not (tmp_path / "c.yaml").exists()


def test_scoring_changes_nothing_in_a_session(session: Maker, tmp_path: Path) -> None:
    """Not a byte of its journal, and no file beside it."""
    folder = session(truth=ROAR)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    run(tmp_path, "--profile", "irl", "--ablate", "--baselines")
    left = {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith(("-shm", "-wal"))}
    assert left == before
