"""Settings: which place wins, and what is said when a name or a value is wrong."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from configs import Settings, load_profile, load_settings, profile_names
from configs.loader import _names
from core.errors import UsageError
from detectors import Profile

EXAMPLE = Path(__file__).parents[3] / "docs" / "settings.example.yaml"
NOTHING: Mapping[str, str] = {}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No clipd.yaml of the developer's is found."""
    monkeypatch.chdir(tmp_path)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def refused(text: str, tmp_path: Path) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load_settings(config=write(tmp_path / "x.yaml", text), environment=NOTHING)
    return caught.value


def test_the_example_file_states_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every one of them, but for those that the profile sets."""
    monkeypatch.setenv("HOME", "/home/someone")
    env = {"HOME": "/home/someone"}
    assert load_settings(config=EXAMPLE, environment=env) == load_settings(environment=env)
    stated = yaml.safe_load(EXAMPLE.read_text())
    names = [name for name in _names(Settings) if not name.startswith(("clips.", "detect."))]
    assert [name for name in names if not _has(stated, name)] == []


def test_the_default_profile_is_the_shipped_gaming() -> None:
    """The defaults in code and the file say the same."""
    assert load_profile("gaming") == Profile()
    settings = load_settings(environment={"HOME": "/home/someone"})
    assert settings == Settings(data_dir="/home/someone/.local/share/clipd")


@pytest.mark.parametrize("name", profile_names())
def test_every_shipped_profile_is_valid_and_called_after_its_file(name: str) -> None:
    """A name is enough to use it."""
    assert load_profile(name).name == name
    assert load_settings(profile=name, environment=NOTHING).detection_profile() == load_profile(name)


def test_file_over_profile_environment_over_file_option_over_environment(tmp_path: Path) -> None:
    """Each layer is asked for one more value."""
    own = write(tmp_path / "own.yaml", "clips_per_hour: 2\nclip: {pre_s: 20, post_s: 7}\ndetect: {bar: {p_min: 0.4}}")
    file = write(tmp_path / "c.yaml", f"profile: {own}\nclips: {{per_hour: 3, post_s: 8}}\nring: {{minutes: 5}}")
    env = {"CLIPD_CLIPS__PER_HOUR": "4", "CLIPD_RING__MINUTES": "6.5", "CLIPD_NET__ALLOW": '["10.0.0.0/8"]'}

    settings = load_settings(config=file, environment=env, clips_per_hour=5, data_dir=tmp_path)

    assert (settings.clips.per_hour, settings.clips.pre_s, settings.clips.post_s) == (5, 20, 8)
    assert (settings.detect.bar.p_min, settings.ring.minutes) == (0.4, 6.5)
    assert (settings.net.allow, settings.data_dir) == (("10.0.0.0/8",), str(tmp_path))
    assert settings.detection_profile().name == "own"
    assert load_settings(config=file, environment=env).clips.per_hour == 4
    assert load_settings(config=file, environment=NOTHING).clips.per_hour == 3


def test_a_settings_file_in_the_current_folder_is_found(tmp_path: Path) -> None:
    """`clipd.yaml`, where the command is started."""
    write(tmp_path / "clipd.yaml", "ring: {minutes: 7}")
    assert load_settings(environment=NOTHING).ring.minutes == 7


def test_a_worker_sees_what_its_supervisor_saw(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tree as JSON gives the same tree, whatever the worker's own environment says."""
    settings = load_settings(environment={"HOME": "/h", "CLIPD_NET__ALLOW": "[10.0.0.0/8]"})
    monkeypatch.setenv("CLIPD_RING__MINUTES", "1")
    assert Settings.model_validate(settings.model_dump(mode="json")) == settings


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"XDG_DATA_HOME": "/x", "HOME": "/h"}, "/x/clipd"),
        ({"HOME": "/h"}, "/h/.local/share/clipd"),
        ({"HOME": ""}, "clipd-data"),
        ({"HOME": "/h", "CLIPD_DATA_DIR": "0123"}, "0123"),
        ({"HOME": "/h", "CLIPD_DATA_DIR": ""}, "/h/.local/share/clipd"),
    ],
)
def test_where_sessions_are_kept(env: dict[str, str], expected: str) -> None:
    """By the usual rules; a text stays the text it is, and an empty variable sets nothing."""
    assert load_settings(environment=env).data_dir == expected


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("CLIPD_RNG__MINUTES", "ring"),
        ("CLIPD_RING__MINUTS", "ring.minutes"),
        ("CLIPD_MINUTES", "ring.minutes"),
        ("CLIPD_DETECT__BAR__PMIN", "detect.bar.p_min"),
    ],
)
def test_a_wrong_variable_is_an_error_that_names_the_right_one(name: str, near: str) -> None:
    """In the first part of its name too, where libraries look away."""
    with pytest.raises(UsageError) as caught:
        load_settings(environment={name: "3"})
    assert caught.value.code == "unknown_setting"
    assert name in caught.value.what
    assert caught.value.remedy == f"Did you mean {near}?"


