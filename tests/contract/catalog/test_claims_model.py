"""Claims against a small model: leaders and workers in any order, with tokens old and new."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from core.ids import SessionId
from supervisor.catalog import Catalog, Conflict, NotFound, StaleWrite, Superseded
from supervisor.catalog.values import ClaimRow
from tests.contract.catalog.rows import batch, beat, clip, hello, stream
from tests.fakes import FakeClock

REFUSALS: dict[type[Exception], str] = {
    Conflict: "conflict",
    NotFound: "unknown",
    StaleWrite: "stale",
    Superseded: "superseded",
}


class ClaimsMachine(RuleBasedStateMachine):
    """One stream. The model: the highest lease token seen, the newest claim, its beats, the rows stored."""

    runner: asyncio.Runner
    catalog: Catalog
    numbers = itertools.count(1)

    @initialize()
    def begin(self) -> None:
        self.name = f"stream-{next(self.numbers)}"
        self.session = SessionId(f"session-{self.name}")
        self.row = self.runner.run(self.catalog.add_stream(stream(self.name)))
        self.floor = self.runner.run(self.catalog.floor())
        self.newest, self.acked, self.seq = 0, 0, 0
        self.beats: dict[int, int] = {}
        self.claims: dict[int, ClaimRow] = {}
        self.stored: list[int] = []

    @rule(step=st.integers(-1, 2), after=st.integers(-1, 1))
    def claim(self, step: int, after: int) -> None:
        """A leader whose token is older, the same or newer claims on from a token that may be old, or never was."""
        lease, token = max(1, self.floor + step), max(0, self.newest + after)
        said = self._do(
            self.catalog.leading(lease).claim(
                self.row.id, after_token=token, session=self.session, worker_runtime="process"
            )
        )
        if lease < self.floor:
            assert said == "stale"
            return
        self.floor = lease
        there = self.claims.get(token + 1)
        if token == self.newest:
            assert isinstance(said, ClaimRow)
            assert (said.token, said.lease_token) == (token + 1, lease)
            self.newest = said.token
            self.beats[said.token] = 0
            self.claims[said.token] = said
        elif there is not None and token + 1 == self.newest and there.lease_token == lease:
            assert isinstance(said, ClaimRow)
            assert said.token == self.newest
        else:
            assert said == "conflict"

    @rule(age=st.integers(0, 2))
    def beat(self, age: int) -> None:
        """Of the newest claim, or an older one."""
        if (claim := self.claims.get(self.newest - age)) is None:
            return
        assert self._do(self.catalog.beat(beat(claim))) is (age == 0)
        self.beats[claim.token] += age == 0

    @rule(age=st.integers(0, 2))
    def hello(self, age: int) -> None:
        """The newest runs; an older one may deliver."""
        if (claim := self.claims.get(self.newest - age)) is None:
            return
        said = self._do(self.catalog.hello(hello(claim)))
        assert said == "superseded" if age else isinstance(said, ClaimRow) and said.state == "running"

    @rule(age=st.integers(0, 2), again=st.booleans())
    def deliver(self, age: int, again: bool) -> None:
        """A state row and a clip, told once or twice."""
        if (claim := self.claims.get(self.newest - age)) is None:
            return
        state, made = self.seq + 1, self.seq + 2
        self.seq = made
        rows = batch(claim, (state, "state", {}), (made, "clip", clip(f"c-{self.name}-{made}")), attempt=1)
        for _ in range(1 + again):
            acked = self.runner.run(self.catalog.store_events(rows))
            assert acked.refused == ((state,) if age else ())
        self.stored += [made] if age else [state, made]
        self.acked = self.acked if age else made

    def teardown(self) -> None:
        """What is there is what the model says."""
        if not hasattr(self, "claims") or not self.claims:
            return
        newest = self.runner.run(self.catalog.newest_claims([self.row.id]))[self.row.id]
        history = self.runner.run(self.catalog.attempts(None, self.row.id, limit=200))
        assert (newest.token, {row.token: row.beat for row in history}) == (self.newest, self.beats)
        events = self.runner.run(self.catalog.events_after(0, workspace=None))
        assert [event.seq for event in events if event.session == self.session] == self.stored
        assert self.runner.run(self.catalog.acked(self.session)) == self.acked
        assert self.runner.run(self.catalog.floor()) == self.floor
        self.runner.run(self.catalog.erase_session(None, self.session))

    def _do(self, call: object) -> object:
        try:
            return self.runner.run(call)  # type: ignore[arg-type]
        except (Conflict, NotFound, StaleWrite, Superseded) as refused:
            return REFUSALS[type(refused)]


def test_claims_do_what_the_model_does(soak: bool) -> None:
    """Ten histories of up to thirty steps; with --soak a thousand."""
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        catalog = runner.run(Catalog.open(f"sqlite:///{Path(folder)}/catalog.db", FakeClock()))
        ClaimsMachine.runner, ClaimsMachine.catalog = runner, catalog
        limits = settings(
            max_examples=1000 if soak else 10, stateful_step_count=30, deadline=None, derandomize=not soak,
            suppress_health_check=list(HealthCheck), database=None,
        )  # fmt: skip
        run_state_machine_as_test(ClaimsMachine, settings=limits)
        runner.run(catalog.close())
