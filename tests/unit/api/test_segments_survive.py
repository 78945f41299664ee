"""Nothing that was answered is lost: whatever is sent in whatever order, and whoever is killed meanwhile."""

from __future__ import annotations

import asyncio
import hashlib
import random
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import aiohttp
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from supervisor.segments import Segment, missing, ranges
from supervisor.uploads import Damaged, Incomplete, Other, append
from tests.unit.api.guests import EBML, Guest, chain_of, sha
from tests.unit.api.stage import Stage, stage

COUNT: Final = 6
RECORDED: Final = tuple(EBML + random.Random(seq).randbytes(seq * 37 + 1) for seq in range(COUNT))


class Died(BaseException):
    """Killed."""


class Bringing(RuleBasedStateMachine):
    """Two tabs send parts, again and wrong; the server is killed between any two steps; somebody says it is all."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.segment = Segment(self.folder, "seg")
        self.segment.make()
        self.safe: dict[int, bytes] = {}
        self.joined = False

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @precondition(lambda self: not self.joined)
    @rule(seq=st.integers(0, COUNT - 1), data=st.sampled_from(("right", "right", "other")), damaged=st.booleans())
    def put(self, seq: int, data: str, damaged: bool) -> None:
        sent = RECORDED[seq] if data == "right" else b"other bytes"
        with self.segment.receive(seq) as incoming:
            incoming.write(sent)
            try:
                is_new = incoming.keep_first(sha(b"" if damaged else sent))
            except Damaged:
                assert damaged
            except Other:
                assert self.safe[seq] != sent
            else:
                assert is_new == (seq not in self.safe)
                self.safe[seq] = sent

    @rule(seq=st.integers(0, COUNT - 1))
    def die_while_a_part_comes(self, seq: int) -> None:
        """What it leaves is never taken for a part."""
        if not self.joined:
            (self.segment.path / f".{seq}.abcdef").write_bytes(RECORDED[seq][:-1])
        self.segment = Segment(self.folder, "seg")

    @rule(dies_at=st.integers(1, COUNT + 2), count=st.integers(1, COUNT))
    def join(self, dies_at: int, count: int) -> None:
        """Killed in the middle of it, or not."""
        copied = 0

        def copy(path: Path, target: int, offset: int) -> None:
            nonlocal copied
            copied += 1
            if copied == dies_at:
                raise Died
            append(path, target, offset)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("supervisor.segments.append", copy)
            patched.setattr("supervisor.segments.SYNC_EVERY", 2)
            self._join(RECORDED[:count])

    def _join(self, parts: tuple[bytes, ...]) -> None:
        try:
            self.segment.join(len(parts), sum(map(len, parts)), chain_of(parts))
        except Died:
            assert all(self.safe.get(seq) == part for seq, part in enumerate(parts))
            self.joined = True
            self.segment = Segment(self.folder, "seg")
        except Incomplete:
            assert any(seq not in self.safe for seq in range(len(parts)))
        except Damaged:
            there = [self.safe.get(seq) for seq in range(len(parts))]
            assert self.joined or len(self.safe) != len(parts) or there != list(parts)
        else:
            assert self.segment.media.read_bytes() == b"".join(parts)
            self.joined = True

    @invariant()
    def all_that_was_answered_is_there(self) -> None:
        if not self.segment.is_whole:
            assert self.segment.have() == ranges(self.safe)
            assert self.segment.bytes() == sum(map(len, self.safe.values()))


TestBringing = Bringing.TestCase
TestBringing.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, derandomize=True, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


def test_what_is_missing_is_what_was_not_sent() -> None:
    assert ranges([5, 1, 2, 2, 7, 6]) == [(1, 3), (5, 8)]
    assert missing([(1, 3), (5, 8)], 10) == [(0, 1), (3, 5), (8, 10)]
    assert missing([(0, 9)], 4) == []


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A server of this folder in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.unit.api.serving", str(folder), stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            yield process, (await process.stdout.readline()).decode().strip()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def put(url: str, guest: Guest, seg: str, seq: int, data: bytes) -> int:
    headers = {
        "Content-Type": "application/octet-stream",
        "X-Clipd-Sha256": hashlib.sha256(data).hexdigest(),
        "Authorization": f"Bearer {guest.joined['upload_token']}",
    }
    async with guest.api.client.put(
        f"{url}/api/v1/uploads/{seg}/chunks/{seq}.part", data=data, headers=headers
    ) as answer:
        return answer.status


@pytest.mark.timeout(120)
async def test_a_server_that_is_killed_while_parts_come_loses_none_that_it_answered(tmp_path: Path) -> None:
    """kill -9 with four parts under way: what was answered is there, the rest is sent again, the bytes are the
    recorder's; a part that was answered is never asked for again."""
    (tmp_path / "data").mkdir()
    async with stage(tmp_path / "data") as api:
        guest = await Guest.of(api)
        seg = await guest.begin()
        parts = [EBML + bytes([seq]) * 200_000 for seq in range(40)]
        answered: set[int] = set()
        async with served(tmp_path / "data") as (process, url):
            waiting = iter(range(40))

            async def tab() -> None:
                for seq in waiting:
                    try:
                        status = await put(url, guest, seg, seq, parts[seq])
                    except aiohttp.ClientError:
                        return
                    assert status == 201
                    answered.add(seq)
                    if len(answered) == 12:
                        process.kill()

            await asyncio.gather(*(tab() for _ in range(4)))
            assert 12 <= len(answered) < 40
        async with served(tmp_path / "data") as (_, url):
            there = replace_url(api, url)
            at_last = Guest(there, guest.room, guest.joined)
            now = (await at_last.ask("GET", f"uploads/{seg}")).body
            have = {seq for first, behind in now["have"] for seq in range(first, behind)}
            assert answered <= have
            for seq in sorted(set(range(40)) - have):
                assert await put(url, guest, seg, seq, parts[seq]) == 201
            whole = await at_last.final(seg, parts)
            assert whole.body["state"] == "whole"
        assert (tmp_path / "data" / "uploads" / seg / "media").read_bytes() == b"".join(parts)


def replace_url(api: Stage, url: str) -> Stage:
    """Who asks another process of the same installation."""
    return replace(api, url=url)
