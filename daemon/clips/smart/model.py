"""Values of an exact cut: what is kept of a source, piece by piece, and its short form for clip.json. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from core.media import Packet
from core.times import Ns, ns

MAX_PIECES: Final = 64  # of one clip; each costs files, a decoder and an encoder
CROSSFADE_NS: Final = ns(0.015)  # at a joint of two pieces: short enough to go unheard, long enough not to click
MAX_OFFSET_NS: Final = Ns(20_000_000)  # sound to picture at both ends of an exact clip

# Why a clip's picture was coded anew from end to end; notes in clip.json.
RECODED_CODEC: Final = "recoded_codec"  # clipd has no encoder that continues this codec
RECODED_OPEN_GOP: Final = "recoded_open_gop"  # no keyframe of the span decodes without what lies before it
RECODED_SHORT: Final = "recoded_no_keyframe"  # the span holds no keyframe
RECODED_ENCODER: Final = "recoded_encoder"  # the encoder cannot continue the stream's form (pixels, parameter sets)
KEYFRAME_CUT: Final = "keyframe_cut"  # the cut points do not decode: stream copy from the keyframe before


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One kept range. Packets come without their bytes.

    `head` and `tail` are coded anew and in the order they are shown, `copied` is in decode order; shown one after the
    other. `start_ns` and `end_ns` are media time: the first frame is shown from `start_ns` on, the last until `end_ns`.
    """

    start_ns: Ns
    end_ns: Ns
    head: tuple[Packet, ...] = ()
    copied: tuple[Packet, ...] = ()
    tail: tuple[Packet, ...] = ()

    @property
    def length_ns(self) -> Ns:
        """What is shown of it."""
        return Ns(self.end_ns - self.start_ns)

    @property
    def coded(self) -> tuple[tuple[Packet, ...], ...]:
        """Head and tail, those that are not empty."""
        return tuple(frames for frames in (self.head, self.tail) if frames)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Packets noted by the media time of the first and their number."""

    first_ns: Ns = Ns(0)
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PiecePicks:
    """A piece for clip.json, and the range of footage it was read from."""

    start_ns: Ns
    end_ns: Ns
    read_from_ns: Ns
    read_to_ns: Ns
    head: Run
    copied: Run
    tail: Run


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactPicks:
    """All of an exact clip. `recoded`: the note that says why the whole picture was coded anew, or empty.

    `sound` is `copied`, `coded` or `none`; `sounds` are the copied packets, the first `preroll` of them unheard.
    """

    pieces: tuple[PiecePicks, ...]
    recoded: str = ""
    sound: str = "none"
    sounds: Run = Run()
    preroll: int = 0


def picks_json(picks: ExactPicks) -> dict[str, Any]:
    """JSON values only."""
    return asdict(picks)


def picks_from_json(document: Mapping[str, Any]) -> ExactPicks:
    """What picks_json wrote. Raises ValueError, KeyError or TypeError on anything else."""
    pieces = tuple(_piece(piece) for piece in document["pieces"])
    if not 0 < len(pieces) <= MAX_PIECES:
        raise ValueError(f"{len(pieces)} pieces")
    return ExactPicks(
        pieces=pieces,
        recoded=str(document["recoded"]),
        sound=str(document["sound"]),
        sounds=_run(document["sounds"]),
        preroll=int(document["preroll"]),
    )


def _piece(document: Mapping[str, Any]) -> PiecePicks:
    times = {name: Ns(int(document[name])) for name in ("start_ns", "end_ns", "read_from_ns", "read_to_ns")}
    return PiecePicks(**times, **{name: _run(document[name]) for name in ("head", "copied", "tail")})  # type: ignore[arg-type]


def _run(document: Mapping[str, Any]) -> Run:
    return Run(first_ns=Ns(int(document["first_ns"])), count=int(document["count"]))
