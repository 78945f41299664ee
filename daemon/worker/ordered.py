"""Formats that were asked for clip by clip, beside those that every clip gets: kept in the journal, for later revisions
and attempts too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.errors import UsageError
from core.ids import ClipId, is_safe_id
from daemon.journal import Journal
from daemon.platforms import load_platform

ORDERED: Final = "formats"  # the journal's fact: names by clip
MOST: Final = 16  # of one clip


def read_order(args: Mapping[str, Any]) -> tuple[ClipId, tuple[str, ...]]:
    """The clip and the formats of a command `render`. Raises UsageError for what is no order, or no format."""
    clip, formats = args.get("clip"), args.get("formats")
    if not isinstance(clip, str) or not is_safe_id(clip) or not isinstance(formats, list) or len(formats) > MOST:
        raise UsageError("Not an order to render", remedy='Send {"clip": ID, "formats": ["square"]}.', code="bad_order")
    for name in formats:
        load_platform(str(name))
    return ClipId(clip), tuple(map(str, formats))


class OrderedFormats:
    """By clip. Written from the event loop's threads, read in the clip thread."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def add(self, clip: ClipId, formats: tuple[str, ...]) -> None:
        """Once each, whatever is said twice. Raises UsageError for more than one clip may have."""
        names = tuple(dict.fromkeys((*self.of(clip), *formats)))
        if len(names) > MOST:
            raise UsageError(f"A clip has {MOST} formats at most", remedy="Ask for fewer.", code="bad_order")
        self._journal.set_meta(ORDERED, {**(self._journal.meta(ORDERED) or {}), clip: names})

    def of(self, clip: ClipId) -> tuple[str, ...]:
        """In the order they were asked for."""
        return tuple((self._journal.meta(ORDERED) or {}).get(clip, ()))
