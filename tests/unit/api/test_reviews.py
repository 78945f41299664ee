"""What an editor does with clips: verdicts and titles."""

from __future__ import annotations

import json
from typing import Any

from core.control import EventBatch
from core.ids import StreamId
from tests.unit.api.stage import Stage

LINE: dict[str, Any] = {
    "id": "c1", "revision": 1, "state": "final", "title": "A goal", "start_s": 60.0, "end_s": 84.0,
    "files": {"master": "/x/master.mp4"},
}  # fmt: skip


async def told(api: Stage, seq: int, kind: str = "clip", **line: Any) -> StreamId:
    """A line of the worker of stream `ann`, which is there from its first one on."""
    if seq == 1:
        row = await api.stream()
        await api.worker(row.id)
    stream = StreamId("ann-d")
    claim = (await api.catalog.newest_claims([stream]))[stream]
    event = {"seq": seq, "attempt": 1, "kind": kind, "line": line or LINE}
    await api.catalog.store_events(EventBatch(session=claim.session, claim_token=claim.token, rows=(event,)))
    return stream


async def test_a_clip_is_judged_and_named_and_stays_so(api: Stage) -> None:
    """The next revision says that it is not the one that was approved; both verdicts are shown, with who said them."""
    await told(api, 1)
    assert (await api.ask("POST", "clips/c1/reject", {"note": "too long"}, role="editor")).body["review"] == "rejected"
    approved = await api.ask("POST", "clips/c1/approve", role="editor")
    assert (approved.status, approved.body["review"], approved.body["reviewed_revision"]) == (200, "approved", 1)
    named = await api.ask("PATCH", "clips/c1", {"title": " Mine "}, role="editor")
    assert named.body["title"] == "Mine"
    await told(api, 2, **{**LINE, "revision": 2, "title": "Theirs"})
    shown = (await api.ask("GET", "clips/c1")).body
    assert (shown["title"], shown["review"], shown["reviewed_revision"]) == ("Mine", "approved", 1)
    assert shown["revised_after_approval"]
    by = api.rows["default", "editor"].id
    assert [(each["review"], each["note"], each["by"]) for each in shown["verdicts"]] == [
        ("approved", "", by), ("rejected", "too long", by),
    ]  # fmt: skip
    actions = [row["action"] for row in (await api.ask("GET", "audit")).body["items"]]
    assert actions[:3] == ["clip.change", "clip.approve", "clip.reject"]


async def test_a_verdict_comes_over_the_event_stream_and_a_follower_goes_on_behind_it(api: Stage) -> None:
    """By its own number, between what workers say."""
    await told(api, 1)
    await api.ask("POST", "clips/c1/approve", {"note": "yes"})
    await told(api, 2, "state", state="live")
    headers = {"Authorization": f"Bearer {api.tokens['default', 'viewer']}"}

    async def frames(after: int, count: int) -> list[list[str]]:
        async with api.client.get(f"{api.url}/api/v1/events?after={after}", headers=headers) as answer:
            read = [await answer.content.readuntil(b"\n\n") for _ in range(count + 1)]
        return [frame.decode().splitlines() for frame in read[1:]]

    [_, review, _] = await frames(0, 3)
    assert review[1] == "event: review"
    line = json.loads(review[2].removeprefix("data: "))["line"]
    assert (line["clip"], line["revision"], line["review"], line["note"]) == ("c1", 1, "approved", "yes")
    [after] = await frames(int(review[0].removeprefix("id: ")), 1)
    assert after[1] == "event: state"


async def test_what_is_no_verdict_is_refused(api: Stage) -> None:
    await told(api, 1)
    for method, path, body in (
        ("POST", "clips/c1/approve", {"note": "x" * 1001}),
        ("POST", "clips/c1/approve", {"notes": "x"}),
        ("PATCH", "clips/c1", {"title": ""}),
        ("PATCH", "clips/c1", {"title": "a\nb"}),
        ("PATCH", "clips/c1", {"title": "x" * 121}),
        ("PATCH", "clips/c1", {}),
        ("PATCH", "clips/c1", {"review": "approved"}),
    ):
        assert (await api.ask(method, path, body)).status == 422, body
    await told(api, 2, **{**LINE, "state": "withdrawn"})
    assert (await api.ask("POST", "clips/c1/approve")).code == "clip_withdrawn"
