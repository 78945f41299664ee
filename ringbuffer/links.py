"""Keeping a clip's source: segments hard-linked into a folder, with `source.json` that says what they are."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from core.errors import CutRefused, UsageError
from core.protocols import SegmentRow, SourceRef
from core.times import Ns
from ringbuffer.disk import CANNOT_LINK, Disk, write_all
from ringbuffer.names import parse_name

SOURCE_FILE: Final = "source.json"
SOURCE_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Linkable:
    """A segment and where its bytes are: in a file, or, of the open one, what was flushed of it."""

    row: SegmentRow
    path: Path
    flushed: bytes | None = None

    def load(self) -> bytes:
        """The bytes. Raises CutRefused when the file is gone."""
        if self.flushed is not None:
            return self.flushed
        try:
            return self.path.read_bytes()
        except OSError as err:
            raise CutRefused(
                f"Segment {self.path.name} cannot be read ({err.strerror})",
                remedy="Check the volume; other footage of the session may still be cut.",
                code="segment_lost",
            ) from err


def link_segments(disk: Disk, segments: Sequence[Linkable], folder: Path) -> list[SourceRef]:
    """Give every segment a name in `folder`, then write `source.json`. Again with more of them: both sets are there."""
    folder.mkdir(parents=True, exist_ok=True)
    known = {row.name: row for row in read_source(folder)} if (folder / SOURCE_FILE).exists() else {}
    for segment in segments:
        _place(disk, segment, folder / segment.row.name)
    rows = known | {segment.row.name: segment.row for segment in segments}
    document = {"version": SOURCE_VERSION, "rows": [asdict(row) for row in rows.values()]}
    _publish(disk, folder / SOURCE_FILE, json.dumps(document).encode())
    return [_reference(segment.row, folder) for segment in segments]


def read_source(folder: Path) -> list[SegmentRow]:
    """The rows of a linked folder. Raises UsageError when it is none."""
    try:
        document = json.loads((folder / SOURCE_FILE).read_bytes())
        if document["version"] != SOURCE_VERSION:
            raise _not_a_source(folder, f"version {document['version']!r}")
        rows = [_row(values) for values in document["rows"]]
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise _not_a_source(folder, str(err)) from err
    if not all(parse_name(row.name) for row in rows):
        raise _not_a_source(folder, "a name that is no segment's")
    return rows


def _row(values: dict[str, Any]) -> SegmentRow:
    return SegmentRow(**values | {"keyframes_ns": tuple(Ns(t) for t in values["keyframes_ns"])})


def _place(disk: Disk, segment: Linkable, target: Path) -> None:
    if segment.flushed is not None:
        _publish(disk, target, segment.flushed)
        return
    if target.exists():
        if target.stat().st_size == segment.row.bytes:
            return
        disk.unlink(target)  # the copy of a part, from when this segment was open
    try:
        disk.link(segment.path, target)
    except OSError as err:
        if err.errno not in CANNOT_LINK:
            raise
        _publish(disk, target, segment.load())


def _publish(disk: Disk, target: Path, data: bytes) -> None:
    """Readers see the whole file or the one before it."""
    partial = target.with_name(f".{target.name}.partial")
    disk.unlink(partial)
    fd = disk.create(partial)
    try:
        write_all(disk, fd, memoryview(data))
        disk.sync(fd)
    finally:
        disk.close(fd)
    disk.rename(partial, target)
    disk.sync_folder(target.parent)


def _reference(row: SegmentRow, folder: Path) -> SourceRef:
    with (folder / row.name).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = os.fstat(file.fileno()).st_size
    return SourceRef(path=row.name, sha256=digest, bytes=size, start_ns=row.start_ns, end_ns=row.end_ns)


def _not_a_source(folder: Path, why: str) -> UsageError:
    return UsageError(f"{folder} holds no clip source ({why})", remedy="Name the source folder beside a clip.json.")
