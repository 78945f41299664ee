"""Who sends media to the room, and who gets it: a publisher a person, a subscriber for each pair of two people.

Frames go from a publisher to the room (which keeps and mixes them) and to that publisher's subscribers, as they came. A
connection that is lost is replaced by a new one of the next generation; there is no ICE restart. All on the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import structlog

from recorder.frames import Codec, EncodedFrame, TrackName
from recorder.room.messages import Pid
from recorder.room.state import NotAllowed

AGAIN_S: Final = 3.0  # a forwarding connection that failed is offered again
KEYFRAMES_S: Final = 3.0  # while recording: how far a backup's cut points are apart
log = structlog.get_logger()


class PublisherLike(Protocol):
    """recorder.rtc.publisher.Publisher."""

    @property
    def codecs(self) -> Mapping[TrackName, Codec]: ...
    async def answer(self, offer_sdp: str) -> str: ...
    def request_keyframe(self, track: TrackName) -> None: ...
    def keyframes_every(self, seconds: float | None) -> None: ...
    def stats(self) -> Mapping[str, Any]: ...
    async def close(self) -> None: ...


class SubscriberLike(Protocol):
    """recorder.rtc.subscriber.Subscriber."""

    async def offer(self) -> str: ...
    async def take_answer(self, sdp: str) -> None: ...
    def forward(self, frame: EncodedFrame) -> None: ...
    async def close(self) -> None: ...


class Media(Protocol):
    """What makes connections; WebRTC in production."""

    def publisher(self, on_frame: Callable[[EncodedFrame], None], on_state: Callable[[str], None]) -> PublisherLike: ...

    def subscriber(
        self,
        codecs: Mapping[TrackName, Codec],
        on_keyframe_wanted: Callable[[TrackName], None],
        on_state: Callable[[str], None],
    ) -> SubscriberLike: ...


class Room(Protocol):
    """Who is told."""

    def tell(self, pid: Pid, body: Mapping[str, Any]) -> None: ...
    def frame(self, pid: Pid, gen: int, frame: EncodedFrame) -> None: ...
    def link(self, pid: Pid, state: str) -> None:
        """A publisher's connection is `connected`, `stalled` or `lost`."""


@dataclass(slots=True)
class _Source:
    """One person's publishing connection."""

    gen: int
    publisher: PublisherLike
    answered: bool = False
    viewers: dict[Pid, SubscriberLike] = field(default_factory=dict)
    heard_ms: dict[TrackName, float] = field(default_factory=dict)  # room time of each track's newest frame's arrival


