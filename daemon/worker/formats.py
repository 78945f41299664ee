"""Finished formats of clips: which a clip is to have, which it has, and what becomes of orders for more.

They are made in render threads (`renders`) and come back to the clip thread to be written down.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.errors import ClipdError, StorageError, UsageError
from core.ids import ClipId
from daemon.clips import add_finished
from daemon.finish import Finished, Priority, Render
from daemon.worker.clipthread import ClipThread
from daemon.worker.desktools import DeskTools
from daemon.worker.ordered import Order, Ordered
from daemon.worker.records import ClipRecords
from daemon.worker.renders import Renders


class ClipFormats:
    """`finish` and `drop` come from the clip thread, `start`, `drain` and `abandon` from the desk, `order` and the
    figures from any thread. Without a finisher only masters are made, and nothing is done here."""

    def __init__(self, tools: DeskTools, thread: ClipThread, records: ClipRecords, ordered: Ordered) -> None:
        self._tools, self._thread, self._records, self._ordered = tools, thread, records, ordered
        self._renders = self._open_renders()

    def start(self, asked: Collection[ClipId] | None) -> None:
        """Take up what an earlier attempt left, or only those that are asked for, made anew where they are there."""
        self._thread.put(functools.partial(self._take_up, asked))

    def order(self, order: Order) -> None:
        """More formats of a clip, or another look. Raises UsageError where only masters are made."""
        if self._renders is None:
            raise UsageError("Only masters are made here", remedy="Name formats in clips.formats.", code="no_formats")
        self._ordered.add(order)
        self._thread.put(functools.partial(self._take_up_order, order.clip))

    def finish(self, record: Mapping[str, Any], priority: Priority) -> bool:
        """Ask for the finished files that a clip has not got yet; whether there are any. A final one goes before
        others."""
        finisher, clip = self._tools.finisher, ClipId(record["id"])
        if finisher is None:
            return False
        ordered, again = self._ordered.formats(clip), self._ordered.again(clip)
        if record.get("finished"):
            return self._want(record, tuple(n for n in ordered if n in again or n not in record["files"]), priority)
        return self._want(record, tuple(dict.fromkeys((*finisher.formats, *ordered))), priority)

    def drop(self, clip: ClipId) -> None:
        """A clip was withdrawn."""
        if self._renders is not None:
            self._renders.drop(clip)

    def drain(self) -> None:
        """Wait for all that was asked for, then end the render threads."""
        if self._renders is not None:
            self._renders.drain()
            self._renders.close()

    def abandon(self) -> None:
        """Let go of what waits and runs: it is the next attempt's."""
        if self._renders is not None:
            self._renders.abandon()

    @property
    def progress(self) -> int:
        """Grows as renders get on."""
        return self._renders.progress if self._renders else 0

    @property
    def done(self) -> float:
        """Share of what was asked for that is made, 0 to 1."""
        return self._renders.done if self._renders else 0.0

    @property
    def failed(self) -> Sequence[ClipId]:
        """Clips whose finished files could not be made."""
        return self._renders.failed if self._renders else ()

    @property
    def left(self) -> int:
        """Final clips whose finished files are not there yet."""
        return self._renders.left if self._renders else 0

    def _open_renders(self) -> Renders | None:
        tools = self._tools
        if tools.finisher is None:
            return None
        return Renders(
            tools.finisher,
            lambda render, made: self._thread.put(functools.partial(self._finished, render, made)),
            lambda render, err: self._thread.put(functools.partial(self._unfinished, render, err)),
            may_render=tools.may_render,
            at_once=tools.renders_at_once,
            emitter=tools.emitter,
            clock=tools.clock,
            metrics=tools.metrics,
        )

    # -- in the clip thread

    def _take_up(self, asked: Collection[ClipId] | None) -> None:
        for record in self._tools.journal.clips():
            if asked is None:
                self.finish(record, Priority.AGAIN)
            elif record["id"] in asked and self._tools.finisher is not None:
                self._ordered.remember(record["id"], self._tools.finisher.formats)
                self._want(record, self._tools.finisher.formats, Priority.ASKED)

    def _take_up_order(self, clip: ClipId) -> None:
        record = self._tools.journal.clip(clip)
        if record is not None:
            self.finish(record, Priority.ASKED)

    def _want(self, record: Mapping[str, Any], formats: tuple[str, ...], priority: Priority) -> bool:
        if self._renders is None or self._thread.left or record["state"] == "withdrawn" or not formats:
            return False
        clip = ClipId(record["id"])
        render = Render(
            clip=clip,
            revision=int(record["revision"]),
            folder=Path(record["folder"]),
            formats=formats,
            priority=priority,
            style=self._ordered.style(clip),
        )
        self._renders.want(render)
        return True

    def _finished(self, render: Render, made: Finished) -> None:
        record = self._records.standing(render.clip)
        if record is None or int(record["revision"]) != render.revision:
            return
        try:
            changed = add_finished(render.folder, made.files, made.section)
            if changed:
                record["finished"] = True
                self._records.keep_files(record, changed)
                self._ordered.settle_renders(render, record)
        except StorageError as err:
            self._records.failure = err

    def _unfinished(self, render: Render, err: ClipdError) -> None:
        self._ordered.settle_cuts(render.clip, render.revision)  # the master is there
        self._ordered.settle_all(render.clip, None, state="failed", reason=err.code, message=str(err))
