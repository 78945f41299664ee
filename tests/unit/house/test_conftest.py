"""The test session's own rules, each tried on a small session of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.needs import AllowedSkip, allowed_skips

ROOT = Path(__file__).resolve().parents[3]


def session(folder: Path, body: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on one file with our conftest and our options."""
    (folder / "test_it.py").write_text(f"import asyncio, subprocess, sys, threading\nimport pytest\n\n{body}\n")
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(folder)]
    command += [f"-p{plugin}" for plugin in ("pytest_asyncio.plugin", "pytest_timeout", "xdist", "tests.conftest")]
    command += [*options, str(folder / "test_it.py")]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # most of its time were other plugins' imports
    return subprocess.run(command, cwd=ROOT, env=alone, capture_output=True, text=True, timeout=200, check=False)


def test_what_cleans_up_passes(tmp_path: Path) -> None:
    """Threads that are joined, tasks that are awaited, children that are waited for."""
    body = """
async def test_tidy():
    task = asyncio.create_task(asyncio.sleep(0))
    await task
    thread = threading.Thread(target=lambda: None)
    thread.start()
    subprocess.run([sys.executable, "-c", ""], check=True)
"""
    ran = session(tmp_path, body)
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "async def test_x(): asyncio.create_task(asyncio.sleep(60), name='forgotten')",
            "tasks left behind: forgotten",
        ),
        ("def test_x(): subprocess.Popen(['sleep', '20'])", "left behind by test_x: process sleep 20"),
        (
            "def test_x(): threading.Thread(target=threading.Event().wait, name='stray', daemon=True).start()",
            "left behind by test_x: stray",
        ),
        ("def test_x(): pytest.skip('no mood: today')", "skips that tests/skips.toml does not allow here"),
        ("pytest.skip('whole file', allow_module_level=True)", "skips that tests/skips.toml does not allow here"),
        ("def test_x(): threading.Event().wait(90)", "Timeout"),
    ],
    ids=["task", "child", "thread", "skip", "file", "hang"],
)
def test_what_is_left_behind_or_skipped_fails_the_session(body: str, said: str, tmp_path: Path) -> None:
    """Each with a line that names it."""
    ran = session(tmp_path, body, "--timeout", "2" if said == "Timeout" else "90")
    assert ran.returncode == 1, ran.stdout
    assert said in ran.stdout + ran.stderr


def test_a_listed_skip_passes_only_where_the_machine_lacks_what_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that needs a GPU must run where there is one."""
    skip = AllowedSkip(id="no-gpu", tests="tests/gpu/*", when="no-gpu", why="")
    monkeypatch.setattr("tests.needs.CONDITIONS", {"no-gpu": lambda: True})
    assert skip.covers("tests/gpu/test_a.py::test_b", "no-gpu: no NVIDIA device")
    assert not skip.covers("tests/unit/test_a.py::test_b", "no-gpu: no NVIDIA device")
    assert not skip.covers("tests/gpu/test_a.py::test_b", "slow")
    monkeypatch.setattr("tests.needs.CONDITIONS", {"no-gpu": lambda: False})
    assert not skip.covers("tests/gpu/test_a.py::test_b", "no-gpu: no NVIDIA device")


def test_every_listed_skip_says_why() -> None:
    """The list is read by people."""
    assert [skip.id for skip in allowed_skips() if len(skip.why) < 10] == []
