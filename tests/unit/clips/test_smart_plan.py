"""Which frames an exact cut shows, copies and codes anew; parameter sets of two streams in one track."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.media import Packet
from core.times import NS_PER_S, Ns
from daemon.clips.smart.ids import Bits, SetIds, free_ids, renamed
from daemon.clips.smart.model import ExactPicks, picks_from_json, picks_json
from daemon.clips.smart.nal import annexb, as_entry, escaped, nal_type, unescaped, units
from daemon.clips.smart.plan import found_piece, piece_picks, plan_piece, recoded

FRAME_NS = NS_PER_S // 25
# one GOP in decode order, as x264 writes it: each number is when the frame is shown
CLOSED = [0, 4, 2, 1, 3, 8, 6, 5, 7, 9]
OPEN = [0, -2, -1, 4, 2, 1, 3, 7, 6, 5]


def stream(gop: list[int], gops: int) -> list[Packet]:
    """Frames of 40 ms in decode order; the pictures before the first keyframe are not there."""
    shown = [(number * len(gop) + n, n == 0) for number in range(gops) for n in gop]
    return [_packet(at, dts, keyframe) for dts, (at, keyframe) in enumerate(shown) if at >= 0]


@given(st.sampled_from([CLOSED, OPEN]), st.integers(0, 3900), st.integers(50, 3000), st.booleans())
def test_every_wanted_frame_is_shown_once_and_no_other(
    gop: list[int], start_ms: int, length_ms: int, alone: bool
) -> None:
    """Head, copied and tail are the frames between the two boundaries nearest to the wanted times, in order."""
    video = stream(gop, 20)
    entries = {packet.dts for packet in video if packet.is_keyframe} if alone else set()
    start_ns, end_ns = Ns(start_ms * 1_000_000), Ns((start_ms + length_ms) * 1_000_000)
    piece = plan_piece(video, entries, start_ns, end_ns)
    frames = [*piece.head, *sorted(piece.copied, key=lambda p: p.pts), *piece.tail]
    assert [packet.pts for packet in frames] == list(range(frames[0].pts, frames[-1].pts + 1))
    assert abs(piece.start_ns - start_ns) <= FRAME_NS // 2
    assert abs(piece.end_ns - end_ns) <= FRAME_NS // 2 + (FRAME_NS if length_ms < 60 else 0)
    assert (piece.start_ns, piece.end_ns) == (frames[0].pts_ns, frames[-1].end_ns)
    if piece.copied:
        assert piece.copied[0].dts in entries
        assert len(piece.head) < len(gop) + 3
        assert len(piece.tail) < 5  # the copy ends inside of the last GOP, at most a group of B-frames before the end


@given(st.integers(0, 3900), st.integers(50, 3000))
def test_a_piece_is_found_again_from_its_picks(start_ms: int, length_ms: int) -> None:
    """By media times and counts, also through JSON, in footage that holds more than then; and coded anew as a whole."""
    video = stream(OPEN, 24)
    entries = {packet.dts for packet in video if packet.is_keyframe}
    end_ns = Ns((start_ms + length_ms) * 1_000_000)
    planned = plan_piece(video[: 20 * len(OPEN)], entries, Ns(start_ms * 1_000_000), end_ns)
    for piece in (planned, recoded(planned)):
        picks = ExactPicks(pieces=(piece_picks(piece, (Ns(0), end_ns)),))
        again = picks_from_json(picks_json(picks))
        assert again == picks
        assert found_piece(video, again.pieces[0]) == piece


def test_a_copied_stretch_never_begins_with_pictures_that_lean_on_what_is_gone() -> None:
    """Open GOP: the two pictures before the keyframe are coded anew with the head, though they come after it."""
    piece = plan_piece(stream(OPEN, 4), {10, 20}, Ns(5 * FRAME_NS), Ns(25 * FRAME_NS))
    assert [packet.pts for packet in piece.head] == [5, 6, 7, 8, 9]
    assert piece.copied[0].pts == 10
    assert all(packet.pts >= 10 for packet in piece.copied)


def test_units_are_found_behind_start_codes_and_lengths() -> None:
    """Both forms give the same units; a length that reaches too far ends the list, as do zeros at the end."""
    parts = [b"\x67\x01", b"\x68\x02\x03", b"\x65" + bytes(range(1, 90))]
    assert units(annexb(parts) + b"\0\0", 0) == parts
    lengths = b"".join(len(part).to_bytes(4) + part for part in parts)
    assert units(lengths, 4) == parts
    assert units(lengths + b"\0\0\xff\xff\x01", 4) == parts
    assert units(b"", 0) == units(b"", 4) == []


@given(st.binary(max_size=60).map(lambda data: data.replace(b"\x07", b"\0")))
def test_escaping_is_undone_and_leaves_no_start_code(data: bytes) -> None:
    """Emulation prevention: 00 00 00 to 00 00 03 do not occur in a unit."""
    unit = escaped(data)
    assert unescaped(unit) == data
    assert not any(unit[i : i + 2] == b"\0\0" and unit[i + 2] < 3 for i in range(len(unit) - 2))


@pytest.mark.parametrize("pps", range(15, 31))
def test_a_slice_gets_another_id_and_nothing_else_moves(pps: int) -> None:
    """The wide ids are 8 bits longer than id 0: what follows keeps its place in its byte."""
    header = bytes((1 << 1, 1))  # TRAIL_R
    unit = header + bytes((0b11_010110, 0x5A)) + bytes(range(40, 80))
    made = renamed(unit, SetIds(1, 1, pps))
    bits = Bits(unescaped(made)[2:])
    assert (bits.take(1), bits.ue()) == (1, pps)
    assert bits.take(6) == 0b010110
    assert made[-40:] == unit[-40:]
    assert len(made) == len(unit) + 1


def test_ids_are_taken_that_the_stream_does_not_use() -> None:
    """H.264: SPS 0 and PPS 0 and 1 are there, so 2 is free for both; sets that end early give none."""
    sps, pps = bytes((0x67, 100, 0, 31, 0b1_0000000)), (bytes((0x68, 0b1_0000000)), bytes((0x68, 0b010_00000)))
    assert free_ids("h264", [sps, *pps]) == SetIds(0, 2, 2)
    assert free_ids("h264", [sps[:4]]) is None


def test_a_clean_random_access_picture_becomes_a_broken_link() -> None:
    """H.265 names a CRA behind a splice BLA; it must not throw away what was shown before. H.264 has no such thing."""
    made = as_entry("hevc", bytes((21 << 1, 1, 0b1110_0000, 7)))
    assert (nal_type("hevc", made), made[2]) == (18, 0b1010_0000)
    assert as_entry("h264", b"\x65\xff\xff\xff") == b"\x65\xff\xff\xff"


def _packet(at: int, dts: int, keyframe: bool) -> Packet:
    return Packet(
        kind="video",
        pts=at,
        dts=dts,
        duration=1,
        time_base=Fraction(1, 25),
        is_keyframe=keyframe,
        data=b"",
        pts_ns=Ns(at * FRAME_NS),
        dts_ns=Ns(dts * FRAME_NS),
        end_ns=Ns((at + 1) * FRAME_NS),
    )
