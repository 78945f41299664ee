"""The way in: ranges of footage become an exact master, by copying where the stream allows it and coding where not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast

from core.edits import EditDecision
from core.errors import CutRefused
from core.media import Gap, Packet, Track
from core.protocols import FootageSource
from core.times import Ns
from daemon.clips.master import Master, check_offset, rate_of
from daemon.clips.measure import measure
from daemon.clips.model import NO_AUDIO, NO_VIDEO, TRANSCODED
from daemon.clips.mux import Lane
from daemon.clips.plan import Wanted
from daemon.clips.reel import Reel, open_reel
from daemon.clips.smart.encode import Chunk, Coded, Style, code, recode_failed
from daemon.clips.smart.ids import SetIds, free_ids, level_of
from daemon.clips.smart.model import (
    MAX_OFFSET_NS,
    MAX_PIECES,
    RECODED_CODEC,
    RECODED_ENCODER,
    RECODED_OPEN_GOP,
    RECODED_SHORT,
    ExactPicks,
    Piece,
    Run,
)
from daemon.clips.smart.nal import annexb
from daemon.clips.smart.plan import found_piece, piece_picks, plan_piece, recoded, sound_piece
from daemon.clips.smart.scan import CONTINUED, NAL_CODECS, Scan, scan_reel
from daemon.clips.smart.sound import CopiedSound, code_sound, copied_sound, has_sound, placed
from daemon.clips.smart.write import Picture, starts_of, write_pieces

_NO_LIMIT: Final = Ns(0)


@dataclass(frozen=True, slots=True)
class _Cut:
    """What will be written. `recoded`: why all of the picture is coded anew, or empty."""

    scans: tuple[Scan, ...]
    pieces: tuple[Piece, ...]
    recoded: str = ""
    copied: CopiedSound | None = None
    sound: str = "none"

    def whole(self, why: str) -> _Cut:
        """The same with all frames coded anew."""
        return replace(self, pieces=tuple(map(recoded, self.pieces)), recoded=why)

    def picks(self) -> ExactPicks:
        """For clip.json."""
        copied = self.copied if self.sound == "copied" else None
        return ExactPicks(
            pieces=tuple(
                piece_picks(piece, (scan.reel.from_ns, scan.reel.to_ns))
                for scan, piece in zip(self.scans, self.pieces, strict=True)
            ),
            recoded=self.recoded,
            sound=self.sound,
            sounds=Run(first_ns=copied.packets[0].pts_ns, count=len(copied.packets)) if copied else Run(),
            preroll=copied.preroll if copied else 0,
        )


def open_reels(footage: FootageSource, decision: EditDecision, gaps: Sequence[Gap]) -> list[Reel]:
    """A reel for each range that is kept, in one epoch each. Raises CutRefused."""
    if len(decision.kept) > MAX_PIECES:
        raise CutRefused(
            f"The clip has {len(decision.kept)} parts",
            remedy=f"Leave out fewer; {MAX_PIECES} parts at most.",
            code="too_many_parts",
        )
    parts = [replace(decision, start_ns=start_ns, end_ns=end_ns, drop=()) for start_ns, end_ns in decision.kept]
    return [open_reel(footage, part, MAX_OFFSET_NS, gaps) for part in parts]


def write_exact(path: Path, reels: Sequence[Reel]) -> Master:
    """Cut to the frame, the reels' wanted ranges one after the other; `path` gets the MP4. Raises CutRefused, OSError.

    A codec or a stream that cannot be continued is coded anew from end to end, with a note that says why.
    """
    scans = tuple(scan_reel(reel) for reel in reels)
    _check_alike(scans)
    cut = _with_sound(_planned(scans))
    try:
        cut = _written(path, cut)
    except CutRefused as err:
        if cut.recoded or err.code != "recode_failed":
            raise
        cut = _written(path, cut.whole(RECODED_ENCODER))
    return _master(path, cut, tuple(note for reel in reels for note in reel.notes))


def write_again(path: Path, footage: FootageSource, picks: ExactPicks) -> None:
    """The same file from what clip.json noted. Raises CutRefused(`not_buffered`) and what write_exact raises."""
    scans = tuple(scan_reel(_reel(footage, piece.read_from_ns, piece.read_to_ns)) for piece in picks.pieces)
    with_picture = any(scan.video for scan in scans)
    pieces = tuple(
        found_piece(scan.video, piece) if with_picture else Piece(start_ns=piece.start_ns, end_ns=piece.end_ns)
        for scan, piece in zip(scans, picks.pieces, strict=True)
    )
    copied = copied_sound(scans[0], pieces[0]) if picks.sound == "copied" else None
    if picks.sound == "copied" and (copied is None or len(copied.packets) != picks.sounds.count):
        raise CutRefused("The kept source does not hold the whole clip", remedy="Cut it anew.", code="not_buffered")
    _written(path, _Cut(scans, pieces, picks.recoded, copied, picks.sound))


def _planned(scans: tuple[Scan, ...]) -> _Cut:
    """Pieces of the picture, or of sound alone where no scan has a picture."""
    wanted = [scan.reel.wanted for scan in scans]
    if not any(scan.video for scan in scans):
        return _Cut(
            scans, tuple(sound_piece(s.audio, w.start_ns, w.end_ns) for s, w in zip(scans, wanted, strict=True))
        )
    pieces = tuple(
        plan_piece(scan.video, scan.entries, w.start_ns, w.end_ns) for scan, w in zip(scans, wanted, strict=True)
    )
    cut = _Cut(scans, pieces)
    tracks = [cast(Track, scan.track) for scan in scans]
    if tracks[0].codec not in CONTINUED or any(not _same_stream(tracks[0], track) for track in tracks):
        return cut.whole(RECODED_CODEC)
    if not any(piece.copied for piece in pieces):
        return cut.whole(RECODED_OPEN_GOP if any(map(_shows_keyframe, pieces)) else RECODED_SHORT)
    if tracks[0].codec in NAL_CODECS and _ids(cut) is None:
        return cut.whole(RECODED_ENCODER)
    return cut


def _with_sound(cut: _Cut) -> _Cut:
    heard = any(has_sound(scan, piece) for scan, piece in zip(cut.scans, cut.pieces, strict=True))
    if not heard:
        return cut
    copied = copied_sound(cut.scans[0], cut.pieces[0]) if len(cut.pieces) == 1 else None
    return replace(cut, copied=copied, sound="copied" if copied else "coded")


def _written(path: Path, cut: _Cut) -> _Cut:
    """Write the file; returns the cut, so that a fallback can take its place."""
    work = path.with_name(f"{path.name}.work")
    with ExitStack() as stack:
        work.mkdir(exist_ok=True)
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        picture = _picture(cut, work, stack) if any(scan.video for scan in cut.scans) else None
        write_pieces(path, picture, _sound(cut, work, stack))
    return cut


def _picture(cut: _Cut, work: Path, stack: ExitStack) -> Picture:
    style = _style(cut)
    places = [
        (number, place)
        for number, piece in enumerate(cut.pieces)
        for place, frames in enumerate((piece.head, piece.tail))
        if frames
    ]
    chunks = [Chunk(cut.scans[n], cut.pieces[n].tail if place else cut.pieces[n].head) for n, place in places]
    coded = code(chunks, style, work, stack)
    return Picture(cut.scans, cut.pieces, dict(zip(places, coded, strict=True)), _lane(cut, style, coded))


def _lane(cut: _Cut, style: Style, coded: Sequence[Coded]) -> Lane:
    """The track of the file: the source's with our parameter sets beside its own, or that of what was coded."""
    track = cast(Track, cut.scans[0].track)
    if any(one.codec != coded[0].codec or one.sets != coded[0].sets for one in coded):
        raise recode_failed("the encoder's parameter sets differ")
    if not style.codec:
        stream = coded[0].stream
        template = replace(track, codec=coded[0].codec, template=stream)
        return Lane(track=template, rotation=track.rotation, extradata=annexb(coded[0].sets))
    if coded and coded[0].codec != track.codec:
        raise recode_failed(f"{coded[0].codec} came out instead of {track.codec}")
    if style.codec not in NAL_CODECS:
        return Lane(track=track)
    sets = [*cut.scans[0].sets, *(coded[0].sets if coded else ())]
    return Lane(track=track, extradata=annexb(sets))


