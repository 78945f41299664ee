"""The worker's orders: what is accepted, and that the schema says the same."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from core.errors import UsageError
from core.ids import SessionId, StreamId
from core.spec import WorkerSpec, worker_spec_schema


def spec(**changes: Any) -> WorkerSpec:
    """A small one."""
    known: dict[str, Any] = {"kind": "stream", "source": "x", "origin": "cli", "data_dir": "/tmp"}
    return WorkerSpec(stream=StreamId("x"), session=SessionId("s1"), **(known | changes))


def test_a_spec_survives_the_pipe() -> None:
    """Rights too; without a word they are watch-only."""
    assert WorkerSpec.from_json(spec(rights="own").to_json()) == spec(rights="own")
    assert spec().rights == "watch-only"


@pytest.mark.parametrize("changes", [{"rights": "mine"}, {"rights": ""}, {"origin": "web"}, {"kind": "tape"}])
def test_a_spec_with_an_unknown_word_is_refused(changes: dict[str, str]) -> None:
    """They decide what may be reached and published."""
    with pytest.raises(UsageError):
        spec(**changes)


def test_the_schema_knows_every_field() -> None:
    """And the version beside them."""
    assert set(worker_spec_schema()["properties"]) == {"spec", *(field.name for field in fields(WorkerSpec))}
