"""The gateway to language models: workers ask, supervisors hold the keys, the money and the time. See docs/llm.md."""

from supervisor.llm.gateway import Gateway, LlmRefused, ProviderState

__all__ = ["Gateway", "LlmRefused", "ProviderState"]
