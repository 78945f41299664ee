"""A drain: no new clips, those that have begun are recorded to their end or for 20 s, and the rest is kept."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from configs import Settings
from core.ids import MomentId
from core.moments import Moment, MomentState
from core.times import Ns, ns
from daemon.demo import LiveOrigin
from daemon.journal import Journal
from daemon.worker.build import build_parts
from daemon.worker.emitter import Emitter
from daemon.worker.orders import Orders
from daemon.worker.session import Parts, Session
from tests.clocks import FastClock
from tests.publisher import eventually
from tests.scenario.worker import spec_for
from tests.synthetic_streams import plain

SPEED = 3


def moment(start_ns: Ns, end_ns: Ns, name: str) -> Moment:
    """Over the bar, with a post-roll that is still to come."""
    return Moment(
        id=MomentId(name),
        state=MomentState.PROVISIONAL,
        start_ns=start_ns,
        end_ns=end_ns,
        anchor_ns=start_ns,
        p=0.9,
        bar=0.5,
        parts={"audio": 3.0},
        reasons=("Crowd roar",),
        decided_ns=start_ns,
    )


class Watch:
    """A session that runs."""

    def __init__(self, parts: Parts, orders: Orders, out: io.StringIO) -> None:
        self.parts, self.orders, self._out = parts, orders, out

    def promise(self, *, in_s: float, name: str) -> Moment:
        """A clip of what is there, and of so many seconds more."""
        now_ns = self.parts.capture.media_ns
        begun = moment(Ns(max(0, now_ns - ns(4))), Ns(now_ns + ns(in_s)), name)
        self.parts.desk.moment(begun)
        return begun

    def lines(self, kind: str) -> list[dict[str, Any]]:
        return [line for line in map(json.loads, self._out.getvalue().splitlines()) if line["type"] == kind]


@asynccontextmanager
async def watching(folder: Path) -> AsyncIterator[Watch]:
    """A live stream, in this process; it has ended when the block has."""
    clock, out, orders = FastClock(SPEED), io.StringIO(), Orders()
    async with LiveOrigin(plain(3, 600.0), clock) as origin:
        spec = spec_for(origin.url, folder, kind="stream", speed=1.0, out_dir=None)
        settings = Settings.model_validate(dict(spec.settings))
        emitter = Emitter(out, spec.session, clock)
        with Journal.open_or_create(folder / "session.db", session=spec.session) as journal:
            number = journal.begin_attempt()
            async with build_parts(spec, settings, folder, clock, emitter, journal, number) as parts:
                session = Session(parts, orders)
                running = asyncio.create_task(session.run())
                await eventually(lambda: parts.capture.media_ns > ns(5))
                yield Watch(parts, orders, out)
                assert await asyncio.wait_for(running, 120) is None


async def test_a_clip_that_has_begun_gets_its_post_roll(tmp_path: Path) -> None:
    """Six more seconds are recorded for it; one that would begin now is not made."""
    async with watching(tmp_path) as watch:
        begun = watch.promise(in_s=6, name="begun")
        watch.orders.drain()
        await eventually(lambda: [line["state"] for line in watch.lines("state")][-1] == "draining")
        watch.promise(in_s=1, name="late")
    [clip] = watch.lines("clip")
    assert clip["end_s"] >= begun.end_ns / 1e9 - 0.1


async def test_a_post_roll_that_takes_longer_than_20_s_is_cut_short(tmp_path: Path) -> None:
    """The clip is made of what there is."""
    async with watching(tmp_path) as watch:
        begun = watch.promise(in_s=60, name="begun")
        watch.orders.drain()
    [clip] = watch.lines("clip")
    assert clip["end_s"] < begun.end_ns / 1e9 - 20
    assert watch.parts.capture.media_ns < begun.end_ns - ns(20)


@pytest.mark.parametrize("how", ["stop", "lose"])
async def test_stop_and_a_lost_claim_wait_for_nothing(tmp_path: Path, how: str) -> None:
    """Stopped: cut with what there is. Lost: a promise that the newer attempt keeps."""
    async with watching(tmp_path) as watch:
        watch.promise(in_s=30, name="begun")
        getattr(watch.orders, how)()
        captured_ns = watch.parts.capture.media_ns
    assert watch.parts.capture.media_ns < captured_ns + ns(10)
    assert len(watch.lines("clip")) == (1 if how == "stop" else 0)
    with Journal.open(tmp_path / "session.db") as journal:
        assert len(journal.promised_clips()) == (0 if how == "stop" else 1)
