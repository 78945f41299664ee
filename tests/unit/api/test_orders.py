"""Trims, cuts by hand and other looks of clips: asked for as jobs, ended by what their worker says."""

from __future__ import annotations

from typing import Any

import pytest

from core.control import EventBatch, Heartbeat
from core.ids import SessionId, manual_clip_id
from core.times import ns
from tests.unit.api.stage import Stage
from tests.unit.api.test_reviews import LINE, told

SESSION = SessionId("s-ann-d")
MISSED = {"id": "m1", "state": "rejected", "start_s": 10.25, "end_s": 22.5}


async def test_a_trim_is_a_job_that_its_worker_ends(api: Stage) -> None:
    """Once at a time for a clip; the title that a person gave goes along. No other session's worker ends it."""
    await told(api, 1)
    await api.ask("PATCH", "clips/c1", {"title": "Mine"})
    made = await api.ask("POST", "clips/c1/trim", {"start_s": 62, "end_s": 80.5}, role="editor")
    assert (made.status, made.body["kind"], made.body["state"]) == (202, "trim", "created")
    span = {name: made.body[name] for name in ("clip", "session", "start_s", "end_s", "formats", "revision", "source")}
    assert span == {
        "clip": "c1", "session": SESSION, "start_s": 62.0, "end_s": 80.5, "formats": [], "revision": None, "source": "",
    }  # fmt: skip
    job = await api.catalog.job("default", made.body["id"])
    assert job.asked == {
        "kind": "trim", "order": job.id, "clip": "c1", "start_s": 62.0, "end_s": 80.5, "title": "Mine",
    }  # fmt: skip
    assert (await api.catalog.all_streams())[-1].options["order"] == job.asked
    again = await api.ask("POST", "clips/c1/trim", {"start_s": 63, "end_s": 80})
    assert (again.status, again.code) == (409, "trim_underway")
    assert (await api.ask("GET", "clips/c1")).body["renders"] == [made.body]
    line = {"id": job.id, "clip": "c1", "state": "failed", "reason": "not_buffered", "message": "Gone"}
    await told(api, 2, "order", **line)
    assert (await api.ask("GET", f"jobs/{job.id}")).body["message"] == "Gone"
    await told(api, 3, "order", **{**line, "state": "done", "revision": 2, "message": ""})
    shown = (await api.ask("GET", f"jobs/{job.id}")).body
    assert (shown["revision"], shown["message"]) == (2, "")
    other = await api.stream("ben")
    await api.worker(other.id)
    claim = (await api.catalog.newest_claims([other.id]))[other.id]
    row = {"seq": 1, "attempt": 1, "kind": "order", "line": line}
    await api.catalog.store_events(EventBatch(session=claim.session, claim_token=claim.token, rows=(row,)))
    assert (await api.ask("GET", f"jobs/{job.id}")).body["revision"] == 2


async def test_a_span_of_a_session_and_a_near_miss_are_cut(api: Stage) -> None:
    """Under the id that the span has; what is there already is named instead."""
    await told(api, 1)
    await told(api, 2, "moment", **MISSED)
    made = await api.ask("POST", f"sessions/{SESSION}/cut", {"start_s": 5, "end_s": 9, "title": "Hi"}, role="editor")
    clip = manual_clip_id(SESSION, ns(5.0), ns(9.0))
    assert (made.status, made.body["kind"], made.body["clip"]) == (202, "cut", clip)
    again = await api.ask("POST", f"sessions/{SESSION}/cut", {"start_s": 5, "end_s": 9})
    assert (again.status, again.code) == (409, "cut_underway")
    near = await api.ask("POST", f"sessions/{SESSION}/near-misses/m1/cut", role="editor")
    asked = (await api.catalog.job(None, near.body["id"])).asked
    assert asked == {
        "kind": "cut", "order": near.body["id"], "clip": manual_clip_id(SESSION, ns(10.25), ns(22.5)),
        "start_s": 10.25, "end_s": 22.5, "moment": "m1",
    }  # fmt: skip
    await told(api, 3, **{**LINE, "id": clip})
    there = await api.ask("POST", f"sessions/{SESSION}/cut", {"start_s": 5, "end_s": 9})
    assert (there.status, there.code, clip in there.text) == (409, "already_cut", True)
    await told(api, 4, "moment", **{**MISSED, "state": "final"})
    found = await api.ask("POST", f"sessions/{SESSION}/near-misses/m1/cut")
    assert (found.status, found.code) == (409, "not_missed")
    assert (await api.ask("POST", f"sessions/{SESSION}/near-misses/m2/cut")).status == 404
    await told(api, 5, "moment", **{**MISSED, "end_s": 9e9})
    assert (await api.ask("POST", f"sessions/{SESSION}/near-misses/m1/cut")).code == "no_span"


