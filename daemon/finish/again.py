"""`clipd render`: finished files again from clip.json, after an edit of its captions, or in formats it has not had yet.

What was seen and measured stands in the recipe, so nothing is looked at twice. The same plan, encoder and version give
the same frames. A file that differs without a reason never takes the old one's place: it gets a name of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.errors import UsageError
from daemon.captioning import CaptionOptions
from daemon.clips import Rendered, add_finished
from daemon.clips.kept import length_of
from daemon.clips.recipe import kept_of, read_document
from daemon.clips.rerender import write_beside
from daemon.clips.subtitles import write_captions
from daemon.ffmpeg.encoders import SOFTWARE
from daemon.files import make_folder
from daemon.finish.clip import CutClip, read_cut
from daemon.finish.make import Wishes, dressed, make_formats, section
from daemon.finish.plan import FormatPlan
from daemon.finish.prepare import Preparation
from daemon.framing import BlazeFace, LayoutRule
from daemon.platforms import load_platform
from daemon.sound import Treatment


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is asked for beside the recipe; None: as it stands there. `captions` is a style, or off."""

    formats: tuple[str, ...] | None = None
    captions: str | None = None
    layout: str | None = None
    brand: Path | None = None

    @property
    def some(self) -> bool:
        """Whether anything is to be otherwise than it was."""
        return any(wish is not None for wish in (self.formats, self.captions, self.layout, self.brand))


def finish_again(
    clip_json: Path, changes: Changes, out: Path | None, progress: Callable[[float], None]
) -> list[Rendered]:
    """The finished files, in folder `out`, else beside clip.json; [] where none were ever made or are asked for.

    With changes, or after the words or captions in clip.json were edited, they take the old ones' place and clip.json
    says so. Blocks. Raises UsageError, BadMedia, FfmpegFailed, StorageError, MissingPart.
    """
    folder = clip_json.absolute().parent
    document = read_document(clip_json)
    clip = _changed(read_cut(folder), changes)
    names = changes.formats if changes.formats is not None else tuple(clip.formats)
    if not names:
        return []
    if not clip.has_picture:
        raise UsageError("The clip has no picture to frame", remedy="Use its master and transcripts.", code="no_video")
    preparation = Preparation(clip, _treatment(clip))
    plans = [_plan(name, clip, changes, preparation) for name in names]
    edited = clip.spoken_hash() != clip.said
    meant = changes.some or edited
    publisher = _Publisher(document, out or folder, replaces=out is not None or meant)
    made = make_formats(clip, plans, publisher.publish, progress, threading.Event())
    if meant and out is None:
        formats = {**clip.formats, **{plan.name: plan.to_json() for plan in made.plans}}
        files = {**made.files, **(write_captions(folder, clip.words, length_of(kept_of(document))) if edited else {})}
        add_finished(folder, files, section(clip, preparation.observed() or clip.observed, formats))
    return [publisher.made[plan.name] for plan in made.plans]


def _changed(clip: CutClip, changes: Changes) -> CutClip:
    captions = clip.captions
    if changes.captions is not None:
        base = captions or CaptionOptions()
        captions = None if changes.captions == "off" else base.model_copy(update={"style": changes.captions})
    if changes.brand is None:
        return replace(clip, captions=captions)
    wishes = Wishes(formats=(), captions=captions, rule=LayoutRule(), brand=changes.brand.absolute())
    return dressed(clip, wishes)


def _treatment(clip: CutClip) -> Treatment | None:
    """A format that it has not had yet sounds like the others."""
    recorded = next(iter(clip.formats.values()), None)
    return None if recorded is None else FormatPlan.from_json(recorded).sound.treatment


def _plan(name: str, clip: CutClip, changes: Changes, preparation: Preparation) -> FormatPlan:
    recorded: Mapping[str, Any] | None = clip.formats.get(name)
    rule = LayoutRule.from_mapping({"layout": None if changes.layout in (None, "auto") else changes.layout})
    if recorded is None:
        return preparation.plan(load_platform(name), rule, SOFTWARE, BlazeFace())
    plan = FormatPlan.from_json(recorded)
    return plan if changes.layout is None else preparation.reframed(plan, rule, BlazeFace())


class _Publisher:
    """Whole files; what is not meant to differ and does goes beside the old one."""

    def __init__(self, document: Mapping[str, Any], folder: Path, *, replaces: bool) -> None:
        self._files, self._folder, self._replaces = document.get("files") or {}, folder, replaces
        self.made: dict[str, Rendered] = {}
        make_folder(folder)

    def publish(self, kind: str, name: str, write: Callable[[Path], object]) -> Path:
        """As `make_formats` wants it."""
        first = (self._files.get(kind) or {}).get("sha256")
        self.made[kind] = write_beside(self._folder / name, write, first, replace=self._replaces)
        return self.made[kind].path
