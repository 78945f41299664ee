"""The streams that tests and benchmarks use: long recipes, files on disk, every awkward kind of media."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import av
import pytest

from tests.synthetic_streams import KINDS, longer, make_media, plain, write_stream
from tests.synthetic_streams.streams import CHAT_CLEAR_S, MOMENT_SPACING_S, NEGATIVE_SPACING_S

UNREADABLE = {"no_moov", "empty", "text"}
PORTRAIT_DEGREES = 90


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder a session, so each kind is made once."""
    return tmp_path_factory.mktemp("kinds")


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_opens_or_fails_as_its_name_says(kind: str, library: Path) -> None:
    """The broken ones do not open, every other one has a decodable frame; asking twice gives the same file."""
    path = make_media(kind, library)
    assert make_media(kind, library) == path
    if kind in UNREADABLE:
        with pytest.raises(av.error.InvalidDataError):
            av.open(str(path))
        return
    with av.open(str(path)) as container:
        kinds = {s.type for s in container.streams}
        assert kinds == {"audio_only": {"audio"}, "video_only": {"video"}}.get(kind, {"audio", "video"})
        assert next(container.decode(container.streams[0])) is not None


def test_awkward_properties_are_really_there(library: Path) -> None:
    """Six channels, mono at 44.1 kHz, a display matrix, uneven frame times, and timestamps that wrap on the way."""
    with av.open(str(make_media("surround", library))) as container:
        assert container.streams.audio[0].channels == 6
    with av.open(str(make_media("mono_44k", library))) as container:
        assert (container.streams.audio[0].rate, container.streams.audio[0].channels) == (44_100, 1)
    with av.open(str(make_media("rotated", library))) as container:
        assert abs(next(container.decode(video=0)).rotation) == PORTRAIT_DEGREES
    with av.open(str(make_media("vfr", library))) as container:
        times = [p.pts for p in container.demux(video=0) if p.pts is not None]
    assert len({b - a for a, b in itertools.pairwise(times)}) > 1
    raw = make_media("pts_wrap", library).read_bytes()
    assert min(_pes_times(raw)) < 90_000 * 3
    assert max(_pes_times(raw)) > 2**33 - 90_000 * 3


def test_a_long_stream_keeps_its_distances(library: Path) -> None:
    """Six moments and twelve negatives an hour, spaced as stated, none in the quiet half hour."""
    quiet = ((1200.0, 3000.0),)
    recipe = longer(3, 60, quiet=quiet)
    assert (recipe.duration_s, len(recipe.moments), len(recipe.negatives)) == (3600, 6, 12)
    assert all(b.start_s - a.start_s >= MOMENT_SPACING_S for a, b in itertools.pairwise(recipe.moments))
    for n, p in itertools.product(recipe.negatives, recipe.moments):
        after_s = CHAT_CLEAR_S if n.chat_x > 1 else NEGATIVE_SPACING_S
        assert n.end_s <= p.start_s - NEGATIVE_SPACING_S or n.start_s >= p.end_s + after_s
    spans = [(p.start_s, p.end_s) for p in recipe.moments] + [(n.start_s, n.end_s) for n in recipe.negatives]
    assert not any(a < quiet[0][1] and b > quiet[0][0] for a, b in spans)
    assert any(a <= 1215 and b >= 2985 for a, b in recipe.quiet())
    assert recipe == longer(3, 60, quiet=quiet)


def test_too_many_moments_are_refused() -> None:
    """Twenty moments do not fit into five minutes at 90 s apart."""
    with pytest.raises(ValueError, match="no room"):
        longer(1, 5, moments_per_h=240)


def test_a_stream_on_disk_has_chat_and_truth_beside_it(tmp_path: Path) -> None:
    """Media, chat with stream times, and the truth file; written once."""
    files = write_stream(tmp_path, plain(1, 6), suffix=".ts")
    with av.open(str(files.media)) as container:
        assert len(list(container.decode(video=0))) == 180
    assert all("t_s" in json.loads(line) for line in files.chat.read_text(encoding="utf-8").splitlines())
    assert json.loads(files.truth.read_text(encoding="utf-8"))["moments"] == []
    written = files.media.stat().st_mtime_ns
    assert write_stream(tmp_path, plain(1, 6), suffix=".ts").media.stat().st_mtime_ns == written


def _pes_times(stream: bytes) -> list[int]:
    """The 33-bit PTS of every PES packet, as it stands in the bytes."""
    found = []
    for at in range(0, len(stream), 188):
        packet = stream[at : at + 188]
        skip = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
        body = packet[skip:]
        if packet[1] & 0x40 and body[:3] == b"\x00\x00\x01" and body[7] & 0x80:
            p = body[9:14]
            found.append((p[0] >> 1 & 7) << 30 | p[1] << 22 | p[2] >> 1 << 15 | p[3] << 7 | p[4] >> 1)
    return found