class Forwarding:
    """All connections of a room. `viewers` are people who get the others' media: those inside who said hello."""

    def __init__(self, media: Media, room: Room, now_ms: Callable[[], float]) -> None:
        self._media, self._room, self._now_ms = media, room, now_ms
        self._sources: dict[Pid, _Source] = {}
        self._gens: dict[Pid, int] = {}
        self._viewers: set[Pid] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._keyframes_s: float | None = None

    def gen(self, pid: Pid) -> int:
        """The newest generation that a person has used; -1 before the first."""
        return self._gens.get(pid, -1)

    def sending(self, pid: Pid, within_ms: float) -> dict[TrackName, str]:
        """Tracks of which something has come lately, with their codecs."""
        source = self._sources.get(pid)
        if source is None or not source.answered:
            return {}
        since_ms = self._now_ms() - within_ms
        return {track: source.publisher.codecs[track] for track, at in source.heard_ms.items() if at >= since_ms}

    def stats(self, pid: Pid) -> Mapping[str, Any]:
        """Of a person's publishing connection."""
        source = self._sources.get(pid)
        return {} if source is None or not source.answered else source.publisher.stats()

    # -- people

    def watch(self, pid: Pid) -> None:
        """Offer them everybody else, whatever they had before: their page may be a new one."""
        self._viewers.add(pid)
        for other, source in self._sources.items():
            if other != pid:
                self._unsubscribe(other, source, pid)
                self._subscribe(other, source, pid)

    async def leave(self, pid: Pid) -> None:
        """End all that they send and get."""
        self._viewers.discard(pid)
        for other, source in self._sources.items():
            self._unsubscribe(other, source, pid)
        await self._drop(pid)

    # -- what they send

    async def publish(self, pid: Pid, gen: int, sdp: str) -> str:
        """Answer a person's offer: it replaces the connection that they had. Raises BadOffer."""
        publisher = self._media.publisher(
            lambda frame: self._frame(pid, source, frame), lambda state: self._state(pid, source, state)
        )
        source = _Source(gen, publisher)
        try:
            answer = await publisher.answer(sdp)
        except BaseException:
            await publisher.close()
            raise
        await self._drop(pid)  # not before: an offer that is none costs nobody their connection
        self._sources[pid], self._gens[pid] = source, gen
        source.answered = True
        publisher.keyframes_every(self._keyframes_s)
        for viewer in self._viewers:
            if viewer != pid:
                self._subscribe(pid, source, viewer)
        return answer

    async def answered(self, pid: Pid, pair: str, sdp: str) -> None:
        """A viewer's answer. Raises BadOffer, NotAllowed for a pair that is gone."""
        subscriber = self._subscriber(pid, pair)
        if subscriber is None:
            raise NotAllowed("This pair is gone", remedy="Wait for its next offer.", code="pair_gone")
        await subscriber.take_answer(sdp)

    def recording(self, on: bool) -> None:
        """Cut points for backups, while there are any: the first one now."""
        self._keyframes_s = KEYFRAMES_S if on else None
        for source in self._sources.values():
            if source.answered:
                source.publisher.keyframes_every(self._keyframes_s)
                for track in source.publisher.codecs if on else ():
                    source.publisher.request_keyframe(track)

    def forward(self, pid: Pid, frame: EncodedFrame) -> None:
        """To everybody who watches this person."""
        source = self._sources.get(pid)
        if source is not None:
            for subscriber in source.viewers.values():
                subscriber.forward(frame)

    def want_keyframe(self, pid: Pid, track: TrackName) -> None:
        """A picture that can be begun with, soon."""
        source = self._sources.get(pid)
        if source is not None and source.answered:
            source.publisher.request_keyframe(track)

    async def close(self) -> None:
        """End everything."""
        for pid in list(self._sources):
            await self._drop(pid)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- helpers

    def _frame(self, pid: Pid, source: _Source, frame: EncodedFrame) -> None:
        """Boundary of a publisher: what the room does with a frame must not end the connection it came by."""
        if self._sources.get(pid) is not source:
            return
        source.heard_ms[frame.track] = self._now_ms()
        try:
            self._room.frame(pid, source.gen, frame)
        except Exception:
            log.exception("room.frame_failed", pid=pid, track=frame.track)

    def _state(self, pid: Pid, source: _Source, state: str) -> None:
        if self._sources.get(pid) is not source:
            return
        if state in ("failed", "closed"):
            self._room.link(pid, "lost")
            self._later(self._drop(pid), f"drop {pid}")
        elif state in ("connected", "stalled"):
            self._room.link(pid, state)

    async def _drop(self, pid: Pid) -> None:
        """A person's publishing connection, and all that forward it."""
        source = self._sources.pop(pid, None)
        if source is None:
            return
        for viewer in list(source.viewers):
            self._unsubscribe(pid, source, viewer)
        await source.publisher.close()

    def _subscribe(self, pid: Pid, source: _Source, viewer: Pid) -> None:
        if not source.answered or not source.publisher.codecs:
            return
        subscriber = self._media.subscriber(
            source.publisher.codecs,
            source.publisher.request_keyframe,
            lambda state: self._forwarded(pid, source, viewer, subscriber, state),
        )
        source.viewers[viewer] = subscriber
        self._later(self._offer(pid, source, viewer, subscriber), f"offer {pid} to {viewer}")

    async def _offer(self, pid: Pid, source: _Source, viewer: Pid, subscriber: SubscriberLike) -> None:
        sdp = await subscriber.offer()
        if source.viewers.get(viewer) is subscriber:
            self._room.tell(viewer, {"type": "offer", "pair": f"{pid}.{source.gen}", "pid": pid, "sdp": sdp})

    def _forwarded(self, pid: Pid, source: _Source, viewer: Pid, subscriber: SubscriberLike, state: str) -> None:
        """A forwarding connection that fails is replaced, while both are here."""
        if state in ("failed", "closed") and source.viewers.get(viewer) is subscriber:
            self._unsubscribe(pid, source, viewer)
            self._later(self._again(pid, source, viewer), f"again {pid} to {viewer}")

    async def _again(self, pid: Pid, source: _Source, viewer: Pid) -> None:
        await asyncio.sleep(AGAIN_S)
        if self._sources.get(pid) is source and viewer in self._viewers and viewer not in source.viewers:
            self._subscribe(pid, source, viewer)

    def _unsubscribe(self, pid: Pid, source: _Source, viewer: Pid) -> None:
        subscriber = source.viewers.pop(viewer, None)
        if subscriber is not None:
            self._room.tell(viewer, {"type": "gone", "pair": f"{pid}.{source.gen}"})
            self._later(subscriber.close(), f"close {pid} to {viewer}")

    def _subscriber(self, viewer: Pid, pair: str) -> SubscriberLike | None:
        publisher, _, gen = pair.rpartition(".")
        source = self._sources.get(Pid(publisher))
        return None if source is None or str(source.gen) != gen else source.viewers.get(viewer)

    def _later(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """A task that the room's end waits for; its failure is logged, and ends nothing else."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (err := task.exception()) is not None:
            log.warning("room.connection_failed", task=task.get_name(), error=repr(err))
