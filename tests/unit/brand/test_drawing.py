"""What a brand looks like: the graphs drawn by ffmpeg over a grey clip, and its pixels looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from core.times import ns
from daemon.brand import Brand, Branded, Kit, Pads, SoundForm, brand_graph, card_graph
from daemon.captioning import Stage
from daemon.ffmpeg import Filter, Graph, Limits, chain, read_media, run_ffmpeg

STAGE = Stage(width=270, height=480, left=10, right=30, top=40, bottom=60)
FPS = Fraction(25)
GREY, RED, MAIN, BACK = (128, 128, 128), (255, 0, 0), (255, 59, 92), (16, 32, 48)
Picture = NDArray[np.uint8]


def grey(sound: bool = False) -> Graph:
    """Two seconds of a grey picture on pad `clip`, and a tone on pad `tone`."""
    picture = chain((), [Filter.of("color", c="0x808080", s="qvga", r=FPS, d=2)], "clip")
    tone = chain((), [Filter.of("sine", f=440, r=44_100, d=2)], "tone")
    return Graph((picture, tone) if sound else (picture,))


def draw(graph: Graph, parts: Sequence[Branded], job: Path, *maps: str) -> Path:
    """Run it; lossless, so that colours can be compared."""
    arguments: list[str] = []
    for part in parts:
        for name, text in (part.files or {}).items():
            (job / name).write_text(text)
        for name in part.inputs:
            arguments += read_media(name, "image", decoders="png")
    arguments += ["-filter_complex", graph.text()]
    for pad in maps:
        arguments += ["-map", f"[{pad}]"]
    codecs = ["-c:v", "libx264", "-qp", "0", "-preset", "ultrafast", "-c:a", "aac", "-threads", "1"]
    run_ffmpeg([*arguments, *codecs, "out.mp4"], folder=job, limits=Limits(cpu_s=30, wall_s=60))
    return job / "out.mp4"


def frames(path: Path) -> list[Picture]:
    with av.open(str(path)) as media:
        return [frame.to_ndarray(format="rgb24").astype(np.uint8) for frame in media.decode(video=0)]


def close(picture: Picture, x: int, y: int, colour: tuple[int, int, int], far: int = 12) -> bool:
    return bool(np.all(np.abs(picture[y, x].astype(int) - colour) <= far))


def scaled() -> Graph:
    """The grey clip at the stage's size."""
    fit = [Filter.of("scale", w=STAGE.width, h=STAGE.height), Filter.of("setsar", sar=1)]
    return grey() + Graph((chain("clip", fit, "framed"),))


@pytest.fixture(scope="module")
def branded(kit: Kit, job: Path) -> list[Picture]:
    """Fifty frames with everything on them."""
    over = brand_graph(
        kit,
        STAGE,
        ns(2),
        FPS,
        title="abc ABC",
        family="DejaVu Sans",
        first_input=0,
        input_pad="framed",
        output_pad="out",
    )
    found = frames(draw(scaled() + over.graph, [over], job, "out"))
    assert len(found) == 50
    return found


def test_the_logo_lies_in_its_corner_out_of_what_the_platform_covers(branded: list[Picture]) -> None:
    """20 % of 270 wide, half as high: from 186 to 240 and from 40 to 67, nine tenths red."""
    mixed = tuple(round(0.9 * red + 0.1 * grey) for red, grey in zip(RED, GREY, strict=True))
    for picture in (branded[0], branded[-1]):
        assert close(picture, 213, 53, mixed)  # type: ignore[arg-type]
        assert close(picture, 245, 53, GREY)
        assert close(picture, 213, 36, GREY)


def test_the_watermark_lies_opposite_and_lets_the_picture_through(branded: list[Picture]) -> None:
    """10 % of 270 wide, above the 60 pixels that are covered; at half opacity its black and white reach half as far."""
    luma = branded[0][408:419, 12:36] @ np.array([0.299, 0.587, 0.114])
    assert 40 < np.abs(luma - 128).max() < 75


def test_the_bar_grows_with_the_clip(branded: list[Picture]) -> None:
    """Half of the width in the middle; nothing at the begin."""
    for at, share in ((0, 0.0), (25, 0.5), (49, 0.98)):
        row = branded[at][478].astype(int)
        filled = int((np.abs(row - MAIN).max(axis=1) < 20).sum())
        assert filled == pytest.approx(share * 270, abs=3)


