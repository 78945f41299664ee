"""Keys: where they come from, and that they come out nowhere."""

from __future__ import annotations

import io
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import structlog

from configs.llm import ProviderOptions
from core.errors import UsageError
from supervisor.llm import LlmRefused
from supervisor.llm.keys import read_key
from telemetry.logs import configure_logging
from tests.llm_server import KEY
from tests.unit.llm.house import WORDS, House, house


def provider(**own: Any) -> ProviderOptions:
    return ProviderOptions(**{"use": "groq", "model": "m", "price_in": 1, "price_out": 1, **own})


def test_a_key_comes_from_a_file_or_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file wins, and is read each time: a new key needs no restart."""
    monkeypatch.setenv("GROQ_API_KEY", "from-env")
    assert read_key(provider()) == "from-env"
    file = tmp_path / "key"
    for key in ("first", "second"):
        file.write_text(f"{key}\n")
        assert read_key(provider(api_key_file=str(file))) == key
    assert read_key(ProviderOptions.model_validate({"use": "ollama", "model": "m"})) == ""


@pytest.mark.parametrize("text", ["", "two words", "x" * 2000, "line\nline", "schlüssel", "\0"])
def test_what_is_no_key_is_refused_without_being_said(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A header is made of it. A file that is not there; a variable that is not set."""
    file = tmp_path / "key"
    file.write_text(text)
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    for options in (provider(api_key_file=str(file)), provider(api_key_file=str(tmp_path / "none")), provider()):
        with pytest.raises(UsageError) as said:
            read_key(options)
        assert said.value.code == "no_key"
        assert not text.strip() or text not in str(said.value)


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
async def test_neither_key_nor_words_stand_anywhere_but_in_the_request(kind: str, tmp_path: Path) -> None:
    """Logs, answers, errors with their causes, reprs, figures, the catalog's bytes; whatever goes wrong."""
    heard, said = io.StringIO(), list[str]()
    configure_logging(as_json=True, stream=heard)
    try:
        async with house(tmp_path, {"kind": kind}) as at:
            for fault in ("", "500", "400", "hang", "reset", "prose", "redirect", "401"):
                at.servers[0].faults = [fault] * 3
                said.append(await _everything(at, fault))
                at.clock.advance(3600 * 10**9)
        said += [heard.getvalue(), (tmp_path / "catalog.db").read_bytes().decode("latin-1")]
    finally:
        structlog.reset_defaults()
    assert "llm.asked" in heard.getvalue()
    for text in said:
        for secret in (KEY, KEY[10:], WORDS, WORDS[5:25]):
            assert secret not in text


async def _everything(at: House, fault: str) -> str:
    try:
        answer = await at.ask(prompt_hash=f"p{fault}", deadline_s=0.3 if fault == "hang" else 20)
        told = f"{answer!r} {asdict(answer)}"
    except LlmRefused:
        told = traceback.format_exc()
    return f"{told} {at.options!r} {at.gateway.states('default')!r} {vars(at.gateway)} {at.metrics.registry.collect()}"
