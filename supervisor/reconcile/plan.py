"""What to do now, from what shall be and what is: level-triggered, made anew from nothing each tick. Pure.

Two facts carry it. An engine that does not answer has not said that a worker is gone; and the ring's lock and the claim
token fence a worker that was given up too early, so a mistake here costs footage that is recorded twice, never a write
that wins twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from core.ids import SessionId, StreamId
from supervisor.catalog.values import ClaimRow
from supervisor.quotas import MINUTES
from supervisor.reconcile import policy
from supervisor.reconcile.admission import CAPTURES, admit, places
from supervisor.reconcile.values import (
    CLOSED_STATES,
    FINAL_STATES,
    Action,
    Ages,
    Claim,
    Halt,
    Mark,
    Plan,
    Remove,
    Snapshot,
    Waiting,
    Want,
)
from supervisor.runtimes.api import Found

MAX_CLAIMS: Final = 5  # new workers a tick; reliability.md section 3, item 14


def plan(seen: Snapshot) -> Plan:
    """Marks first, then ends, then new claims: what is written down is never behind what is done."""
    marks: list[Action] = []
    ends: list[Action] = []
    last = _least(seen) if seen.capacity.shed else None
    for claim in seen.claims.values():
        if reason := policy.SHED if claim is last else _spent(claim, seen):
            marks.append(Mark(claim.stream, claim.token, "draining", reason, failures=claim.failures))
            ends.append(Halt(claim.worker, "drain", reason))
            continue
        for action in _tend(claim, seen):
            (marks if isinstance(action, Mark) else ends).append(action)
    ends += _strays(seen)
    given_up = {action.stream for action in marks if isinstance(action, Mark) and action.state in FINAL_STATES}
    begun, waiting = _new(seen, given_up)
    return Plan((*marks, *ends, *begun), waiting)


def _tend(claim: ClaimRow, seen: Snapshot) -> Iterator[Action]:
    """What one claim needs."""
    found = seen.found.get(claim.worker) if seen.found is not None else None
    if claim.state in FINAL_STATES:
        if found is not None:
            yield from _leftover(found)
        return
    ages, wanted = seen.ages[claim.stream, claim.token], claim.stream in seen.wants
    if found is not None and found.life == "exited":
        reason, lived_ns = policy.end_of(found.code, oom=found.oom), seen.now_ns - ages.first_ns
        yield _ended(claim, reason, lived_ns, found.code, wanted=wanted)
        yield Remove(claim.worker)
    elif found is None and seen.found is not None:
        yield from _missing(claim, seen.now_ns, ages, wanted=wanted)
    elif not wanted:
        yield from _unwanted(claim, seen.now_ns, ages)
    else:
        replayed = seen.wants[claim.stream].kind == "vod"
        yield from _alive(
            claim, seen.now_ns, ages, known=found is not None and found.life == "running", replayed=replayed
        )


def _least(seen: Snapshot) -> ClaimRow | None:
    """Who ends first when the disk is nearly full: a render, then the lowest priority, of those a recording, which can
    wait and loses nothing, then who came last."""
    alive = [
        (want.kind != "render", want.priority, want.kind != "vod", -want.since_ns, claim.stream, claim)
        for stream, claim in seen.claims.items()
        if (want := seen.wants.get(stream)) is not None and _runs(claim, seen.found)
    ]
    return min(alive, key=lambda each: each[:5])[-1] if alive else None


def _spent(claim: ClaimRow, seen: Snapshot) -> str:
    """Why a capture has to end today, whatever room there is; "" where it has not."""
    want = seen.wants.get(claim.stream)
    if want is None or want.kind not in CAPTURES or not _runs(claim, seen.found):
        return ""
    return MINUTES if MINUTES in seen.capacity.reached.get(want.workspace, ()) else ""


def _runs(claim: ClaimRow, found: Mapping[str, Found] | None) -> bool:
    worker = None if found is None else found.get(claim.worker)
    return claim.state not in (*FINAL_STATES, "draining") and worker is not None and worker.life == "running"


def _leftover(found: Found) -> Iterator[Action]:
    """The worker of a claim that is over: one that was given up may still run, or run again after a pause."""
    if found.life == "exited":
        yield Remove(found.name)
    elif found.life == "running":
        yield Halt(found.name, "kill", "superseded")


def _missing(claim: ClaimRow, now_ns: int, ages: Ages, *, wanted: bool) -> Iterator[Action]:
    """The runtime knows no such worker: a leader died between claim and start, or somebody removed it."""
    lived_ns = now_ns - ages.first_ns
    if claim.state == "claimed":
        if lived_ns > policy.CLAIMING_NS:
            yield _ended(claim, "never_started", lived_ns, wanted=wanted)
    elif now_ns - ages.beat_ns > policy.SUSPECT_NS:  # while it beats it is alive, whatever the runtime says
        yield _ended(claim, "killed", lived_ns, wanted=wanted)


def _unwanted(claim: ClaimRow, now_ns: int, ages: Ages) -> Iterator[Action]:
    """Paused, deleted or not live any more. One whose media has ended is asked too: it may have much left to finish."""
    if claim.state != "draining" or claim.reason not in policy.ASKED:
        yield Mark(claim.stream, claim.token, "draining", policy.UNWANTED, failures=claim.failures)
        yield Halt(claim.worker, "drain", policy.UNWANTED)
    elif now_ns - ages.state_ns > policy.DRAIN_NS:
        yield Halt(claim.worker, "kill", "drain_deadline")


def _alive(claim: ClaimRow, now_ns: int, ages: Ages, *, known: bool, replayed: bool) -> Iterator[Action]:
    """It runs, or nobody knows. A recording that was read to its end is finished for as long as that gets on; a live
    source may come back, and its worker must not stand in the way for long."""
    silent_ns, lived_ns = now_ns - ages.beat_ns, now_ns - ages.first_ns
    over = ""
    if claim.state == "draining":
        since_ns = ages.progress_ns if replayed and claim.reason not in policy.ASKED else ages.state_ns
        over = "drain_deadline" if now_ns - since_ns > policy.DRAIN_NS else ""
    elif claim.state in ("claimed", "starting"):
        over = "start_deadline" if lived_ns > policy.START_NS else ""
    elif silent_ns > (policy.LOST_NS if known else policy.UNKNOWN_NS):
        over = "heartbeat_lost"
    elif claim.health.get("state") == "live" and now_ns - ages.progress_ns > policy.STALLED_NS:
        over = "stalled"
    elif (silent_ns > policy.SUSPECT_NS) != (claim.state == "degraded"):
        late = silent_ns > policy.SUSPECT_NS
        state, reason = ("degraded", "heartbeat_late") if late else ("running", "")
        yield Mark(claim.stream, claim.token, state, reason, failures=claim.failures)  # type: ignore[arg-type]
    if over:
        yield _ended(claim, over, lived_ns, wanted=True)
        yield Halt(claim.worker, "kill", over)


def _ended(claim: ClaimRow, reason: str, lived_ns: int, code: int | None = None, *, wanted: bool) -> Mark:
    found = policy.verdict(claim, reason, lived_ns, wanted=wanted)
    return Mark(claim.stream, claim.token, found.state, found.reason, code, found.failures)


def _strays(seen: Snapshot) -> Iterator[Action]:
    """Workers of ours that no newest claim names. An older claim's is killed; one whose stream nobody knows (a catalog
    that was put back from a copy) is asked to end, so that what it has is kept."""
    named = {claim.worker for claim in seen.claims.values()}
    for found in (seen.found or {}).values():
        if found.name in named:
            continue
        if found.life == "exited":
            yield Remove(found.name)
        elif found.life == "running":
            known = found.labels.get("stream") in seen.claims
            yield Halt(found.name, "kill" if known else "drain", "superseded" if known else "unknown_stream")


def _new(seen: Snapshot, given_up: set[StreamId]) -> tuple[list[Action], tuple[Waiting, ...]]:
    """Claims for streams that have no worker, as many as fit. Nobody is replaced in the tick that gives it up.

    A session's folder has one worker: a render waits until it is free, and makes way for who records.
    """
    held = _held(seen)
    active: list[Want] = []
    due: list[Want] = []
    later: list[tuple[Want, str]] = []
    for stream, want in seen.wants.items():
        claim = seen.claims.get(stream)
        if claim is not None and stream not in given_up and claim.state not in FINAL_STATES:
            active.append(want)
            if claim.state == "draining" and claim.reason in policy.WAITS:
                later.append((want, claim.reason))
        elif reason := _waits(want, seen, given_up, held):
            later.append((want, reason))
        else:
            due.append(want)
    admitted, waiting = admit(due, active, seen.capacity)
    if seen.found is None:
        return [], places([*((want, "runtime_away") for want in admitted), *waiting, *later])
    late = [(want, "turn") for want in admitted[MAX_CLAIMS:]]
    begun: list[Action] = []
    recorded = {want.session for want in admitted if want.kind != "render"}
    for want in admitted[:MAX_CLAIMS]:
        in_the_way = [claim for claim in held.get(want.session, ()) if claim.stream != want.stream]
        if in_the_way or (want.kind == "render" and want.session in recorded):
            later.append((want, policy.YIELDED))
            begun += [act for claim in in_the_way if claim.stream not in given_up for act in _made_way(claim)]
        else:
            begun.append(_claim(want, seen))
    return begun, places([*late, *waiting, *later])


def _waits(want: Want, seen: Snapshot, given_up: set[StreamId], held: Mapping[SessionId | None, list[ClaimRow]]) -> str:
    """Why a stream without a worker gets none now, whatever room there is; "" when it may."""
    claim = seen.claims.get(want.stream)
    if want.stream in given_up:
        return "restarting"
    if claim is not None and seen.now_ns - seen.ages[want.stream, claim.token].state_ns < _wait_ns(claim):
        return "back_off"
    return policy.YIELDED if want.kind == "render" and want.session in held else ""


def _held(seen: Snapshot) -> dict[SessionId | None, list[ClaimRow]]:
    """The claims that may have a worker, by the session that it writes."""
    held: dict[SessionId | None, list[ClaimRow]] = {}
    for claim in seen.claims.values():
        found = None if seen.found is None else seen.found.get(claim.worker)
        if claim.state not in FINAL_STATES or (found is not None and found.life == "running"):
            held.setdefault(claim.session, []).append(claim)
    return held


def _made_way(claim: ClaimRow) -> Iterator[Action]:
    """A render is killed, not drained: it loses nothing but time, and who records has none."""
    if claim.state not in FINAL_STATES and (claim.state, claim.reason) != ("draining", policy.YIELDED):
        yield Mark(claim.stream, claim.token, "draining", policy.YIELDED, failures=claim.failures)
    yield Halt(claim.worker, "kill", policy.YIELDED)


def _wait_ns(claim: ClaimRow) -> int:
    """Who wants a stream whose claim was closed asks for it anew."""
    return 0 if claim.state in CLOSED_STATES else policy.wait_ns(claim)


def _claim(want: Want, seen: Snapshot) -> Claim:
    last = seen.claims.get(want.stream)
    if last is None:
        return Claim(want.stream, 0, 0)
    return Claim(want.stream, last.token, 0 if last.state in CLOSED_STATES else last.failures)
