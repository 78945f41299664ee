"""The worker's orders: what is accepted, and that the schema says the same."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from core.errors import UsageError
from core.ids import SessionId, StreamId
from core.spec import ControlSpec, WorkerSpec, worker_spec_schema


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


@pytest.mark.parametrize("clips", [("../x",), ("a",) * 257])
def test_clips_are_ids_and_not_too_many(clips: tuple[str, ...]) -> None:
    """They name folders."""
    assert WorkerSpec.from_json(spec(clips=("c1",)).to_json()).clips == ("c1",)
    with pytest.raises(UsageError):
        spec(clips=clips)


@pytest.mark.parametrize("changes", [{"urls": ()}, {"urls": ("file:///x",)}, {"claim_token": 0}, {"urls": (1,)}])
def test_a_worker_is_supervised_over_http(changes: dict[str, Any]) -> None:
    """And its claim has a number."""
    control: dict[str, Any] = {"urls": ("http://127.0.0.1:1",), "claim_token": 1, "token": "t", "renewal": "r"}
    good = json.loads(spec(control=ControlSpec(**control)).to_json())
    assert WorkerSpec.from_json(json.dumps(good)).control == ControlSpec(**control)
    with pytest.raises(UsageError):
        WorkerSpec.from_json(json.dumps(good | {"control": control | changes}))


def test_the_page_for_people_shows_this_schema() -> None:
    """docs/worker-spec.md is what they start workers by."""
    page = (Path(__file__).resolve().parents[3] / "docs" / "worker-spec.md").read_text(encoding="utf-8")
    assert json.loads(page.rpartition("```json")[2].partition("```")[0]) == worker_spec_schema()


def test_the_schema_knows_every_field() -> None:
    """And the version beside them."""
    assert set(worker_spec_schema()["properties"]) == {"spec", *(field.name for field in fields(WorkerSpec))}
