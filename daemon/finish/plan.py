"""How one finished file is made, decided once: a value that stands in clip.json and makes the same frames again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any

from core.errors import UsageError
from core.times import Ns
from daemon.captioning import Stage
from daemon.ffmpeg import VideoCoding
from daemon.ffmpeg.encoders import SOFTWARE
from daemon.framing import Framing
from daemon.platforms import Coding, tightened
from daemon.sound import SoundPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatPlan:
    """One format of a clip. `start_ns` is its first frame's place in the master. What is said in it, how captions look
    and which brand it carries stand beside it in clip.json, since people change those."""

    name: str
    start_ns: Ns
    length_ns: Ns
    video: VideoCoding
    sound_kbit_s: int
    max_bytes: int
    safe: tuple[int, int, int, int]  # left, top, right, bottom: px of the picture that an app covers
    framing: Framing
    sound: SoundPlan
    encoder: str
    reasons: tuple[str, ...] = ()  # what was lowered, and why

    @property
    def stage(self) -> Stage:
        """Where captions and titles may stand."""
        left, top, right, bottom = self.safe
        return Stage(width=self.video.width, height=self.video.height, left=left, top=top, right=right, bottom=bottom)

    def tightened(self, size: int) -> FormatPlan:
        """After an encoder went over the bytes that are allowed."""
        coding = Coding(video=self.video, sound_kbit_s=self.sound_kbit_s, reasons=self.reasons)
        coding = tightened(coding, size, self.max_bytes)
        return replace(self, video=coding.video, reasons=coding.reasons)

    def in_software(self, why: str) -> FormatPlan:
        """Where the encoder that was wished for does not work."""
        return replace(self, encoder=SOFTWARE, reasons=(*self.reasons, f"Coded with {SOFTWARE}: {why.rstrip('.')}."))

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        video = {**asdict(self.video), "fps": str(self.video.fps), "gop_s": str(self.video.gop_s)}
        document = {
            name: getattr(self, name) for name in ("name", "start_ns", "length_ns", "sound_kbit_s", "max_bytes")
        }
        return {
            **document,
            "safe": list(self.safe),
            "video": video,
            "framing": self.framing.to_json(),
            "sound": self.sound.to_json(),
            "encoder": self.encoder,
            "reasons": list(self.reasons),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> FormatPlan:
        """Back again. Raises UsageError for anything else."""
        try:
            video = dict(document["video"])
            fps, gop_s = Fraction(str(video.pop("fps"))[:40]), Fraction(str(video.pop("gop_s"))[:40])
            left, top, right, bottom = (int(margin) for margin in document["safe"])
            return cls(
                name=str(document["name"])[:40],
                start_ns=Ns(int(document["start_ns"])),
                length_ns=Ns(int(document["length_ns"])),
                video=VideoCoding(**video, fps=fps, gop_s=gop_s),
                sound_kbit_s=int(document["sound_kbit_s"]),
                max_bytes=int(document["max_bytes"]),
                safe=(left, top, right, bottom),
                framing=Framing.from_json(document["framing"]),
                sound=SoundPlan.from_json(document["sound"]),
                encoder=str(document["encoder"])[:40],
                reasons=tuple(str(reason)[:300] for reason in document["reasons"]),
            )
        except (ArithmeticError, ValueError, KeyError, TypeError, AttributeError) as err:
            raise UsageError(
                f"A format's plan in this recipe cannot be read: {err}",
                remedy="Ask for the format by name (--formats); it is then planned again.",
            ) from err
