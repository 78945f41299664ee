"""What pages may say to a room: everything is read or refused, nothing breaks it."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from core.errors import ClipdError
from recorder.room.messages import Hello, Level, Moderate, Mute, Offer, Record, UplState
from recorder.room.protocol import BadMessage, error, read_message, write_message

GOOD: dict[str, dict[str, Any]] = {
    "hello": {"client_id": "c1", "mimes": ["video/webm"], "persisted": True, "quota_mb": 10.5, "resume": ["s1"]},
    "offer": {"gen": 1, "sdp": "v=0\r\n"},
    "answer": {"pair": "p2.1", "sdp": "v=0\r\n"},
    "clk": {"t0": 12.5},
    "rec.state": {"take": "t1", "seg": "5f0c", "track": "cam", "state": "started", "mime": "video/webm", "t_ms": 1.5},
    "upl.state": {"made": 3, "sent": 2, "verified": 1, "bytes_left": 1, "bps": 8, "segs": {"s1": {"made": 3}}},
    "level": {"peak": 0.5, "rms": 0.1, "clip": False},
    "net": {"rtt_ms": 30, "loss": 0.01, "kbps": 900},
    "mute": {"track": "mic", "on": False, "pid": "p2"},
    "bye": {},
    "admit": {"pid": "p2"},
    "deny": {"pid": "p2"},
    "kick": {"pid": "p2"},
    "rec.start": {},
    "rec.stop": {},
    "layout": {"layout": "screen+speaker"},
    "upl.ctl": {"pid": "p2", "op": "pause"},
    "mark": {"text": "laughter"},
}


def text(kind: str, **changes: Any) -> str:
    return json.dumps({"v": 1, "id": "m1", "type": kind, **GOOD[kind], **changes})


@pytest.mark.parametrize("kind", GOOD)
def test_every_message_of_the_contract_is_read(kind: str) -> None:
    """With its id."""
    assert read_message(text(kind)).id == "m1"


def test_values_come_typed() -> None:
    """Numbers are floats, absent fields have their defaults, unknown ones are not looked at."""
    hello = read_message('{"v":1,"id":"a","type":"hello","client_id":"c","later":{}}')
    assert hello == Hello(id="a", client_id="c")
    assert read_message(text("offer")) == Offer(id="m1", gen=1, sdp="v=0\r\n")
    level, upload = read_message(text("level")), read_message(text("upl.state"))
    assert isinstance(level, Level)
    assert (level.peak, level.clip) == (0.5, False)
    assert isinstance(upload, UplState)
    assert upload.shown() == {
        "made": 3.0, "sent": 2.0, "verified": 1.0, "bytes_left": 1.0, "bps": 8.0, "segments": 1,
    }  # fmt: skip
    mute, kick, start = (read_message(text(kind)) for kind in ("mute", "kick", "rec.start"))
    assert isinstance(mute, Mute)
    assert isinstance(kick, Moderate)
    assert isinstance(start, Record)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("", "bad_message"),
        ("[" * 100_000, "bad_message"),
        ("[]", "bad_message"),
        ('{"v":1,"type":"bye"}', "bad_message"),
        ('{"v":1,"id":"","type":"bye"}', "bad_message"),
        ('{"v":2,"id":"a","type":"bye"}', "bad_version"),
        ('{"v":true,"id":"a","type":"bye"}', "bad_version"),
        ('{"v":1,"id":"a","type":"dance"}', "unknown_type"),
        ('{"v":1,"id":"a","type":["bye"]}', "unknown_type"),
        ('{"v":1,"id":"a","type":"clk","t0":NaN}', "bad_message"),
        ('{"v":1,"id":"a","type":"clk","t0":1e999}', "bad_message"),
        ('{"v":1,"id":"a","type":"clk","t0":' + "9" * 5000 + "}", "bad_message"),
        (text("offer", gen=True), "bad_message"),
        (text("offer", gen=-1), "bad_message"),
        (text("offer", sdp="x" * 300_000), "bad_message"),
        (text("offer", sdp="\ud800"), "bad_message"),
        (text("mute", track="ear"), "bad_message"),
        (text("mute", on="no"), "bad_message"),
        (text("kick", pid="../etc"), "bad_message"),
        (text("level", peak=-1), "bad_message"),
        (text("upl.state", segs={"s": {"made": "many"}}), "bad_message"),
        (text("upl.state", segs={f"s{n}": {} for n in range(65)}), "bad_message"),
        (text("hello", mimes=["x"] * 33), "bad_message"),
        (text("mark", text="a\x00b"), "bad_message"),
        (text("layout", layout="spiral"), "bad_message"),
    ],
)
def test_what_is_no_message_is_refused(message: str, code: str) -> None:
    """In the error shape, with a remedy."""
    with pytest.raises(BadMessage) as refused:
        read_message(message)
    said = error(refused.value)
    assert said["type"] == "error"
    assert said["code"] == code
    assert said["message"]
    assert said["remedy"]


def test_three_hundred_malformed_messages_do_no_more_than_be_refused() -> None:
    """Good messages with a part replaced, cut off or doubled."""
    luck = random.Random(9)
    for _ in range(300):
        said = malformed(luck)
        try:
            read_message(said)
        except ClipdError as err:
            json.loads(write_message(error(err)))


def malformed(luck: random.Random) -> str:
    """A message that has been damaged."""
    kind = luck.choice(list(GOOD))
    body: dict[str, Any] = {"v": 1, "id": "m1", "type": kind, **GOOD[kind]}
    rubbish: list[Any] = [None, True, -1, 1e300, "", "\ud800\x00", "x" * 70_000, [[]], {"a": {}}, 2**70, "../..", 0.1]
    body[luck.choice(list(body))] = luck.choice(rubbish)
    if luck.random() < 0.3:
        del body[luck.choice(list(body))]
    damaged = json.dumps(body)
    if luck.random() < 0.3:
        at = luck.randrange(len(damaged))
        damaged = damaged[:at] + luck.choice(["", "}", "\x00", '"', damaged]) + damaged[at + 1 :]
    return damaged
