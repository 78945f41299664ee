"""What goes with finished files: posters to choose from, timelines for editors, transcripts."""

from __future__ import annotations

from collections.abc import Sequence

from core.times import Ns
from daemon.clips.picture_quality import FaceBox
from daemon.clips.posters import POSTERS, Poster, find_posters, poster_jpegs
from daemon.finish.clip import CutClip
from daemon.finish.plan import FormatPlan
from daemon.framing import FaceFinder
from daemon.handoff import NAMES, Footage, clip_timeline, media_facts, timeline_files, transcript_files


def make_extras(
    clip: CutClip, plans: Sequence[FormatPlan], finder: FaceFinder, posters: Sequence[Poster] = ()
) -> dict[str, tuple[str, bytes]]:
    """File names and contents by kind; each format has a poster in its own shape. Raises CutRefused, BadMedia.

    `posters`: those chosen while the clip was looked at; without any, it is looked at for them.
    """
    made: dict[str, tuple[str, bytes]] = {}
    chosen = posters or find_posters(clip.master, clip.anchor_ns, faces=lambda image: _boxes(finder, image))
    for number, (name, poster) in enumerate(zip(POSTERS, chosen, strict=False), 1):
        cut = plans if number == 1 else ()
        whole, *others = poster_jpegs(clip.master, poster, [None, *((p.video.width, p.video.height) for p in cut)])
        made["thumbnail" if number == 1 else f"thumbnail_{number}"] = (name, whole)
        for plan, jpeg in zip(cut, others, strict=True):
            made[f"{plan.name}_thumbnail"] = (f"{plan.name}.jpg", jpeg)
    for kind, text in _hand_off(clip).items():
        made[kind] = (NAMES[kind], text)
    return made


def _hand_off(clip: CutClip) -> dict[str, bytes]:
    facts = media_facts(clip.master)
    master = Footage(path=clip.master.name, facts=facts, begin_ns=Ns(0))
    timeline = clip_timeline(clip.title, master, words=clip.words)
    return timeline_files(timeline) | transcript_files(clip.words, facts.length_ns)


def _boxes(finder: FaceFinder, image: object) -> list[FaceBox]:
    return [FaceBox(*face.box) for face in finder.find(image)]  # type: ignore[arg-type]
