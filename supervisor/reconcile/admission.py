"""Who may start now, and who waits for what. Pure.

Costs are sums over what runs, made anew each tick and never counted up and down (reliability.md section 3, item 18).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from core.spec import WorkerKind
from supervisor.quotas import MINUTES, RENDERS, STORAGE
from supervisor.reconcile.values import Capacity, Cost, Waiting, Want

CPU_SHARE: Final = 0.8  # of the machine; reliability.md section 3, item 42
MEMORY_SHARE: Final = 0.85
VODS_AT_ONCE: Final = 1  # one takes whatever the machine has left
RENDERS_AT_ONCE: Final = 1  # and so does one, at low priority: what is recorded does not make room for it
GIB: Final = 1 << 30
CAPTURES: Final[frozenset[WorkerKind]] = frozenset(("stream", "vod"))

# Budgets of DESIGN.md section 8: eight streams on two cores, 450 MB a worker with its own model
COSTS: Final[dict[WorkerKind, Cost]] = {
    "stream": Cost(cpus=0.2, memory_bytes=450 << 20),
    "vod": Cost(cpus=0.2, memory_bytes=600 << 20),
    "render": Cost(cpus=0.2, memory_bytes=600 << 20),
    "door": Cost(cpus=0.1, memory_bytes=100 << 20),
}


def admit(
    wants: Iterable[Want], running: Sequence[Want], capacity: Capacity
) -> tuple[list[Want], list[tuple[Want, str]]]:
    """Those that start now, best first, and those that wait, each with its reason, in the order of their turn.

    Higher priority first, then the workspace that has the fewest, then who has waited longest. Who does not fit does
    not let later ones pass that are as big: a queue whose head starves is no queue. Renders come last, and to the
    others they are not there: capture first.
    """
    recording = [want for want in running if want.kind != "render"]
    per_workspace = Counter(want.workspace for want in recording)
    vods = sum(want.kind == "vod" for want in recording)
    cpus = sum(want.cost.cpus for want in recording)
    memory = sum(want.cost.memory_bytes for want in recording)
    count, renders = len(recording), len(running) - len(recording)
    admitted: list[Want] = []
    waiting: list[tuple[Want, str]] = []
    left = list(wants)
    full = ""
    while left:
        best = min(
            left,
            key=lambda want: (
                want.kind == "render", -want.priority, per_workspace[want.workspace], want.since_ns, want.stream,
            ),
        )  # fmt: skip
        left.remove(best)
        is_render = best.kind == "render"
        if is_render:
            reason = (
                full or _full(best, cpus, memory, capacity) or ("render_turn" if renders >= RENDERS_AT_ONCE else "")
            )
        else:
            reason = full or _refusal(best, per_workspace[best.workspace], vods, count, cpus, memory, capacity)
        if reason:
            waiting.append((best, reason))
            full = reason if reason in ("disk", "streams", "cpu", "memory") else full
            continue
        admitted.append(best)
        if is_render:
            renders += 1
            continue
        per_workspace[best.workspace] += 1
        vods, count = vods + (best.kind == "vod"), count + 1
        cpus, memory = cpus + best.cost.cpus, memory + best.cost.memory_bytes
    return admitted, waiting


def places(waiting: Iterable[tuple[Want, str]]) -> tuple[Waiting, ...]:
    """The queue as people see it."""
    return tuple(Waiting(want.stream, reason, place) for place, (want, reason) in enumerate(waiting, 1))


def _spent(want: Want, reached: frozenset[str]) -> str:
    """A door captures nothing itself; a live stream is captured though nothing of it is finished today, a recording
    can wait for tomorrow."""
    if want.kind not in CAPTURES:
        return ""
    quotas = (MINUTES, STORAGE, RENDERS) if want.kind == "vod" else (MINUTES, STORAGE)
    return next((reason for reason in quotas if reason in reached), "")


def _refusal(want: Want, own: int, vods: int, count: int, cpus: float, memory: int, capacity: Capacity) -> str:
    """Why it cannot start now; "" when it can."""
    if want.workspace in capacity.shares and own >= capacity.shares[want.workspace]:
        return "quota"
    if spent := _spent(want, capacity.reached.get(want.workspace, frozenset())):
        return spent
    if want.kind == "vod" and vods >= VODS_AT_ONCE:
        return "vod_turn"
    if capacity.disk_ok and count >= capacity.streams:
        return "streams"
    return _full(want, cpus, memory, capacity)


def _full(want: Want, cpus: float, memory: int, capacity: Capacity) -> str:
    """Why the machine cannot take it; "" when it can."""
    if not capacity.disk_ok:
        return "disk"
    if cpus + want.cost.cpus > capacity.cpus * CPU_SHARE + 1e-9:
        return "cpu"
    if memory + want.cost.memory_bytes > capacity.memory_bytes * MEMORY_SHARE:
        return "memory"
    return ""
