"""Finds where every local file of a take lies on the room's clock, by its sound. Blocks; about 1 % of real time."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import structlog

from daemon.rooms.listening import read_sound
from daemon.rooms.take import Backup, LocalFile, Take
from recorder.align import START_BOUND_MS, AlignedFile, Edit, StartBiases, TimedSound, align_file, coarse_file

log = structlog.get_logger()

SILENT_FILE: Final = "no_sound"  # why a file is placed by its start event
NO_BACKUP: Final = "no_backup"
NO_MATCH: Final = "no_match"
LATE_BACKUP: Final = "late_backup"


def align_take(take: Take, work: Path) -> dict[str, AlignedFile]:
    """By segment. Files of one person are compared with that person's own live microphone; those without a match come
    last, when it is known what start events are late by here."""
    aligned: dict[str, AlignedFile] = {}
    biases, unsure = StartBiases(), list[tuple[LocalFile, str]]()
    live = _live(take.backups)
    for pid in dict.fromkeys(file.pid for file in take.locals):
        backup = [_decoded(part.path, "matroska", work / f"live-{n}") for n, part in enumerate(live.get(pid, ()))]
        for file in (file for file in take.locals if file.pid == pid):
            sound = _decoded(file.path, file.demuxer, work / "local")
            found = _by_content(take, file, sound, backup)
            if found is not None and found.offset_ms - file.t_ms > START_BOUND_MS + take.bound_ms(pid):
                unsure.append((file, LATE_BACKUP))  # no recorder begins so long after it has said so
            elif found is None:
                unsure.append((file, _why(sound, backup)))
            else:
                aligned[file.seg] = found
                biases.learn(file.key, file.t_ms, found)
        del backup
        shutil.rmtree(work, ignore_errors=True)
    for file, why in unsure:
        aligned[file.seg] = coarse_file(
            seg=file.seg,
            pid=file.pid,
            track=file.track,
            start_ms=file.t_ms,
            biases=biases,
            key=file.key,
            clock_bound_ms=take.bound_ms(file.pid),
            why=why,
        )
    for one in aligned.values():
        log.info("file.aligned", seg=one.seg, method=one.method, ppm=one.ppm, bound_ms=one.bound_ms, why=one.why)
    return aligned


def to_json(aligned: AlignedFile) -> dict[str, Any]:
    """As align.json has it."""
    return asdict(aligned)


def from_json(document: Mapping[str, Any]) -> AlignedFile:
    """The other way round. Raises KeyError, TypeError, ValueError."""
    fields = {**document, "edits": tuple(Edit(**edit) for edit in document["edits"])}
    return AlignedFile(**{name: fields[name] for name in AlignedFile.__dataclass_fields__})


def _by_content(take: Take, file: LocalFile, sound: TimedSound, backup: Sequence[TimedSound]) -> AlignedFile | None:
    return align_file(
        sound,
        backup,
        seg=file.seg,
        pid=file.pid,
        track=file.track,
        start_ms=file.t_ms,
        clock_bound_ms=take.bound_ms(file.pid),
    )


def _live(backups: Iterable[Backup]) -> Mapping[str, list[Backup]]:
    found: dict[str, list[Backup]] = defaultdict(list)
    for backup in backups:
        if backup.track == "mic":
            found[backup.pid].append(backup)
    return found


def _decoded(path: Path, demuxer: str, folder: Path) -> TimedSound:
    """Mono: what is compared."""
    folder.parent.mkdir(exist_ok=True)
    return read_sound(path, demuxer, folder)


def _why(sound: TimedSound, backup: Sequence[TimedSound]) -> str:
    if not any(part.runs for part in backup):
        return NO_BACKUP
    return NO_MATCH if len(sound.samples) else SILENT_FILE
