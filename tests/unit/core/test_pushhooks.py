"""The hooks of gateways, as their programs send them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.pushhooks import PushAsk, parse_mediamtx, parse_nginx

NGINX = (
    b"app=live&flashver=FMLE/3.0%20(compatible%3B%20FMSc/1.0)&swfurl=&tcurl=rtmp://127.0.0.1:1935/live&pageurl="
    b"&addr=192.0.2.7&clientid=5&call=publish&name=a%2Dkey&type=live"
)
MEDIAMTX = {
    "user": "", "password": "", "token": "", "ip": "192.0.2.7", "action": "publish", "path": "live/a-key",
    "protocol": "rtmp", "id": "8d3b6a0e-5b7f-4a55-93a5-c4e2b6f6f7d1", "query": "", "userAgent": "obs",
}  # fmt: skip
ASK = PushAsk(what="publish", app="live", key="a-key", peer="192.0.2.7")


def test_both_gateways_ask_the_same() -> None:
    """The key is not shown."""
    assert parse_nginx(NGINX) == parse_mediamtx(json.dumps(MEDIAMTX).encode()) == ASK
    assert "a-key" not in repr(ASK)


def test_the_end_of_publishing() -> None:
    """nginx-rtmp says so."""
    ended = parse_nginx(NGINX.replace(b"call=publish", b"call=publish_done"))
    assert ended is not None
    assert ended.what == "done"


@pytest.mark.parametrize(
    "changes",
    [
        {"path": "live", "query": "key=a-key"},
        {"path": "live/room", "token": "a-key"},
        {"path": "live", "password": "a-key"},
    ],
)
def test_a_key_apart_from_the_path(changes: dict[str, str]) -> None:
    """In the query, as a token or as a password."""
    assert parse_mediamtx(json.dumps(MEDIAMTX | changes).encode()) == ASK


@pytest.mark.parametrize(
    "body",
    [
        b"", b"call=play&app=live&name=k", b"call=publish&app=live", b"call=publish&name=k", b"\xff\xfe",
        b"call=publish&app=live&name=" + b"k" * 600, b"call=publish&app=live&name=a%0Ab", b"&".join([b"a=1"] * 100),
        b"x" * 20_000,
    ],
)  # fmt: skip
def test_forms_that_are_no_question(body: bytes) -> None:
    """Other calls, missing fields, too long, control characters."""
    assert parse_nginx(body) is None


@pytest.mark.parametrize(
    "changes", [{"action": "read"}, {"path": ""}, {"path": "live"}, {"path": 5}, {"path": "live/" + "k" * 600}]
)
def test_json_that_is_no_question(changes: dict[str, object]) -> None:
    """Other actions, no key, other types."""
    assert parse_mediamtx(json.dumps(MEDIAMTX | changes).encode()) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_a_question_or_none(body: bytes) -> None:
    """Nothing is raised."""
    parse_nginx(body)
    parse_mediamtx(body)
    parse_mediamtx(b"[" * 5_000)
