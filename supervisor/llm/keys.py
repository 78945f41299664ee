"""Keys of providers, read where they are used."""

from __future__ import annotations

from configs.llm import ProviderOptions
from core.errors import UsageError
from supervisor.keyfiles import NoSecret, read_secret


def read_key(provider: ProviderOptions) -> str:
    """The key; "" for a private provider that has none. Raises UsageError(`no_key`) that never holds it. Blocks on a
    file."""
    try:
        text = read_secret(provider.api_key_file, provider.api_key_env)
    except NoSecret as err:
        raise _no_key(provider, str(err)) from err
    if not text and not provider.private:
        place = provider.api_key_file or f"the variable {provider.api_key_env}"
        raise _no_key(provider, f"{place} is empty")
    return text


def _no_key(provider: ProviderOptions, why: str) -> UsageError:
    return UsageError(
        f"Provider {provider.name} has no key: {why}",
        remedy=f"Check llm.providers, {'api_key_file' if provider.api_key_file else 'api_key_env'} of {provider.name}.",
        code="no_key",
    )
