"""The OpenAPI document: a good one, of all that is served, and what is served keeps to it whatever it is sent."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from core.control import MAX_BODY
from supervisor.api.call import ForUsers, ForWorkers
from supervisor.api.openapi import template_of
from supervisor.api.scopes import AREA_OF, SCOPES
from supervisor.api.table import API, TABLE
from supervisor.catalog.values import DEFAULT_WORKSPACE
from tests.unit.api.described import description
from tests.unit.api.stage import Stage, stage
from tests.unit.api.test_rights import things

Operation: TypeAlias = APIOperation[Any, Any, Any, Any]
CHECKS: Final = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
]  # fmt: skip
schemathesis.serializer.alias(["application/sdp", "application/trickle-ice-sdpfrag"], "text/plain")
OPERATIONS: Final = [(path, method) for path, each in description()["paths"].items() for method in each]


async def test_it_is_served_to_everybody_and_is_a_good_document(api: Stage) -> None:
    """By OpenAPI's own schema; no reference leads nowhere."""
    answer = await api.ask("GET", "openapi.json", role=None)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.body == description()
    assert [str(error) for error in OPENAPI_31_VALIDATOR.iter_errors(answer.body)] == []
    assert [ref for ref in references(answer.body) if not leads(answer.body, ref)] == []


def references(part: Any) -> Iterator[str]:
    """Every `$ref` inside."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from references(each)


def leads(document: Any, ref: str) -> bool:
    """To something in the same document."""
    for name in ref.removeprefix("#/").split("/"):
        document = document.get(name) if isinstance(document, dict) else None
    return document is not None


def test_it_has_every_endpoint_that_is_not_a_workers() -> None:
    """Each with its own name, its role and scope, errors in one shape, and time to wait where it is asked too often."""
    shown = {(template_of(each.path)[0], each.method.lower()) for each in TABLE if not isinstance(each, ForWorkers)}
    assert set(OPERATIONS) == shown
    said = [description()["paths"][path][method] for path, method in OPERATIONS]
    assert len({each["operationId"] for each in said}) == len(said)
    for each in said:
        assert each["summary"]
        assert {"429", "503", "default"} <= set(each["responses"])
    assert description()["components"]["responses"]["E429"]["headers"]["Retry-After"]


def test_every_endpoint_of_users_belongs_to_an_area() -> None:
    """So a narrowed token opens none by being forgotten; an area is in the list of scopes."""
    parts = {each.path.removeprefix(API).split("/")[1] for each in TABLE if isinstance(each, ForUsers)}
    assert parts <= set(AREA_OF)
    assert {"clips:read", "clips:write", "admin:write"} <= set(SCOPES)
    assert MAX_BODY == 1 << 20


@dataclass(frozen=True)
class Served:
    """A server in a thread of its own, for a client that waits."""

    url: str
    token: str
    ids: dict[str, str]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """With one of everything."""
    folder, ready, made = tmp_path_factory.mktemp("served"), threading.Event(), []
    loop, over = asyncio.new_event_loop(), asyncio.Event()

    async def run(folder: Path) -> None:
        async with stage(folder, CLIPD_API__REQUESTS_PER_MINUTE="100000") as api:
            ids = await things(api, DEFAULT_WORKSPACE)
            made.append(Served(api.url, api.tokens[DEFAULT_WORKSPACE, "owner"], ids))
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(folder),))
    thread.start()
    assert ready.wait(60)
    yield made[0]
    loop.call_soon_threadsafe(over.set)
    thread.join()
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def operations(*, deletes: bool) -> list[Operation]:
    """What ends by itself."""
    found = []
    for each in schemathesis.openapi.from_dict(description()).get_all_operations():
        assert isinstance(each, Ok)
        found.append(each.ok())
    never_end = {each.path for each in TABLE if each.media == "text/event-stream"}
    return [each for each in found if each.path not in never_end and (each.method == "delete") == deletes]


def check(operation: Operation, mode: GenerationMode, served: Served, examples: int) -> None:
    """Send it what the description allows, or does not; with the id of something that is there."""
    area = operation.path.removeprefix(API).split("/")[1]
    known = {"id": served.ids[area]} if area in served.ids and "{id}" in operation.path else None

    @settings(
        max_examples=examples, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode, path_parameters=known))
    def send(case: Case[Any]) -> None:
        response = case.call(base_url=served.url, headers={"Authorization": f"Bearer {served.token}"})
        case.validate_response(response, checks=CHECKS)

    with suppress(Unsatisfiable) if mode is GenerationMode.NEGATIVE else nullcontext():  # it takes nothing
        send()


def test_whatever_is_sent_is_answered_as_described(served: Served) -> None:
    """A few examples of each, the same ones each time: no server error, no answer that is not in the document."""
    for operation in (*operations(deletes=False), *operations(deletes=True)):
        for mode in GenerationMode:
            check(operation, mode, served, 2)


@pytest.mark.soak
@pytest.mark.parametrize("mode", GenerationMode, ids=str)
def test_many_more_are_too(mode: GenerationMode, served: Served) -> None:
    """What takes minutes."""
    for operation in (*operations(deletes=False), *operations(deletes=True)):
        check(operation, mode, served, 150)
