"""What a question costs, in USD. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from configs.llm import ProviderOptions

MILLION: Final = 1_000_000
HIDDEN: Final = 1024  # tokens that a provider's own template may add


def cost_usd(provider: ProviderOptions, prompt: int, completion: int) -> float:
    """Of so many tokens."""
    return (prompt * provider.price_in + completion * provider.price_out) / MILLION


def most_usd(provider: ProviderOptions, body: Mapping[str, Any], max_tokens: int) -> float:
    """What a request can cost at most: no tokeniser makes more tokens than there are bytes."""
    return cost_usd(provider, len(json.dumps(body)) + HIDDEN, max_tokens)
