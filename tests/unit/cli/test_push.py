"""Stream keys and passphrases from the settings: into the worker's source, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs import Settings, load_settings
from core.errors import UsageError
from daemon.cli.push import with_key, without_keys
from daemon.doors.address import PASSPHRASE, parse_srt, with_passphrase
from telemetry import redact_url

SECRET = "a secret & more?"


def settings(folder: Path, **srt: str) -> Settings:
    names = {f"CLIPD_INGEST__SRT__{name.upper()}": value for name, value in srt.items()}
    return load_settings(data_dir=folder, environment=names)


@pytest.mark.parametrize("source", ["srt://:9000", "srt://0.0.0.0:9000?mode=listener", "srt://host:9000?streamid=a"])
def test_a_passphrase_from_the_environment_or_a_file(source: str, tmp_path: Path) -> None:
    """Shown masked; the worker's settings hold it no more."""
    (tmp_path / "key").write_text(f"{SECRET}\n")
    for given_by in (
        settings(tmp_path, passphrase=SECRET),
        settings(tmp_path, passphrase_file=str(tmp_path / "key")),
    ):
        made = with_key(source, given_by)
        assert parse_srt(made).passphrase == SECRET
        assert parse_srt(made).streamid == parse_srt(source).streamid
        assert "secret" not in redact_url(made) + repr(parse_srt(made)) + without_keys(given_by).model_dump_json()


def test_the_one_in_the_address_wins(tmp_path: Path) -> None:
    """As a stream key does."""
    source = "srt://:9000?passphrase=0123456789"
    assert with_key(source, settings(tmp_path, passphrase=SECRET)) == source


def test_who_is_called_may_do_without(tmp_path: Path) -> None:
    """Who calls here may not."""
    assert with_key("srt://host:9000", settings(tmp_path)) == "srt://host:9000"
    with pytest.raises(UsageError, match="CLIPD_INGEST__SRT__PASSPHRASE"):
        with_key("srt://:9000", settings(tmp_path))


@pytest.mark.parametrize("secret", ["short", "x" * 80, "with\ttabs and more", "ümlaute sind nicht"])
def test_what_srt_would_not_take(secret: str, tmp_path: Path) -> None:
    """Refused before anything starts, and not repeated."""
    (tmp_path / "key").write_text(secret)
    with pytest.raises(UsageError) as refused:
        with_key("srt://:9000", settings(tmp_path, passphrase_file=str(tmp_path / "key")))
    assert secret not in str(refused.value)


@given(st.from_regex(PASSPHRASE, fullmatch=True))
def test_any_passphrase_stands_in_an_address(secret: str) -> None:
    """And is read back as it was."""
    assert parse_srt(with_passphrase("srt://:9000?mode=listener", secret)).passphrase == secret
