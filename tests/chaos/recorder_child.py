"""A recorder to be killed: writes a stream into a ring and a journal as fast as it can, and says what is safe by now.

    python -m tests.chaos.recorder_child record SESSION MEDIA PASSES   # one attempt, then exit 0, or 73 on a bad disk
    python -m tests.chaos.recorder_child serve MEDIA                   # an attempt a line of stdin, forked

`serve` reads session folders from stdin, forks an attempt for each and answers its pid; it spares each the 0.5 s that
Python and libav take to start. What an attempt has made safe goes to `SESSION/acks`, a JSON object a line.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
from pathlib import Path

from core.errors import StorageError
from core.ids import SessionId
from core.media import Epoch
from core.times import Ns, ns
from daemon.journal import Journal, session_lock
from ringbuffer import Ring, RingOptions
from tests.unit.ringbuffer.kit import Stream, load

SESSION = SessionId("s1")
OPTIONS = RingOptions(minutes=20 / 60, segment_s=0.4, flush_s=0.1)


class Acks:
    """Tells at once, and only what is true."""

    def __init__(self, session: Path) -> None:
        self._fd = os.open(session / "acks", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def say(self, **fields: object) -> None:
        """One line, one write."""
        os.write(self._fd, json.dumps(fields).encode() + b"\n")


def record(session: Path, stream: Stream, passes: int | None) -> None:
    """One attempt: continues where the footage ended."""
    acks = Acks(session)
    with (
        session_lock(session / "lock"),
        Journal.open_or_create(session / "session.db", session=SESSION) as journal,
    ):
        attempt = journal.begin_attempt()
        ring = Ring.open(session / "ring", journal, OPTIONS, attempt=attempt)
        start_ns = ring.recovered.end_ns
        number = 0 if ring.recovered.epoch is None else ring.recovered.epoch + 1
        begun = Epoch(number=number, start_ns=start_ns, reason="restart", by="boottime")
        journal.add_epoch(begun)
        ring.begin_epoch(begun, stream.tracks)
        acks.say(attempt=attempt, start_ns=start_ns, epoch=number)
        told = (0, Ns(0))
        for repeat in itertools.count() if passes is None else range(passes):
            for packet in stream.moved(start_ns + repeat * ns(8)).packets:
                ring.append(packet)
                now = (ring.segments_written, ring.span()[1])
                if now != told:
                    acks.say(attempt=attempt, segments=now[0], end_ns=now[1])
                    told = now
        ring.close()
        acks.say(attempt=attempt, segments=ring.segments_written, end_ns=ring.span()[1])


def main(arguments: list[str]) -> int:
    """See the module's docstring."""
    if arguments[0] == "record":
        session, media, passes = Path(arguments[1]), Path(arguments[2]), int(arguments[3])
        try:
            record(session, load(media).until(ns(1)), passes)
        except StorageError as err:
            Acks(session).say(error=err.code)
            return err.worker_code
        return 0
    stream = load(Path(arguments[1]))
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            record(Path(line.strip()), stream, None)
        os.write(1, f"{pid}\n".encode())
        os.waitpid(pid, 0)
        os.write(1, b"gone\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
