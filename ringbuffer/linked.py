"""Footage that a clip kept: the segments linked under `source/`, readable after the ring is gone."""

from __future__ import annotations

from pathlib import Path

from ringbuffer.disk import OsDisk
from ringbuffer.footage import IndexedFootage
from ringbuffer.index import Index
from ringbuffer.links import read_source


class LinkedFootage(IndexedFootage):
    """A `FootageSource` over a folder that `link_source` filled."""

    def __init__(self, folder: Path) -> None:
        """Raises UsageError when the folder holds no `source.json` of ours."""
        super().__init__(Index(read_source(folder)), folder, OsDisk())
