"""`clipd doctor` and language models: whether their keys are there, without asking anybody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from configs.llm import ProviderOptions
from daemon.cli.doctor import Finding, _language_model
from tests.llm_server import KEY


def finding(**own: Any) -> Finding:
    return _language_model(
        ProviderOptions.model_validate({"use": "groq", "model": "m", "price_in": 1, "price_out": 1, **own})
    )


def test_a_key_that_is_there_is_said_and_not_shown(tmp_path: Path) -> None:
    """Others should not be able to read it."""
    file = tmp_path / "key"
    file.write_text(KEY)
    for mode, level in ((0o600, "ok"), (0o644, "warn")):
        file.chmod(mode)
        found = finding(api_key_file=str(file))
        assert (found.level, KEY in str(found)) == (level, False)


def test_a_key_that_is_missing_is_a_warning(tmp_path: Path) -> None:
    """Clips are made without it; they are not ranked by this model."""
    found = finding(api_key_file=str(tmp_path / "none"))
    assert (found.level, "api_key_file of groq" in found.remedy) == ("warn", True)


def test_a_model_on_this_machine_needs_none() -> None:
    found = finding(use="ollama")
    assert (found.level, "needs no key" in found.what) == ("ok", True)
