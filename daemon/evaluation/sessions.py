"""Finds recorded sessions and the truth that somebody wrote down for them, and reads both. Reads files, writes none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from core.errors import UsageError
from core.times import FOREVER_NS, Ns
from daemon.evaluation.candidates import Run, candidates_of
from daemon.evaluation.truth import Span, Truth, truth_from
from daemon.journal import Journal
from daemon.worker.relive import decided_end
from detectors import Profile

TRUTH_NAME: Final = "truth.json"
MAX_TRUTH_BYTES: Final = 50 * 2**20  # a year of moments; anything larger is no truth file
HOW_TO: Final = (
    'Write what really happened as {"moments": [{"start_s": 61.5, "end_s": 70, "peak_s": 64, "kind": "goal"}],'
    ' "quiet": [[0, 60]]} into truth.json in the session\'s folder, or into SESSION.truth.json there or in DIR'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A session's folder and its truth."""

    name: str
    journal: Path
    truth: Truth


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found; `without` are sessions that nobody has labelled."""

    labelled: tuple[Labelled, ...]
    without: tuple[str, ...]


def find(folder: Path, wanted: Sequence[str] = ()) -> Found:
    """Sessions below a folder, all or those whose id begins like one of `wanted`. Raises UsageError for none."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder", remedy="Name a session's folder, or one that holds sessions.")
    journals = sorted(folder.glob("**/session.db"))
    if not journals:
        remedy = "Sessions lie in DATA/sessions after `clipd watch` or `clipd vod`; name that folder, or one above it."
        raise UsageError(f"No session (session.db) below {folder}", remedy=remedy, code="no_session")
    chosen = [path for path in journals if not wanted or path.parent.name.startswith(tuple(wanted))]
    missing = [name for name in wanted if not any(path.parent.name.startswith(name) for path in journals)]
    if missing:
        known = ", ".join(path.parent.name for path in journals[:5])
        raise UsageError(
            f"No session begins with {missing[0][:60]!r}", remedy=f"There are: {known}.", code="unknown_session"
        )
    labelled, without = [], []
    for path in chosen:
        file = _truth_file(folder, path.parent, alone=len(journals) == 1)
        if file is None:
            without.append(path.parent.name)
        else:
            labelled.append(Labelled(name=path.parent.name, journal=path, truth=read_truth(file)))
    if not labelled:
        raise UsageError(
            f"None of {len(without)} sessions below {folder} has a truth file", remedy=f"{HOW_TO}.", code="no_truth"
        )
    return Found(tuple(labelled), tuple(without))


def _truth_file(top: Path, folder: Path, *, alone: bool) -> Path | None:
    """Beside the session first; one truth.json above several sessions could be anybody's."""
    places = [folder / TRUTH_NAME, *(place / f"{folder.name}.truth.json" for place in (folder, folder.parent, top))]
    return next((place for place in [*places, *([top / TRUTH_NAME] if alone else [])] if place.is_file()), None)


def read_truth(file: Path) -> Truth:
    """Raises UsageError naming the file and what is wrong with it."""
    try:
        if file.stat().st_size > MAX_TRUTH_BYTES:
            raise ValueError("larger than 50 MB")
        data = json.loads(file.read_bytes())
        truth = truth_from(data)
        _check(truth)
    except (OSError, KeyError, TypeError, AttributeError, ValueError, OverflowError, RecursionError) as err:
        what = f"{err.args[0]} is missing" if isinstance(err, KeyError) else str(err)
        raise UsageError(f"{file} is no truth file: {what[:200]}", remedy=f"{HOW_TO}.", code="bad_truth") from err
    return truth


def _check(truth: Truth) -> None:
    spans: list[Span] = [*truth.quiet, *truth.unsure]
    spans += [(m.start_ns, m.end_ns) for m in truth.moments] + [(n.start_ns, n.end_ns) for n in truth.negatives]
    for start, end in spans:
        if end < start or start < 0:
            raise ValueError(f"a span from {start / 1e9:g} to {end / 1e9:g} s")


def recorded(session: Labelled, fallback: Profile) -> Run:
    """What the session itself decided, with the clip lengths and the budget it had."""
    with Journal.open(session.journal, read_only=True) as journal:
        profile = profile_of(journal, fallback)
        words = journal.words(Ns(0), FOREVER_NS)
        return Run(
            stream=session.name,
            end_ns=length(journal),
            truth=session.truth,
            candidates=candidates_of(journal.moment_history(), words),
            pre_s=profile.clip.pre_s,
            post_s=profile.clip.post_s,
            target_per_h=profile.clips_per_hour,
            has_chat=bool(journal.meta("chat")),
        )


def length(journal: Journal) -> Ns:
    """How long the session's media is. Raises UsageError for one that recorded nothing."""
    end_ns = decided_end(journal)
    if end_ns <= 0:
        raise UsageError(f"Session {journal.session} has no media", remedy="Leave it out: there is nothing to score.")
    return end_ns


def profile_of(journal: Journal, fallback: Profile) -> Profile:
    """The profile a session ran with; another version's may have keys we do not know, then the clip's lengths count."""
    stored = journal.meta("profile")
    if not isinstance(stored, dict):
        return fallback
    try:
        return Profile.model_validate(stored)
    except ValidationError:
        known = {key: stored[key] for key in ("clip", "clips_per_hour") if key in stored}
        try:
            return Profile.model_validate({**fallback.model_dump(), **known})
        except ValidationError:
            return fallback
