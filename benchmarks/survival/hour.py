"""An hour of ring and a journal of 100,000 rows, opened after a kill (R15)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from core.ids import SessionId
from core.media import ChatMessage
from core.times import Ns, ns
from daemon.journal import Journal
from ringbuffer import Ring, RingOptions
from tests.chaos.table import Row
from tests.unit.ringbuffer.kit import encode, epoch, load

RECOVERY_S: Final = 2.0  # reliability.md section 5, R15
ROWS: Final = 100_000
HOUR_S: Final = 3600
KEEP_ALL: Final = RingOptions(minutes=24 * 60, max_gb=100)
SESSION: Final = SessionId("hour")


def recovery(folder: Path) -> Row:
    """Three times; the first finds a segment that was being written."""
    database, ring_folder = folder / "session.db", folder / "ring"
    command = [sys.executable, "-c", f"from {__name__} import main; main()", str(folder)]
    recorder = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    assert recorder.returncode == -signal.SIGKILL
    segments = json.loads(recorder.stdout)
    spans = []
    for _ in range(3):
        began = time.perf_counter()
        with Journal.open_or_create(database, session=SESSION) as journal:
            Ring.open(ring_folder, journal, KEEP_ALL, attempt=journal.begin_attempt(), epochs=journal.epochs()).close()
            spans.append(time.perf_counter() - began)
    return Row(
        id="R15",
        what="journal and ring of a killed worker opened",
        volume=f"{segments} segments of one hour, {ROWS} rows, 3 times",
        target=f"<= {RECOVERY_S:g} s each",
        value=f"at most {max(spans):.2f} s",
        passed=max(spans) <= RECOVERY_S,
        facts={"seconds": [round(span, 3) for span in spans]},
    )


def main() -> None:
    """Record, and die with a segment open."""
    folder = Path(sys.argv[1])
    print(_record(folder, folder / "session.db", folder / "ring"), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


def _record(folder: Path, database: Path, ring_folder: Path) -> int:
    """The hour, and the rows; how many segments it has."""
    stream = load(encode(folder, "h264_aac"))
    with Journal.open_or_create(database, session=SESSION) as journal:
        ring = Ring.open(ring_folder, journal, KEEP_ALL, attempt=journal.begin_attempt())
        ring.begin_epoch(epoch(), stream.tracks)
        with journal.batch():
            for copy in (stream.moved(ns(8) * n) for n in range(HOUR_S // 8)):
                for packet in copy.packets:
                    ring.append(packet)
        assert list((ring_folder / "main").glob("*.tmp"))  # never closed: that is how a kill leaves it
        segments = len(journal.segments())
        times = (ns(HOUR_S) * n // ROWS for n in range(ROWS - segments))
        journal.add_chat([ChatMessage(t_ns=Ns(at), user=f"u{at % 99}", text="what a shot") for at in times])
    return segments


if __name__ == "__main__":
    main()