def _style(cut: _Cut) -> Style:
    if cut.recoded:
        return Style()
    track = cast(Track, cut.scans[0].track)
    ids = _ids(cut) if track.codec in NAL_CODECS else None
    profile = str(getattr(getattr(track.template, "codec_context", None), "profile", None) or "")
    level = level_of(track.codec, cut.scans[0].sets)
    return Style(track.codec, ids, profile, level) if ids else Style(track.codec)


def _sound(cut: _Cut, work: Path, stack: ExitStack) -> tuple[Lane, Iterator[Packet]] | None:
    scan, piece = cut.scans[0], cut.pieces[0]
    if cut.sound == "copied" and cut.copied:
        track = cast(Track, scan.reel.track("audio"))
        return Lane(track=track), placed(cut.copied, scan.reel.packets(), piece, rate_of(track))
    if cut.sound == "coded":
        made = code_sound(cut.scans, cut.pieces, work, stack)
        return Lane(track=made.track), made.packets()
    return None


def _master(path: Path, cut: _Cut, notes: tuple[str, ...]) -> Master:
    measured = measure(path, tail_s=0)  # from the last keyframe on: where a tail was coded, that is its first frame
    check_offset(measured, MAX_OFFSET_NS)
    with_picture = any(scan.video for scan in cut.scans)
    extra = [cut.recoded, TRANSCODED["video"]] if cut.recoded else []
    extra += [TRANSCODED["audio"]] if cut.sound == "coded" else [NO_AUDIO] if cut.sound == "none" else []
    extra += [] if with_picture else [NO_VIDEO]
    return Master(
        kept=tuple((piece.start_ns, piece.end_ns) for piece in cut.pieces),
        keyframes_ns=tuple(_keyframes(cut.pieces)) if with_picture else (),
        measured=measured,
        notes=tuple(dict.fromkeys((*notes, *extra))),
        picks=cut.picks(),
    )


