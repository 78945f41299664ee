"""Who leads, decided: a state machine without clock, thread or store. `Keeper` drives it, and so does the simulator.

`step(now, answer)` says what to do next; its answer and the time then go into the next step. Safety rests on few rules:

1. A rival counts, on its own clock, how long the record has not *changed*, and takes it over after `duration_ns` by
   compare-and-swap. No time and no TTL of the store is ever read. (client-go's leader election.)
2. A holder holds until `deadline_ns` after it *sent* what was granted. What was sent twice, because its first answer
   was lost, counts from the first time: a rival may have seen the change since then.
3. What has no answer is not held. A record of our own that we do not hold is taken anew, with a higher token.
4. A token is higher than every floor: our own file, the catalog, and what the record says. A record below the floors
   is an old one come back (a store that lost writes), and earns the full wait like a stranger's.
5. A write that was refused, or has no answer, met a record that we have not seen. Should the old one be there again
   afterwards, the store has lost the new one, whose holder may hold: what we have waited counts for nothing. The same
   after a while without a look.

6. A late renewal holds no longer than the one before it would have been waited for: the store may lose it.

A store that loses two renewals which it has acknowledged can still make two believe, when the holder was cut off for
seconds before them and is again after them: nothing outside the store knows of them. The token, which every sink
compares, keeps the older one's writes out then as always.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from supervisor.leases.api import LeaseRecord, LeaseTiming

NOBODY: Final = ""  # the owner of a lease that was handed back


class Read(NamedTuple):
    """Ask for the record. Answered by Found or Away."""


class Prepare(NamedTuple):
    """Check the store and ask every floor. Answered by Prepared or Away."""


class Create(NamedTuple):
    """Write the first record. Its token is made durable as a floor before that. Answered by Answered or Away."""

    new: LeaseRecord


class Swap(NamedTuple):
    """Replace the record, on the same terms."""

    seen: LeaseRecord
    new: LeaseRecord


class Wait(NamedTuple):
    """Nothing to ask before this time. Answered by None."""

    until_ns: int


class Stop(NamedTuple):
    """The end, after `leave`."""


class Found(NamedTuple):
    """What `Read` found."""

    record: LeaseRecord | None


class Prepared(NamedTuple):
    """The store can be trusted, and no token above `floor` has ever been used."""

    floor: int


class Answered(NamedTuple):
    """Whether it was written."""

    ok: bool


class Away(NamedTuple):
    """No answer. What was asked may have been done, may be done later, or not."""

    code: str


Ask = Read | Prepare | Create | Swap | Wait | Stop
Answer = Found | Prepared | Answered | Away | None


class Held(NamedTuple):
    """A lease that is held until `deadline_ns` (CLOCK_BOOTTIME)."""

    token: int
    deadline_ns: int


@dataclass(slots=True)
class _Sight:
    """A record (None: its absence) as this candidate saw it: `first_ns` when first, `last_ns` when last."""

    record: LeaseRecord | None
    first_ns: int
    last_ns: int


class Elector:
    """One candidate. `owner` is new for each process, `jitter` gives U(1, 1.2), `top` is the highest token known."""

    def __init__(
        self,
        *,
        owner: str,
        timing: LeaseTiming,
        jitter: Callable[[], float],
        meta: Mapping[str, str] | None = None,
        top: int = 0,
    ) -> None:
        if not owner:
            raise ValueError("an owner has a name")
        self._owner, self._meta, self._timing, self._jitter = owner, dict(meta or {}), timing, jitter
        self.top = top
        self.held: Held | None = None
        self.lost_reason = ""
        self._sight: _Sight | None = None
        self._asked: Ask = Wait(0)
        self._mine: LeaseRecord | None = None  # what the store holds, as far as it has been proven
        self._proven_ns = 0  # when the write that is proven was sent
        self._first_sent_ns = 0  # of the write that is under way, tries before this one included
        self._sent_ns = 0
        self._leaving = False

    @property
    def seen(self) -> LeaseRecord | None:
        """The record as it was read or written last; None: there was none, or nothing is known yet."""
        if self._mine is not None:
            return self._mine
        return self._sight.record if self._sight else None

    def step(self, now_ns: int, answer: Answer) -> Ask:
        """What to do next. `answer` belongs to what the last step said, `now_ns` never runs backwards."""
        if self._leaving:
            ask = self._leave(answer)
        elif self._mine is not None and self.held is not None:
            ask = self._lead(now_ns, answer)
        else:
            ask = self._follow(now_ns, answer)
        self._asked = ask
        return ask

    def leave(self) -> None:
        """Stop holding now, and hand the lease back with the next steps, which end with Stop."""
        self._leaving = True
        self._asked = Wait(0)
        self._mine, self.held = None, None

    # the holder

    def _lead(self, now_ns: int, answer: Answer) -> Ask:
        assert self._mine is not None
        assert self.held is not None
        if now_ns >= self.held.deadline_ns:
            return self._lose("deadline")
        if not isinstance(self._asked, Swap):
            return self._renew(now_ns)
        if isinstance(answer, Away):
            return Wait(self._next(self._sent_ns))
        if answer != Answered(True):
            return self._lose("replaced")
        self._mine = self._asked.new
        until_ns = min(self._deadline(now_ns), self._proven_ns + self._timing.duration_ns)
        self.held = Held(self._mine.token, until_ns)
        again = self._first_sent_ns != self._sent_ns
        self._proven_ns, self._first_sent_ns = self._first_sent_ns, 0
        return self._renew(now_ns) if again else Wait(self._next(self._sent_ns))

    def _renew(self, now_ns: int) -> Swap:
        """The same write again while its outcome is unknown: the store knows it by owner, token and counter."""
        assert self._mine is not None
        self._first_sent_ns = self._first_sent_ns or now_ns
        self._sent_ns = now_ns
        return Swap(self._mine, self._record(self._mine.token, self._mine.counter + 1))

    def _lose(self, reason: str) -> Read:
        self._mine, self.held, self.lost_reason = None, None, reason
        self._sight, self._first_sent_ns = None, 0
        return Read()

    def _deadline(self, now_ns: int) -> int:  # noqa: ARG002 - a simulated bug counts from here
        return self._first_sent_ns + self._timing.deadline_ns

    # the candidate

    def _follow(self, now_ns: int, answer: Answer) -> Ask:
        match answer:
            case Found(record):
                self._look(now_ns, record)
                return Prepare() if self._may_take(now_ns) else Wait(self._next_look(now_ns))
            case Prepared(floor):
                self._hear(now_ns, floor)
                return self._take(now_ns) if self._may_take(now_ns) else Wait(self._next_look(now_ns))
            case Answered(True) if isinstance(self._asked, Create | Swap):
                return self._gain(now_ns, self._asked.new)
            case Answered():
                self._miss()
                return Read()
            case Away():
                if isinstance(self._asked, Create | Swap):
                    self._miss()
                return Wait(self._next(now_ns))
            case None:
                return Read()

    def _miss(self) -> None:
        self._sight = None

    def _look(self, now_ns: int, record: LeaseRecord | None) -> None:
        sight = self._sight
        if sight is None or not _same(sight.record, record) or self._out_of_sight(now_ns, sight):
            self._sight = _Sight(record, now_ns, now_ns)
        else:
            sight.last_ns = now_ns
        if record is not None:
            self.top = max(self.top, record.token)

    def _hear(self, now_ns: int, floor: int) -> None:
        """A floor above all we knew: somebody led, or tried to, and the store forgot it before we looked. It may hold
        now, so what we have waited counts for nothing."""
        assert self._sight is not None
        record = self._sight.record
        if floor > self.top and (record is None or floor > record.token):
            self._sight.first_ns = now_ns
        self.top = max(self.top, floor)

    def _out_of_sight(self, now_ns: int, sight: _Sight) -> bool:
        """What is there again proves nothing about a time in which nobody looked, should the store lose writes. A
        holder that renewed in a gap of this length and was lost with it has stopped when the duration is over."""
        return now_ns - sight.last_ns > self._timing.duration_ns - self._timing.deadline_ns

    def _may_take(self, now_ns: int) -> bool:
        assert self._sight is not None
        return self._is_free(self._sight.record) or self._has_expired(now_ns, self._sight)

    def _is_free(self, record: LeaseRecord | None) -> bool:
        """Handed back, or our own that we do not hold; and nothing says that it is an old one come back."""
        return record is not None and record.owner in (NOBODY, self._owner) and record.token >= self.top

    def _has_expired(self, now_ns: int, sight: _Sight) -> bool:
        return now_ns - sight.first_ns >= self._timing.duration_ns

    def _take(self, now_ns: int) -> Ask:
        assert self._sight is not None
        seen = self._sight.record
        self._first_sent_ns = self._sent_ns = now_ns
        self.top += 1
        if seen is None:
            return Create(self._record(self.top, 1))
        return Swap(seen, self._record(self.top, seen.counter + 1))

    def _gain(self, now_ns: int, new: LeaseRecord) -> Ask:
        self._mine, self.held = new, Held(new.token, self._deadline(now_ns))
        self._proven_ns = self._first_sent_ns
        self.top, self._sight, self._first_sent_ns = max(self.top, new.token), None, 0
        if now_ns >= self.held.deadline_ns:  # the answer came too late, or we slept over it
            return self._lose("deadline")
        return Wait(self._next(self._sent_ns))

    # leaving

    def _leave(self, answer: Answer) -> Ask:
        match answer:
            case Found(LeaseRecord() as record) if record.owner == self._owner:
                return Swap(record, LeaseRecord(owner=NOBODY, token=record.token, counter=record.counter + 1))
            case None if isinstance(self._asked, Wait):
                return Read()
            case Away() if isinstance(self._asked, Read | Swap):
                return Read()
            case _:
                return Stop()

    def _record(self, token: int, counter: int) -> LeaseRecord:
        return LeaseRecord(owner=self._owner, token=token, counter=counter, meta=self._meta)

    def _next(self, from_ns: int) -> int:
        return from_ns + int(self._timing.period_ns * self._jitter())

    def _next_look(self, now_ns: int) -> int:
        """A period on, or when the record expires: waiting past that would only add to the failover."""
        assert self._sight is not None
        expires_ns = self._sight.first_ns + self._timing.duration_ns
        return min(self._next(now_ns), expires_ns) if expires_ns > now_ns else self._next(now_ns)


def _same(a: LeaseRecord | None, b: LeaseRecord | None) -> bool:
    if a is None or b is None:
        return a is b
    return (a.owner, a.token, a.counter) == (b.owner, b.token, b.counter)
