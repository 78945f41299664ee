"""`clipd render`: the same master and captions again, from clip.json and the source the clip kept."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path

from core.errors import UsageError
from core.media import Track
from core.protocols import FootageSource, SourceRef
from core.times import Ns
from daemon.clips.captions import caption_texts
from daemon.clips.kept import length_of
from daemon.clips.make import SOURCE_FOLDER
from daemon.clips.master import write_plan
from daemon.clips.model import CAPTIONS, NAMES, Rendered
from daemon.clips.plan import CutPicks, Wanted, same_cut
from daemon.clips.recipe import Recipe, read_recipe
from daemon.clips.reel import Reel
from daemon.clips.smart.cut import write_again
from daemon.clips.smart.model import ExactPicks
from daemon.files import fsync_path, make_folder, sha256_of, storage_errors
from daemon.ingest.files import scan_footage
from daemon.ingest.footage import file_hash
from ringbuffer.linked import LinkedFootage
from ringbuffer.links import SOURCE_FILE


def render(clip_json: Path, out: Path | None) -> Rendered:
    """Make the files again: in folder `out`, else beside clip.json, where a different result never takes the old one's
    place. Returns the master. Raises UsageError (no recipe, no source), CutRefused (the source no longer holds the
    clip), StorageError."""
    recipe = read_recipe(clip_json)
    footage = _footage(clip_json.absolute().parent, recipe)
    folder = out or clip_json.absolute().parent
    make_folder(folder)
    write = _writer(footage, recipe)

    def again(kind: str, name: str, write: Callable[[Path], object]) -> Rendered:
        return write_beside(folder / name, write, recipe.sha256.get(kind), replace=out is not None)

    master = again("master", NAMES["master"], write)
    for kind, text in caption_texts(recipe.words, length_of(recipe.kept)).items():
        again(kind, CAPTIONS[kind], functools.partial(Path.write_bytes, data=text.encode()))
    return master


def write_beside(final: Path, write: Callable[[Path], object], first_sha256: str | None, *, replace: bool) -> Rendered:
    """One file, whole; unless told to replace, one that differs gets a name of its own."""
    partial = final.with_name(f".{final.name}.again")
    with storage_errors(f"{final.name} could not be written"):
        try:
            write(partial)
            fsync_path(partial)
            sha256 = sha256_of(partial)
            identical = sha256 == first_sha256
            path = (
                final
                if identical or replace or not final.exists()
                else final.with_name(f"{final.stem}-again{final.suffix}")
            )
            os.replace(partial, path)
            fsync_path(final.parent)
        finally:
            partial.unlink(missing_ok=True)
    return Rendered(path=path, sha256=sha256, identical=identical)


def _writer(footage: FootageSource, recipe: Recipe) -> Callable[[Path], object]:
    picks = recipe.picks
    if isinstance(picks, ExactPicks):
        return lambda path: write_again(path, footage, picks)
    reel = _reel(footage, recipe, picks)
    plan = same_cut(*reel.index(), picks)
    return lambda path: write_plan(path, reel, plan)


def _reel(footage: FootageSource, recipe: Recipe, picks: CutPicks) -> Reel:
    tracks: tuple[Track, ...] = footage.tracks(picks.start_ns)
    span = Wanted(
        start_ns=picks.start_ns,
        end_ns=picks.end_ns,
        latest_head_ns=picks.start_ns,
        earliest_tail_ns=picks.start_ns,
        max_av_offset_ns=Ns(0),
    )
    return Reel(
        footage=footage,
        tracks=tracks,
        wanted=span,
        from_ns=recipe.read_from_ns,
        to_ns=recipe.read_to_ns,
        notes=(),
    )


def _footage(revision: Path, recipe: Recipe) -> FootageSource:
    """Segments or a fetched file under source/, or the user's own file where it lies. Checks their hashes."""
    source = revision.parent / SOURCE_FOLDER
    for segment in recipe.segments:
        _check(source, segment)
    if (source / SOURCE_FILE).exists():
        return LinkedFootage(source)
    if len(recipe.segments) != 1:
        raise _no_source(f"{source} holds none")
    return scan_footage(_path(source, recipe.segments[0]))


def _check(source: Path, segment: SourceRef) -> None:
    path = _path(source, segment)
    try:
        sha256, size, _ = file_hash(path)
    except OSError as err:
        raise _no_source(f"{path.name}: {err.strerror}") from err
    if (sha256, size) != (segment.sha256, segment.bytes):
        raise _no_source(f"{path.name} has changed since the clip was cut")


def _path(source: Path, segment: SourceRef) -> Path:
    """A bare name lies under source/; anything else must be the absolute path of a referenced file."""
    path = Path(segment.path)
    if path.is_absolute():
        return path
    if path.name != segment.path:
        raise _no_source(f"{segment.path[:80]!r} is not the name of a source")
    return source / path.name


def _no_source(why: str) -> UsageError:
    return UsageError(
        f"The clip's source is not there ({why})",
        remedy="Name the clip.json under DATA/sessions/<session>/clips/<clip>/, beside its source folder.",
        code="no_source",
    )
