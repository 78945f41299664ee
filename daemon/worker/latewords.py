"""Captions of clips that were cut before their last words were final: the words come, the captions are made anew."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from core.errors import StorageError
from core.ids import ClipId
from core.times import Ns, ns
from core.words import Committed
from daemon.clips import refresh_captions
from daemon.finish import Priority
from daemon.worker.clipthread import ClipThread
from daemon.worker.desktools import DeskTools
from daemon.worker.formats import ClipFormats
from daemon.worker.records import ClipRecords

LATE_NS: Final = ns(900)  # speech that was skipped is kept ten minutes, and heard within some more


class LateWords:
    """`said` comes from the speech thread, `advance` from analysis, `expect` from the clip thread, `forget` also from
    that of the hand cuts."""

    def __init__(self, tools: DeskTools, thread: ClipThread, records: ClipRecords, formats: ClipFormats) -> None:
        self._tools, self._thread, self._records, self._formats = tools, thread, records, formats
        self._cut: dict[ClipId, tuple[Ns, Ns]] = {}  # clips whose last words may still come

    def expect(self, clip: ClipId, start_ns: Ns, end_ns: Ns) -> None:
        """It was cut from here to there."""
        self._cut[clip] = (start_ns, end_ns)

    def forget(self, clip: ClipId) -> None:
        """It is being cut again: late words wait for the new files."""
        self._cut.pop(clip, None)

    def said(self, commits: Sequence[Committed]) -> None:
        """Words that became final: clips that were cut without them get their captions anew."""
        said = [word for commit in commits for word in commit.words]
        spans = list(self._cut.items())  # the clip thread adds to it
        late = [clip for clip, (a, b) in spans if any(a < word.end_ns and word.start_ns < b for word in said)]
        for clip in late:
            self._thread.put(functools.partial(self._refresh, clip))

    def advance(self, t_ns: Ns) -> None:
        """Media has come to here: no words come any more for what was long before."""
        for clip in [clip for clip, (_, end_ns) in list(self._cut.items()) if end_ns < t_ns - LATE_NS]:
            self.forget(clip)

    def _refresh(self, clip: ClipId) -> None:
        """In the clip thread. The master stays as it is, so there is no new revision."""
        record = self._records.standing(clip)
        if record is None:
            return
        context = self._tools.context(ns(record["start_s"]), ns(record["end_s"]), None)
        try:
            changed = refresh_captions(Path(record["folder"]), context.words, context.speech)
            if changed:
                record["finished"] = False
                self._records.keep_files(record, changed)
                self._formats.finish(record, Priority.AGAIN)
        except StorageError as err:
            self._records.failure = err
