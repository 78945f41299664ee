"""Cut clips to finish: small, so that a test takes seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.times import ns
from core.words import Word
from daemon.captioning import CaptionOptions
from daemon.clips import ClipContext, FinishedClip
from daemon.finish import Wishes
from daemon.framing import LayoutRule
from tests.unit.clips.conftest import cut, footage, media_file, media_folder
from tests.unit.clips.footage import ListFootage

__all__ = ["cut", "footage", "media_file", "media_folder"]

PLATFORM = """
name: {name}
title: Small
canvas: {{ width: {width}, height: {height} }}
min_s: 0.1
max_s: 60
max_bytes: 4_000_000
min_fps: 1
max_fps: 15
min_side: 16
max_side: 4096
aspect: {{ min: 0.2, max: 5.0 }}
safe: {{ left: 9, top: 16, right: 9, bottom: 16 }}
video: {{ max_kbit_s: 1500, crf: 26, level: "4.2" }}
sound: {{ kbit_s: 96, target_lufs: -14, peak_dbtp: -1.5 }}
"""


def word(text: str, start_s: float, end_s: float) -> Word:
    """On the session's media time."""
    return Word(text=text, start_ns=ns(start_s), end_ns=ns(end_s), prob=0.9, vad=1.0, epoch=0)


# The clip of `clip` is 3 to 6 s; its master begins on the keyframe at 2 s.
SAID = (word("early", 2.2, 2.6), word("What", 3.2, 3.5), word("a", 3.5, 3.6), word("shot!", 3.6, 4.2))


@dataclass(frozen=True)
class Bench:
    """Makes clips and wishes."""

    folder: Path
    cut: Callable[..., FinishedClip]
    footage: Callable[[str], ListFootage]

    def clip(self, media: str = "h264", words: tuple[Word, ...] = SAID) -> Path:
        """The revision's folder of a clip from 3 to 6 s."""
        context = ClipContext(source="test", words=words)
        return self.cut(self.footage(media), 3.0, 6.0, anchor_s=4.0, context=context).folder

    def wishes(self, *sizes: tuple[int, int], **changes: Any) -> Wishes:
        """One small format for each size."""
        formats = []
        for width, height in sizes or [(180, 320)]:
            path = self.folder / f"small-{width}x{height}.yaml"
            path.write_text(PLATFORM.format(name=path.stem, width=width, height=height))
            formats.append(str(path))
        values = {"formats": tuple(formats), "captions": CaptionOptions(), "rule": LayoutRule(), **changes}
        return Wishes(**values)


@pytest.fixture
def bench(tmp_path: Path, cut: Callable[..., FinishedClip], footage: Callable[[str], ListFootage]) -> Bench:
    return Bench(tmp_path, cut, footage)
