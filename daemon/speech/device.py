"""Which device a model runs on, with what arithmetic and how many threads."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final, Literal

from core.errors import UsageError

Device = Literal["cuda", "cpu"]
# A quarter of the memory first: CTranslate2 leaves out what a device cannot do, such as int8 on some GPUs.
PREFERRED: Final[Mapping[Device, tuple[str, ...]]] = {
    "cuda": ("int8_float16", "float16", "float32"),
    "cpu": ("int8", "float32"),
}
MAX_THREADS: Final = 4  # speech.md section 3, row 18: more gains nothing, more than there are cores halves the speed


def pick_device(wanted: str) -> Device:
    """Where speech runs for auto, cuda or cpu. Raises UsageError when cuda is asked for and there is none."""
    if wanted == "cpu":
        return "cpu"
    import ctranslate2  # noqa: PLC0415 - only a process that listens pays for it

    if ctranslate2.get_cuda_device_count() > 0:
        return "cuda"
    if wanted == "cuda":
        raise UsageError(
            "speech.device is cuda, and no GPU can be used", remedy="Check `nvidia-smi`, or set speech.device to auto."
        )
    return "cpu"


def supported_compute_types(device: Device) -> frozenset[str]:
    """What CTranslate2 can compute with there."""
    import ctranslate2  # noqa: PLC0415

    return frozenset(ctranslate2.get_supported_compute_types(device))


def pick_compute_type(wanted: str, device: Device, supported: Collection[str]) -> str:
    """The best supported one for auto, else the wanted one. Raises UsageError when the device cannot do it."""
    if wanted == "auto":
        return next((kind for kind in PREFERRED[device] if kind in supported), "float32")
    if wanted not in supported:
        raise UsageError(
            f"speech.compute_type: {wanted[:60]!r} does not work on {device}",
            remedy=f"Take auto, or one of {', '.join(sorted(supported))}.",
        )
    return wanted


def cpu_threads(cgroups: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> int:
    """Threads of one decode: half the cores this process may use, by affinity and its cgroups' quota (v1 or v2).

    Cores are counted as the machine does, so two are often one with two threads, and the small steps of text generation
    lose more by waiting for each other than they gain: on two cores a 15 s window takes 0.48 s with one thread and
    0.76 s with two (ADR 5).
    """
    quotas = [quota for folder in _cgroup_folders(cgroups, membership) if (quota := _quota(folder)) is not None]
    cores = min([len(os.sched_getaffinity(0)), *quotas])
    return max(1, min(MAX_THREADS, int(cores / 2)))


def _cgroup_folders(cgroups: Path, membership: Path) -> list[Path]:
    """The folder of each cgroup that can limit the CPU, up to the root: a quota holds for all below it."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        lines = []
    folders = [cgroups]
    for _, controllers, path in (line.split(":", 2) for line in lines if line.count(":") >= 2):
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = cgroups / controllers if controllers else cgroups
        inner = root / path.lstrip("/")
        folders += [inner, *(folder for folder in inner.parents if folder.is_relative_to(root))]
    return folders


def _quota(folder: Path) -> float | None:
    """Cores, from cpu.max (v2: "150000 100000" or "max 100000") or cpu.cfs_quota_us (v1: -1 is none)."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text()
            period = (folder / "cpu.cfs_period_us").read_text()
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None  # no file, or "max"
