"""Captions drawn by the bundled ffmpeg, for tests that look at the picture."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.times import Ns, ns
from core.words import Word
from daemon.captioning import CaptionOptions, Captions, FontBook, Stage, caption_filter, caption_script, caption_words
from daemon.captioning.ass import Event, script
from daemon.captioning.fonts import place_fonts
from daemon.captioning.script import SCRIPT
from daemon.ffmpeg import Filter, Graph, Limits, Name, chain, run_ffmpeg

ASSETS: Final = Path(__file__).with_name("assets")
GREY: Final = "color=0x808080"
_LIMITS: Final = Limits(cpu_s=60, wall_s=120)
_APART_S: Final = 60  # so far apart that nothing of one frame is on the next
_DIALOGUE: Final = re.compile(r"Dialogue: (\d+),(\d):(\d\d):(\d\d\.\d\d),(\d):(\d\d):(\d\d\.\d\d),c,,0,0,0,,(.*)\Z")
_OVERRIDE: Final = re.compile(r"\{[^}]*\}")

Picture = NDArray[np.uint8]  # height x width x 3


@dataclass(frozen=True, slots=True)
class Line:
    """An event as it stands in the script, read by other means than it was written with."""

    start_s: float
    end_s: float
    tags: str
    text: str

    def number(self, tag: str) -> float:
        """The value of a tag with one number."""
        found = re.search(rf"\\{tag}(-?[\d.]+)", self.tags)
        assert found, f"no {tag} in {self.tags}"
        return float(found[1])

    @property
    def place(self) -> tuple[float, float]:
        """Its middle, in pixels; of one that moves, where it begins."""
        found = re.search(r"\\(?:pos|move)\((-?[\d.]+),(-?[\d.]+)", self.tags)
        assert found
        return float(found[1]), float(found[2])

    @property
    def x(self) -> float:
        """Across."""
        return self.place[0]

    @property
    def colour(self) -> str:
        """RRGGBB of its letters when it begins."""
        blue, green, red = re.findall(r"\\1c&H(..)(..)(..)&", self.tags.split("\\t(")[0])[-1]
        return f"{red}{green}{blue}"


def lines_of(captions: Captions) -> list[Line]:
    """Events with text, in the order of the script."""
    found = []
    for row in captions.script.splitlines():
        match = _DIALOGUE.match(row)
        if match is None or "\\p1" in row:
            continue
        _, *times, text = match.groups()
        start, end = (int(h) * 3600 + int(m) * 60 + float(s) for h, m, s in (times[:3], times[3:]))
        found.append(Line(start, end, "".join(_OVERRIDE.findall(text)), _OVERRIDE.sub("", text)))
    return found


def said(text: str, word_s: float = 0.4, gap_s: float = 0.0) -> tuple[Word, ...]:
    """The words of a text, one after the other."""
    step = word_s + gap_s
    return tuple(
        Word(text=part, start_ns=ns(at * step), end_ns=ns(at * step + word_s), prob=1.0, vad=1.0, epoch=0)
        for at, part in enumerate(text.split())
    )


def reference() -> tuple[tuple[Word, ...], Ns]:
    """Real words with the times a recogniser gave them, and the clip's length."""
    document = json.loads((ASSETS / "reference_words.json").read_text())
    return caption_words(document["words"]), ns(document["length_s"])


def captioned(words: Sequence[Word], stage: Stage, book: FontBook | None = None, **options: object) -> Captions:
    """The script of some words, the clip ending a second after the last."""
    chosen = CaptionOptions.model_validate(options)
    return caption_script(words, Ns(words[-1].end_ns + ns(1)), chosen, stage, book or FontBook())


def pictures(folder: Path, stage: Stage, wanted: Sequence[tuple[Captions, float]], source: str = GREY) -> list[Picture]:
    """One frame for each script and instant, in one run of ffmpeg, over a lavfi `source`."""
    events = [event for number, (one, t_s) in enumerate(wanted) for event in _moved(one, t_s, number)]
    (folder / SCRIPT).write_text(script(stage.width, stage.height, events), "utf-8")
    fonts = place_fonts(folder, [face for one, _ in wanted for face in one.faces])
    rate = f"s={stage.width}x{stage.height}:r=1/{_APART_S}:d={_APART_S * (len(wanted) + 1)}"
    return _drawn(folder, f"{source}{':' if '=' in source else '='}{rate}", ["-ss", str(_APART_S)], fonts, stage)


def film(folder: Path, stage: Stage, captions: Captions, length_s: float, fps: int) -> list[Picture]:
    """All frames of captions on grey."""
    captions.write(folder)
    source = f"{GREY}:s={stage.width}x{stage.height}:r={fps}:d={length_s}"
    return _drawn(folder, source, [], place_fonts(folder, captions.faces), stage)


def ink(picture: Picture, paper: int = 128) -> NDArray[np.bool_]:
    """Where something was drawn on grey."""
    return np.asarray((np.abs(picture.astype(int) - paper) > 24).any(axis=2))


def of_colour(picture: Picture, colour: str, within: int = 28) -> NDArray[np.bool_]:
    """Where the picture has a colour (RRGGBB)."""
    wanted = np.array([int(colour[at : at + 2], 16) for at in (0, 2, 4)])
    return np.asarray((np.abs(picture.astype(int) - wanted) <= within).all(axis=2))


def _moved(captions: Captions, t_s: float, number: int) -> list[Event]:
    t_cs = round(100 * t_s)
    by = 100 * _APART_S * (number + 1) - t_cs
    seen = [event for event in captions.events if event.start_cs <= t_cs < event.end_cs]
    return [replace(event, start_cs=event.start_cs + by, end_cs=event.end_cs + by) for event in seen]


def _drawn(folder: Path, source: str, seek: Sequence[str], fonts: Name, stage: Stage) -> list[Picture]:
    filters = [Filter.of("format", pix_fmts="rgb24"), caption_filter(SCRIPT, fonts)]
    graph = Graph((chain("0:v", filters, "out"),)).text()
    arguments = ["-loglevel", "verbose", "-f", "lavfi", "-i", source, "-filter_complex", graph, "-map", "[out]", *seek]
    arguments += ["-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-f", "rawvideo", "file:out.rgb"]
    said = run_ffmpeg(arguments, folder=folder, limits=_LIMITS)
    assert "selecting one more font" not in said, "libass lacked a letter and would draw a box"
    return list(np.fromfile(folder / "out.rgb", np.uint8).reshape(-1, stage.height, stage.width, 3))
