"""One shape for whatever goes wrong, and nothing of our insides in it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.control import MAX_BODY
from supervisor.api.app import SERVICES
from supervisor.api.table import TABLE
from supervisor.catalog import CatalogAway
from tests.unit.api.stage import Stage, stage


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "streams/UPPER", 404, "not_found"),
        ("GET", "streams/..%2f..%2fetc", 404, "not_found"),
        ("PUT", "streams", 405, "method_not_allowed"),
        ("OPTIONS", "streams", 405, "method_not_allowed"),
        ("GET", "streams?limit=0", 422, "invalid"),
        ("GET", "streams?limit=201", 422, "invalid"),
        ("GET", "streams?sort=name", 422, "invalid"),
        ("GET", "streams?limit=1&limit=2", 422, "invalid"),
        ("GET", "streams?after=%00", 400, "bad_cursor"),
    ],
)
async def test_addresses_and_queries(method: str, path: str, status: int, code: str, api: Stage) -> None:
    answer = await api.ask(method, path)
    assert (answer.status, answer.code) == (status, code)
    assert ("Allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize(
    ("data", "headers", "status", "code"),
    [
        (b"{", {}, 400, "bad_json"),
        (b"\xff\xfe", {}, 400, "bad_json"),
        (b'{"source": NaN}', {}, 400, "bad_json"),
        (b'{"source": "\\ud800"}', {}, 400, "bad_json"),
        (b'{"source": "a\\u0000b"}', {}, 400, "bad_json"),
        (b"[" * 5000, {}, 400, "bad_json"),
        (b"[" * 40 + b"]" * 40, {}, 400, "bad_json"),
        (b"9" * 5000, {}, 400, "bad_json"),
        (b"[]", {}, 422, "invalid"),
        (b"null", {}, 422, "invalid"),
        (b"{}", {"Content-Type": "text/plain"}, 415, "no_json"),
        (b"{}", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "no_json"),
        (b"{}", {"Content-Encoding": "gzip"}, 415, "no_json"),
        (b" " * (MAX_BODY + 1), {}, 413, "too_large"),
    ],
)
async def test_bodies(data: bytes, headers: dict[str, str], status: int, code: str, api: Stage) -> None:
    """A form is no JSON: a page of a stranger could send one without asking."""
    answer = await api.ask("POST", "streams", data=data, headers={"Content-Type": "application/json", **headers})
    assert (answer.status, answer.code) == (status, code)


async def test_a_body_without_its_length_is_measured_while_it_comes(api: Stage) -> None:
    """Chunked: 2 MB are not read to their end."""

    async def pieces() -> Any:
        for _ in range(32):
            yield b" " * (64 << 10)

    headers = {"Authorization": f"Bearer {api.tokens['default', 'owner']}", "Content-Type": "application/json"}
    async with api.client.post(f"{api.url}/api/v1/streams", data=pieces(), headers=headers) as answer:
        assert answer.status == 413
        assert (await answer.json())["error"]["code"] == "too_large"


async def test_every_answer_has_the_headers_of_a_careful_server(api: Stage) -> None:
    """No sniffing, no scripts, no framing, no CORS, and no word on what serves it."""
    for path, role in (("/healthz", None), ("streams", "viewer"), ("/nothing", None), ("streams", None)):
        answer = await api.ask("GET", path, role=role, headers={"Origin": "https://stranger.example"})  # type: ignore[arg-type]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["Cache-Control"] == "no-store"
        assert not [name for name in answer.headers if name.lower().startswith("access-control") or name == "Server"]


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("localhost:8700", True), ("127.0.0.1", True), ("[::1]:8700", True), ("192.0.2.7:80", True),
        ("clips.example", True), ("CLIPS.example.:443", True), ("stranger.example", False), ("localhost.evil", False),
        ("", False), ("[", False), ("a b", False),
    ],
)  # fmt: skip
async def test_only_our_names_are_answered_to(host: str, is_ours: bool, tmp_path: Any) -> None:
    """A name that was made to lead here is a stranger's page speaking; an address cannot be made to."""
    async with stage(tmp_path, CLIPD_API__ALLOWED_HOSTS='["clips.example"]') as api:
        answer = await api.ask("GET", "streams", headers={"Host": host})
        assert answer.status == (200 if is_ours else 421)
        assert is_ours or answer.code == "host_refused"


async def test_a_bug_says_nothing_but_its_trace(api: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """The log has the rest."""

    async def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("the password is hunter2")

    api.app[SERVICES].catalog.streams = broken  # type: ignore[method-assign]
    answer = await api.ask("GET", "streams")
    assert (answer.status, answer.code) == (500, "internal")
    assert "hunter2" not in answer.text
    said = capsys.readouterr()
    assert answer.body["error"]["trace_id"] in said.out + said.err


async def test_a_catalog_that_is_away_is_a_503_with_a_time(api: Stage) -> None:
    async def away(*_: Any, **__: Any) -> Any:
        raise CatalogAway("timeout", "SELECT secret FROM tokens")

    api.app[SERVICES].catalog.streams = away  # type: ignore[method-assign]
    answer = await api.ask("GET", "streams")
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "catalog_away", "2")
    assert "SELECT" not in answer.text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
BODIES = [each for each in TABLE if each.method in ("POST", "PATCH") and each.body is not None]
FIELDS = sorted(
    {name for each in BODIES for name in (getattr(each.body, "model_fields", None) or each.body.__annotations__)}
)
bodies = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=12), json_values, max_size=6) | json_values


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(sent=bodies | st.binary(max_size=200))
def test_any_body_gets_an_answer_in_our_shape(sent: Any, fuzzed: Fuzzed) -> None:
    """Never a 500, of users' endpoints and workers' alike."""
    data = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    fuzzed.send(data)


class Fuzzed:
    """Sends one body to every endpoint that takes one."""

    def __init__(self, loop: asyncio.AbstractEventLoop, api: Stage, worker: str, renewal: str) -> None:
        self._loop, self._api, self._worker, self._renewal = loop, api, worker, renewal

    def send(self, data: bytes) -> None:
        """And expects an answer from each."""
        self._loop.run_until_complete(self._send(data))

    async def _send(self, data: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        for endpoint in BODIES:
            path = endpoint.path.partition("{")[0]
            path += f"ann-d{endpoint.path.rpartition('}')[2]}" if "{" in endpoint.path else ""
            token = self._worker if path.startswith("/internal") else None
            answer = await self._api.ask(endpoint.method, path, data=data, token=token, headers=headers)
            assert answer.status < 500, (endpoint.path, answer)
            assert answer.status < 300 or answer.code


@pytest.fixture
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server for all examples."""
    loop = asyncio.new_event_loop()
    running = stage(tmp_path_factory.mktemp("fuzzed"), CLIPD_API__REQUESTS_PER_MINUTE="100000")
    api = loop.run_until_complete(running.__aenter__())
    row = loop.run_until_complete(api.stream())
    token, renewal = loop.run_until_complete(api.worker(row.id))
    api.app[SERVICES].gate._workers._burst = 1e9  # a fuzzer is no worker: its pace is not what is tested
    yield Fuzzed(loop, api, token, renewal)
    loop.run_until_complete(running.__aexit__(None, None, None))
    loop.close()
