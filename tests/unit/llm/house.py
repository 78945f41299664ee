"""A gateway with a catalog and providers on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from configs.llm import LlmOptions, ProviderOptions
from core.control import LlmAnswer, LlmAsk
from supervisor.catalog import Catalog
from supervisor.llm import Gateway, LlmRefused
from telemetry.metrics import LlmMetrics
from tests.fakes import FakeClock
from tests.llm_server import KEY, LlmServer, llm_server
from tests.unit.api.stage import first_catalog

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"order": {"type": "array", "items": {"type": "integer"}, "minItems": 1}},
    "required": ["order"],
    "additionalProperties": False,
}
WORDS: Final = "what the streamer said about the boss fight"


def ask(**changes: Any) -> LlmAsk:
    """A question of the ranker's."""
    body: dict[str, Any] = {
        "task": "rank",
        "messages": [{"role": "system", "content": "order these"}, {"role": "user", "content": WORDS}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "order", "schema": SCHEMA}},
        "max_tokens": 400, "temperature": 0.2, "deadline_s": 20, "prompt_hash": "a" * 64,
    }  # fmt: skip
    return LlmAsk.from_json(body | changes)


@dataclass
class House:
    """One supervisor's gateway. `servers` are its providers', `p0` and so on."""

    gateway: Gateway
    catalog: Catalog
    clock: FakeClock
    metrics: LlmMetrics
    servers: list[LlmServer]
    options: LlmOptions

    async def ask(self, workspace: str = "default", **changes: Any) -> LlmAnswer:
        """As a stream of a workspace."""
        return await self.gateway.ask(workspace, f"stream-{workspace}", ask(**changes))

    async def refused(self, workspace: str = "default", **changes: Any) -> str:
        """The code of what was said in place of an answer."""
        try:
            await self.ask(workspace, **changes)
        except LlmRefused as err:
            return err.code
        raise AssertionError("it answered")

    def errors(self) -> list[str]:
        """The last one of each provider."""
        return [each.last_error for each in self.gateway.states("default")]

    def states(self, workspace: str = "default") -> list[str]:
        """Of each provider."""
        return [each.state for each in self.gateway.states(workspace)]

    async def spent(self, workspace: str = "default") -> float:
        """Today."""
        return await self.catalog.llm_usd_today(workspace)

    def requests(self, provider: str, outcome: str) -> float:
        """As the metrics have it."""
        labels = {"provider": provider, "outcome": outcome}
        return self.metrics.registry.get_sample_value("clipd_llm_requests_total", labels) or 0.0


@asynccontextmanager
async def house(folder: Path, *providers: dict[str, Any], **llm: Any) -> AsyncIterator[House]:
    """With one provider for each of `providers`, what they say set over what all have."""
    key = folder / "key"
    key.write_text(f"{KEY}\n")
    clock, metrics = FakeClock(), LlmMetrics()
    template = await asyncio.to_thread(first_catalog)
    (folder / "catalog.db").write_bytes(template.data)
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(llm_server()) for _ in providers]
        common = {"model": "m", "private": True, "price_in": 1.0, "price_out": 2.0, "api_key_file": str(key)}
        options = LlmOptions(
            providers=tuple(
                ProviderOptions(**{"name": f"p{n}", "base_url": f"{server.url}/v1", **common, **own})
                for n, (server, own) in enumerate(zip(servers, providers, strict=True))
            ),
            **llm,
        )
        catalog = await Catalog.open(f"sqlite:///{folder}/catalog.db", clock)
        stack.push_async_callback(catalog.close)
        gateway = Gateway(options, allow=(), catalog=catalog, clock=clock, metrics=metrics)
        stack.push_async_callback(gateway.close)
        yield House(gateway, catalog, clock, metrics, servers, options)