def test_variables_of_the_tests_are_left_alone() -> None:
    """CLIPD_TEST_MEDIA tells tests where media are."""
    assert load_settings(environment={"CLIPD_TEST_MEDIA": "/m"}).ring.minutes == 30


def test_the_token_of_commands_is_no_setting() -> None:
    """It stands in the environment, and in no tree that is shown or handed to workers."""
    assert "secret" not in load_settings(environment={"CLIPD_TOKEN": "secret"}).model_dump_json()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rng: {minutes: 3}", "Unknown setting 'rng' in"),
        ("ring: {minuts: 3}", "Unknown setting 'ring.minuts' in"),
        ("ring: 3", "ring in x.yaml is a group of settings"),
        ("ring: {minutes: -3}", "ring.minutes in x.yaml: Input should be greater than 0"),
        ("ring: {minutes: soon}", "ring.minutes in x.yaml: Input should be a valid number"),
        ("api: {url: clips.example}", "api.url in x.yaml: should begin with http:// or https://"),
        ("api: {allowed_hosts: ['a b']}", "api.allowed_hosts in x.yaml: 'a b' is no host name"),
        ("api: {folders: [media]}", "api.folders in x.yaml: 'media' is no absolute path"),
        ("net: {allow: [home]}", "net.allow in x.yaml: 'home' does not appear to be"),
        ("clips: {min_s: 99}", "clips in x.yaml: min_s 99.0 is above max_s"),
        ("ring: {minutes: 3}\nring: {minutes: 4}", "'ring' stands twice (line 2)"),
        ("a: &a [1]\nb: *a", "aliases are not used here"),
        ("3: x", "3 is no name"),
        ("ring: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("- ring", "is not a mapping"),
        ("ring: {minutes: 3", "(line 1)"),
        ("[" * 5000, "nested too deeply"),
        ("x: '" + "y" * 300_000 + "'", "is larger than 256 KiB"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name that is wrong, where it stands, and what is wrong with it."""
    assert said in refused(text, tmp_path).what.replace(f"{tmp_path}{os.sep}", "")


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """When it was asked for."""
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        load_settings(config=tmp_path / "none.yaml", environment=NOTHING)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """UTF-8 only."""
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="is not YAML we accept"):
        load_settings(config=path, environment=NOTHING)


def test_an_unknown_profile_is_refused_with_the_names_there_are() -> None:
    """And the nearest of them."""
    with pytest.raises(UsageError) as caught:
        load_settings(profile="gamin", environment=NOTHING)
    assert caught.value.code == "unknown_profile"
    assert caught.value.remedy.startswith("Did you mean gaming? Shipped: gaming, irl, podcast, sports")


def test_a_profile_with_a_typing_error_is_refused(tmp_path: Path) -> None:
    """Like a settings file."""
    path = write(tmp_path / "mine.yaml", "clips_per_hour: 3\ndetect: {barr: {}}")
    with pytest.raises(UsageError, match=r"Unknown setting 'detect.barr' in .*mine.yaml"):
        load_settings(profile=str(path), environment=NOTHING)


def _has(tree: Any, name: str) -> bool:
    for part in name.split("."):
        if not isinstance(tree, dict) or part not in tree:
            return False
        tree = tree[part]
    return True


def test_a_stream_key_is_taken_as_it_stands() -> None:
    """Digits are no number, and `null` is a text."""
    for key in ("0123456789", "null", "1e9", "[a]"):
        assert load_settings(environment={"CLIPD_INGEST__PUSH__KEY": key}).ingest.push.key == key


def test_a_stream_key_is_shown_by_nobody() -> None:
    """Neither in a repr nor in what is wrong with it."""
    assert "secret" not in repr(load_settings(environment={"CLIPD_INGEST__PUSH__KEY": "secret"}))
    with pytest.raises(UsageError) as refused:
        load_settings(environment={"CLIPD_INGEST__PUSH__KEY": "secret" * 100})
    assert "secret" not in str(refused.value)


def test_streams_of_the_file_are_typed(tmp_path: Path) -> None:
    """Watch-only unless the owner has said otherwise."""
    file = write(
        tmp_path / "c.yaml",
        "streams:\n- {name: a, source: https://twitch.tv/a}\n- {name: b, source: b.mp4, rights: own}",
    )
    streams = load_settings(config=file, environment=NOTHING).streams
    assert [(entry.name, entry.rights) for entry in streams] == [("a", "watch-only"), ("b", "own")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("streams: [{name: a, source: x, rights: mine}]", "rights"),
        ("streams: [{name: a, source: x, profil: irl}]", "profil"),
        ("streams: [{name: a}]", "source"),
        ("streams: [{name: a, source: x}, {name: a, source: y}]", "two streams are called 'a'"),
        ("supervisor: {poll: 5}", "supervisor.poll_s"),
        ("supervisor: {poll_s: 0}", "supervisor.poll_s"),
    ],
)
def test_a_wrong_stream_is_refused_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    """The key, where it stands, and what is wrong."""
    assert says in str(refused(text, tmp_path))
