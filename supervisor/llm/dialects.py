"""What providers of each kind are sent and what they send back: OpenAI's chat completions, Anthropic's messages. Pure.

A `form` is how an answer is made to be JSON, strictest first; a provider that answers 400 to one is asked in the next.
Below `json_schema` the schema stands in the messages. Sources: the vendors' API references, platform.openai.com
"Structured outputs", docs.anthropic.com "Messages" and "Tool use" (a forced tool's input is the JSON).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from configs.llm import ProviderKind, ProviderOptions
from core.control import LlmAsk

Form = Literal["json_schema", "json_object", "none"]
MAX_COUNT: Final = 10_000_000  # tokens; a larger count is no count
_FENCE: Final = re.compile(r"\A\s*```(?:json)?[ \t]*\n(.*)\n```\s*\Z", re.DOTALL)
_TOOL: Final = "answer"


class BadAnswer(Exception):
    """A 200 that holds no whole answer; its text is a code: `no_json`, `truncated`, `refused`.

    `usage` says what was counted all the same.
    """

    def __init__(self, code: str, usage: tuple[int, int] | None = None) -> None:
        super().__init__(code)
        self.code, self.usage = code, usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What a model said. `usage` is (tokens of the question, of the answer); None where it was not told."""

    content: str = field(repr=False)
    usage: tuple[int, int] | None


class Dialect(Protocol):
    """One kind of API."""

    path: str
    forms: tuple[Form, ...]

    def headers(self, key: str) -> dict[str, str]: ...
    def body(self, ask: LlmAsk, provider: ProviderOptions, form: Form) -> dict[str, Any]: ...
    def read(self, raw: bytes) -> Completion: ...  # raises BadAnswer


class OpenAi:
    """Chat completions, as Cerebras, Groq, Together, vLLM, llama.cpp and Ollama serve them too."""

    path = "/chat/completions"
    forms: tuple[Form, ...] = ("json_schema", "json_object", "none")

    def headers(self, key: str) -> dict[str, str]:
        """Of a request."""
        return {"Authorization": f"Bearer {key}"} if key else {}

    def body(self, ask: LlmAsk, provider: ProviderOptions, form: Form) -> dict[str, Any]:
        """Of a request. OpenAI itself takes `max_tokens` no longer for its newer models."""
        limit = "max_completion_tokens" if provider.use == "openai" else "max_tokens"
        body: dict[str, Any] = {"model": provider.model, "messages": _messages(ask, form), limit: ask.max_tokens}
        if provider.send_temperature:
            body["temperature"] = ask.temperature
        if form == "json_schema":
            asked = {"name": _TOOL, "schema": ask.schema(), "strict": True}
            body["response_format"] = {"type": form, "json_schema": asked}
        elif form == "json_object":
            body["response_format"] = {"type": form}
        return body

    def read(self, raw: bytes) -> Completion:
        """Raises BadAnswer."""
        found = _object(raw)
        usage = _usage(found, "prompt_tokens", "completion_tokens")
        choice = _first(found.get("choices"))
        message = choice.get("message")
        content = message.get("content") if isinstance(message, dict) else None
        if choice.get("finish_reason") == "length":
            raise BadAnswer("truncated", usage)
        if choice.get("finish_reason") == "content_filter" or (isinstance(message, dict) and message.get("refusal")):
            raise BadAnswer("refused", usage)
        if not isinstance(content, str):
            raise BadAnswer("no_json", usage)
        return Completion(content=_unfenced(content), usage=usage)


class Anthropic:
    """Messages. JSON by a tool that the model has to use; its input is the answer."""

    path = "/messages"
    forms: tuple[Form, ...] = ("json_schema", "none")

    def headers(self, key: str) -> dict[str, str]:
        """Of a request."""
        return {"x-api-key": key, "anthropic-version": "2023-06-01"}

    def body(self, ask: LlmAsk, provider: ProviderOptions, form: Form) -> dict[str, Any]:
        """Of a request: system texts stand apart, temperatures end at 1."""
        messages = _messages(ask, form)
        system = "\n\n".join(each["content"] for each in messages if each["role"] == "system")
        body: dict[str, Any] = {
            "model": provider.model,
            "max_tokens": ask.max_tokens,
            "messages": [each for each in messages if each["role"] != "system"],
        }
        if system:
            body["system"] = system
        if provider.send_temperature:
            body["temperature"] = min(ask.temperature, 1.0)
        if form == "json_schema":
            body["tools"] = [{"name": _TOOL, "description": "The answer.", "input_schema": ask.schema()}]
            body["tool_choice"] = {"type": "tool", "name": _TOOL}
        return body

    def read(self, raw: bytes) -> Completion:
        """Raises BadAnswer."""
        found = _object(raw)
        usage = _usage(found, "input_tokens", "output_tokens")
        if found.get("stop_reason") in ("max_tokens", "refusal"):
            raise BadAnswer("truncated" if found["stop_reason"] == "max_tokens" else "refused", usage)
        blocks = found.get("content")
        for block in blocks if isinstance(blocks, list) else ():
            if isinstance(block, dict) and block.get("type") == "tool_use":
                return Completion(content=json.dumps(block.get("input")), usage=usage)
            if isinstance(block, dict) and block.get("type") == "text" and isinstance(block.get("text"), str):
                return Completion(content=_unfenced(block["text"]), usage=usage)
        raise BadAnswer("no_json", usage)


DIALECTS: Final[Mapping[ProviderKind, Dialect]] = {"openai": OpenAi(), "anthropic": Anthropic()}


def _messages(ask: LlmAsk, form: Form) -> list[dict[str, str]]:
    messages = [{"role": each.role, "content": each.content} for each in ask.chat()]
    if form == "json_schema":
        return messages
    schema = json.dumps(ask.schema(), ensure_ascii=False, separators=(",", ":"))
    return [{"role": "system", "content": f"Answer with JSON only, by this JSON schema: {schema}"}, *messages]


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as err:
        raise BadAnswer("no_json") from err
    if not isinstance(found, dict):
        raise BadAnswer("no_json")
    return found


def _first(choices: Any) -> dict[str, Any]:
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _usage(found: Mapping[str, Any], *names: str) -> tuple[int, int] | None:
    told = found.get("usage")
    counts = [told.get(name) for name in names] if isinstance(told, dict) else []
    whole = [each for each in counts if isinstance(each, int) and not isinstance(each, bool) and 0 <= each <= MAX_COUNT]
    return (whole[0], whole[1]) if len(whole) == 2 else None


def _unfenced(text: str) -> str:
    """Models that are held to no form like to put JSON between fences."""
    fenced = _FENCE.match(text)
    return fenced[1] if fenced else text
