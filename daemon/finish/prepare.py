"""Decides how each wished format of a clip is made: looks at the picture and listens to the sound once, then plans."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from typing import Any

from core.times import Ns
from daemon.captioning import masked_spans
from daemon.clips.picture_quality import FaceBox
from daemon.clips.posters import Candidates, Poster
from daemon.ffmpeg import VideoCoding
from daemon.finish.clip import CutClip
from daemon.finish.pace import pace_of
from daemon.finish.plan import FormatPlan
from daemon.framing import Canvas, Face, FaceFinder, Framing, LayoutRule, Observations, Picture, observe, plan_framing
from daemon.platforms import Platform, plan_coding
from daemon.sound import SoundMeasure, SoundPlan, SoundWishes, Span, Treatment, measure_sound, plan_sound, settle_sound


class Preparation:
    """What was seen and heard of one clip, shared by its formats. Blocks; runs in a render thread."""

    def __init__(self, clip: CutClip, treatment: Treatment | None = None) -> None:
        self._clip, self._treatment = clip, treatment
        self._seen = Observations.from_json(clip.observed) if clip.observed else None
        self._heard: SoundMeasure | None = None
        self._settled: dict[tuple[float, float, int], SoundPlan] = {}
        self._candidates = Candidates(clip.anchor_ns)

    def plan(self, platform: Platform, rule: LayoutRule, encoder: str, finder: FaceFinder) -> FormatPlan:
        """One format; the picture is looked at for the first of them, unless an earlier finish did.

        Raises BadMedia, and UsageError(`no_room`) where the clip cannot be coded in the platform's bytes.
        """
        clip = self._clip
        coding = plan_coding(platform, clip.length_ns, pace_of(clip.master))
        with ThreadPoolExecutor(1, "listen") as beside:  # the sound is coded and measured by children of its own
            sound = beside.submit(self._sound, platform, coding.sound_kbit_s)
            framing = self._framing(self._look(finder), coding.video, rule)
        return FormatPlan(
            name=platform.name,
            start_ns=clip.head_ns,
            length_ns=clip.length_ns,
            video=coding.video,
            sound_kbit_s=coding.sound_kbit_s,
            max_bytes=platform.max_bytes,
            safe=safe_margins(platform, coding.video),
            framing=framing,
            sound=sound.result(),
            encoder=encoder,
            reasons=coding.reasons,
        )

    def reframed(self, plan: FormatPlan, rule: LayoutRule, finder: FaceFinder) -> FormatPlan:
        """The same with another layout."""
        return replace(plan, framing=self._framing(self._look(finder), plan.video, rule))

    def observed(self) -> dict[str, Any]:
        """What was seen, for clip.json; {} when nothing was looked at."""
        return {} if self._seen is None else self._seen.to_json()

    def posters(self) -> list[Poster]:
        """The best of what was looked at; [] when nothing was."""
        return self._candidates.best(self._clip.length_ns)

    def _judge(self, t_ns: Ns, picture: Picture, faces: Sequence[Face]) -> None:
        self._candidates.add(t_ns, picture, [FaceBox(*face.box) for face in faces])

    def _look(self, finder: FaceFinder) -> Observations:
        clip = self._clip
        if self._seen is None:
            self._seen = observe(clip.master, clip.head_ns, clip.head_ns + clip.length_ns, finder, self._judge)
        return self._seen

    def _framing(self, seen: Observations, video: VideoCoding, rule: LayoutRule) -> Framing:
        speech = [(word.start_ns, word.end_ns) for word in self._clip.spoken()[0]]
        return plan_framing(seen, Canvas(video.width, video.height), rule, speech)

    def _sound(self, platform: Platform, kbit_s: int) -> SoundPlan:
        clip, target = self._clip, platform.sound
        key = (target.target_lufs, target.peak_dbtp, kbit_s)
        if key not in self._settled:
            if self._heard is None:
                end_ns = Ns(clip.head_ns + clip.length_ns)
                self._heard = measure_sound(clip.master, clip.head_ns, end_ns, self._treatment)
            wishes = SoundWishes(target_lufs=target.target_lufs, peak_dbtp=target.peak_dbtp, masks=masks(clip))
            plan = plan_sound(self._heard, wishes)
            self._settled[key] = settle_sound(clip.master, clip.head_ns, plan, kbit_s=kbit_s)
        return self._settled[key]


def masks(clip: CutClip) -> tuple[Span, ...]:
    """What is silenced: the words that captions mask."""
    options = clip.captions
    if options is None or options.mask == "off":
        return ()
    return tuple(Span(start_ns, end_ns) for start_ns, end_ns in masked_spans(clip.spoken()[0], options.languages))


def safe_margins(platform: Platform, video: VideoCoding) -> tuple[int, int, int, int]:
    """The platform's, on a picture that may have been scaled down."""
    by = Fraction(video.width, platform.canvas.width)
    safe = platform.safe
    left, top, right, bottom = (round(margin * by) for margin in (safe.left, safe.top, safe.right, safe.bottom))
    return left, top, right, bottom
