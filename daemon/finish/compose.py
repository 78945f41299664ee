"""One ffmpeg run for one finished file: the picture's and the sound's graph, the files it needs, its arguments.

picture: paced -> framed -> captions -> brand -> cards -> encoder;  sound: planned -> cards -> encoder
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from core.times import to_s
from daemon.brand import Branded, Kit, Pads, SoundForm, brand_graph, card_graph
from daemon.ffmpeg import Encoder, Filter, Graph, Name, chain, coding_arguments, read_media
from daemon.finish.plan import FormatPlan
from daemon.framing import framing_graph
from daemon.sound import aac_arguments, sound_graph
from daemon.sound.model import RATE

SOURCE: Final = Name("source.mp4")
RESULT: Final = Name("result.mp4")
_FAMILY: Final = "Inter"  # of captions and titles without a brand's font


@dataclass(frozen=True, slots=True)
class Run:
    """Arguments for ffmpeg; `files` are texts that must lie in its folder."""

    arguments: list[str]
    files: Mapping[Name, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dress:
    """What a clip wears beside its plan. `tracks`: audio tracks of its master; `title` is a stranger's text."""

    tracks: int
    title: str
    captions: Filter | None = None
    kit: Kit | None = None


def compose(plan: FormatPlan, encoder: Encoder, dress: Dress) -> Run:
    """For a master that lies in the folder as SOURCE; makes RESULT there."""
    captions, kit = dress.captions, dress.kit
    graph = framing_graph(plan.framing, "0:v:0", "framed", plan.video.fps)
    graph += Graph((chain("framed", [captions or Filter.of("null")], "captioned"),))
    graph += sound_graph(plan.sound, [f"0:a:{index}" for index in range(dress.tracks)], "sound")
    pictures: list[Name] = []
    files: dict[Name, str] = {}
    picture, sound = "captioned", "sound"
    for branded, pads in _branded(plan, kit, dress.title):
        graph += branded.graph
        pictures += branded.inputs
        files |= branded.files or {}
        picture, sound = pads.picture, pads.sound or sound
    graph += Graph((chain(picture, encoder.last_filters(), "v"),))
    arguments = [*encoder.before_inputs()]
    arguments += read_media(SOURCE, seek_s=to_s(plan.start_ns), duration_s=to_s(plan.length_ns))
    for name in pictures:
        arguments += read_media(name, "image", decoders="png")
    arguments += ["-filter_complex", graph.text(), "-map", "[v]", "-map", f"[{sound}]"]
    arguments += [*coding_arguments(plan.video, encoder), *aac_arguments(plan.sound_kbit_s)]
    arguments += ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"]
    return Run([*arguments, "-movflags", "+faststart", "-f", "mp4", f"file:{RESULT}"], files)


def _branded(plan: FormatPlan, kit: Kit | None, title: str) -> list[tuple[Branded, Pads]]:
    if kit is None:
        return []
    stage = plan.stage
    family = kit.family or _FAMILY
    over = brand_graph(
        kit,
        stage,
        plan.length_ns,
        plan.video.fps,
        title=title,
        family=family,
        first_input=1,
        input_pad="captioned",
        output_pad="branded",
    )
    cards = card_graph(
        kit,
        stage,
        plan.video.fps,
        SoundForm(rate=RATE, channels=2),
        family=family,
        first_input=1 + len(over.inputs),
        inputs=Pads(picture="branded", sound="sound"),
        outputs=Pads(picture="carded", sound="carded_sound"),
    )
    return [(over, Pads(picture="branded")), (cards, Pads(picture="carded", sound="carded_sound"))]
