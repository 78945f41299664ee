"""WHIP: keys are looked at here, offers go to the worker, and the session's address leads back here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from supervisor.api.whip import MAX_SDP
from tests.fakes import FakeClock
from tests.unit.api.room_worker import ANSWER_SDP, Worker, room_worker
from tests.unit.api.stage import Answer, Stage, stage

SDP = {"Content-Type": "application/sdp"}
OFFER = b"v=0\r\noffer\r\n"


async def whip_stream(api: Stage) -> tuple[str, str]:
    """A stream that is pushed over WHIP, and its key, which is shown this once."""
    made = await api.ask("POST", "streams", {"source": "whip:", "name": "obs"}, role="editor")
    assert made.status == 201
    assert "key_sha256" not in str((await api.ask("GET", f"streams/{made.body['id']}")).body)
    return made.body["id"], made.body["key"]


async def post(api: Stage, path: str, key: str | None = None, data: bytes = OFFER, **headers: str) -> Answer:
    return await api.ask("POST", path, role=None, token=key, data=data, headers={**SDP, **headers})


async def test_an_offer_by_bearer_key_goes_to_the_worker(api: Stage) -> None:
    """201 with the answer; the session's address and its DELETE ask for the same key."""
    stream, key = await whip_stream(api)
    async with room_worker(api, stream) as worker:
        made = await post(api, "whip", key)
        assert (made.status, made.text) == (201, ANSWER_SDP)
        assert made.headers["Location"] == "/api/v1/whip/session/abc-1"
        assert made.headers["ETag"] == '"e1"'
        assert "Set-Cookie" not in made.headers
        where = made.headers["Location"]
        assert (await api.ask("DELETE", where, role=None)).code == "bad_key"
        fragment = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": '"e1"'}
        patched = await api.ask("PATCH", where, role=None, token=key, data=b"a=candidate", headers=fragment)
        assert patched.status == 204
        assert (await api.ask("DELETE", where, role=None, token=key)).status == 200
        (method, path, headers, body), (_, _, patch, more), (last, gone, _, _) = worker.seen
        assert (method, path, body) == ("POST", "/whip", OFFER.decode())
        assert headers["Content-Type"] == "application/sdp"
        assert "Authorization" not in headers
        assert (patch["If-Match"], more) == ('"e1"', "a=candidate")
        assert (last, gone) == ("DELETE", "/whip/abc-1")


async def test_the_key_may_stand_in_the_address(api: Stage) -> None:
    """Then it stands in the session's too, for encoders that send no token."""
    stream, key = await whip_stream(api)
    async with room_worker(api, stream):
        made = await post(api, f"whip/{key}")
        assert made.headers["Location"] == f"/api/v1/whip/{key}/abc-1"
        assert (await api.ask("DELETE", made.headers["Location"], role=None)).status == 200


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
async def test_what_may_be_posted_is_told_to_everybody(method: str, api: Stage) -> None:
    answer = await api.ask(method, "whip", role=None)
    assert answer.status == 204
    assert answer.headers.get("Accept-Post", "application/sdp") == "application/sdp"


async def test_wrong_keys_and_paused_streams_are_refused(api: Stage) -> None:
    """Neither an owner's token nor the key of a door is one; nor is the digest that is kept."""
    stream, key = await whip_stream(api)
    door = (await api.ask("POST", "streams", {"source": "door:live"})).body["key"]
    row = await api.catalog.stream(None, stream)  # type: ignore[arg-type]
    wrong: tuple[Any, ...] = (None, "x" * 32, door, api.tokens["default", "owner"], row.options["push"]["key_sha256"])
    for each in wrong:
        refused = await post(api, "whip", each)
        assert (refused.status, refused.code) == (401, "bad_key")
    await api.ask("POST", f"streams/{stream}/pause")
    api.services.keys._read_ns = None
    assert (await post(api, "whip", key)).code == "bad_key"


async def test_guessing_keys_is_slow(tmp_path: Path) -> None:
    async with stage(tmp_path, clock=FakeClock()) as api:
        answers = [await post(api, "whip", "x" * 32) for _ in range(31)]
    assert answers[-1].status == 429


async def test_without_a_worker_one_is_asked_to_come_again(api: Stage) -> None:
    _, key = await whip_stream(api)
    answer = await post(api, "whip", key)
    assert (answer.status, answer.code) == (503, "stream_opening")
    assert answer.headers["Retry-After"] == "5"


async def test_the_workers_refusal_keeps_its_word_in_our_shape(api: Stage) -> None:
    stream, key = await whip_stream(api)
    async with room_worker(api, stream) as worker:
        worker.refuse = 422
        refused = await post(api, "whip", key)
        assert (refused.status, refused.code) == (422, "bad_offer")
        assert refused.body["error"]["message"] == "HEVC is not taken. Choose H.264."


async def test_offers_are_bounded(api: Stage) -> None:
    stream, key = await whip_stream(api)
    async with room_worker(api, stream) as worker:
        large = await post(api, "whip", key, bytes(MAX_SDP + 1))
        assert (large.status, large.code) == (413, "too_large")
        assert isinstance(worker, Worker)
        assert worker.seen == []


async def test_a_pushed_stream_stays_what_it_is(api: Stage) -> None:
    """Its key would fit no other door."""
    stream, _ = await whip_stream(api)
    for source in ("door:", "https://example.org/a.m3u8"):
        assert (await api.ask("PATCH", f"streams/{stream}", {"source": source})).code == "other_kind"
    assert (await api.ask("POST", "streams", {"source": "door:whip:"})).status == 400