def _keyframes(pieces: Sequence[Piece]) -> Iterator[Ns]:
    """Where the clip can be entered, counted from its first frame."""
    for piece, at_ns in zip(pieces, starts_of(pieces), strict=False):
        keyframes = [packet for packet in piece.copied if packet.is_keyframe]
        for packet in (*piece.head[:1], *keyframes, *piece.tail[:1]):
            yield Ns(at_ns + max(0, packet.pts_ns - piece.start_ns))


def _ids(cut: _Cut) -> SetIds | None:
    return free_ids(cast(Track, cut.scans[0].track).codec, [unit for scan in cut.scans for unit in scan.sets])


def _same_stream(one: Track, other: Track) -> bool:
    """Whether packets of both may stand in one track."""
    return (one.codec, one.time_base, one.extradata) == (other.codec, other.time_base, other.extradata)


def _shows_keyframe(piece: Piece) -> bool:
    return any(packet.is_keyframe for packet in piece.head)


def _check_alike(scans: Sequence[Scan]) -> None:
    """Pieces of one clip have a picture of one size, or all have none."""
    if len({(bool(scan.video), *((t.width, t.height, t.rotation) if (t := scan.track) else ())) for scan in scans}) > 1:
        raise CutRefused(
            "The picture changes its size between the parts of the clip",
            remedy="Cut the parts as clips of their own.",
            code="parts_differ",
        )


def _reel(footage: FootageSource, from_ns: Ns, to_ns: Ns) -> Reel:
    """A range of footage as it was read before."""
    wanted = Wanted(
        start_ns=from_ns, end_ns=to_ns, latest_head_ns=to_ns, earliest_tail_ns=from_ns, max_av_offset_ns=_NO_LIMIT
    )
    return Reel(footage=footage, tracks=footage.tracks(from_ns), wanted=wanted, from_ns=from_ns, to_ns=to_ns, notes=())