async def test_another_look_of_a_clip(api: Stage) -> None:
    """Beside a plain render of the same formats, which is another job."""
    await told(api, 1)
    body = {"formats": ["square"], "layout": "fit", "captions": "off"}
    made = await api.ask("POST", "clips/c1/render", body, role="editor")
    shown = {name: made.body[name] for name in ("kind", "formats", "layout", "captions")}
    assert (made.status, shown) == (202, {"kind": "render", **body})
    assert (await api.ask("POST", "clips/c1/render", body)).code == "render_underway"
    plain = await api.ask("POST", "clips/c1/render", {"formats": ["square"]})
    assert (plain.status, plain.body["layout"], (await api.catalog.job(None, plain.body["id"])).asked) == (
        202,
        None,
        None,
    )
    assert (await api.ask("POST", "clips/c1/render", {**body, "layout": "oval"})).status == 422
    assert (await api.ask("POST", "clips/c1/render", {**body, "captions": "huge"})).status == 422


@pytest.mark.parametrize(
    "span", [{"start_s": 9, "end_s": 5}, {"start_s": 5, "end_s": 5}, {"start_s": 0, "end_s": 3601}, {"start_s": -1},
             {"start_s": -1, "end_s": 2}, {"start_s": "1", "end_s": 2}, {"start_s": 1e300, "end_s": 2e300}, {}],
)  # fmt: skip
async def test_what_is_no_span_is_refused(api: Stage, span: dict[str, Any]) -> None:
    await told(api, 1)
    for path in ("clips/c1/trim", f"sessions/{SESSION}/cut"):
        assert (await api.ask("POST", path, span)).status == 422


async def test_a_span_that_cannot_be_is_refused_at_once(api: Stage) -> None:
    """Another moment's; beyond a session that is over; of a clip that was withdrawn."""
    stream = await told(api, 1)
    away = await api.ask("POST", "clips/c1/trim", {"start_s": 84, "end_s": 90})
    assert (away.status, away.code) == (422, "another_clip")
    assert "60.0 to 84.0" in away.text
    claim = (await api.catalog.newest_claims([stream]))[stream]
    beat = Heartbeat(
        session=claim.session, claim_token=1, state="live", progress=1, media_s=100.0, lag_s=0, rss_bytes=1,
        ring_bytes=1, disk_free_bytes=1, undelivered=0,
    )  # fmt: skip
    await api.catalog.beat(beat)
    await api.leading.set_session(SESSION, state="ended", ended=True)
    late = await api.ask("POST", f"sessions/{SESSION}/cut", {"start_s": 100, "end_s": 110})
    assert (late.status, late.code) == (422, "outside")
    await told(api, 2, **{**LINE, "state": "withdrawn"})
    for path, body in (("trim", {"start_s": 62, "end_s": 80}), ("render", {"formats": ["square"]})):
        gone = await api.ask("POST", f"clips/c1/{path}", body)
        assert (gone.status, gone.code) == (409, "clip_withdrawn")
