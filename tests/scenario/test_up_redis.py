"""Two `clipd up` over a Redis that is as configs/compose sets it up."""

from __future__ import annotations

from pathlib import Path

import aiohttp

from tests.redis_server import RedisServer
from tests.scenario.upping import supervisor

ACL = Path(__file__).parents[2] / "configs" / "compose" / "redis.example.acl"


async def test_one_leads_and_the_other_takes_over(tmp_path: Path) -> None:
    """With a password, and no right that the example does not give; the disk's figures stand on both pages."""
    [words] = [line.split()[1:] for line in ACL.read_text().splitlines() if line.startswith("user clipd ")]
    with RedisServer(tmp_path) as server:
        server.command("ACL", "SETUSER", *(word.replace("REDIS_PASSWORD", "s3cret") for word in words))
        server.command("CONFIG", "SET", "appendonly", "yes")
        lease = f"redis://clipd:s3cret@127.0.0.1:{server.port}/0"
        settings = f"supervisor: {{lease: '{lease}', lease_s: 6}}"
        data = tmp_path / "data"
        async with supervisor(data, settings=settings) as one:
            await one.until(lambda said: said["lease"] == "held", "/readyz")
            async with supervisor(data, settings=settings) as two:
                await two.until(lambda said: said["lease"] == "elsewhere", "/readyz")
                for up in (one, two):
                    assert figure(await page(up.url), "clipd_disk_free_bytes") > 0
                one.process.kill()
                await two.until(lambda said: said["lease"] == "held", "/readyz")
                assert figure(await page(two.url), "clipd_lease_held") == 1
                assert b"s3cret" not in b"".join([*one.log, *two.log])


async def page(url: str) -> str:
    """/metrics."""
    async with aiohttp.ClientSession() as client, client.get(f"{url}/metrics") as answer:
        return await answer.text()


def figure(text: str, name: str) -> float:
    """Of a metric without labels."""
    [line] = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(line.split()[1])
