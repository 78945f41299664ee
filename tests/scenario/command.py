"""Runs the real `clipd` command as a user would: a process, its JSON lines, its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LIMIT_S = 600  # a hang
NO_SPEECH = {"CLIPD_SPEECH__ENABLED": "false"}
SPEECH = {"CLIPD_SPEECH__ENABLED": "true"}
MASTERS_ONLY = {"CLIPD_CLIPS__FORMATS": "master"}
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ran:
    """What one run said and how it ended."""

    code: int
    lines: list[dict[str, Any]] = field(repr=False)
    stderr: str = field(repr=False)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The lines of one type."""
        return [line for line in self.lines if line["type"] == kind]

    @property
    def error(self) -> dict[str, Any]:
        """The one error line."""
        errors = self.of("error")
        assert len(errors) == 1, (self.code, errors, self.stderr[-2000:])
        return errors[0]

    @property
    def summary(self) -> dict[str, Any]:
        """The last line of a run that got as far."""
        assert self.lines, self.stderr[-2000:]
        assert self.lines[-1]["type"] == "summary", (self.lines[-1], self.stderr[-2000:])
        return self.lines[-1]


def clipd_argv(*arguments: str) -> list[str]:
    """The command line; the console script and this are the same entry point."""
    return [sys.executable, "-m", "daemon.cli.main", *arguments]


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """A fresh user: an empty HOME and none of our settings, but speech, which takes 3 s, is off; clips are masters."""
    kept = {name: os.environ[name] for name in ("PATH", "SSL_CERT_FILE", "DOCKER_HOST") if name in os.environ}
    return {**kept, "HOME": str(home), "PYTHONPATH": str(ROOT), **NO_SPEECH, **MASTERS_ONLY, **(extra or {})}


def clipd(*arguments: str, home: Path, env: Mapping[str, str] | None = None, limit_s: float = LIMIT_S) -> Ran:
    """Run to the end; a hang fails the test."""
    done = subprocess.run(
        clipd_argv(*arguments),
        env=environment(home, env),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )
    return Ran(done.returncode, parse(done.stdout.splitlines()), done.stderr)


def parse(lines: Sequence[str]) -> list[dict[str, Any]]:
    """JSON lines; anything else on stdout under --json breaks the contract and the test."""
    return [json.loads(line) for line in lines]