def test_the_hook_is_there_from_the_first_frame_and_below_the_logo(branded: list[Picture]) -> None:
    """Its box is of the main colour, its letters white; it has gone by the end of its time."""
    first = branded[0].astype(int)
    box = np.abs(first - MAIN).max(axis=2) < 20
    rows = np.flatnonzero(box[:460].any(axis=1))
    assert rows.min() > 67
    assert rows.max() < 200
    letters = np.abs(first[rows.min() : rows.max()] - 255).max(axis=2) < 20
    assert letters.sum() > 50
    assert (np.abs(branded[-1][: rows.max()].astype(int) - MAIN).max(axis=2) < 20).sum() < box[:460].sum() / 2


def test_cards_stand_before_and_after_with_silence(kit: Kit, job: Path) -> None:
    """One second each around the clip's two; picture and sound equally long; the card's own colours."""
    cards = card_graph(
        kit,
        STAGE,
        FPS,
        SoundForm(rate=48_000, channels=2),
        family="DejaVu Sans",
        first_input=0,
        inputs=Pads(picture="framed", sound="tone"),
        outputs=Pads(picture="out", sound="heard"),
    )
    fit = [Filter.of("scale", w=STAGE.width, h=STAGE.height), Filter.of("setsar", sar=1)]
    clip = grey(sound=True) + Graph((chain("clip", fit, "framed"),))
    path = draw(clip + cards.graph, [cards], job, "out", "heard")
    found = frames(path)
    assert len(found) == 100
    assert close(found[5], 5, 5, BACK)
    assert close(found[5], 135, 240, RED)  # the intro's image in the middle
    assert close(found[30], 5, 5, GREY)
    assert close(found[90], 5, 5, MAIN)
    loud = loudness(path)
    assert [round(part, 2) > 0.02 for part in loud] == [False, True, True, False]
    assert kit.brand.intro_ns == kit.brand.outro_ns == ns(1)


def loudness(path: Path) -> list[float]:
    """The loudest sample of the middle of each second."""
    with av.open(str(path)) as media:
        [stream] = media.streams.audio
        assert (stream.rate, stream.channels) == (48_000, 2)
        samples = np.concatenate([frame.to_ndarray()[0] for frame in media.decode(stream)])
    return [float(np.abs(samples[k * 48_000 + 9600 : k * 48_000 + 38_400]).max()) for k in range(4)]


def test_a_kit_with_nothing_in_it_changes_nothing(job: Path) -> None:
    empty = Kit(brand=Brand(), pictures={})
    over = brand_graph(
        empty, STAGE, ns(2), FPS, title="abc", family="X", first_input=0, input_pad="framed", output_pad="branded"
    )
    cards = card_graph(
        empty,
        STAGE,
        FPS,
        None,
        family="X",
        first_input=0,
        inputs=Pads(picture="branded"),
        outputs=Pads(picture="out"),
    )
    found = frames(draw(scaled() + over.graph + cards.graph, [over, cards], job, "out"))
    assert len(found) == 50
    assert np.abs(found[20].astype(int) - 128).max() <= 3


@pytest.mark.parametrize("corner", ["top_left", "top_right", "bottom_left", "bottom_right"])
@pytest.mark.parametrize("shape", [(2, 1000), (1000, 2), (1920, 1080)])
def test_no_logo_leaves_the_picture(kit: Kit, corner: str, shape: tuple[int, int]) -> None:
    """Whatever its shape and margins."""
    brand = Brand.model_validate({"logo": {"image": "a.png", "corner": corner, "width_pct": 60, "margin_pct": 30}})
    name, size = kit.pictures["logo"]
    odd = replace(kit, brand=brand, pictures={"logo": (name, type(size)(*shape))})
    graph = brand_graph(
        odd, STAGE, ns(2), FPS, title="", family="X", first_input=1, input_pad="a", output_pad="b"
    ).graph
    options = {step.name: dict(step.options) for part in graph.chains for step in part.filters}
    place, scale = options["overlay"], options["scale"]
    assert 0 <= int(str(place["x"])) <= STAGE.width - int(str(scale["w"]))
    assert 0 <= int(str(place["y"])) <= STAGE.height - int(str(scale["h"]))
