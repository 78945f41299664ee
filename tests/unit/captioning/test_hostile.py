"""Texts written to break captions: 60 here, 2,000 in benchmarks/captions_hostile.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from daemon.captioning import FontBook, Stage, styles
from daemon.ffmpeg import Graph, chain
from tests.unit.captioning.drawing import captioned, said


def test_hostile_texts_change_neither_the_graph_nor_the_memory_nor_the_safe_area(tmp_path: Path) -> None:
    """In a process of its own, so that the kernel's figure for its children is ffmpeg's: 256 MB at most."""
    command = [sys.executable, "-m", "benchmarks.captions_hostile", "--texts", "60", "--seed", "1"]
    subprocess.run([*command, "--out", str(tmp_path / "out.json")], check=True, env={**os.environ}, timeout=200)
    found = json.loads((tmp_path / "out.json").read_text())
    [row] = found["rows"]
    assert found["failed"] == []
    assert (row["texts"], row["failures"]) == (60, 0)
    assert 20 < row["peak MB"] <= 256
    assert row["events"] > 300  # they were drawn, not dropped


def test_the_filter_is_the_same_for_every_text(tmp_path: Path) -> None:
    book, stage = FontBook(), Stage.plain(540, 960)
    filters = set()
    for text in ("plain words", "';movie=/etc/passwd,drawtext=x", r"{\fs999}\N[0:v]", "😀 שלום"):
        for style in styles():
            made = captioned(said(text), stage, book, style=style).write(tmp_path)
            filters.add(Graph((chain("0:v", [made], "out"),)).text())
    assert filters == {"[0:v]ass=filename='captions.ass':fontsdir='fonts':shaping='complex'[out]"}
