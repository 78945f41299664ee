"""Finished sessions: finding them by name, and cutting from them. The caller becomes their writer for a moment."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.errors import ClipdError, UsageError
from core.ids import is_safe_id
from core.protocols import FootageSource
from daemon.clips import make_clip, publish_out
from daemon.ingest import scan_footage
from daemon.journal import Journal, is_locked, session_lock
from daemon.rooms.footage import composed, session_footage
from daemon.worker.context import clip_context
from daemon.worker.manual import manual_decision, manual_spec
from daemon.worker.ordering import best_footage
from daemon.worker.record import clip_record
from ringbuffer import Ring, RingOptions


def session_folder(data_dir: Path, name: str) -> Path:
    """The folder of the one session whose id begins with `name`. Raises UsageError when none or several do."""
    sessions = data_dir / "sessions"
    found = sorted(
        path for path in sessions.glob("*/session.db") if is_safe_id(name) and path.parent.name.startswith(name)
    )
    exact = [path for path in found if path.parent.name == name]
    if len(exact or found) != 1:
        known = ", ".join(path.parent.name for path in found[:5]) or "none"
        what = "several sessions begin with" if found else "no session begins with"
        raise UsageError(
            f"In {sessions} {what} {name[:60]!r}",
            remedy=f"Matching: {known}. The id stands in every JSON line and in report.html.",
            code="unknown_session",
        )
    return (exact or found)[0].parent


def is_running(folder: Path) -> bool:
    """Whether a worker holds the session."""
    return is_locked(folder / "lock")


def cut_finished(folder: Path, request: dict[str, Any], out_dir: Path | None) -> dict[str, Any]:
    """A manual clip of a session that nobody runs. Raises CutRefused when its footage is gone."""
    with (
        session_lock(folder / "lock"),
        Journal.open(folder / "session.db") as journal,
        _footage(folder, journal) as footage,
    ):
        decision, spec = manual_decision(journal.session, request), manual_spec(request)
        clip_folder = folder / "clips" / decision.clip
        best = best_footage(
            decision, session_footage(folder, journal.meta("room"), journal.session, footage), clip_folder
        )
        source, profile = journal.meta("source") or "", journal.meta("profile") or {}
        context = clip_context(journal, decision.start_ns, decision.end_ns, source=source, profile=profile)
        journal.open_clip(decision)
        try:
            with composed(best) as room:
                made = make_clip(best, decision, spec, clip_folder, replace(context, room=room))
        except ClipdError as err:
            journal.withdraw_clip(decision.clip, err.code)
            raise
        files = publish_out(made, out_dir, decision.title) if out_dir else made.files
        record = clip_record(decision, made, files, state="final", latency_s=None, waited_for_chat=False)
        journal.finish_clip(decision.clip, decision.revision, record)
        return record


@contextlib.contextmanager
def _footage(folder: Path, journal: Journal) -> Iterator[FootageSource]:
    """The session's own ring, or the local file it was made from."""
    path = journal.meta("source_path")
    if path:
        if not Path(path).exists():
            raise UsageError(f"The session's file is gone: {path}", remedy="Put it back where it was, then cut again.")
        yield scan_footage(Path(path))
        return
    attempt = journal.begin_attempt()
    ring = Ring.open(folder / "ring", journal, RingOptions(), attempt=attempt, epochs=journal.epochs())
    try:
        yield ring
    finally:
        ring.close()
