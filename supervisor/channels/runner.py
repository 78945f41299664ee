"""Watches one channel around the clock: asks its page, runs a worker while it is live, and asks on when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog

from core.errors import EXIT_INTERRUPTED, EXIT_OK
from core.lines import Line, line
from core.netpolicy import AddressPolicy
from core.protocols import Clock
from core.spec import WorkerSpec
from core.times import ns
from supervisor.channels.answers import NO_WORD, REMEDIES, Answer, as_error
from supervisor.channels.pages import AskPage
from supervisor.channels.schedule import MAX_DOUBLINGS, Platforms, Random, Waits
from supervisor.channels.state import Channel, EndRule, State, answered, measured, silent, started, stopped
from supervisor.local import OnLine, Stopper, sleep_or_stop

EXIT_SOURCE: Final = 3  # a worker's end that says something about the stream, as EXIT_OK does; others end the channel
FIRST_BACKOFF_NS: Final = ns(2)  # after a worker that got no media, doubling: reliability.md row 20
MAX_BACKOFF_NS: Final = ns(300)
FRUITFUL_NS: Final = ns(10)  # media for less than this is the tail that a platform serves on after a stream's end
AT_ONCE: Final = 4  # pages asked side by side, each by a process of about 70 MB
HOPELESS: Final = frozenset(("not_found", "address_refused", "unsupported"))  # as a first answer: a slip of the pen

RunWorker = Callable[[WorkerSpec, OnLine], Awaitable[int]]
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelJob:
    """One channel to watch. `name` is what lines call it (redacted); `new_spec` makes the orders of a fresh session."""

    url: str
    name: str
    policy: AddressPolicy
    new_spec: Callable[[], WorkerSpec]
    timeout_s: float
    poll_ns: int
    rule: EndRule


class ChannelRunner:
    """`run` returns the command's exit code: 130 when asked to stop, else that of what cannot be waited out.

    `platforms` and `turns` are shared by all channels of the process: how often a platform may be asked, and how many
    pages at once (AT_ONCE).
    """

    def __init__(
        self,
        job: ChannelJob,
        *,
        ask: AskPage,
        run_worker: RunWorker,
        on_line: OnLine,
        stopper: Stopper,
        clock: Clock,
        platforms: Platforms,
        turns: asyncio.Semaphore,
        random: Random,
    ) -> None:
        self._job = job
        self._ask = ask
        self._run_worker = run_worker
        self._on_line = on_line
        self._stopper = stopper
        self._clock = clock
        self._platforms = platforms
        self._turns = turns
        self._waits = Waits(job.poll_ns, random)
        self._spec: WorkerSpec | None = None
        self._told: tuple[str, str] | None = None
        self._futile = 0  # workers in a row that got next to no media
        self._sessions = 0  # workers that have ended
        self._summary: Line | None = None  # of the session that may still go on: told once, when it is over
        self.channel = Channel()

    async def run(self) -> int:
        """Until a stop is asked for, or what went wrong will not pass."""
        try:
            return await self._watch()
        finally:
            self._tell_summary()

    async def _watch(self) -> int:
        while not self._stopper.asked:
            answer = await self._question()
            if answer is None:
                continue  # a stop, or the session ended by silence while the platform wanted a pause
            first = not self.channel.known
            self._become(answered(self.channel, answer.code, self._clock.boottime_ns(), self._job.rule), answer)
            if first and answer.code in HOPELESS:
                return self._refuse(answer)
            if self.channel.state is State.STARTING:
                code = await self._session()
                if code is not None:
                    return code
            else:
                await self._rest(answer)
        return EXIT_INTERRUPTED

    # -- asking

    async def _question(self) -> Answer | None:
        """Ask, when the platform's bucket lets us. None when it is not to be asked any more or not yet."""
        now_ns = self._clock.boottime_ns()
        bucket = self._platforms.bucket(self._job.url, now_ns)
        wait_ns = bucket.take(now_ns)
        if wait_ns > 0:
            await self._sleep(wait_ns)
            return None
        answer = await self._until_stop(self._ask_in_turn())
        if answer is None:
            return None
        log.info("channel.asked", source=self._job.name, code=answer.code)
        if answer.retry_after_s is not None and answer.code in NO_WORD:
            bucket.block(self._clock.boottime_ns(), ns(answer.retry_after_s))
        return answer

    async def _ask_in_turn(self) -> Answer:
        async with self._turns:
            return await self._ask(self._job.url, self._job.policy, self._job.timeout_s)

    async def _until_stop(self, asking: Awaitable[Answer]) -> Answer | None:
        task, stop = asyncio.ensure_future(asking), asyncio.ensure_future(self._stopper.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            task.cancel()
            stop.cancel()
            await asyncio.gather(task, stop, return_exceptions=True)

    async def _rest(self, answer: Answer) -> None:
        """Between two questions; after a stream has stopped it is the end rule that wants the next answer."""
        await self._sleep(self._job.rule.apart_ns if self.channel.open else self._waits.after(answer.code))

    async def _sleep(self, wait_ns: int) -> None:
        """At most until an open session is over by silence."""
        if self.channel.open and not self.channel.running:
            left_ns = self.channel.media_ns + self._job.rule.silence_ns - self._clock.boottime_ns()
            wait_ns = min(wait_ns, max(0, left_ns))
        await sleep_or_stop(self._clock, wait_ns, self._stopper)
        if not self._stopper.asked:
            self._become(silent(self.channel, self._clock.boottime_ns(), self._job.rule))

    # -- a session

    async def _session(self) -> int | None:
        """One worker, to its end. None when the channel goes on."""
        if self._futile:
            await self._sleep(min(FIRST_BACKOFF_NS * 2 ** (self._futile - 1), MAX_BACKOFF_NS))
            if self._stopper.asked or not self.channel.open:
                return None
        if self._spec is None:
            self._spec = self._job.new_spec()
        self._told = None  # the worker tells of its own start
        self.channel = started(self.channel)
        seen = _Seen()
        code = await self._run_worker(self._spec, lambda said: self._heard(said, seen))
        self._futile = 0 if seen.fruitful(self.channel.media_ns) else min(self._futile + 1, MAX_DOUBLINGS)
        self.channel = stopped(self.channel, seen.reason)
        self._sessions += 1
        if self._stopper.asked:
            return EXIT_INTERRUPTED
        if code not in (EXIT_OK, EXIT_SOURCE) or (seen.replay and self._sessions == 1):
            return code
        self._say(self.channel)
        return None

    def _heard(self, said: Line, seen: _Seen) -> None:
        """A line of the worker: read for how much media has come and why it ended, and passed on, but for the summary:
        the stream may come back, and then the session's next worker has a newer one."""
        seen.read(said)
        if said.get("type") == "summary":
            self._summary = said
            return
        if said.get("type") == "progress":
            was, now_ns = self.channel.state, self._clock.boottime_ns()
            self.channel = now = measured(self.channel, float(said.get("captured_s", 0.0)), now_ns)
            if now.state is State.LIVE and seen.first_ns is None:
                seen.first_ns = now_ns
            if State.GAP in (was, now.state) and was is not now.state:
                self._say(now)
        self._on_line(said)

    # -- telling

    def _become(self, channel: Channel, answer: Answer | None = None) -> None:
        changed = (channel.state, channel.reason) != (self.channel.state, self.channel.reason)
        over = self.channel.open and not channel.open
        self.channel = channel
        if over:
            self._tell_summary()
        if channel.state is not State.STARTING and (changed or self._told is None):
            self._say(channel, answer)
        if over:
            self._spec = None

    def _say(self, channel: Channel, answer: Answer | None = None) -> None:
        if self._told == (channel.state, channel.reason):
            return
        self._told = (channel.state, channel.reason)
        self._emit("state", state=str(channel.state), reason=channel.reason)
        if answer is not None and answer.code in REMEDIES and answer.code != "offline" and not channel.open:
            err = as_error(answer)
            self._emit("warning", code=answer.code, message=err.what, remedy=err.remedy)

    def _tell_summary(self) -> None:
        said, self._summary = self._summary, None
        if said is not None:
            self._on_line(said)

    def _refuse(self, answer: Answer) -> int:
        err = as_error(answer)
        self._emit("error", code=err.code, message=err.what, remedy=err.remedy, exit=err.exit_code)
        return err.exit_code

    def _emit(self, kind: str, **fields: Any) -> None:
        session = self._spec.session if self._spec else ""
        self._on_line(line(kind, session, 0, self._clock.wall_ns(), source=self._job.name, **fields))


class _Seen:
    """What the lines of one worker say about its source: why it ended (the last reason given), whether it was a
    recording, and when its first media came."""

    def __init__(self) -> None:
        self.reason = ""
        self.replay = False
        self.first_ns: int | None = None

    def read(self, said: Line) -> None:
        """A line of any type."""
        if said.get("type") == "error":
            self.reason = str(said.get("code", ""))[:80]
        elif said.get("type") == "state" and said.get("state") == "ended":
            self.reason = str(said.get("reason", ""))[:80]
        elif said.get("type") == "progress":
            self.replay = said.get("lag_s") is None

    def fruitful(self, last_ns: int) -> bool:
        """Whether live media came for a while."""
        return not self.replay and self.first_ns is not None and last_ns - self.first_ns >= FRUITFUL_NS
