"""make_clip: an edit decision becomes the durable files of one revision."""

from __future__ import annotations

import re
import shutil
from functools import partial
from pathlib import Path
from typing import Final

from core.edits import CutResult, EditDecision, RenderSpec
from core.protocols import FootageSource, SourceRef
from core.times import Ns
from daemon.clips.captions import spoken, words_json, words_of
from daemon.clips.files import facts, fsync_path, make_folder, publish_file, storage_errors
from daemon.clips.master import Master, write_master
from daemon.clips.model import DAMAGED_TAIL, NAMES, NO_AUDIO, NO_VIDEO, ClipContext, FinishedClip
from daemon.clips.recipe import clip_document, encode
from daemon.clips.reel import Reel, open_reel
from daemon.clips.subtitles import write_captions
from daemon.clips.thumbnail import write_thumbnail

SOURCE_FOLDER: Final = "source"
_REVISION: Final = re.compile(r"^r([1-9][0-9]{0,8})$")


def make_clip(
    footage: FootageSource, decision: EditDecision, spec: RenderSpec, folder: Path, context: ClipContext
) -> FinishedClip:
    """Write `folder`/r<N>/, link `folder`/source/; `folder` is clips/<clip>. Older revisions go when this one is whole.

    clip.json comes last: a revision folder with one is finished. Runs in the clip thread and blocks. Raises CutRefused
    for a clip that would be wrong, StorageError when the disk refuses; then no file of this revision is left half.
    """
    reel = open_reel(footage, decision, spec.max_av_offset_ns, context.gaps)
    revision = folder / f"r{decision.revision}"
    make_folder(revision)
    try:
        segments = _link(footage, reel, folder)
        master = _publish_master(reel, revision / NAMES["master"], spec)
        _publish_thumbnail(revision, decision, master)
        start_ns, end_ns = master.plan.start_ns, master.plan.end_ns
        words = words_json(spoken(context.words, start_ns, end_ns), start_ns)
        made = {kind: revision / NAMES[kind] for kind in ("master", "thumbnail")}
        made |= write_captions(revision, words_of(words), Ns(end_ns - start_ns))
        files = {kind: facts(path) for kind, path in made.items()}
        read = (reel.from_ns, reel.to_ns)
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


def _link(footage: FootageSource, reel: Reel, folder: Path) -> list[SourceRef]:
    source = folder / SOURCE_FOLDER
    make_folder(source)
    with storage_errors("The clip's source could not be kept"):
        references = footage.link_source(reel.from_ns, reel.wanted.end_ns, source)
        fsync_path(source)
    return references


def _publish_master(reel: Reel, final: Path, spec: RenderSpec) -> Master:
    """The master, with notes of what the reel has no track or no packets for."""
    made: list[Master] = []
    publish_file(final, lambda partial: made.append(write_master(partial, reel, spec.max_av_offset_ns)))
    plan, measured, notes = made[0].plan, made[0].measured, list(made[0].notes)
    if not plan.audio:
        notes.append(NO_AUDIO)
    if not plan.video:
        notes.append(NO_VIDEO)
    if measured.tail_damaged:
        notes.append(DAMAGED_TAIL)
    return Master(plan, measured, tuple(notes))


def _publish_thumbnail(revision: Path, decision: EditDecision, master: Master) -> None:
    plan = master.plan
    anchor_ns = decision.anchor_ns if decision.anchor_ns is not None else (plan.start_ns + plan.end_ns) // 2
    keyframes = [Ns(t_ns - plan.start_ns) for t_ns in plan.keyframes_ns]
    publish_file(
        revision / NAMES["thumbnail"],
        lambda partial: write_thumbnail(partial, revision / NAMES["master"], keyframes, Ns(anchor_ns - plan.start_ns)),
    )


def _result(master: Master, context: ClipContext) -> CutResult:
    measured = master.measured
    return CutResult(
        start_ns=master.plan.start_ns,
        end_ns=master.plan.end_ns,
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
