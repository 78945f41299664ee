"""File names of segments: `<attempt>-<seq 8 digits>.<suffix>`, with `.tmp` behind while one is open. Pure."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ringbuffer.containers import BY_SUFFIX

PARTIAL: Final = ".tmp"
_NAME: Final = re.compile(rf"(\d{{1,9}})-(\d{{8}})\.({'|'.join(BY_SUFFIX)})({re.escape(PARTIAL)})?")


class SegmentName(NamedTuple):
    """Sorts in the order of writing."""

    attempt: int
    seq: int
    suffix: str

    @property
    def file(self) -> str:
        """The final file name; the same as `SegmentRow.name`."""
        return f"{self.attempt}-{self.seq:08d}.{self.suffix}"


class FoundName(NamedTuple):
    """A segment's name as found in a folder."""

    name: SegmentName
    partial: bool


def parse_name(file: str) -> FoundName | None:
    """None for a file that is none of ours."""
    found = _NAME.fullmatch(file)
    if not found:
        return None
    attempt, seq, suffix, partial = found.groups()
    return FoundName(SegmentName(int(attempt), int(seq), suffix), partial is not None)
