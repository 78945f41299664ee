"""Device, arithmetic and threads: from what the machine can do and what its cgroup allows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.errors import UsageError
from daemon.speech.device import MAX_THREADS, cpu_threads, pick_compute_type, pick_device, supported_compute_types

H200 = {"float32", "float16", "bfloat16", "int8", "int8_float16", "int8_float32", "int8_bfloat16"}
CORES = len(os.sched_getaffinity(0))


@pytest.fixture
def membership(tmp_path: Path) -> Path:
    path = tmp_path / "membership"
    path.write_text("4:memory:/x\n1:cpu,cpuacct:/box/one\n0::/box/one\n")
    return path


def quota(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


@pytest.mark.parametrize(
    ("wanted", "device", "supported", "expected"),
    [
        ("auto", "cuda", H200, "int8_float16"),
        ("auto", "cuda", {"float32", "float16", "bfloat16"}, "float16"),
        ("auto", "cuda", {"float32"}, "float32"),
        ("auto", "cpu", {"float32", "int8", "int8_float32"}, "int8"),
        ("auto", "cpu", {"float32"}, "float32"),
        ("bfloat16", "cuda", H200, "bfloat16"),
    ],
)
def test_the_compute_type(wanted: str, device: str, supported: set[str], expected: str) -> None:
    """Auto prefers small and fast; what is asked for is taken when the device can do it."""
    assert pick_compute_type(wanted, device, supported) == expected  # type: ignore[arg-type]


def test_a_compute_type_that_does_not_work_here() -> None:
    """The message lists what does."""
    with pytest.raises(UsageError) as caught:
        pick_compute_type("float16", "cpu", {"int8", "float32"})
    assert "float32, int8" in caught.value.remedy


def test_this_machine() -> None:
    """Whatever it has, auto gives a device and an arithmetic that works on it."""
    device = pick_device("auto")
    supported = supported_compute_types(device)
    assert pick_compute_type("auto", device, supported) in supported
    assert pick_device("cpu") == "cpu"


def test_cuda_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is said at once, not by a crash in the driver."""
    monkeypatch.setattr("ctranslate2.get_cuda_device_count", lambda: 0)
    with pytest.raises(UsageError, match="no GPU"):
        pick_device("cuda")
    monkeypatch.setattr("ctranslate2.get_cuda_device_count", lambda: 2)
    assert pick_device("auto") == pick_device("cuda") == "cuda"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max 100000", MAX_THREADS),
        ("150000 100000", 1),
        ("200000 100000", 2),
        ("50000 100000", 1),
        ("oops", MAX_THREADS),
    ],
)
def test_the_quota_of_the_new_cgroups(tmp_path: Path, membership: Path, text: str, expected: int) -> None:
    """Whole cores: half a core more would only be throttled."""
    quota(tmp_path / "box" / "one", cpu__max=text)
    assert cpu_threads(tmp_path, membership) == max(1, int(min(expected, CORES) / 2))


def test_a_quota_above_holds_below(tmp_path: Path, membership: Path) -> None:
    """The narrowest on the way to the root counts; in a container the root is what one sees."""
    quota(tmp_path / "box" / "one", cpu__max="max 100000")
    quota(tmp_path / "box", cpu__max="100000 100000")
    assert cpu_threads(tmp_path, membership) == 1
    quota(tmp_path, cpu__max="100000 100000")
    assert cpu_threads(tmp_path, tmp_path / "no such file") == 1


def test_the_quota_of_the_old_cgroups(tmp_path: Path, membership: Path) -> None:
    """Minus one is none; memory's folder is no CPU limit."""
    folder = tmp_path / "cpu,cpuacct" / "box" / "one"
    quota(folder, cpu__cfs_quota_us="-1\n", cpu__cfs_period_us="100000\n")
    quota(tmp_path / "memory" / "x", cpu__cfs_quota_us="100000\n", cpu__cfs_period_us="100000\n")
    assert cpu_threads(tmp_path, membership) == max(1, min(CORES // 2, MAX_THREADS))
    quota(folder, cpu__cfs_quota_us="100000\n")
    assert cpu_threads(tmp_path, membership) == 1


def test_affinity_counts(tmp_path: Path) -> None:
    """A process that is held on one core decodes on one."""
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert cpu_threads(tmp_path, tmp_path / "no such file") == 1
    finally:
        os.sched_setaffinity(0, before)
