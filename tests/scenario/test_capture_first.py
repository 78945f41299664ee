"""Footage first: while every detector stands still nothing of a live stream is lost, and the shed is counted."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from pathlib import Path

from configs.ingest import IngestOptions
from core.ids import SessionId
from core.media import ChatMessage
from core.times import Ns, ns, to_s
from daemon.demo import LiveOrigin
from daemon.demo.origin import OriginOptions
from daemon.ingest import open_source
from daemon.journal import Journal
from daemon.worker.analysis import Analysis, StepResult
from daemon.worker.arrivals import Arrivals
from daemon.worker.build import analysis_queue
from daemon.worker.capture import Capture
from daemon.worker.emitter import Emitter
from daemon.worker.speech import NoSpeech
from detectors import Engine
from detectors.options import Profile
from ringbuffer import Ring, RingOptions
from telemetry import Metrics
from tests.clocks import FastClock
from tests.synthetic_streams import longer

SESSION = SessionId("s-stall")
SPEED = 8  # timeouts run as fast: a busy machine needs some real time for each segment


class StuckChat:
    """A chat that does not answer until it is let go: with it the whole analysis thread stands still."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def until(self, t_ns: Ns) -> list[ChatMessage]:
        self.go.wait()
        return []

    def available(self) -> bool:
        return True


class Nothing:
    """A record nobody reads."""

    def __init__(self) -> None:
        self.steps: list[Ns] = []

    def step(self, result: StepResult) -> None:
        self.steps.append(result.t_ns)


async def test_a_stall_of_two_minutes_costs_no_footage(tmp_path: Path) -> None:
    """Three minutes of live HLS, eight times as fast as life; detectors wake up after the last of it."""
    clock, out = FastClock(SPEED), io.StringIO()
    metrics, chat, record = Metrics(), StuckChat(), Nothing()
    emitter = Emitter(out, SESSION, clock)
    with Journal.open_or_create(tmp_path / "session.db", session=SESSION) as journal:
        ring = Ring.open(tmp_path / "ring", journal, RingOptions(), attempt=journal.begin_attempt())
        queue = analysis_queue(journal, emitter, metrics, live=True)
        analysis = Analysis(queue, Engine(Profile(), SESSION), chat, NoSpeech(), record)
        thread = threading.Thread(target=analysis.run)
        thread.start()
        capture = Capture(
            ring=ring,
            queue=queue,
            journal=journal,
            emitter=emitter,
            arrivals=Arrivals(),
            clock=clock,
            metrics=metrics,
            source_name="stall",
            profile="gaming",
            limit_ns=None,
        )
        async with LiveOrigin(longer(3, minutes=3), clock, options=OriginOptions(window=90)) as origin:
            source = await open_source(
                origin.url,
                clock=clock,
                options=IngestOptions(live_edge_segments=20),  # from the very first, however late it is joined
                live=True,
                speed=1.0,
                origin="cli",
                workdir=tmp_path,
            )
            await source.run(capture)
        chat.go.set()
        queue.close()
        await asyncio.to_thread(thread.join, 120)
        capture.close()
        start_ns, end_ns = ring.span()
        assert journal.gaps() == []
        assert (start_ns, round(to_s(end_ns))) == (0, 180)
        shed_ns = sum(end - start for _, start, end in journal.sheds())
        assert ns(100) <= shed_ns <= ns(125)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert {line["code"] for line in lines if line["type"] == "warning"} == {"analysis_shed"}
    shed_s = metrics.snapshot()['clipd_analysis_shed_seconds_total{stage="analysis"}']
    assert round(shed_s, 3) == round(to_s(shed_ns), 3)
    assert record.steps[-1] >= ns(179)
