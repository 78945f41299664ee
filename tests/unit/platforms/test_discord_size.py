"""Files for Discord stay under its bytes, whatever is in them; many more in `benchmarks/discord_size.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.discord_size import CONTENTS, Case, encode


@pytest.mark.parametrize("content", sorted(CONTENTS))
def test_a_clip_stays_under_its_bytes(content: str, tmp_path: Path) -> None:
    """A small canvas and few bytes: the same arithmetic at a sixteenth of the work."""
    case = Case(content=content, length_s=4.3, max_bytes=260_000, width=360, height=640, fps=30, seed=5)
    made = encode(case, tmp_path)
    assert made.size <= case.max_bytes
    if content in ("noise", "cuts"):
        assert made.size > case.max_bytes * 0.6  # the bytes are used where they are needed


def test_a_short_one_with_every_frame_another_picture(tmp_path: Path) -> None:
    """The worst there is: the buffer is spent at once."""
    case = Case(content="noise", length_s=0.7, max_bytes=120_000, width=360, height=640, fps=60, seed=1)
    assert encode(case, tmp_path).size <= case.max_bytes
