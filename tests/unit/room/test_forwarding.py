"""Who gets whose media, and what becomes of connections that fail; with connections that only remember."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest

from recorder.frames import EncodedFrame
from recorder.room.forwarding import Forwarding
from recorder.room.messages import Pid
from recorder.room.state import NotAllowed
from recorder.rtc.options import BadOffer
from tests.publisher import eventually

ANN, BEN = Pid("ann"), Pid("ben")


class FakePublisher:
    def __init__(self, on_frame: Callable[[EncodedFrame], None], on_state: Callable[[str], None]) -> None:
        self.on_frame, self.on_state, self.closed = on_frame, on_state, False
        self.codecs: Mapping[Any, Any] = {}
        self.wanted: list[str] = []
        self.every: float | None = None

    async def answer(self, offer_sdp: str) -> str:
        if offer_sdp == "bad":
            raise BadOffer("It is no SDP", remedy="Send one.", code="malformed")
        self.codecs = {"mic": "opus", "cam": "h264"}
        return "answer"

    def request_keyframe(self, track: Any) -> None:
        self.wanted.append(track)

    def keyframes_every(self, seconds: float | None) -> None:
        self.every = seconds

    def stats(self) -> Mapping[str, Any]:
        return {}

    async def close(self) -> None:
        self.closed = True
        self.on_state("closed")


class FakeSubscriber:
    def __init__(self, on_state: Callable[[str], None]) -> None:
        self.on_state, self.closed = on_state, False
        self.frames: list[EncodedFrame] = []

    async def offer(self) -> str:
        return "offer"

    async def take_answer(self, sdp: str) -> None:
        if sdp == "bad":
            raise BadOffer("It is no SDP", remedy="Send one.", code="malformed")

    def forward(self, frame: EncodedFrame) -> None:
        self.frames.append(frame)

    async def close(self) -> None:
        self.closed = True
        self.on_state("closed")


class Stage:
    """A forwarding.Media and a forwarding.Room that remember."""

    def __init__(self) -> None:
        self.publishers: list[FakePublisher] = []
        self.subscribers: list[FakeSubscriber] = []
        self.told: list[tuple[Pid, str, str]] = []
        self.links: list[tuple[Pid, str]] = []
        self.frames: list[tuple[Pid, int]] = []
        self.fails = False

    def publisher(self, on_frame: Any, on_state: Any) -> FakePublisher:
        self.publishers.append(FakePublisher(on_frame, on_state))
        return self.publishers[-1]

    def subscriber(self, codecs: Any, on_keyframe_wanted: Any, on_state: Any) -> FakeSubscriber:
        self.subscribers.append(FakeSubscriber(on_state))
        return self.subscribers[-1]

    def tell(self, pid: Pid, body: Mapping[str, Any]) -> None:
        self.told.append((pid, body["type"], body["pair"]))

    def frame(self, pid: Pid, gen: int, frame: EncodedFrame) -> None:
        self.frames.append((pid, gen))
        if self.fails:
            raise RuntimeError("a bug")

    def link(self, pid: Pid, state: str) -> None:
        self.links.append((pid, state))


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
async def forwarding(stage: Stage) -> AsyncIterator[Forwarding]:
    one = Forwarding(stage, stage, lambda: 1000.0)
    yield one
    await one.close()


def frame() -> EncodedFrame:
    return EncodedFrame(
        track="mic", codec="opus", rtp=0, clock_rate=48_000, arrival_ns=0, room_ms=0, is_keyframe=True, data=b"x"
    )


async def test_everybody_gets_everybody_else_and_nobody_themselves(forwarding: Forwarding, stage: Stage) -> None:
    """Whoever came first."""
    forwarding.watch(ANN)
    await forwarding.publish(ANN, 1, "sdp")
    forwarding.watch(BEN)
    await forwarding.publish(BEN, 1, "sdp")
    await eventually(lambda: len(stage.told) == 2)
    assert set(stage.told) == {(BEN, "offer", "ann.1"), (ANN, "offer", "ben.1")}
    forwarding.forward(ANN, frame())
    assert [len(each.frames) for each in stage.subscribers] == [1, 0]
    assert forwarding.sending(ANN, 10) == {}
    stage.publishers[0].on_frame(frame())
    assert forwarding.sending(ANN, 10) == {"mic": "opus"}


async def test_an_offer_that_is_none_costs_nobody_their_connection(forwarding: Forwarding, stage: Stage) -> None:
    """A good one replaces it, and what comes by the old one is not listened to."""
    await forwarding.publish(ANN, 1, "sdp")
    with pytest.raises(BadOffer):
        await forwarding.publish(ANN, 2, "bad")
    assert forwarding.gen(ANN) == 1
    assert not stage.publishers[0].closed
    await forwarding.publish(ANN, 1, "sdp")
    assert stage.publishers[0].closed
    stage.publishers[0].on_frame(frame())
    assert stage.frames == []
    assert stage.links == []


async def test_a_connection_that_fails_is_said_and_offered_again(
    forwarding: Forwarding, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To who watches; who publishes has to come by themselves."""
    monkeypatch.setattr("recorder.room.forwarding.AGAIN_S", 0.01)
    forwarding.watch(BEN)
    await forwarding.publish(ANN, 1, "sdp")
    await eventually(lambda: len(stage.told) == 1)
    stage.subscribers[0].on_state("failed")
    await eventually(lambda: len(stage.told) == 3)
    assert stage.told == [(BEN, "offer", "ann.1"), (BEN, "gone", "ann.1"), (BEN, "offer", "ann.1")]
    with pytest.raises(BadOffer):
        await forwarding.answered(BEN, "ann.1", "bad")
    for pair in ("ann.2", "nobody.1", "x"):
        with pytest.raises(NotAllowed):
            await forwarding.answered(BEN, pair, "sdp")
    stage.publishers[0].on_state("failed")
    await eventually(lambda: stage.publishers[0].closed and stage.subscribers[1].closed)
    assert stage.links == [(ANN, "lost")]


async def test_cut_points_are_asked_for_while_a_take_runs(forwarding: Forwarding, stage: Stage) -> None:
    """Of who comes later, too."""
    await forwarding.publish(ANN, 1, "sdp")
    forwarding.recording(True)
    await forwarding.publish(BEN, 1, "sdp")
    assert stage.publishers[0].wanted == ["mic", "cam"]
    assert [each.every for each in stage.publishers] == [3.0, 3.0]
    forwarding.recording(False)
    assert [each.every for each in stage.publishers] == [None, None]


async def test_a_bug_in_the_room_ends_no_connection(forwarding: Forwarding, stage: Stage) -> None:
    """It is logged; the next frame comes."""
    await forwarding.publish(ANN, 1, "sdp")
    stage.fails = True
    stage.publishers[0].on_frame(frame())
    stage.publishers[0].on_frame(frame())
    assert stage.frames == [(ANN, 1), (ANN, 1)]
