"""Makes of a take what editors want: tracks aligned, padded to the take's zero, without drift and at constant rate.

    <pid>/mic/conformed.wav      their voice, 48 kHz: the local file, the server's backup in its holes
    <pid>/cam/conformed.mp4      their picture with that voice, 30 frames a second; screen likewise
    mix.wav, multicam.fcpxml, multicam.otio, align.json

Originals are only read. Each file is published whole and noted in align.json, so that a kill costs the one that was
being made; the same take again makes nothing that is there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog

from core.errors import ClipdError
from core.times import to_s
from daemon.ffmpeg import FfmpegFailed
from daemon.files import facts, make_folder, publish_file
from daemon.rooms.aligning import align_take, from_json, to_json
from daemon.rooms.clock import stretches
from daemon.rooms.conformed import DONE, MAKING, VERSION, Conformed, ConformedTrack, Where, track_json
from daemon.rooms.cover import Piece, Span, clipped, missing
from daemon.rooms.listening import frame_spans, last_ms, read_sound
from daemon.rooms.multicam import timelines
from daemon.rooms.picturing import VOICE, write_picture
from daemon.rooms.sources import LAST_FRAME_MS, Key, backup_pieces, person_pieces
from daemon.rooms.take import ALIGN, LocalFile, Take, read_json, read_take
from daemon.rooms.voices import CHUNK_MS, Sound, Spans, Voice, mixed, read_wav, write_wav
from recorder.align import AlignedFile

WORK: Final = ".conform"
MIX: Final = "mix.wav"
LEAST_HOLE_MS: Final = 100.0
log = structlog.get_logger()


class Stopped(ClipdError):
    """Asked to stop: what is made stays, the rest is made the next time."""


def conform(folder: Path, progress: Callable[[float], None], cancelled: threading.Event) -> Mapping[str, Any]:
    """Make what is missing of a take's files; returns align.json's document. Blocks, for about as long as the take is.

    `progress` gets the share that is done, again and again. Raises UsageError (no take), StorageError, Stopped once
    `cancelled` is set. A file of a guest's that cannot be used
    is noted, and the others are made.
    """
    with _work(folder) as work:
        return _Conforming(read_take(folder), work, progress, cancelled).run()


class _Conforming:
    def __init__(self, take: Take, work: Path, progress: Callable[[float], None], cancelled: threading.Event) -> None:
        self._work, self._cancelled = work, cancelled
        self._progress, self._share = progress, 0.0
        self._span: Span = (take.zero_ms, max(take.end_ms or _reach_ms(take), take.zero_ms + 1))
        self._take = replace(take, last_ms=max(take.last_ms, self._span[1]))
        self._document = self._begun()
        self._aligned: dict[str, AlignedFile] = {}

    def run(self) -> Mapping[str, Any]:
        """All of it, in an order in which each step finds what it needs."""
        if self._document["state"] == DONE and Conformed.read(self._take.folder) is not None:
            return self._document
        self._align()
        keys = self._keys()
        for number, (pid, track) in enumerate(keys):
            self._share = (number + 1) / (len(keys) + 2)
            self._alive()
            if not self._is_made(pid, track):
                self._check()
                self._keep_track(self._voice(pid) if track == "mic" else self._picture(pid, track))
        self._finish()
        return self._document

    def _begun(self) -> dict[str, Any]:
        """What an earlier run wrote about the same inputs, else a new document."""
        inputs = _inputs_hash(self._take, self._span)
        known = read_json(self._take.folder / ALIGN)
        if known.get("version") == VERSION and known.get("inputs") == inputs:
            return dict(known)
        return {
            "version": VERSION,
            "inputs": inputs,
            "state": MAKING,
            "zero_ms": self._span[0],
            "end_ms": self._span[1],
            "files": None,
            "tracks": [],
        }

    def _align(self) -> None:
        if self._document["files"] is None:
            aligned = align_take(self._take, self._work / "align")
            self._check()
            files = {file.seg: file for file in self._take.locals}
            self._document["files"] = [
                {**to_json(one), "file": _name(self._take, files[seg]), "sha256": files[seg].sha256}
                for seg, one in aligned.items()
            ]
            self._save()
        self._aligned = {row["seg"]: from_json(row) for row in self._document["files"]}

    def _keys(self) -> list[Key]:
        """Voices first: pictures carry them."""
        take = self._take
        known = [(one.pid, one.track) for one in take.backups] + [(one.pid, one.track) for one in take.locals]
        seen, heard = {key for key in known if key[1] != "mic"}, {pid for pid, _ in known}
        return [*((pid, "mic") for pid in sorted(heard)), *sorted(seen)]

    # -- one track

    def _voice(self, pid: str) -> dict[str, Any]:
        """Of all of their files that have their microphone, the one that was made for it first."""
        with _folder(self._work / "voice") as work:
            layers: list[Any] = []
            segs: dict[str, Span] = {}
            order = {"mic": 0, "cam": 1, "screen": 2}
            for file in sorted((f for f in self._take.locals if f.pid == pid), key=lambda f: (order[f.track], f.t_ms)):
                sound = read_sound(file.path, file.demuxer, work / file.seg, stereo=True)
                if sound.runs:
                    placed = self._aligned[file.seg]
                    layers.append((sound, placed))
                    segs[file.seg] = _hull(placed, sound.span_ms)
            for backup in (b for b in self._take.backups if (b.pid, b.track) == (pid, "mic")):
                sound = read_sound(backup.path, "matroska", work / f"live-{backup.gen}")
                if sound.runs:
                    layers.append((sound, None))
            if not layers:
                return _nothing(pid, "mic")
            voice, spans = Voice(tuple(layers), self._take.off(pid, "mic")), Spans(self._span[0])

            def chunks() -> Iterator[Sound]:
                for sound, origin in voice.chunks(*self._span):
                    self._check()
                    self._alive()
                    spans.add(origin)
                    yield sound

            name = f"{pid}/mic/conformed.wav"
            self._publish(name, lambda path: write_wav(path, chunks(), voice.channels))
        where = Where(tuple(spans.local), tuple(spans.backup))
        made = ConformedTrack(
            pid=pid, track="mic", heard=True, wav=name, mp4=None, sound=where, picture=Where(), segs=segs
        )
        return track_json(made) | {"holes": _holes(where, "sound")}

    def _picture(self, pid: str, track: str) -> dict[str, Any]:
        pieces, segs = self._pieces(pid, track)
        if not pieces:
            return _nothing(pid, track)
        where = Where(*(tuple((p.from_ms, p.to_ms) for p in pieces if p.origin == kind) for kind in _ORIGINS))
        voice = self._take.folder / f"{pid}/mic/conformed.wav"
        name, failed = f"{pid}/{track}/conformed.mp4", ""
        with _folder(self._work / "picture") as work:
            if voice.exists():
                os.link(voice, work / VOICE)
            try:
                made = write_picture(
                    pieces,
                    self._span,
                    work,
                    voiced=voice.exists(),
                    progress=lambda _reached: self._alive(),
                    cancelled=self._cancelled,
                )
                self._publish(name, partial(os.replace, made))
            except FfmpegFailed as err:
                self._check()
                log.warning("track.not_conformed", pid=pid, track=track, code=err.code, why=err.what)
                failed = err.code
        conformed = ConformedTrack(
            pid=pid,
            track=track,
            heard=False,
            wav=None,
            mp4=None if failed else name,
            sound=Where(),
            picture=Where() if failed else where,
            segs=segs,
        )
        return track_json(conformed) | {"holes": _holes(where, "picture")} | ({"failed": failed} if failed else {})

    def _pieces(self, pid: str, track: str) -> tuple[list[Piece], dict[str, Span]]:
        found: list[Piece] = []
        segs: dict[str, Span] = {}
        for file in sorted((f for f in self._take.locals if (f.pid, f.track) == (pid, track)), key=lambda f: f.t_ms):
            placed = self._aligned[file.seg]
            spans = frame_spans(file.path, file.demuxer)
            found += [
                Piece(
                    from_ms=placed.picture_ms(low),
                    to_ms=placed.picture_ms(high) + LAST_FRAME_MS / 10,
                    path=file.path,
                    demuxer=file.demuxer,
                    origin="local",
                    offset_ms=placed.offset_ms,
                    ppm=placed.ppm,
                    name=file.seg,
                    sha256=file.sha256,
                )
                for low, high in spans
            ]
            if spans:
                segs[file.seg] = _hull(placed, (spans[0][0], spans[-1][1]))
        for backup in (b for b in self._take.backups if (b.pid, b.track) == (pid, track)):
            found += backup_pieces(backup)
        return person_pieces(self._take, {(pid, track): found}, self._span).get((pid, track), []), segs

    # -- the whole

    def _finish(self) -> None:
        self._check()
        voices = [row["wav"] for row in self._document["tracks"] if row["heard"] and row["wav"]]
        if voices:
            self._publish(MIX, lambda path: write_wav(path, self._mixed(voices), 1))
            self._document["mix"] = facts(self._take.folder / MIX)
        made = {}
        for name, data in timelines(self._take, self._document["tracks"], self._span, mix=bool(voices)).items():
            self._publish(name, partial(Path.write_bytes, data=data))
            made[name] = facts(self._take.folder / name)
        self._document["timelines"] = made
        self._document["covered"] = self._covered()
        self._document["state"] = DONE
        self._save()
        self._progress(1.0)

    def _mixed(self, voices: Sequence[str]) -> Iterator[Sound]:
        length_ms, at_ms = self._span[1] - self._span[0], 0.0
        while at_ms < length_ms:
            end_ms = min(at_ms + CHUNK_MS, length_ms)
            yield mixed([read_wav(self._take.folder / name, at_ms, end_ms) for name in voices])
            at_ms = end_ms

    def _covered(self) -> list[dict[str, Any]]:
        """Media time of sessions for which somebody's local track is there."""
        local = sorted(
            (low, high)
            for row in self._document["tracks"]
            for kind in ("sound", "picture")
            for low, high in row[kind]["local"]
        )
        joined = Where(tuple(local)).all
        found = []
        for session in dict.fromkeys(row.session for row in self._take.media):
            for stretch in stretches([self._take], session):
                for low, high in clipped(joined, (stretch.room_ms, stretch.room(stretch.end_ns))):
                    span = {"start_s": to_s(stretch.media(low)), "end_s": to_s(stretch.media(high))}
                    found.append({"session": session, **span})
        return found

    def _is_made(self, pid: str, track: str) -> bool:
        for row in self._document["tracks"]:
            if (row["pid"], row["track"]) == (pid, track):
                names = [name for name in (row["wav"], row["mp4"]) if name]
                return all((self._take.folder / name).exists() for name in names)
        return False

    def _keep_track(self, row: dict[str, Any]) -> None:
        key = (row["pid"], row["track"])
        others = [other for other in self._document["tracks"] if (other["pid"], other["track"]) != key]
        name = row["wav"] or row["mp4"]
        row["made"] = None if name is None else facts(self._take.folder / name)
        self._document["tracks"] = [*others, row]
        self._save()

    def _publish(self, name: str, write: Callable[[Path], object]) -> None:
        final = self._take.folder / name
        make_folder(final.parent)
        publish_file(final, write)

    def _save(self) -> None:
        body = json.dumps(self._document, indent=1, allow_nan=False).encode() + b"\n"
        publish_file(self._take.folder / ALIGN, partial(Path.write_bytes, data=body))

    def _alive(self) -> None:
        """It gets on; a track may take as long as the take was."""
        self._progress(self._share)

    def _check(self) -> None:
        if self._cancelled.is_set():
            raise Stopped("Aligning was stopped", remedy="It goes on with the next attempt.", code="stopped")


