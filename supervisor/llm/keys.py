"""Keys of providers: read where they are used, from a file or the environment, and kept nowhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from configs.llm import ProviderOptions
from core.errors import UsageError

MAX_KEY: Final = 1024  # bytes; providers' keys have 40 to 200


def read_key(provider: ProviderOptions) -> str:
    """The key; "" for a private provider that has none. Raises UsageError(`no_key`) that never holds it. Blocks on a
    file."""
    text = _from_file(provider) if provider.api_key_file else os.environ.get(provider.api_key_env, "").strip()
    if not text and not provider.private:
        place = provider.api_key_file or f"the variable {provider.api_key_env}"
        raise _no_key(provider, f"{place} is empty")
    if len(text) > MAX_KEY or not text.isascii() or not text.isprintable() or " " in text:
        raise _no_key(provider, "what is there is no key: one line of printable ASCII")
    return text


def _from_file(provider: ProviderOptions) -> str:
    try:
        with Path(provider.api_key_file).open("rb") as file:
            return file.read(MAX_KEY + 2).decode("ascii", "replace").strip()
    except (OSError, ValueError) as err:
        raise _no_key(provider, f"its key file cannot be read ({type(err).__name__})") from err


def _no_key(provider: ProviderOptions, why: str) -> UsageError:
    return UsageError(
        f"Provider {provider.name} has no key: {why}",
        remedy=f"Check llm.providers, {'api_key_file' if provider.api_key_file else 'api_key_env'} of {provider.name}.",
        code="no_key",
    )
