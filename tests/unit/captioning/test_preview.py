"""`clipd style preview`: all styles on one picture, each under its name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from core.errors import UsageError
from daemon.captioning import FontBook, styles
from daemon.captioning.preview import SIZES, Tile, contact_sheet
from daemon.cli.main import app
from daemon.ffmpeg import Limits, run_ffmpeg
from tests.unit.captioning.drawing import Picture, of_colour

_LIMITS = Limits(cpu_s=30, wall_s=60)


def _film(folder: Path) -> Path:
    source = "color=0x405060:s=320x180:r=25:d=2"
    arguments = ["-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "ultrafast", "-f", "mp4", "master.mp4"]
    run_ffmpeg(arguments, folder=folder, limits=_LIMITS)
    return folder / "master.mp4"


def _read(path: Path) -> Picture:
    with av.open(str(path)) as picture:
        return np.asarray(next(picture.decode(video=0)).to_ndarray(format="rgb24"))


def _preview(arguments: Sequence[str | Path]) -> None:
    result = CliRunner().invoke(app, ["style", "preview", *map(str, arguments)])
    if result.exception is not None:
        raise result.exception


def test_a_video_gives_a_sheet_of_all_styles(tmp_path: Path) -> None:
    _preview([_film(tmp_path), "--out", tmp_path / "sheet.png"])
    sheet = _read(tmp_path / "sheet.png")
    width, height = SIZES["9:16"]
    columns = (sheet.shape[1] - 12) // (width + 12)
    tiles = [
        sheet[12 + y : 12 + y + height, 12 + x : 12 + x + width]
        for number in range(len(styles()))
        for y, x in [((number // columns) * (height + 12), (number % columns) * (width + 12))]
    ]
    for tile in tiles:
        assert of_colour(tile, "FFFFFF")[:60, :300].sum() > 100  # the name
        assert of_colour(tile, "FFFFFF")[100:].sum() + of_colour(tile, "FFE600")[100:].sum() > 500  # the captions
    assert len({tile.tobytes() for tile in tiles}) == len(tiles)


def test_a_clips_own_words_are_shown(tmp_path: Path) -> None:
    _film(tmp_path)
    texts = ("האם", "ראית", "את", "זה")
    words = [{"text": t, "start_s": 0.4 * at, "end_s": 0.4 * at + 0.4, "prob": 1.0} for at, t in enumerate(texts)]
    (tmp_path / "clip.json").write_text(json.dumps({"schema": 1, "words": words}))
    _preview([tmp_path / "clip.json", "--out", tmp_path / "own.png", "--size", "16:9"])
    _preview([tmp_path / "master.mp4", "--out", tmp_path / "sample.png", "--size", "16:9"])
    assert not np.array_equal(_read(tmp_path / "own.png"), _read(tmp_path / "sample.png"))


def test_other_parts_put_their_own_tiles_on_a_sheet(tmp_path: Path) -> None:
    arguments = ["-f", "lavfi", "-i", "color=0x800000:s=64x96:d=1", "-frames:v", "1", "one.png"]
    run_ffmpeg(arguments, folder=tmp_path, limits=_LIMITS)
    tiles = [Tile(label, tmp_path / "one.png") for label in ("split", "it's; [x]{y}", "שלום")]
    sheet = _read(contact_sheet(tmp_path, tiles, (64, 96), FontBook()))
    assert sheet.shape[:2] == (96 + 24, 3 * (64 + 12) + 12)


@pytest.mark.parametrize("name", ["missing.mp4", "text.mp4"])
def test_what_is_no_video_is_refused_with_a_remedy(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.mp4").write_text("not a video at all")
    with pytest.raises(Exception, match=r"(No such file|no media format)"):
        _preview([tmp_path / name, "--out", tmp_path / "sheet.png"])
    with pytest.raises(UsageError, match="16:9"):
        _preview([tmp_path / name, "--size", "2:1"])
    assert not (tmp_path / "sheet.png").exists()
