"""Chooses the frames of a piece: which are shown, which of them are copied, which are coded anew. Pure.

A cut lies between two frames, at the boundary nearest to the wanted time: half a frame away at most. A frame that
stands long (variable frame rate) is shown from the wanted time on, or up to it. Copied is the longest stretch of
packets that begins with a keyframe that stands alone and shows nothing but wanted frames; it may end inside of a GOP.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from itertools import accumulate, pairwise
from typing import Final

from core.errors import CutRefused
from core.media import Packet
from core.times import NS_PER_S, Ns, to_s
from daemon.clips.smart.model import Piece, PiecePicks, Run
from daemon.clips.smart.scan import decodable

_SLOWEST_NS: Final = NS_PER_S // 10  # a frame that is shown for longer stands


def plan_piece(video: Sequence[Packet], entries: Collection[int], start_ns: Ns, end_ns: Ns) -> Piece:
    """Packets in decode order -> the frames from `start_ns` to `end_ns`. Raises CutRefused (`no_media`)."""
    decoded = decodable(video)
    shown = sorted(decoded, key=lambda packet: packet.pts)
    if not shown or shown[0].pts_ns >= end_ns or shown[-1].end_ns <= start_ns:
        raise CutRefused(
            f"There is no picture between {to_s(start_ns):.2f} s and {to_s(end_ns):.2f} s",
            remedy="Ask for a span that was recorded.",
            code="no_media",
        )
    half_ns = _frame_ns(shown) // 2
    first, from_ns = _first(shown, start_ns, half_ns)
    last, to_ns = _last(shown, first, end_ns, half_ns)
    wanted = shown[first : last + 1]
    copied = _copied(decoded, entries, wanted)
    if not copied:
        return Piece(start_ns=from_ns, end_ns=to_ns, head=tuple(wanted))
    lowest, highest = copied[0].pts, max(packet.pts for packet in copied)
    return Piece(
        start_ns=from_ns,
        end_ns=to_ns,
        head=tuple(packet for packet in wanted if packet.pts < lowest),
        copied=tuple(copied),
        tail=tuple(packet for packet in wanted if packet.pts > highest),
    )


def recoded(piece: Piece) -> Piece:
    """The same frames, all of them coded anew."""
    frames = sorted((*piece.head, *piece.copied, *piece.tail), key=lambda packet: packet.pts)
    return Piece(start_ns=piece.start_ns, end_ns=piece.end_ns, head=tuple(frames))


def piece_picks(piece: Piece, read: tuple[Ns, Ns]) -> PiecePicks:
    """What `found_piece` needs."""
    runs = {name: _run(getattr(piece, name)) for name in ("head", "copied", "tail")}
    return PiecePicks(start_ns=piece.start_ns, end_ns=piece.end_ns, read_from_ns=read[0], read_to_ns=read[1], **runs)


def found_piece(video: Sequence[Packet], picks: PiecePicks) -> Piece:
    """A noted piece, in footage that may hold less or more by now. Raises CutRefused(`not_buffered`)."""
    decoded = decodable(video)
    shown = sorted(decoded, key=lambda packet: packet.pts)
    at = next((i for i, p in enumerate(decoded) if p.is_keyframe and p.pts_ns == picks.copied.first_ns), len(decoded))
    copied = [packet for packet in decoded[at:] if packet.pts_ns >= picks.copied.first_ns][: picks.copied.count]
    head, tail = _frames(shown, picks.head), _frames(shown, picks.tail)
    if (len(head), len(copied), len(tail)) != (picks.head.count, picks.copied.count, picks.tail.count):
        raise CutRefused("The kept source does not hold the whole clip", remedy="Cut it anew.", code="not_buffered")
    return Piece(start_ns=picks.start_ns, end_ns=picks.end_ns, head=head, copied=tuple(copied), tail=tail)


def _frame_ns(shown: Sequence[Packet]) -> int:
    """How long a frame usually stands."""
    gaps = sorted(b.pts_ns - a.pts_ns for a, b in pairwise(shown))
    return min(gaps[len(gaps) // 2], _SLOWEST_NS) if gaps else 0


def _first(shown: Sequence[Packet], start_ns: Ns, half_ns: int) -> tuple[int, Ns]:
    """The first frame to show, and from when on."""
    at = max(0, bisect_right(shown, start_ns, key=lambda packet: packet.pts_ns) - 1)
    if start_ns - shown[at].pts_ns <= half_ns or shown[at].pts_ns >= start_ns:
        return at, shown[at].pts_ns
    if at + 1 == len(shown):
        return at, start_ns
    next_ns = shown[at + 1].pts_ns
    if next_ns - start_ns <= half_ns:
        return at + 1, next_ns
    return at, start_ns


def _last(shown: Sequence[Packet], first: int, end_ns: Ns, half_ns: int) -> tuple[int, Ns]:
    """The last frame to show, and until when."""
    at = bisect_left(shown, end_ns, key=lambda packet: packet.pts_ns) - 1
    if at > first and end_ns - shown[at].pts_ns < half_ns:
        at -= 1
    at = max(first, at)
    if at + 1 == len(shown):
        own_ns = max(shown[at].end_ns, Ns(shown[at].pts_ns + 1))
        return at, own_ns if own_ns - end_ns <= half_ns else end_ns
    next_ns = shown[at + 1].pts_ns
    return at, next_ns if abs(next_ns - end_ns) <= half_ns or next_ns < end_ns else end_ns


def _copied(decoded: Sequence[Packet], entries: Collection[int], wanted: Sequence[Packet]) -> list[Packet]:
    """The longest stretch of packets in decode order that begins with an entry and shows only wanted frames, none of
    them after one that is left out."""
    first_pts, last_pts = wanted[0].pts, wanted[-1].pts
    at = next((i for i, p in enumerate(decoded) if p.dts in entries and first_pts <= p.pts <= last_pts), None)
    if at is None:
        return []
    rest = [packet for packet in decoded[at:] if packet.pts >= decoded[at].pts]
    highest = list(accumulate((packet.pts for packet in rest), max))
    lowest_after = [*reversed(list(accumulate((packet.pts for packet in reversed(rest)), min)))][1:]
    closed = [n + 1 for n, low in enumerate([*lowest_after, highest[-1] + 1]) if highest[n] < low]
    return rest[: max((count for count in closed if highest[count - 1] <= last_pts), default=0)]


def _run(packets: Sequence[Packet]) -> Run:
    return Run(first_ns=packets[0].pts_ns, count=len(packets)) if packets else Run()


def _frames(shown: Sequence[Packet], run: Run) -> tuple[Packet, ...]:
    if not run.count:
        return ()
    at = bisect_left(shown, run.first_ns, key=lambda packet: packet.pts_ns)
    frames = shown[at : at + run.count]
    return tuple(frames) if frames and frames[0].pts_ns == run.first_ns else ()


def sound_piece(audio: Sequence[Packet], start_ns: Ns, end_ns: Ns) -> Piece:
    """A piece of a source without a picture: exactly what was wanted of what is there. Raises CutRefused."""
    heard = [packet for packet in audio if packet.end_ns > start_ns and packet.pts_ns < end_ns]
    if not heard:
        raise CutRefused(
            f"There is no media between {to_s(start_ns):.2f} s and {to_s(end_ns):.2f} s",
            remedy="Ask for a span that was recorded.",
            code="no_media",
        )
    return Piece(start_ns=max(start_ns, heard[0].pts_ns), end_ns=min(end_ns, max(p.end_ns for p in heard)))
