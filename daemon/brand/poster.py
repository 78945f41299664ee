"""A clip's title on its poster: the same typed ASS event as the hook, drawn on one picture by ffmpeg's child."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from core.times import ns
from daemon.brand.kit import FONTS, Kit
from daemon.brand.model import Hook
from daemon.brand.titles import Title, title_script, title_text
from daemon.captioning import Stage
from daemon.ffmpeg import Filter, Graph, Limits, Name, chain, read_media, run_ffmpeg

_LIMITS: Final = Limits(cpu_s=20, wall_s=30, memory_bytes=1 << 30, file_bytes=64 << 20)
_LARGER: Final = 2.0  # than the hook: a poster is looked at when it is small
_BEFORE, _AFTER = Name("poster-plain.jpg"), Name("poster-titled.jpg")
_SCRIPT: Final = Name("poster.ass")


def titled_poster(jpeg: bytes, title: str, kit: Kit, size: tuple[int, int], job: Path, family: str) -> bytes:
    """The poster with the title on it, as a JPEG; as it was when the title has no letter. `size` is its pixels.

    Colours and place are those of the kit's hook. `job` is a folder of ours with the fonts in FONTS. Blocks. Raises
    FfmpegFailed.
    """
    if not title_text(title):
        return jpeg
    stage = Stage(width=size[0], height=size[1])
    (job / _BEFORE).write_bytes(jpeg)
    (job / _SCRIPT).write_text(title_script(_typed(title, kit, stage), stage, kit.family or family))
    draw = [Filter.of("format", pix_fmts="yuvj444p"), Filter.of("ass", filename=_SCRIPT, fontsdir=FONTS)]
    graph = Graph((chain("0:v", [*draw, Filter.of("format", pix_fmts="yuvj420p")], "out"),))
    arguments = ["-threads", "1", *read_media(_BEFORE, "image", decoders="mjpeg"), "-filter_complex", graph.text()]
    arguments += ["-map", "[out]", "-frames:v", "1", "-map_metadata", "-1", "-c:v", "mjpeg", "-q:v", "3"]
    arguments += ["-fflags", "+bitexact", "-flags", "+bitexact", "-f", "image2", "-update", "1", _AFTER]
    try:
        run_ffmpeg(arguments, folder=job, limits=_LIMITS)
        return (job / _AFTER).read_bytes()
    finally:
        for name in (_BEFORE, _SCRIPT, _AFTER):
            (job / name).unlink(missing_ok=True)


def _typed(title: str, kit: Kit, stage: Stage) -> Title:
    hook = kit.brand.hook or Hook()
    return Title(
        text=title,
        start_ns=ns(0),
        end_ns=ns(10),
        band=hook.position,
        size=round(min(stage.width, stage.height) * hook.size_pct / 100 * _LARGER),
        colour=kit.brand.rgb(hook.colour),
        box=kit.brand.rgb(hook.box) if hook.box else None,
        fade=False,
    )
