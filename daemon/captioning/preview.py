"""The contact sheet of `clipd style preview`: one frame of a video in every caption style, each under its name.

A tile is a picture with a label, so other parts (layouts, brand kits) can put theirs on the same sheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from core.times import Ns, ns
from core.words import Word
from daemon.captioning import ass
from daemon.captioning.ass import Event, Shape, Tag
from daemon.captioning.fonts import FontBook, place_fonts
from daemon.captioning.options import CaptionOptions
from daemon.captioning.script import Captions, caption_filter, caption_script
from daemon.captioning.setting import Setting, set_text
from daemon.captioning.stage import Stage
from daemon.captioning.style import styles
from daemon.captioning.text import shown
from daemon.ffmpeg import Expression, Filter, Graph, Limits, Name, chain, read_media, run_ffmpeg

SIZES: Final = {"9:16": (540, 960), "4:5": (576, 720), "1:1": (640, 640), "16:9": (960, 540)}
MAX_TILES: Final = 64
_FRAME: Final = Name("frame.png")
_SHEET: Final = Name("sheet.png")
_LIMITS: Final = Limits(cpu_s=60, wall_s=120)
_ACROSS: Final = 2200  # pixels of a row of tiles, so that labels can be read without zooming
_GAP: Final = 12
_STEP_S: Final = 60  # each tile is a frame of a film this far after the one before; longer than any phrase
_AFTER_CS: Final = 16  # pops and drops are over, and the word is still being said
_SAMPLE: Final = "Nobody saw that last round coming, not even me"
_SAMPLE_WORD_S: Final = 0.32


@dataclass(frozen=True, slots=True)
class Tile:
    """A picture (PNG) and what it shows."""

    label: str
    picture: Path


def sample_words() -> tuple[Word, ...]:
    """For a video without words."""
    texts = _SAMPLE.split()
    spans = [(ns(number * _SAMPLE_WORD_S), ns((number + 1) * _SAMPLE_WORD_S)) for number in range(len(texts))]
    return tuple(
        Word(text=text, start_ns=start, end_ns=end, prob=1.0, vad=1.0, epoch=0)
        for text, (start, end) in zip(texts, spans, strict=True)
    )


def grab_frame(folder: Path, media: Name, demuxer: str, seek_s: float, size: tuple[int, int]) -> Path:
    """A typical frame after `seek_s` of a video in `folder`, cut to `size`. Raises FfmpegFailed."""
    width, height = size
    filters = [
        Filter.of("thumbnail", n=30),
        Filter.of("scale", w=width, h=height, force_original_aspect_ratio="increase"),
        Filter.of("crop", w=width, h=height),
        Filter.of("setsar", sar=1),
    ]
    arguments = [*read_media(media, demuxer, seek_s=seek_s, duration_s=4.0), *_graph(filters), "-frames:v", "1"]
    run_ffmpeg([*arguments, "-f", "image2", f"file:{_FRAME}"], folder=folder, limits=_LIMITS)
    return folder / _FRAME


def style_tiles(folder: Path, words: Sequence[Word], size: tuple[int, int], book: FontBook) -> list[Tile]:
    """One tile for each style over the frame in `folder`, in the middle of a phrase. Raises FfmpegFailed."""
    stage = Stage.plain(*size)
    made = [(name, _captions(name, words, stage, book)) for name in styles()]
    events = [event for number, (_, one) in enumerate(made) for event in _moved(one, number)]
    faces = [face for _, one in made for face in one.faces]
    script = Name("styles.ass")
    (folder / script).write_text(ass.script(*size, events), "utf-8")
    filters = [_stretched(len(made)), _spread(), caption_filter(script, place_fonts(folder, faces))]
    arguments = [*read_media(_FRAME, "png"), *_graph(filters), "-frames:v", str(len(made))]
    run_ffmpeg([*arguments, "-start_number", "0", "-f", "image2", "file:style%02d.png"], folder=folder, limits=_LIMITS)
    return [Tile(name, folder / f"style{number:02d}.png") for number, (name, _) in enumerate(made)]


def contact_sheet(folder: Path, tiles: Sequence[Tile], size: tuple[int, int], book: FontBook) -> Path:
    """All tiles, pictures of one `size` in any folder, with their labels in one picture. Raises FfmpegFailed."""
    chosen = tiles[:MAX_TILES]
    for number, tile in enumerate(chosen):
        link = folder / f"tile{number:02d}.png"
        link.unlink(missing_ok=True)
        link.symlink_to(tile.picture.absolute())
    columns = max(1, min(len(chosen), _ACROSS // size[0]))
    rows = -(-len(chosen) // columns)
    script = Name("labels.ass")
    settings = [set_text(shown(tile.label), book)[0] for tile in chosen]
    labels = [_label(number, setting, size) for number, setting in enumerate(settings) if setting is not None]
    (folder / script).write_text(ass.script(*size, [event for label in labels for event in label]), "utf-8")
    faces = [run.face for setting in settings if setting is not None for run in setting.runs]
    grid = Expression(f"{columns}x{rows}")
    filters = [
        Filter.of("format", pix_fmts="rgb24"),
        _spread(),
        caption_filter(script, place_fonts(folder, faces)),
        Filter.of("tile", layout=grid, padding=_GAP, margin=_GAP, color="0x1B1B20"),
    ]
    arguments = [*read_media("tile%02d.png", "png"), *_graph(filters), "-frames:v", "1"]
    run_ffmpeg([*arguments, "-f", "image2", f"file:{_SHEET}"], folder=folder, limits=_LIMITS)
    return folder / _SHEET


def _captions(name: str, words: Sequence[Word], stage: Stage, book: FontBook) -> Captions:
    return caption_script(words, Ns(words[-1].end_ns + ns(1)), CaptionOptions(style=name), stage, book)


def _moved(captions: Captions, number: int) -> list[Event]:
    """What is seen while the third word, or the last of a shorter text, is said, at the tile's own time."""
    words = sorted(captions.said_cs)
    if not words:
        return []
    word = words[min(2, len(words) - 1)]
    at_cs = captions.said_cs[word] + _AFTER_CS
    by = 100 * _STEP_S * (number + 1) - at_cs
    seen = [event for event in captions.events if event.start_cs <= at_cs < event.end_cs]
    return [replace(event, start_cs=event.start_cs + by, end_cs=event.end_cs + by) for event in seen]


