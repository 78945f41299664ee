"""The small program of tests/runtimes.py as a module, for moulds."""

from __future__ import annotations

from tests.runtimes import PROGRAM


def main(spec: int) -> int:
    """What the spec's source names."""
    exec(PROGRAM, {})
    return 0
