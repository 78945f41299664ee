"""One attempt's line to its supervisors: hello, heartbeats, the outbox, what is seen in passing, commands.

Each is a loop of its own that a fault of the others does not touch, and that goes on whatever a supervisor answers.
Times are CLOCK_BOOTTIME of the injected clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog

from core.control import HEARTBEAT_S, Command, Heartbeat, Hello, Live
from core.errors import ClipdError, StorageError
from core.protocols import Clock
from core.signals import SignalChunk
from core.times import NS_PER_S, ns, to_s
from daemon.journal import Journal
from daemon.worker.orders import Orders
from daemon.worker.plane.api import Patience, Vitals, Work
from daemon.worker.plane.claim import Claim
from daemon.worker.plane.delivery import Delivery
from daemon.worker.plane.heart import heartbeat, write_heartbeat
from daemon.worker.plane.live import Passing
from daemon.worker.plane.model import PlaneModel
from daemon.worker.plane.supervisors import NotTaken, Superseded, Supervisors
from daemon.worker.plane.wire import Away
from telemetry import Metrics

BEAT_NS: Final = ns(HEARTBEAT_S)
LIVE_NS: Final = NS_PER_S // 2  # two a second at most
LOOK_NS: Final = NS_PER_S  # how often the outbox is looked at where nobody said that something was put
FIRST_WAIT_NS: Final = NS_PER_S // 2  # after a fault; doubled up to LAST_WAIT_NS, each with up to a quarter more
LAST_WAIT_NS: Final = 5 * NS_PER_S  # what an hour's outage adds to its own length
BROKEN_NS: Final = 5 * NS_PER_S  # after a bug of ours in one of the loops
OBEYED: Final = "obeyed"  # journal: id of the last command, so that each is obeyed once over all attempts
PROMISED: Final = frozenset(
    {"clip-now", "render", "trim", "cut", "rec-start", "rec-stop", "conform"}
)  # may be done twice
_Got = TypeVar("_Got")
log = structlog.get_logger()


class Plane:
    """A PlaneLink. Made by `open_plane`."""

    def __init__(
        self, hello: Hello, supervisors: Supervisors, journal: Journal, folder: Path, clock: Clock, metrics: Metrics,
        orders: Orders, *, patience: Patience | None = None,
    ) -> None:  # fmt: skip
        self._hello, self.supervisors, self._journal = hello, supervisors, journal
        self._folder, self._clock, self._metrics, self._orders = folder, clock, metrics, orders
        self._patience = patience or Patience()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="plane")
        self._passing = Passing()
        self._claim = Claim(clock)
        self._work: Work | None = None
        self.may_render = True  # see PlaneLink
        self.model = PlaneModel(supervisors)
        self._beat: Heartbeat | None = None
        self._obeyed = 0  # id of the last command
        self._put, self._asked = asyncio.Event(), asyncio.Event()
        self._answered_ns = clock.boottime_ns()
        self._gone = False  # nobody has answered the last question
        self._denied_ns: int | None = None  # since when no token is taken
        self.delivery = Delivery(
            journal.outbox,
            supervisors,
            session=hello.session,
            claim_token=hello.claim_token,
            in_thread=self._in_thread,
        )
        self.line = self._passing.line  # for lines that are not kept

    # -- what the work asks and says

    @property
    def may_publish(self) -> bool:
        """See PublishGuard."""
        return self._claim.may_publish

    def attend(self, work: Work) -> None:
        """See PlaneLink."""
        self._work = work

    def status(self) -> Mapping[str, Any]:
        """See PlaneLink. `away_s`: since when no supervisor has answered."""
        return {
            "claim": self._claim.state,
            "may_publish": self.may_publish,
            "undelivered": self.delivery.left,
            "away_s": round(to_s(self._clock.boottime_ns() - self._answered_ns), 1),
        }

    def signals(self, chunks: Sequence[SignalChunk]) -> None:
        """See PlaneLink."""
        self._passing.signals(chunks)

    # -- its life

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """All loops, while the block runs; then what waits is delivered, as patiently as the end allows."""
        loop = asyncio.get_running_loop()

        def put() -> None:
            loop.call_soon_threadsafe(self._put.set)

        self._journal.outbox.changed = put
        loops = {"hello": self._after_hello, "beats": self._beats}
        tasks = [asyncio.create_task(self._kept_up(name, run), name=f"plane-{name}") for name, run in loops.items()]
        try:
            yield
            await self._finish(tasks)
        finally:
            self._journal.outbox.changed = lambda: None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._pool.shutdown(wait=True)

    async def _kept_up(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Boundary of the control plane: a bug in it, or a journal that fails, must not end a recording."""
        while True:
            try:
                await run()
                return
            except Exception:
                log.exception("plane.failed", loop=name)
                await self._clock.sleep(BROKEN_NS)

    async def _after_hello(self) -> None:
        """Say hello until it is heard; then deliver, listen and show, each in a loop of its own."""
        await self._insistently(self._say_hello)
        loops = {"events": self._events, "commands": self._commands, "live": self._live}
        async with asyncio.TaskGroup() as group:
            for name, run in loops.items():
                group.create_task(self._kept_up(name, run), name=f"plane-{name}")

    async def _say_hello(self) -> None:
        asked_ns = self._clock.boottime_ns()
        try:
            welcome = await self.supervisors.hello(self._hello)
        except Superseded:
            self._lose()
            return
        if welcome.deliver_only:
            self._lose()
        else:
            self._claim.prove(asked_ns)
        await self.delivery.begin(welcome.acked)
        log.info("plane.welcomed", acked=welcome.acked, deliver_only=welcome.deliver_only)

    # -- the loops

    async def _beats(self) -> None:
        """The file first, always; then the supervisors, in their own time."""
        asking: asyncio.Task[None] | None = None
        try:
            while True:
                await self._note_beat()
                if asking is not None and asking.done():
                    asking = asking.result()
                if asking is None:
                    asking = asyncio.create_task(self._ask_beat(), name="plane-beat")
                await self._clock.sleep(BEAT_NS)
        finally:
            if asking is not None:
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)

    async def _note_beat(self) -> Heartbeat:
        work = self._work
        vitals = work.vitals() if work else Vitals(state="starting")

        def note() -> Heartbeat:
            with contextlib.suppress(StorageError):
                self.delivery.left = self._journal.outbox.left
            beat = heartbeat(
                vitals,
                self._folder,
                self._metrics,
                session=self._hello.session,
                claim_token=self._hello.claim_token,
                undelivered=self.delivery.left,
            )
            write_heartbeat(beat, self._folder)
            return beat

        self._beat = await self._in_thread(note)
        return self._beat

    async def _ask_beat(self) -> None:
        """One heartbeat; whatever comes back, there is a next one."""
        assert self._beat is not None  # noted before
        asked_ns = self._clock.boottime_ns()
        try:
            pulse = await self.supervisors.beat(self._beat)
        except Superseded:
            self._heard()
            self._lose()
            return
        except NotTaken as not_taken:
            log.warning("heartbeat.not_taken", code=not_taken.code)
            return
        except Away as away:
            self._away(away)
            if self.supervisors.deliver_only:
                self._lose()
            return
        self._heard()
        self.may_render = pulse.renders
        if pulse.claimed:
            self._claim.prove(asked_ns)
        else:
            self._lose()
        if pulse.commands > 0:
            self._asked.set()

    async def _events(self) -> None:
        """Deliver; then wait for something to be put."""
        while True:
            self._put.clear()
            if not await self._insistently(self.delivery.step):
                await self._either(self._put, LOOK_NS)

    async def _live(self) -> None:
        while True:
            await self._clock.sleep(LIVE_NS)
            if (seen := self._passing.take()) is not None:
                t_s, signals, words = seen
                live = Live(
                    session=self._hello.session,
                    claim_token=self._hello.claim_token,
                    t_s=t_s,
                    signals=signals,
                    words=words,
                )
                with contextlib.suppress(Away, NotTaken, Superseded):  # lossy: the next one is newer
                    await self.supervisors.live(live)

    async def _commands(self) -> None:
        self._obeyed = int(await self._in_thread(lambda: self._journal.meta(OBEYED)) or 0)
        while True:
            self._asked.clear()
            found = await self._insistently(partial(self.supervisors.commands, self._obeyed), wake=self._asked)
            for command in found:
                await self._obey(command)
            if not found:
                await self._clock.sleep(FIRST_WAIT_NS)  # for a supervisor that does not hold a long poll

    async def _obey(self, command: Command) -> None:
        """Noted first, so that no later attempt does it again; a clip is noted together with its promise, and an order,
        which may be promised twice, after it."""
        log.info("command.received", id=command.id, kind=command.kind)
        self._obeyed = command.id
        if command.kind not in PROMISED:
            await self._note_obeyed()
        if command.kind in ("drain", "reload"):
            self._orders.drain(command.kind)
        elif command.kind == "stop":
            self._orders.stop("stop")
        elif self._work is not None:
            try:
                await self._work.obey(command)
            except ClipdError as err:
                log.warning("command.refused", id=command.id, code=err.code)
        if command.kind in PROMISED:
            await self._note_obeyed()

    async def _note_obeyed(self) -> None:
        """A full disk keeps nobody from being stopped."""
        with contextlib.suppress(StorageError):
            await self._in_thread(lambda: self._journal.set_meta(OBEYED, self._obeyed))

    # -- the end

    async def _finish(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Deliver what waits: for as long as somebody may come who takes it, less when told to go."""
        ended_ns = self._clock.boottime_ns()
        asked_ns: int | None = ended_ns if self._orders.draining.is_set() else None
        while await self.delivery.look() and not all(task.done() for task in tasks):
            now_ns = self._clock.boottime_ns()
            if self._orders.draining.is_set() and asked_ns is None:
                asked_ns = now_ns
            denied = self._denied_ns is not None and now_ns - self._denied_ns > self._patience.denied_ns
            late = asked_ns is not None and now_ns - asked_ns > self._patience.drain_ns
            if denied or late or now_ns - ended_ns > self._patience.done_ns:
                log.warning("outbox.left", rows=self.delivery.left, denied=denied)
                break
            await self._clock.sleep(FIRST_WAIT_NS // 2)
        await self._note_beat()
        with contextlib.suppress(Away, NotTaken, Superseded):
            await self.supervisors.beat(self._beat or await self._note_beat())

    # -- helpers

    def _heard(self) -> None:
        now_ns = self._clock.boottime_ns()
        if self._gone:
            log.info("supervisors.back", away_s=round(to_s(now_ns - self._answered_ns), 1))
        self._answered_ns, self._denied_ns, self._gone = now_ns, None, False

    def _away(self, away: Away) -> None:
        if not self._gone:
            log.warning("supervisors.away", code=away.code)
        self._gone = True
        if away.code != "denied":
            self._denied_ns = None
        elif self._denied_ns is None:
            self._denied_ns = self._clock.boottime_ns()

    def _lose(self) -> None:
        if self._claim.lose():
            log.warning("claim.lost", session=self._hello.session, claim_token=self._hello.claim_token)
            self._orders.lose()

    async def _insistently(self, ask: Callable[[], Awaitable[_Got]], *, wake: asyncio.Event | None = None) -> _Got:
        """Until it is answered. Being superseded is an answer to a heartbeat; other questions wait for that one."""
        wait_ns = FIRST_WAIT_NS
        while True:
            try:
                got = await ask()
                self._heard()
                return got
            except Away as away:
                self._away(away)
            except Superseded:
                self._lose()
            except NotTaken as not_taken:
                self._heard()
                log.warning("question.not_taken", code=not_taken.code)
            await self._either(wake, wait_ns + random.randrange(wait_ns // 4))
            wait_ns = min(2 * wait_ns, LAST_WAIT_NS)

    async def _either(self, wake: asyncio.Event | None, limit_ns: int) -> None:
        """Return when the event is set, or when the time is over by the injected clock."""
        tasks = [asyncio.ensure_future(self._clock.sleep(limit_ns))]
        if wake is not None:
            tasks.append(asyncio.ensure_future(_set(wake)))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _in_thread(self, work: Callable[[], _Got]) -> _Got:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


async def _set(event: asyncio.Event) -> None:
    await event.wait()
