"""Makes the finished files of one revision: looked at and measured once, one ffmpeg run a format, each file whole."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from core.times import Ns, to_s
from daemon.brand import FONTS, Kit, load_kit, read_brand
from daemon.captioning import CaptionOptions, Captions, FontBook, caption_filter, caption_script
from daemon.captioning.fonts import place_fonts
from daemon.captioning.script import SCRIPT
from daemon.clips.files import link_or_copy, publish_file, storage_errors
from daemon.ffmpeg import Encoder, FfmpegFailed, Filter, Limits, choose_encoder, run_ffmpeg, usable_encoder
from daemon.ffmpeg.encoders import SOFTWARE
from daemon.finish.clip import CutClip, read_cut
from daemon.finish.compose import RESULT, SOURCE, Dress, compose
from daemon.finish.extras import make_extras
from daemon.finish.model import Finished
from daemon.finish.plan import FormatPlan
from daemon.finish.prepare import Preparation, masks
from daemon.finish.queue import NICE
from daemon.framing import BlazeFace, FaceFinder, LayoutRule, YuNet
from daemon.platforms import load_platform
from daemon.sound import Treatment, audio_tracks

SIZE_TRIES: Final = 3  # for an encoder that takes more than it was told; libx264 never has
_LOOKING: Final = 0.2  # of a render's time, roughly: faces, cuts, loudness
_CPU_S: Final = 120.0
_CPU_S_PER_S: Final = 40.0  # 1080x1920 at 60 fps takes 4 s of one core a second
_WALL: Final = 8  # by CPU time: a busy machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a user asks for. `formats` name platforms; `captions` None: none; `encoder` as in `usable_encoder`."""

    formats: tuple[str, ...]
    captions: CaptionOptions | None
    styled: bool = False  # these captions were asked for: a brand's style does not go before them
    rule: LayoutRule
    brand: Path | None = None
    face_model: Path | None = None  # YuNet's, in place of BlazeFace
    treatment: Treatment = field(default_factory=Treatment)  # of the sound
    encoder: str = SOFTWARE


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Files by kind, and the plans that were carried out: a rate may have been lowered on the way."""

    files: Mapping[str, Path]
    plans: tuple[FormatPlan, ...]
    notes: tuple[str, ...]


Publish = Callable[[str, str, Callable[[Path], object]], Path]  # kind, file name, what writes it -> where it is now


def finish_revision(
    folder: Path, wishes: Wishes, progress: Callable[[float], None], cancelled: threading.Event
) -> Finished:
    """The finished files of clips/<clip>/r<N>, planned anew; posters, timelines and transcripts with them.

    Formats that it has beside those that are wished for stay, and stay named in clip.json. A clip without a picture
    gets no formats. Blocks. Raises UsageError (formats, brand, recipe), BadMedia, FfmpegFailed, StorageError,
    MissingPart, CutRefused.
    """
    clip = dressed(read_cut(folder), wishes)
    platforms = [load_platform(name) for name in wishes.formats] if clip.has_picture else []
    preparation, finder = Preparation(clip, wishes.treatment), _finder(wishes)
    wanted = choose_encoder().name if wishes.encoder == "auto" else wishes.encoder
    plans = [preparation.plan(platform, wishes.rule, wanted, finder) for platform in platforms]
    progress(_LOOKING)
    publish = partial(publish_in, folder)
    with ThreadPoolExecutor(1, "extras") as beside:  # ffmpeg does not keep two cores busy all the time
        extras = beside.submit(make_extras, clip, plans, finder, preparation.posters())
        made = make_formats(clip, plans, publish, lambda done: progress(_LOOKING + (1 - _LOOKING) * done), cancelled)
    files = dict(made.files)
    for kind, (name, data) in extras.result().items():
        files[kind] = publish(kind, name, partial(Path.write_bytes, data=data))
    formats = {**clip.formats, **{plan.name: plan.to_json() for plan in made.plans}}
    return Finished(files=files, section=section(clip, preparation.observed(), formats), notes=made.notes)


def _finder(wishes: Wishes) -> FaceFinder:
    return BlazeFace() if wishes.face_model is None else YuNet(wishes.face_model)


def dressed(clip: CutClip, wishes: Wishes) -> CutClip:
    """The clip with what is wished now; a brand's caption style goes before the settings'. Raises UsageError."""
    captions, brand = wishes.captions, None
    if wishes.brand is not None:
        brand = str(wishes.brand)
        if captions is not None and not wishes.styled and (style := read_brand(wishes.brand).captions):
            captions = captions.model_copy(update={"style": style})
    return replace(clip, captions=captions, brand=brand)


def make_formats(
    clip: CutClip,
    plans: Sequence[FormatPlan],
    publish: Publish,
    progress: Callable[[float], None],
    cancelled: threading.Event,
) -> Made:
    """Carry plans out. What words say and how captions look is read from the clip."""
    files: dict[str, Path] = {}
    done: list[FormatPlan] = []
    notes: list[str] = []
    for number, plan in enumerate(plans):
        with _job(clip, plan.name) as job:
            captions = _captions(clip, plan)
            masked = replace(plan, sound=replace(plan.sound, masks=masks(clip)))
            done.append(_run(clip, masked, captions, job, partial(_share, progress, number, len(plans)), cancelled))
            files[plan.name] = publish(plan.name, f"{plan.name}.mp4", partial(os.replace, job / RESULT))
        if captions is not None:
            notes += [f"font_missing:{missing.package}" for missing in captions.missing]
            if "ass" not in files:
                files["ass"] = publish("ass", SCRIPT, partial(Path.write_text, data=captions.script, encoding="utf-8"))
    return Made(files=files, plans=tuple(done), notes=tuple(dict.fromkeys(notes)))


def section(clip: CutClip, observed: Mapping[str, Any], formats: Mapping[str, Any]) -> dict[str, Any]:
    """What clip.json says of it: `captions`, which people edit, and `finish`."""
    captions = None if clip.captions is None else clip.captions.model_dump(mode="json")
    finish = {"brand": clip.brand, "said": clip.spoken_hash(), "formats": dict(formats), "observed": dict(observed)}
    return {"captions": captions, "finish": finish}


def publish_in(folder: Path, kind: str, name: str, write: Callable[[Path], object]) -> Path:
    """The plain way of publishing: whole, in the place of what was there."""
    del kind
    publish_file(folder / name, write)
    return (folder / name).absolute()


def _run(
    clip: CutClip,
    plan: FormatPlan,
    captions: Captions | None,
    job: Path,
    progress: Callable[[float], None],
    cancelled: threading.Event,
) -> FormatPlan:
    kit = load_kit(Path(clip.brand), job) if clip.brand else None
    drawn = _letters(clip, captions, kit, job)
    dress = Dress(tracks=audio_tracks(job / SOURCE), title=clip.title, captions=drawn, kit=kit)
    encoder, why_not = usable_encoder(plan.encoder)
    if not why_not:
        try:
            return _coded(plan, encoder, dress, job, progress, cancelled)
        except FfmpegFailed as err:
            if not encoder.hardware or err.code == "ffmpeg_cancelled":
                raise
            why_not = f"{encoder.name} failed: {err.what}"
    return _coded(plan.in_software(why_not), choose_encoder(SOFTWARE), dress, job, progress, cancelled)


def _coded(
    plan: FormatPlan,
    encoder: Encoder,
    dress: Dress,
    job: Path,
    progress: Callable[[float], None],
    cancelled: threading.Event,
) -> FormatPlan:
    length_ns = plan.length_ns
    for _ in range(SIZE_TRIES):
        run = compose(plan, encoder, dress)
        for name, text in run.files.items():
            (job / name).write_text(text, "utf-8")
        run_ffmpeg(
            run.arguments,
            folder=job,
            limits=encoder.limits(_limits(length_ns)),
            progress=lambda t_ns: progress(t_ns / length_ns),
            cancelled=cancelled,
            devices=encoder.hardware,
        )
        size = (job / RESULT).stat().st_size
        if size <= plan.max_bytes:
            return plan
        plan = plan.tightened(size)
    return plan


def _captions(clip: CutClip, plan: FormatPlan) -> Captions | None:
    words, speakers = clip.spoken()
    if clip.captions is None or not words:
        return None
    return caption_script(words, plan.length_ns, clip.captions, plan.stage, FontBook(), speakers)


def _letters(clip: CutClip, captions: Captions | None, kit: Kit | None, job: Path) -> Filter | None:
    """Script and fonts into the job's folder: those of the captions, and those of a title that a brand draws."""
    faces = list(captions.faces) if captions else []
    if kit is not None:
        runs, _ = FontBook().runs(clip.title)
        faces += [run.face for run in runs]
    fonts = place_fonts(job, tuple(dict.fromkeys(faces))) if faces else FONTS
    if captions is None:
        return None
    (job / SCRIPT).write_text(captions.script, "utf-8")
    return caption_filter(SCRIPT, fonts)


@contextmanager
def _job(clip: CutClip, name: str) -> Iterator[Path]:
    """A folder of the run's own beside the master, with the master in it. One that a kill left is taken away first."""
    job = clip.folder / f".{name}.job"
    with storage_errors("The render's folder could not be made"):
        shutil.rmtree(job, ignore_errors=True)
        job.mkdir()
        link_or_copy(clip.master, job / SOURCE)
    try:
        yield job
    finally:
        shutil.rmtree(job, ignore_errors=True)


def _share(progress: Callable[[float], None], number: int, count: int, done: float) -> None:
    progress((number + min(1.0, done)) / count)


def _limits(length_ns: Ns) -> Limits:
    cpu_s = _CPU_S + _CPU_S_PER_S * to_s(length_ns)
    return Limits(cpu_s=cpu_s, wall_s=_WALL * cpu_s, nice=NICE)
