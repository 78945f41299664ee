"""`clipd style preview`: how the caption styles look, on a frame of the user's own clip."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from core.errors import UsageError
from core.times import Ns, to_s
from core.words import Word
from daemon.captioning import FontBook, caption_words
from daemon.captioning.preview import SIZES, contact_sheet, grab_frame, sample_words, style_tiles
from daemon.clips.recipe import read_document
from daemon.ffmpeg import Name
from daemon.files import publish_file
from daemon.ingest.sniff import HEAD_BYTES, media_format

app = typer.Typer(help="Looks of captions.", no_args_is_help=True)
_MASTER: Final = "master.mp4"
_LOOK_AT: Final = 8  # words of the clip
_READ: Final = ("mov", "mpegts")


@app.callback()
def style() -> None:
    """Looks of captions."""


@app.command()
def preview(
    clip: Annotated[Path, typer.Argument(help="A clip.json beside its master.mp4, or a video (MP4, MPEG-TS).")],
    out: Annotated[Path, typer.Option("--out", help="The picture to write.")] = Path("styles.png"),
    size: Annotated[str, typer.Option("--size", help="9:16, 4:5, 1:1 or 16:9.")] = "9:16",
) -> None:
    """Write a picture of every caption style on a frame of a clip."""
    if size not in SIZES:
        raise UsageError(f"There is no size {size[:20]!r}", remedy=f"Sizes: {', '.join(SIZES)}.", code="unknown_size")
    video, words = _clip(clip)
    at_ns = words[0].start_ns if words else Ns(0)
    with tempfile.TemporaryDirectory(prefix="clipd-") as name:
        folder, book = Path(name), FontBook()
        (folder / "source.bin").symlink_to(video.absolute())
        grab_frame(folder, Name("source.bin"), _format(video), to_s(at_ns), SIZES[size])
        tiles = style_tiles(folder, _from_zero(words) or sample_words(), SIZES[size], book)
        sheet = contact_sheet(folder, tiles, SIZES[size], book)
        publish_file(out, lambda partial: shutil.copyfile(sheet, partial))
    typer.echo(str(out))


def _clip(path: Path) -> tuple[Path, Sequence[Word]]:
    """The video, and words from its middle where it has any."""
    if path.suffix != ".json":
        return path, ()
    words = caption_words(read_document(path)["words"])
    first = max(0, len(words) // 2 - _LOOK_AT // 2)
    return path.parent / _MASTER, words[first : first + _LOOK_AT]


def _from_zero(words: Sequence[Word]) -> tuple[Word, ...]:
    zero = words[0].start_ns if words else 0
    return tuple(replace(word, start_ns=Ns(word.start_ns - zero), end_ns=Ns(word.end_ns - zero)) for word in words)


def _format(video: Path) -> str:
    try:
        with video.open("rb") as file:
            kind = media_format(file.read(HEAD_BYTES), video.name)
    except OSError as err:
        raise UsageError(f"{video.name}: {err.strerror}", remedy="Name a clip.json or a video.") from err
    if kind not in _READ:
        raise UsageError(f"{video.name} is {kind}", remedy="Name a clip.json, an MP4 or an MPEG-TS file.")
    return kind
