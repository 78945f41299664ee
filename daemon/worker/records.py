"""Clips as the world knows them: the journal's record and its line, the folder the user asked for, the counts.

All that makes or changes a clip writes it down here, so that journal, outbox and lines never say different things. A
clip exists when its files, its journal record and so its outbox row are durable; until then its footage stays pinned.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from core.edits import EditDecision
from core.errors import ClipdError
from core.ids import ClipId
from core.lines import Line, clip_fields
from core.times import Ns, ns
from daemon.clips import FinishedClip, add_finished, publish_out, refresh_out, withdraw_out
from daemon.worker.desktools import DeskTools

HANDLES_NS: Final = ns(30)  # kept on both sides of a clip, DESIGN.md section 1


class ClipRecords:
    """`promise`, `pin`, `folder_of` and `standing` may be called from any thread, the rest comes from the clip thread.
    What writes raises StorageError."""

    def __init__(self, tools: DeskTools) -> None:
        self._tools = tools
        self.failure: ClipdError | None = None  # a disk that takes nothing more: the session ends with it

    def promise(self, decision: EditDecision) -> None:
        """Journal a decision whose clip will be made."""
        self._tools.journal.open_clip(decision)
        self.pin(decision)

    def pin(self, decision: EditDecision) -> None:
        """Keep its footage until it is made or taken back."""
        start_ns, end_ns = Ns(max(0, decision.start_ns - HANDLES_NS)), Ns(decision.end_ns + HANDLES_NS)
        self._tools.pins.pin(decision.clip, start_ns, end_ns)

    def folder_of(self, clip: ClipId) -> Path:
        """Where its revisions lie."""
        return self._tools.session_dir / "clips" / clip

    def standing(self, clip: ClipId) -> dict[str, Any] | None:
        """A clip's record; None of one that was not made yet, or was withdrawn."""
        record = self._tools.journal.clip(clip)
        return None if record is None or record["state"] == "withdrawn" else record

    def published(self, made: FinishedClip, title: str) -> Mapping[str, Path]:
        """The files to name: under --out where there is one, since that is the folder the user asked for."""
        out_dir = self._tools.out_dir
        return publish_out(made, out_dir, title) if out_dir else made.files

    def keep(self, record: dict[str, Any]) -> None:
        """Journal and outbox in one, then the line."""
        tools = self._tools
        line = tools.emitter.draft("clip", **clip_fields(record))
        tools.journal.finish_clip(ClipId(record["id"]), int(record["revision"]), record, line)
        tools.emitter.say(line)

    def keep_made(self, record: dict[str, Any]) -> None:
        """As `keep`, of a revision that is made now: its footage may go."""
        self.keep(record)
        self._tools.pins.unpin(record["id"])

    def count(self, record: Mapping[str, Any]) -> None:
        """It entered a state."""
        self._tools.metrics.clips_total.labels(state=record["state"]).inc()

    def keep_files(self, record: dict[str, Any], changed: Mapping[str, Path]) -> None:
        """Files that came or changed after the cut, and one more line: told, not counted, as no state was entered."""
        self._name_files(record, changed)
        self.keep(record)

    def note_rank(self, record: dict[str, Any]) -> None:
        """The rank into clip.json, beside the title and the score that its files were made with. Not kept yet."""
        self._name_files(record, add_finished(Path(record["folder"]), {}, {"rank": record["rank"]}))

    def take_back(self, decision: EditDecision) -> None:
        """A later revision cannot be made: the clip stays as it was."""
        self._tools.journal.take_back(decision)
        self._tools.pins.unpin(decision.clip)

    def withdraw(self, clip: ClipId, reason: str) -> Line | None:
        """Durably. What is to be told with `tell_withdrawn`; None of a clip that nobody has seen."""
        tools = self._tools
        record = tools.journal.clip(clip)
        line = None if record is None else tools.emitter.draft("clip", **clip_fields({**record, "state": "withdrawn"}))
        tools.journal.withdraw_clip(clip, reason, line)
        tools.pins.unpin(clip)
        return line

    def tell_withdrawn(self, clip: ClipId, line: Line) -> None:
        """The files stay in the session (they were shown once); the folder the user asked for holds good clips only."""
        if self._tools.out_dir:
            withdraw_out(clip, self._tools.out_dir)
        self._tools.emitter.say(line)
        self.count(line)

    def _name_files(self, record: dict[str, Any], changed: Mapping[str, Path]) -> None:
        out_dir = self._tools.out_dir
        files = refresh_out(ClipId(record["id"]), out_dir, changed) if out_dir else changed
        record["files"] |= {kind: str(path.absolute()) for kind, path in files.items()}
