"""make_clip: an edit decision becomes the durable files of one revision."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from core.edits import CutResult, EditDecision, RenderSpec
from core.errors import CutRefused
from core.protocols import FootageSource, SourceRef
from daemon.clips.captions import words_of
from daemon.clips.kept import clip_words, in_clip, length_of
from daemon.clips.master import Master, write_master
from daemon.clips.model import DAMAGED_TAIL, NAMES, ClipContext, FinishedClip
from daemon.clips.recipe import clip_document, encode
from daemon.clips.reel import Reel, open_reel
from daemon.clips.smart.cut import open_reels, write_exact
from daemon.clips.smart.model import KEYFRAME_CUT
from daemon.clips.subtitles import write_captions
from daemon.clips.thumbnail import write_thumbnail
from daemon.files import facts, fsync_path, make_folder, publish_file, storage_errors

SOURCE_FOLDER: Final = "source"
_NOT_EXACT: Final = frozenset({"recode_failed", "sound_failed", "unclean_head", "av_offset", "mux_failed"})
_REVISION: Final = re.compile(r"^r([1-9][0-9]{0,8})$")


def make_clip(
    footage: FootageSource, decision: EditDecision, spec: RenderSpec, folder: Path, context: ClipContext
) -> FinishedClip:
    """Write `folder`/r<N>/, link `folder`/source/; `folder` is clips/<clip>. Older revisions go when this one is whole.

    clip.json comes last: a revision folder with one is finished. Runs in the clip thread and blocks. Raises CutRefused
    for a clip that would be wrong, StorageError when the disk refuses; then no file of this revision is left half.
    """
    reels = _reels(footage, decision, spec, context)
    revision = folder / f"r{decision.revision}"
    make_folder(revision)
    try:
        segments = _link(footage, reels, folder)
        master = _publish_master(reels, revision / NAMES["master"], spec)
        _publish_thumbnail(revision, decision, master)
        words = clip_words(context.words, master.kept)
        made = {kind: revision / NAMES[kind] for kind in ("master", "thumbnail")}
        made |= write_captions(revision, words_of(words), length_of(master.kept))
        files = {kind: facts(path) for kind, path in made.items()}
        read = (reels[0].from_ns, reels[-1].to_ns)
        document = clip_document(
            decision, spec, context, master, read=read, words=words, segments=segments, files=files
        )
        publish_file(revision / NAMES["clip"], partial(Path.write_bytes, data=encode(document)))
    finally:
        _drop_unfinished(revision)
    _drop_older(folder, decision.revision)
    return FinishedClip(
        clip=decision.clip,
        revision=decision.revision,
        folder=revision,
        files={**made, "clip": revision / NAMES["clip"]},
        cut=_result(master, context),
        sha256=str(files["master"]["sha256"]),
    )


def _reels(footage: FootageSource, decision: EditDecision, spec: RenderSpec, context: ClipContext) -> list[Reel]:
    """One for each range that is kept; each lies in one epoch."""
    if spec.cut == "keyframes":
        if decision.drop:
            raise ValueError("ranges to drop need an exact cut")
        return [open_reel(footage, decision, spec.max_av_offset_ns, context.gaps)]
    return open_reels(footage, decision, context.gaps)


def _link(footage: FootageSource, reels: Sequence[Reel], folder: Path) -> list[SourceRef]:
    source = folder / SOURCE_FOLDER
    make_folder(source)
    with storage_errors("The clip's source could not be kept"):
        references = footage.link_source(reels[0].from_ns, reels[-1].wanted.end_ns, source)
        fsync_path(source)
    return references


def _publish_master(reels: Sequence[Reel], final: Path, spec: RenderSpec) -> Master:
    made: list[Master] = []
    publish_file(final, lambda partial: made.append(_write(partial, reels, spec)))
    if not made[0].measured.tail_damaged:
        return made[0]
    return replace(made[0], notes=(*made[0].notes, DAMAGED_TAIL))


def _write(path: Path, reels: Sequence[Reel], spec: RenderSpec) -> Master:
    """Exact where that was asked for and works; one range whose cut points don't decode is copied from a keyframe."""
    if spec.cut == "keyframes":
        return write_master(path, reels[0], spec.max_av_offset_ns)
    try:
        return write_exact(path, reels)
    except CutRefused as err:
        if len(reels) > 1 or err.code not in _NOT_EXACT:
            raise
    master = write_master(path, reels[0], spec.max_av_offset_ns)
    return replace(master, notes=(*master.notes, KEYFRAME_CUT))


def _publish_thumbnail(revision: Path, decision: EditDecision, master: Master) -> None:
    anchor_ns = in_clip(decision.anchor_ns, master.kept)
    publish_file(
        revision / NAMES["thumbnail"],
        lambda partial: write_thumbnail(partial, revision / NAMES["master"], master.keyframes_ns, anchor_ns),
    )


def _result(master: Master, context: ClipContext) -> CutResult:
    measured = master.measured
    return CutResult(
        start_ns=master.start_ns,
        end_ns=master.end_ns,
        duration_s=measured.duration_s,
        av_head_ms=measured.av_head_ms,
        av_tail_ms=measured.av_tail_ms,
        gaps=context.gaps,
        notes=master.notes,
        streams=measured.streams,
    )


def _drop_unfinished(revision: Path) -> None:
    """A refused revision leaves no folder that looks like one. Whole ones have a clip.json and stay."""
    if not (revision / NAMES["clip"]).exists():
        shutil.rmtree(revision, ignore_errors=True)


def _drop_older(folder: Path, newest: int) -> None:
    """Masters are not hard links: only the newest is worth its bytes, the source can make the others again."""
    for path in folder.iterdir():
        match = _REVISION.match(path.name)
        if match and int(match.group(1)) < newest:
            shutil.rmtree(path, ignore_errors=True)
