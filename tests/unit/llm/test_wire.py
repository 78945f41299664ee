"""What the wire to a provider refuses before a byte is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from configs.llm import ProviderOptions
from core.errors import SourceRefused
from core.netpolicy import AddressPolicy
from supervisor.llm.wire import CallFailed, Wire
from tests.llm_server import llm_server
from tests.unit.llm.house import house


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "127.1", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1"],
)  # fmt: skip
async def test_a_public_provider_lies_at_public_addresses_only(host: str) -> None:
    """However they are spelled; aiohttp itself takes no short forms."""
    wire = Wire(AddressPolicy.for_source(f"https://{host}/v1", "api"), 1)
    with pytest.raises((SourceRefused, CallFailed), match=r"public|unreachable"):
        await wire.post(f"https://{host}:8443/v1/chat/completions", {}, {})
    await wire.close()


async def test_a_private_provider_does_not_lie_where_credentials_are_given_out() -> None:
    wire = Wire(AddressPolicy.for_source("http://169.254.169.254/v1", "cli"), 1)
    with pytest.raises(SourceRefused):
        await wire.post("http://169.254.169.254/v1/chat/completions", {}, {})
    await wire.close()


async def test_the_chain_goes_on_behind_a_refused_address(tmp_path: Path) -> None:
    own = {"private": False, "base_url": "https://127.0.0.1/v1"}
    async with house(tmp_path, own, {}) as at:
        assert (await at.ask()).provider == "p1"
        assert at.errors() == ["address_refused", ""]
        assert await at.spent() == pytest.approx(180e-6)


async def test_proxies_of_the_environment_are_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    """They would see keys, and look names up out of the policy's sight."""
    async with llm_server() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        wire = Wire(AddressPolicy.for_source("http://127.0.0.1:9/v1", "cli"), 1)
        with pytest.raises(CallFailed) as said:
            await wire.post("http://127.0.0.1:9/elsewhere", {}, {})
        await wire.close()
        assert (said.value.code, said.value.is_sent, proxy.followed) == ("unreachable", False, 0)


def test_a_private_provider_may_be_plain_http() -> None:
    own = {"use": "ollama", "model": "m", "base_url": "http://192.168.1.5:8080/v1"}
    assert ProviderOptions.model_validate(own).private
