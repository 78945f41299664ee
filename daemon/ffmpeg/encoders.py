"""H.264 encoders: what a picture is coded with as a plain value, and which of the machine's encoders prove themselves.

A hardware encoder is used once it has coded a few frames that decode back to the same picture, never because a driver
is there. Framing, captions, sound and sizes are decided without knowing the encoder.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Final, Literal

from core.errors import UsageError
from daemon.ffmpeg.child import FfmpegFailed, Limits, run_ffmpeg
from daemon.ffmpeg.graph import Filter, Graph, chain
from daemon.ffmpeg.media import read_media

EncoderName = Literal["libx264", "h264_nvenc", "h264_qsv", "h264_vaapi"]
SOFTWARE: Final[EncoderName] = "libx264"
HARDWARE: Final[tuple[EncoderName, ...]] = ("h264_nvenc", "h264_qsv", "h264_vaapi")  # in the order they are tried
THREADS: Final = 4  # x264's frames depend on their number, so it does not follow the machine
# Nor, on a busy one, on chance: with a lookahead thread 1 run in 10 gave other bytes, so there is none.
_PROOF_FRAMES: Final = 12
_PROOF_SSIM: Final = 0.9  # judgement: any encoder's picture at this rate is closer, a green or shifted one far off
_RENDER_NODE: Final = re.compile(r"renderD\d{1,3}\Z")
# Drivers reserve address space for all memory of machine and card before they use any.
_HARDWARE_SPACE: Final = 1 << 46


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoCoding:
    """How the picture of a finished clip is coded, for any H.264 encoder. Rates in kbit/s.

    Quality decides (`crf`, x264's scale); `max_kbit_s` bounds it through a buffer of `buffer_kbit` (VBV), so that no
    span of T seconds takes more than T * max_kbit_s + buffer_kbit.
    """

    width: int
    height: int
    fps: Fraction
    crf: int
    max_kbit_s: int
    buffer_kbit: int
    preset: str = "veryfast"
    profile: str = "high"
    level: str = "4.2"
    gop_s: Fraction = Fraction(2)
    b_frames: int = 2

    @property
    def gop(self) -> int:
        """Frames between keyframes."""
        return max(1, round(self.gop_s * self.fps))


@dataclass(frozen=True, slots=True)
class Encoder:
    """An encoder that was tried; `why_not` is empty when it works."""

    name: EncoderName
    why_not: str = ""
    device: str = ""  # vaapi's render node

    @property
    def works(self) -> bool:
        """It has proved itself."""
        return not self.why_not

    @property
    def hardware(self) -> bool:
        """It needs devices and a few variables: `run_ffmpeg(..., devices=True)`."""
        return self.name != SOFTWARE

    def before_inputs(self) -> list[str]:
        """Arguments that stand before the first input."""
        return ["-vaapi_device", self.device] if self.device else []

    def last_filters(self) -> list[Filter]:
        """What the picture goes through at the end of its graph."""
        if self.name == "h264_vaapi":
            return [Filter.of("format", pix_fmts="nv12"), Filter.of("hwupload")]
        return [Filter.of("format", pix_fmts="yuv420p" if self.name != "h264_qsv" else "nv12")]

    def limits(self, limits: Limits) -> Limits:
        """The same, with the address space that a driver wants."""
        return replace(limits, memory_bytes=_HARDWARE_SPACE) if self.hardware else limits


def coding_arguments(coding: VideoCoding, encoder: Encoder) -> list[str]:
    """Output options of the picture: closed GOPs, BT.709, same bytes for the same frames with libx264."""
    rate = ["-maxrate", f"{coding.max_kbit_s}k", "-bufsize", f"{coding.buffer_kbit}k"]
    shape = ["-g", str(coding.gop), "-bf", str(coding.b_frames), "-profile:v", coding.profile, "-level:v", coding.level]
    colour = ["-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv"]
    return ["-c:v", encoder.name, *_quality(coding, encoder.name), *rate, *shape, *colour]


def _quality(coding: VideoCoding, name: EncoderName) -> list[str]:
    aim = str(coding.max_kbit_s * 4 // 5)  # where an encoder wants an average beside the bound
    match name:
        case "libx264":
            own = ["-preset", coding.preset, "-crf", str(coding.crf), "-threads", str(THREADS)]
            return [*own, "-x264-params", "open-gop=0:sync-lookahead=0"]
        case "h264_nvenc":
            return ["-preset", "p5", "-rc", "vbr", "-cq", str(coding.crf + 3), "-b:v", f"{aim}k", "-no-scenecut", "1"]
        case "h264_qsv":
            return ["-preset", "medium", "-b:v", f"{aim}k"]
        case "h264_vaapi":
            return ["-rc_mode", "VBR", "-b:v", f"{aim}k"]


def choose_encoder(wanted: str = "auto") -> Encoder:
    """`auto`: the first hardware encoder that works, else libx264; a name: that one. Raises UsageError, see `prove`."""
    if wanted == "auto":
        return next((proof for proof in map(prove, HARDWARE) if proof.works), prove(SOFTWARE))
    names: dict[str, EncoderName] = {name: name for name in (SOFTWARE, *HARDWARE)}
    if wanted not in names:
        raise UsageError(f"{wanted[:40]!r} is no encoder we know", remedy=f"Use auto, {', '.join(names)}.")
    proof = prove(names[wanted])
    if not proof.works:
        raise UsageError(f"{wanted} does not work here: {proof.why_not}", remedy="Use auto or libx264.")
    return proof


def usable_encoder(wanted: str) -> tuple[Encoder, str]:
    """`choose_encoder`, or libx264 and why not the wanted one. Raises UsageError for a name that is none of ours."""
    try:
        return choose_encoder(wanted), ""
    except UsageError as err:
        if wanted not in HARDWARE:
            raise
        return choose_encoder(SOFTWARE), err.what


@cache
def prove(name: EncoderName) -> Encoder:
    """A few real frames coded and decoded again, once a process. Blocks for 0.3 s, 20 s at most."""
    encoder = Encoder(name, device=_render_node() if name == "h264_vaapi" else "")
    if name == "h264_vaapi" and not encoder.device:
        return Encoder(name, "there is no render node under /dev/dri")
    try:
        with tempfile.TemporaryDirectory(prefix="clipd-encoder-") as folder:
            likeness = _coded_and_back(Path(folder), encoder)
    except FfmpegFailed as err:
        return Encoder(name, _reason(name, err))
    if likeness < _PROOF_SSIM:
        return Encoder(name, f"its picture is not the one it was given (SSIM {likeness:.2f})")
    return encoder


def _coded_and_back(folder: Path, encoder: Encoder) -> float:
    """SSIM of a moving test picture, 320x192, against what the encoder made of it."""
    coding = VideoCoding(width=320, height=192, fps=Fraction(30), crf=20, max_kbit_s=2000, buffer_kbit=2000)
    picture = ["-f", "lavfi", "-i", f"testsrc2=size=320x192:rate=30:duration={_PROOF_FRAMES / 30}"]
    graph = Graph((chain("0:v", encoder.last_filters(), "out"),))
    arguments = [*encoder.before_inputs(), *picture, "-filter_complex", graph.text(), "-map", "[out]"]
    arguments += [*coding_arguments(coding, encoder), "-f", "mov", "proof.mp4"]
    limits = Limits(cpu_s=20, wall_s=20)
    run_ffmpeg(arguments, folder=folder, limits=encoder.limits(limits), devices=encoder.hardware)
    check = Graph((chain(["0:v", "1:v"], [Filter.of("ssim")], "like"),))
    arguments = [*picture, *read_media("proof.mp4"), "-filter_complex", check.text(), "-map", "[like]"]
    said = run_ffmpeg([*arguments, "-f", "null", "-"], folder=folder, limits=limits)
    return _likeness(said)


def _likeness(said: str) -> float:
    alike = re.search(r"SSIM .*All:(\d\.\d+)", said)
    return float(alike[1]) if alike else 0.0


def _reason(name: EncoderName, failed: FfmpegFailed) -> str:
    """The first thing the encoder itself said, without its address; what follows is ffmpeg giving up."""
    own = re.search(rf"^\[{name} @ [^\]]*\] (.+)$", failed.said, re.MULTILINE)
    return own[1].strip()[:200] if own else failed.what


def _render_node(folder: Path = Path("/dev/dri")) -> str:
    """The first render node; empty when there is none."""
    nodes: Sequence[Path] = sorted(folder.iterdir()) if folder.is_dir() else ()
    return next((str(node) for node in nodes if _RENDER_NODE.match(node.name)), "")
