"""Whether supervisors that are killed while they ask ever spend more than a day's budget, and what asking costs.

    python -m benchmarks.llm_gateway --kills 12 --out docs/results/llm_gateway.json

Supervisors are processes of their own with one catalog (SQLite) and ask a provider on this machine until the budget is
used up; one after the other is killed with SIGKILL and replaced. The provider bills what it was asked, whether somebody
waits for its answer or not. `overshoot` is its bill less the budget and has to be 0 or less; `on paper` is what the
catalog says was spent. The second table is what the gateway adds to a provider that answers at once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from benchmarks.common import render_table, write_json
from configs.llm import LlmOptions, ProviderOptions
from core.control import LlmAsk
from supervisor.catalog import Catalog
from supervisor.llm import Gateway, LlmRefused
from telemetry import SystemClock
from telemetry.metrics import LlmMetrics

BUDGET: Final = ("supervisors", "kills", "answered", "budget USD", "billed USD", "on paper USD", "overshoot USD")
TIMES: Final = ("asked", "questions", "p50 ms", "p95 ms")
BUDGET_USD: Final = 0.5
MAX_TOKENS: Final = 400
PRICES: Final = {"price_in": 1.0, "price_out": 5.0}
FREE: Final = {"price_in": 0.0, "price_out": 0.0}


def main() -> None:
    """Print the tables and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--supervisors", type=int, default=3)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", nargs=2, metavar=("FOLDER", "URL"))
    parser.add_argument("--out", type=Path, default=Path("docs/results/llm_gateway.json"))
    args = parser.parse_args()
    if args.child:
        asyncio.run(_supervisor(Path(args.child[0]), args.child[1]))
        return
    budget = asyncio.run(measure_budget(args.supervisors, args.kills, random.Random(args.seed)))
    times = asyncio.run(measure_times(args.questions))
    print(render_table(BUDGET, [[row[name] for name in BUDGET] for row in budget]))
    print(render_table(TIMES, [[row[name] for name in TIMES] for row in times]))
    write_json(args.out, budget + times, seed=args.seed)


class _Provider:
    """Answers chat completions and bills each question it was asked."""

    def __init__(self, rng: random.Random, longest_s: float) -> None:
        self._rng, self._longest_s = rng, longest_s
        self.billed_usd, self.answered, self.url = 0.0, 0, ""
        self.told = asyncio.Semaphore(0)

    async def chat(self, request: web.Request) -> web.Response:
        """Bytes of the body are a generous count of tokens."""
        prompt, completion = len(await request.read()), self._rng.randint(1, MAX_TOKENS)
        self.billed_usd += (prompt * PRICES["price_in"] + completion * PRICES["price_out"]) / 1e6
        if self._longest_s:
            await asyncio.sleep(self._rng.uniform(0, self._longest_s))
        self.answered += 1
        self.told.release()
        message = {"message": {"role": "assistant", "content": '{"order": [1]}'}, "finish_reason": "stop"}
        usage = {"prompt_tokens": prompt, "completion_tokens": completion}
        return web.json_response({"choices": [message], "usage": usage})


@asynccontextmanager
async def _provider(rng: random.Random, longest_s: float) -> AsyncIterator[_Provider]:
    provider = _Provider(rng, longest_s)
    app = web.Application()
    app.router.add_post("/v1/chat/completions", provider.chat)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    provider.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield provider
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _gateway(folder: Path, url: str, prices: dict[str, float]) -> AsyncIterator[Gateway]:
    options = {"name": "bench", "base_url": url, "model": "m", "private": True, **prices}
    llm = LlmOptions(providers=(ProviderOptions.model_validate(options),), budget_usd_per_day=BUDGET_USD)
    clock = SystemClock()
    catalog = await Catalog.open(f"sqlite:///{folder}/catalog.db", clock)
    gateway = Gateway(llm, allow=(), catalog=catalog, clock=clock, metrics=LlmMetrics())
    try:
        yield gateway
    finally:
        await gateway.close()
        await catalog.close()


def _ask(name: str) -> LlmAsk:
    words = f"{name} " + "what was said in a candidate of thirty seconds. " * 40
    schema = {"type": "object", "properties": {"order": {"type": "array"}}, "required": ["order"]}
    return LlmAsk(
        task="rank",
        messages=({"role": "user", "content": words},),
        response_format={"type": "json_schema", "json_schema": {"name": "order", "schema": schema}},
        max_tokens=MAX_TOKENS,
        temperature=0.0,
        deadline_s=30.0,
        prompt_hash=name,
    )


async def _supervisor(folder: Path, url: str) -> None:
    """Four questions at once, until there is no money left."""

    async def stream(number: int) -> None:
        count = 0
        while True:
            count += 1
            try:
                await gateway.ask("default", f"s{number}", _ask(f"{time.time_ns()}-{number}-{count}"))
            except LlmRefused as err:
                if err.code == "llm_budget":
                    return

    async with _gateway(folder, url, PRICES) as gateway:
        await asyncio.gather(*(stream(number) for number in range(4)))


async def measure_budget(supervisors: int, kills: int, rng: random.Random) -> list[dict[str, Any]]:
    """One day."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with _provider(rng, 0.2) as provider:
            command = [sys.executable, "-m", "benchmarks.llm_gateway", "--child", name, provider.url]

            async def start() -> asyncio.subprocess.Process:
                return await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)

            running = [await start() for _ in range(supervisors)]
            done = 0
            for number in range(kills):
                for _ in range(rng.randint(3, 7)):
                    with contextlib.suppress(TimeoutError):  # the money is used up
                        await asyncio.wait_for(provider.told.acquire(), 5)
                victim = running[number % supervisors]
                if victim.returncode is None:
                    victim.kill()
                    await victim.wait()
                    done += 1
                running[number % supervisors] = await start()
            await asyncio.gather(*(each.wait() for each in running))
            catalog = await Catalog.open(f"sqlite:///{folder}/catalog.db", SystemClock())
            paper = sum(row.llm_usd for row in (await catalog.usage("default")).rows)
            await catalog.close()
            figures = (supervisors, done, provider.answered, BUDGET_USD, provider.billed_usd, paper)
            over = provider.billed_usd - BUDGET_USD
            return [dict(zip(BUDGET, [*(round(each, 4) for each in figures), round(over, 4)], strict=True))]


async def measure_times(questions: int) -> list[dict[str, Any]]:
    """One question after the other."""
    rows = []
    for label, prices, is_same in (("priced", PRICES, False), ("free", FREE, False), ("kept answer", FREE, True)):
        with tempfile.TemporaryDirectory() as name:
            took = await _times(Path(name), prices, ["same" if is_same else str(n) for n in range(questions)])
        took = sorted(took[1:])
        values = (label, len(took), round(took[len(took) // 2], 1), round(took[int(len(took) * 0.95)], 1))
        rows.append(dict(zip(TIMES, values, strict=True)))
    return rows


async def _times(folder: Path, prices: dict[str, float], names: list[str]) -> list[float]:
    took = []
    async with _provider(random.Random(1), 0.0) as provider, _gateway(folder, provider.url, prices) as gateway:
        for name in names:
            began = time.perf_counter()
            await gateway.ask("default", "s", _ask(name))
            took.append((time.perf_counter() - began) * 1000)
    return took


if __name__ == "__main__":
    main()
