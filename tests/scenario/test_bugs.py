"""What a bug of ours costs: the attempt ends at once with an error, it never hangs, and a restart can go on."""

from __future__ import annotations

import asyncio
import dataclasses
import io
from pathlib import Path

import pytest

from configs import Settings
from daemon.ingest import CaptureSink, Ended, Source, SourceInfo
from daemon.journal import Journal
from daemon.worker.build import build_parts
from daemon.worker.emitter import Emitter
from daemon.worker.session import Session
from tests.fakes import FakeClock
from tests.scenario.worker import spec_for
from tests.synthetic_streams import make_media


class Broken(Source):
    """A source with a bug."""

    info = SourceInfo(kind="file", unstoppable=False)

    async def run(self, sink: CaptureSink) -> Ended:
        raise RuntimeError("a bug")


async def test_a_bug_in_a_source_ends_the_attempt(tmp_path: Path) -> None:
    """The supervisor sees a dead process and restarts it; a process that hangs it would not."""
    spec = spec_for(str(make_media("h264_aac", tmp_path)), tmp_path / "data")
    folder = tmp_path / "session"
    folder.mkdir()
    clock = FakeClock()
    emitter = Emitter(io.StringIO(), spec.session, clock)
    settings = Settings.model_validate(dict(spec.settings))
    with Journal.open_or_create(folder / "session.db", session=spec.session) as journal:
        async with (
            asyncio.timeout(120),
            build_parts(spec, settings, folder, clock, emitter, journal, journal.begin_attempt()) as parts,
        ):
            session = Session(dataclasses.replace(parts, source=Broken()))
            with pytest.raises(RuntimeError, match="a bug"):
                await session.run()
            parts.desk.finish(parts.capture.media_ns)
            parts.capture.close()
    with Journal.open(folder / "session.db") as journal:
        assert journal.clips() == []