_ORIGINS: Final = ("local", "backup")


def _inputs_hash(take: Take, span: Span) -> str:
    """Of all that the files are made of: local ones by their hash, backups by their size."""
    sizes = [(str(each.path.relative_to(take.folder)), _size(each.path)) for each in take.backups]
    told = [(file.seg, file.sha256, file.t_ms) for file in take.locals]
    return hashlib.sha256(json.dumps([VERSION, span, sizes, told]).encode()).hexdigest()


def _reach_ms(take: Take) -> float:
    """How far anything of a take goes that nobody ended: its worker was killed and did not come back."""
    ends = [last_ms(backup.path, "matroska") for backup in take.backups]
    return max(take.last_ms, *ends, *(file.t_stop_ms or 0.0 for file in take.locals), 0.0)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _name(take: Take, file: LocalFile) -> str:
    return str(file.path.relative_to(take.folder))


def _hull(placed: AlignedFile, span_ms: Span) -> Span:
    return placed.picture_ms(span_ms[0]), placed.picture_ms(span_ms[1])


def _holes(where: Where, kind: str) -> list[dict[str, Any]]:
    """Between the first and the last of a track: what a backup stands in for, and what nobody has."""
    spans = where.all
    if not spans:
        return []
    return [
        {
            "from_ms": round(span[0], 1),
            "to_ms": round(span[1], 1),
            "kind": kind,
            "filled": bool(clipped(where.backup, span)),
        }
        for span in missing((spans[0][0], spans[-1][1]), where.local)
        if span[1] - span[0] >= LEAST_HOLE_MS
    ]


def _nothing(pid: str, track: str) -> dict[str, Any]:
    empty = ConformedTrack(
        pid=pid, track=track, heard=False, wav=None, mp4=None, sound=Where(), picture=Where(), segs={}
    )
    return track_json(empty) | {"holes": []}


@contextmanager
def _work(folder: Path) -> Iterator[Path]:
    """A folder below the take's, so that files can be moved out of it; what a kill left in it goes."""
    with _folder(folder / WORK) as work:
        yield work


@contextmanager
def _folder(path: Path) -> Iterator[Path]:
    shutil.rmtree(path, ignore_errors=True)
    make_folder(path)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