def _label(number: int, setting: Setting, size: tuple[int, int]) -> list[Event]:
    """White on a dark bar at the top left, whatever is behind it."""
    em = min(26.0, (size[0] - 3 * _GAP) / setting.width)
    width, height = setting.width * em, 1.7 * em
    start_cs = 100 * _STEP_S * (number + 1) - 100
    bar = (Tag("an", (7,)), Tag("pos", (_GAP, _GAP)), Tag("bord", (0,)), Tag("shad", (0,)), Tag("1c", ("101014",)))
    text = (Tag("pos", (1.5 * _GAP + setting.anchor * em, _GAP + height / 2)), Tag("1c", ("FFFFFF",)))
    return [
        Event(layer=8, start_cs=start_cs, end_cs=start_cs + 200, tags=bar, body=Shape(width + _GAP, height, em / 4)),
        Event(layer=9, start_cs=start_cs, end_cs=start_cs + 200, tags=text, body=setting.body(em)),
    ]


def _stretched(count: int) -> Filter:
    return Filter.of("tpad", stop_mode="clone", stop=count - 1)


def _spread() -> Filter:
    """Frame n at n + 1 steps."""
    return Filter.of("setpts", expr=Expression(f"(N+1)*{_STEP_S}/TB"))


def _graph(filters: Sequence[Filter]) -> list[str]:
    text = Graph((chain("0:v", filters, "out"),)).text()
    return ["-filter_complex", text, "-map", "[out]", "-fps_mode", "passthrough"]
