"""Takes of rooms as answers: who was recorded, what they accepted, and what there is of each of their tracks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from supervisor.api.call import Services
from supervisor.api.models import Consent, Take, TakeDetail, TakePerson, TakeTrack
from supervisor.api.prefix import API
from supervisor.api.rows import date, date_or_none
from supervisor.api.segments import segment_answer
from supervisor.api.signing import Signer
from supervisor.catalog.room_values import NOTHING, ConsentRow, PersonRow, SegmentRow, TakeRow
from supervisor.catalog.values import JobState
from supervisor.roomfiles import bounds, local_name, states, take_files, track_files

TRACKS: Final = ("mic", "cam", "screen")


async def take_answers(services: Services, rows: Sequence[TakeRow]) -> dict[str, Take]:
    """In a list, by id."""
    jobs = await services.catalog.job_states([row.conform for row in rows])
    return {row.id: Take(**_fields(row, jobs)) for row in rows}


async def take_detail(services: Services, row: TakeRow) -> TakeDetail:
    """With every track, by signed links."""
    catalog = services.catalog
    rows = await catalog.segments(room=row.room, take=row.id)
    people = await catalog.people(row.room)
    consents = await catalog.consents(row.room)
    made = _Made(services, row, await services.signers.get())
    pids = list(dict.fromkeys([*row.people, *(segment.person for segment in rows)]))
    return TakeDetail(
        **_fields(row, await catalog.job_states([row.conform])),
        participants=[
            await made.person(
                pid, people.get(pid), _accepted(consents, pid, row), [each for each in rows if each.person == pid]
            )
            for pid in pids
        ],
        files=made.links("", await asyncio.to_thread(take_files, made.data_dir, row.room, row.id)),
    )


class _Made:
    """What one answer is made of."""

    def __init__(self, services: Services, take: TakeRow, signer: Signer) -> None:
        self._services, self._take, self._signer = services, take, signer
        self.data_dir = Path(services.settings.data_dir).absolute()
        self._bounds: Mapping[str, float] | None = None

    async def person(
        self, pid: str, row: PersonRow | None, consent: ConsentRow | None, rows: Sequence[SegmentRow]
    ) -> TakePerson:
        """With the tracks that they have."""
        told: Mapping[str, Any] = self._take.people.get(pid, {})
        tracks = [await self._track(pid, track, [each for each in rows if each.track == track]) for track in TRACKS]
        return TakePerson(
            id=pid,
            name=str(told.get("name") or (row.name if row else "")),
            role=str(told.get("role") or (row.role if row else "")),
            consent=None if consent is None else Consent(
                sha256=consent.sha256, text=consent.text, at=date(consent.at_ns)
            ),
            tracks=[track for track in tracks if track.state != "none"],
        )  # fmt: skip

    async def _track(self, pid: str, track: str, rows: Sequence[SegmentRow]) -> TakeTrack:
        take = self._take
        files = await asyncio.to_thread(track_files, self.data_dir, take.room, take.id, pid, track)
        if self._bounds is None:
            self._bounds = await asyncio.to_thread(bounds, self.data_dir, take.room, take.id)
        known = [self._bounds.get(local_name(row)) for row in rows]
        aligned = [bound for bound in known if bound is not None]
        return TakeTrack(
            track=track,
            state=states(rows, any(name.startswith("backup-") for name in files)),
            bytes=sum(row.bytes for row in rows),
            verified_bytes=sum(row.bytes for row in rows if row.state == "verified"),
            bound_ms=max(aligned) if aligned and len(aligned) == len(rows) else None,
            segments=[await segment_answer(self._services, row) for row in rows],
            files=self.links(f"{pid}/{track}/", files),
        )

    def links(self, below: str, files: Mapping[str, int]) -> dict[str, str]:
        """Signed, by name."""
        path = f"{API}/rooms/{self._take.room}/takes/{self._take.id}/files/{below}"
        until_ns = self._signer.usual_ns()
        return {name: self._signer.sign(f"{path}{name}", until_ns) for name in files}


def _fields(row: TakeRow, jobs: Mapping[str, JobState]) -> dict[str, Any]:
    return {
        "id": row.id,
        "session": row.session,
        "state": row.state,
        "start_s": row.start_s,
        "started": date(row.started_ns),
        "stopped": date_or_none(row.stopped_ns),
        "people": len(row.people),
        "conform": _conform(row, jobs),
    }


def _conform(row: TakeRow, jobs: Mapping[str, JobState]) -> str:
    if row.conform in ("", NOTHING):
        return "nothing" if row.conform else "waiting"
    state = jobs.get(row.conform, "completed")  # jobs are forgotten after a while
    return {"completed": "done", "failed": "failed", "cancelled": "failed"}.get(state, "queued")


def _accepted(consents: Sequence[ConsentRow], pid: str, take: TakeRow) -> ConsentRow | None:
    """What somebody had accepted last when the take ended."""
    before = [
        each for each in consents
        if each.person == pid and (take.stopped_ns is None or each.at_ns <= take.stopped_ns)
    ]  # fmt: skip
    return before[-1] if before else None
