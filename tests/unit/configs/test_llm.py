"""Settings of language models: what is filled in, and what is said when something is wrong or missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from configs import load_settings
from configs.llm import LlmOptions, ProviderOptions
from core.errors import UsageError

GROQ: dict[str, Any] = {"use": "groq", "model": "m", "price_in": 0.15, "price_out": 0.6}


def load(tmp_path: Path, **llm: Any) -> LlmOptions:
    file = tmp_path / "clipd.yaml"
    file.write_text(yaml.safe_dump({"llm": llm}))
    return load_settings(config=file, environment={}).llm


def test_use_fills_in_what_is_known_of_a_provider(tmp_path: Path) -> None:
    """What is written beside it wins; what is on this machine is free."""
    options = load(tmp_path, providers=[GROQ, {"use": "ollama", "model": "q"}, {**GROQ, "name": "big", "model": "n"}])
    groq, ollama, big = options.providers
    assert (groq.name, groq.base_url, groq.api_key_env) == ("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY")
    assert (ollama.private, ollama.price_in, ollama.price_out) == (True, 0, 0)
    assert (big.name, big.model, big.kind) == ("big", "n", "openai")
    claude = ProviderOptions(**{**GROQ, "use": "anthropic"})
    assert (claude.kind, claude.api_key_env) == ("anthropic", "ANTHROPIC_API_KEY")


def test_a_workspace_may_have_a_budget_of_its_own(tmp_path: Path) -> None:
    options = load(tmp_path, budget_usd_per_day=2, budgets={"big": 10})
    assert (options.budget("default"), options.budget("big")) == (2, 10)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"api_key": "sk-secret-key"}, "api_key_env or api_key_file"),
        ({"api_key_env": "sk-secret-key"}, "not its value"),
        ({"api_key_env": "CLIPD_GROQ"}, "CLIPD_"),
        ({"base_url": "http://api.groq.com/v1"}, "https://"),
        ({"base_url": "https://user:secret-key@host/v1"}, "no user name"),
        ({"base_url": "https://host/v1?key=secret-key"}, "query"),
        ({"base_url": "ftp://host/v1", "private": True}, "https://"),
        ({"use": ""}, "name"),
        ({"use": "acme"}, "Input should be"),
        ({"name": "Groq!"}, "is no name"),
        ({"price_in": -1}, "greater than or equal"),
        ({"price_in": float("inf")}, "finite"),
        ({"model": "m\nx"}, "printed"),
        ({"kind": "cohere"}, "Input should be"),
        ({"timeout": 3}, "Extra inputs"),
    ],
)
def test_what_is_wrong_is_said_and_no_secret_with_it(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"clipd\.yaml") as caught:
        load(tmp_path, providers=[GROQ | changes])
    assert said in str(caught.value)
    assert "secret-key" not in str(caught.value)


def test_prices_and_keys_are_not_guessed(tmp_path: Path) -> None:
    """Without a price there is no budget; a provider of one's own has no variable by itself."""
    with pytest.raises(UsageError, match="price_out"):
        load(tmp_path, providers=[{name: value for name, value in GROQ.items() if name != "price_out"}])
    mine = {"name": "mine", "base_url": "https://llm.example.com/v1", "model": "m", "price_in": 0, "price_out": 0}
    with pytest.raises(UsageError, match="names no key"):
        load(tmp_path, providers=[mine])
    with pytest.raises(UsageError, match="two providers"):
        load(tmp_path, providers=[GROQ, dict(GROQ)])


def test_the_example_in_the_example_file_is_valid(tmp_path: Path) -> None:
    """Its commented entries, as they would be taken."""
    text = (Path(__file__).parents[3] / "docs" / "settings.example.yaml").read_text()
    part = text[text.index("#  - use: groq") : text.index("  budget_usd_per_day")]
    found = yaml.safe_load("\n".join(line[1:] for line in part.splitlines()))
    assert [each.name for each in load(tmp_path, providers=found).providers] == ["groq", "ollama"]
