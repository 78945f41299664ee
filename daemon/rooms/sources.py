"""What a span of a take is shown and heard from: the server's backups while they are all there is, later the files that
`conform` made of the local tracks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from daemon.ffmpeg import Name
from daemon.rooms.conformed import Conformed, ConformedTrack, Where
from daemon.rooms.cover import Piece, Span, arranged, clipped, without
from daemon.rooms.excerpt import excerpt
from daemon.rooms.listening import HOLE_MS, frame_spans, read_sound
from daemon.rooms.take import Backup, Person, Take
from daemon.rooms.voices import Sound, Voice, read_wav

SERVER: Final = "server backups"
LOCAL: Final = "local tracks"
MIXED: Final = "local tracks, holes from server backups"
LAST_FRAME_MS: Final = 1_000.0  # a picture stands for so long after its last frame: what was not flushed yet
Key = tuple[str, str]  # pid, track


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Of one span in room time. `sounds`: of each who has a microphone, shape (n, channels), the span's length.
    `reach_ms`: how far the sound of those who are still heard goes. `used`: for clip.json."""

    label: str
    pieces: Mapping[Key, Sequence[Piece]]
    sounds: Mapping[str, Sound]
    reach_ms: float
    used: Sequence[Mapping[str, Any]]
    conformed: str = ""  # which state of the take's local tracks


def best_sources(take: Take, span: Span, clip: Span, work: Path) -> Sources:
    """Local tracks where they cover the clip, which lies in the span; else what the server has of it. Blocks."""
    made = Conformed.read(take.folder)
    if made is not None and made.covers(clip):
        return _local(take, made, span, clip)
    return _server(take, span, work)


def person_pieces(take: Take, pieces: Mapping[Key, Sequence[Piece]], span: Span) -> dict[Key, list[Piece]]:
    """Each within the span, none over another, without what was switched off."""
    shown = {key: _on(take.off(*key), arranged(found, span)) for key, found in pieces.items()}
    return {key: found for key, found in shown.items() if found}


def backup_pieces(backup: Backup, span: Span | None = None) -> list[Piece]:
    """The pictures of a backup that have no hole; its times are the room's."""
    wide = None if span is None else (span[0] - HOLE_MS, span[1] + HOLE_MS)
    return [
        Piece(
            from_ms=low,
            to_ms=high + LAST_FRAME_MS,
            path=backup.path,
            demuxer="matroska",
            origin="backup",
            name=f"{backup.pid}/{backup.track}/backup-{backup.gen}.mkv",
        )
        for low, high in frame_spans(backup.path, "matroska", wide)
    ]


def present(take: Take, sources: Sources) -> list[Person]:
    """Those who are seen or heard, in the order they joined; somebody whom the ledger does not know has no name."""
    there = {pid for pid, _ in sources.pieces} | set(sources.sounds)
    known = [person for pid, person in take.people.items() if pid in there]
    strange = sorted(there - set(take.people))
    return [*known, *(Person(pid=pid, name="", role="guest") for pid in strange)]


def _server(take: Take, span: Span, work: Path) -> Sources:
    near = [
        replace(backup, path=excerpt(backup.path, work, Name(f"part{number}.mkv"), span))
        for number, backup in enumerate(take.backups)
        if backup.start_ms < span[1] and backup.path.exists()
    ]
    pieces: dict[Key, list[Piece]] = defaultdict(list)
    layers: dict[str, list[Backup]] = defaultdict(list)
    for backup in sorted(near, key=lambda backup: -backup.gen):
        if backup.track == "mic":
            layers[backup.pid].append(backup)
        else:
            pieces[backup.pid, backup.track] += backup_pieces(backup, span)
    sounds, reach = {}, {}
    for pid, backups in layers.items():
        read = [
            read_sound(backup.path, "matroska", work / f"heard-{pid}-{backup.gen}", span_ms=span) for backup in backups
        ]
        ends = [sound.span_ms[1] for sound in read if sound.runs]
        if ends:
            sounds[pid] = Voice(tuple((sound, None) for sound in read), take.off(pid, "mic")).read(*span)[0]
            reach[pid] = max(ends)
    shown = person_pieces(take, pieces, span)
    used = [_used(take, "backup", backup.pid, backup.track, f"backup-{backup.gen}.mkv", "") for backup in near]
    return Sources(
        label=SERVER,
        pieces=shown,
        sounds=sounds,
        reach_ms=min((end for pid, end in reach.items() if _still_heard(take, pid, span[1])), default=span[1]),
        used=[one for one in used if (one["pid"], one["track"]) in shown or one["pid"] in sounds],
    )


def _local(take: Take, made: Conformed, span: Span, clip: Span) -> Sources:
    pieces: dict[Key, list[Piece]] = {}
    sounds: dict[str, Sound] = {}
    used: list[Mapping[str, Any]] = []
    for track in made.tracks:
        key = (track.pid, track.track)
        if track.mp4 is not None:
            pieces |= person_pieces(take, {key: _conformed_pieces(take, made, track.mp4, track.picture)}, span)
        if track.heard and track.wav is not None and clipped(track.sound.all, span):
            sounds[track.pid] = read_wav(take.folder / track.wav, span[0] - made.zero_ms, span[1] - made.zero_ms)
        if key in pieces or (track.heard and track.pid in sounds):
            used += _files(take, track, clip)
    whole = all(one["origin"] == "local" for one in used)
    return Sources(
        label=LOCAL if whole else MIXED,
        pieces=pieces,
        sounds=sounds,
        reach_ms=span[1],
        used=used,
        conformed=made.inputs,
    )


def _conformed_pieces(take: Take, made: Conformed, name: str, where: Where) -> list[Piece]:
    return [
        Piece(
            from_ms=low,
            to_ms=high,
            path=take.folder / name,
            demuxer="mov",
            origin="local",
            offset_ms=made.zero_ms,
            name=name,
        )
        for low, high in where.all
    ]


def _files(take: Take, track: ConformedTrack, span: Span) -> list[Mapping[str, Any]]:
    """What a track is made of in a span: local files, and the backup where it fills a hole."""
    found = [
        _used(take, "local", track.pid, track.track, file.path.name, file.sha256)
        for file in take.locals
        if file.seg in track.segs and clipped([track.segs[file.seg]], span)
    ]
    if not found or not track.is_local(span):
        found.append(_used(take, "backup", track.pid, track.track, "", ""))
    return found


def _used(take: Take, origin: str, pid: str, track: str, name: str, sha256: str) -> Mapping[str, Any]:
    known = take.people.get(pid)
    found = {"pid": pid, "name": known.name if known else "", "track": track, "origin": origin, "file": name}
    return found | ({"sha256": sha256} if sha256 else {})


def _on(off: Sequence[Span], pieces: Sequence[Piece]) -> list[Piece]:
    """Without what was switched off: a camera that is off sends black, if anything."""
    found = list(pieces)
    for hole in off:
        found = [
            replace(piece, from_ms=low, to_ms=high)
            for piece in found
            for low, high in without((piece.from_ms, piece.to_ms), hole)
        ]
    return found


def _still_heard(take: Take, pid: str, at_ms: float) -> bool:
    """Whether more of a microphone is to come."""
    return take.end_ms is None and pid in take.people and pid not in take.left and not take.is_muted(pid, "mic", at_ms)
