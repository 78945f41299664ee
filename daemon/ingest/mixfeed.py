"""The sound of a room's takes on media time: epochs, the gaps between them, and packets for the sink."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from core.media import Epoch, Gap, Packet
from core.protocols import Clock
from core.times import Ns
from daemon.ingest.api import CaptureSink, Resume
from daemon.ingest.mixcoder import RATE, MixCoder, mix_track
from daemon.ingest.threads import Threads
from recorder.room.mix import Mixed
from recorder.room.store import NS_PER_MS, RoomStore
from recorder.room.take import TakeKeeper
from recorder.room.takes import Sound

JOINED_MS: Final = 1.0  # sound that begins within this of the last one's end goes on with it


class MixFeed:
    """Media time is room time since the session's first take (`RoomFacts.zero_ms`), and never goes back. `continues`:
    a take of the attempt before this one goes on."""

    def __init__(
        self, sink: CaptureSink, store: RoomStore, clock: Clock, *, resume: Resume | None, continues: bool
    ) -> None:
        self._sink, self._store, self._clock = sink, store, clock
        self._number = 0 if resume is None else resume.next_epoch
        self._end_ns = Ns(0) if resume is None else resume.end_ns
        self._reason = "start" if resume is None else "worker_restart" if continues else "no_take"
        self._coder: MixCoder | None = None
        self._due_ms = 0.0  # where the sound that is to come begins

    async def hear(self, sound: Sound, threads: Threads) -> None:
        """Sound of a take, or its end."""
        mixed = sound.mixed
        if mixed is None:
            await self.finish(threads)
            self._reason = "no_take"
            return
        if self._coder is not None and abs(mixed.at_ms - self._due_ms) > JOINED_MS:
            await self.finish(threads)
            self._reason = "stalled"  # this machine stood still, or its loop did
        if self._coder is None:
            self._coder = await self._begin(sound.keeper, mixed)
        self._due_ms = mixed.at_ms + len(mixed.samples) * 1000 / RATE
        coder = self._coder
        await self._write(threads, lambda: coder.code(mixed.samples))

    async def finish(self, threads: Threads) -> None:
        """Hand over what waits in the coder: what comes next is another stretch."""
        coder, self._coder = self._coder, None
        if coder is not None:
            await self._write(threads, coder.finish)

    async def _begin(self, keeper: TakeKeeper, mixed: Mixed) -> MixCoder:
        zero_ms = self._store.facts.zero_ms or 0.0
        start_ns = Ns(max(self._end_ns, round((mixed.at_ms - zero_ms) * NS_PER_MS)))
        if start_ns > self._end_ns:
            await self._sink.gap(Gap(start_ns=self._end_ns, end_ns=start_ns, reason=self._reason))
        wall_ns = self._clock.wall_ns() - round((self._store.now_ms() - mixed.at_ms) * NS_PER_MS)
        epoch = Epoch(number=self._number, start_ns=start_ns, reason=self._reason, by="boottime", wall_ns=wall_ns)
        await self._sink.streams(epoch, (mix_track(),))
        keeper.media(epoch.number, start_ns, mixed.at_ms)
        self._number += 1
        return MixCoder(start_ns)

    async def _write(self, threads: Threads, code: Callable[[], list[Packet]]) -> None:
        packets = await threads.run(code)
        if packets:
            self._end_ns = packets[-1].end_ns
            await self._sink.write(packets)
