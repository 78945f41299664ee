"""What is known, wished and decided about the sound of a finished clip. Plain values; a plan goes to JSON and back.

Loudness is integrated loudness in LUFS (ITU-R BS.1770-5, gated), peaks are true peaks in dBTP (the same, annex 2).
Times count from the first frame of the finished clip.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeVar, get_args

from core.errors import UsageError
from core.times import Ns, ns

RATE: Final = 48_000  # Hz; every finished clip has this rate and two channels
SILENCE_LUFS: Final = -70.0  # the absolute gate of BS.1770: nothing below it is counted
NO_PEAK_DBTP: Final = -120.0  # stands for minus infinity, which JSON does not know

Denoise = Literal["off", "light", "strong"]
MaskStyle = Literal["mute", "bleep"]
Role = Literal["mix", "voice", "background"]
Method = Literal["linear", "limited", "untouched", "absent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loudness:
    """What ffmpeg's ebur128 says, to 0.1."""

    integrated_lufs: float
    true_peak_dbtp: float
    range_lu: float

    @property
    def silent(self) -> bool:
        """Nothing passed the absolute gate."""
        return self.integrated_lufs <= SILENCE_LUFS


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackUse:
    """One audio track of the source, by its place among the audio tracks, and what it is mixed as."""

    index: int
    gain_db: float = 0.0
    role: Role = "mix"


@dataclass(frozen=True, slots=True)
class Span:
    """From `start_ns` up to `end_ns`, to be silenced."""

    start_ns: Ns
    end_ns: Ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """What is done to the sound before its level is measured: the mix and what cleans it."""

    tracks: tuple[TrackUse, ...] = (TrackUse(index=0),)
    denoise: Denoise = "off"
    clarity: bool = False  # speech: less rumble and boom, more presence
    duck: bool = True  # background under voice, where tracks have those roles


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundWishes:
    """What a user or a platform asks for."""

    target_lufs: float = -14.0  # what YouTube, TikTok and Instagram play at; louder is turned down there
    peak_dbtp: float = -1.5  # of the encoded file; room for the platform's own second encode
    treatment: Treatment = Treatment()
    masks: tuple[Span, ...] = ()
    mask_style: MaskStyle = "mute"
    fade_ns: Ns = ns(0.015)  # at head, tail and joins: 10-20 ms are heard as neither click nor fade
    joins_ns: tuple[Ns, ...] = ()  # where footage was joined hard


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundMeasure:
    """The sound of a span of a master after its treatment, before its gain."""

    length_ns: Ns
    loudness: Loudness
    by_track: tuple[Loudness, ...]  # before the mix, in the order of the treatment's tracks; empty without sound
    flatness: float  # 0 = tones and silence, 0.56 = noise of any colour; see `flatness.py`
    treatment: Treatment


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundPlan:
    """Everything `sound_graph` needs. Same plan, same source: same sound."""

    length_ns: Ns
    method: Method
    gain_db: float
    most_gain_db: float  # a correction never goes over it
    ceiling_dbtp: float | None  # of the limiter; None = none
    target_lufs: float
    aim_lufs: float  # the target, or less where the gain is capped
    peak_dbtp: float
    treatment: Treatment
    duck_threshold_db: float | None  # full scale; None = no ducking
    masks: tuple[Span, ...]
    mask_style: MaskStyle
    fade_ns: Ns
    joins_ns: tuple[Ns, ...]
    reasons: tuple[str, ...]  # sentences for people, in the order they were decided
    heard: Loudness | None = None  # of the encoded output, once it was tried

    def to_json(self) -> dict[str, Any]:
        """For clip.json."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> SoundPlan:
        """Back from `to_json`. Raises UsageError for anything else."""
        try:
            return _plan(dict(document))
        except (TypeError, ValueError, KeyError, AttributeError) as err:
            raise UsageError(
                f"The sound plan in this recipe cannot be read: {err}", remedy="Render the clip again from its master."
            ) from err


_Word = TypeVar("_Word", bound=str)


def _plan(document: dict[str, Any]) -> SoundPlan:
    treatment = dict(document.pop("treatment"))
    tracks = tuple(TrackUse(**{**track, "role": _word(track["role"], Role)}) for track in treatment.pop("tracks"))
    heard = document.pop("heard")
    masks = tuple(Span(**span) for span in document.pop("masks"))
    _word(document["method"], Method)
    _word(document["mask_style"], MaskStyle)
    _word(treatment["denoise"], Denoise)
    for key in ("gain_db", "most_gain_db", "target_lufs", "aim_lufs", "peak_dbtp", "length_ns", "fade_ns"):
        document[key] = document[key] + 0  # a TypeError for what is no number
    return SoundPlan(
        joins_ns=tuple(document.pop("joins_ns")),
        reasons=tuple(document.pop("reasons")),
        treatment=Treatment(tracks=tracks, **treatment),
        masks=masks,
        heard=None if heard is None else Loudness(**heard),
        **document,
    )


def _word(word: _Word, among: Any) -> _Word:
    if word not in get_args(among):
        raise ValueError(f"{str(word)[:40]!r} is not one of {', '.join(get_args(among))}")
    return word
