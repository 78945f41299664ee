"""Playlists: everything real and broken is read or refused by name; limits; the meaning of tags."""

from __future__ import annotations

import contextlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadMedia, ClipdError, SourceRefused
from core.times import ns
from daemon.ingest.hls.playlist import MAX_BYTES, ByteRange, Master, MediaPlaylist, parse
from tests.media import media

URL = "https://a.example/live/i.m3u8"
HEAD = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:7\n"


def playlist(text: str, url: str = URL) -> MediaPlaylist:
    parsed = parse((HEAD + text).encode(), url)
    assert isinstance(parsed, MediaPlaylist)
    return parsed


def test_every_playlist_of_the_collection_is_read_or_refused_by_name() -> None:
    """436 real, odd and broken playlists: no crash, no refusal without a code a person can look up."""
    refused: list[ClipdError] = []
    files = sorted(media("fx-hls").rglob("*.m3u8"))
    for file in files:
        try:
            parse(file.read_bytes(), f"http://a.example/x/{file.name}")
        except ClipdError as err:
            refused.append(err)
    assert len(files) == 436
    assert Counter(err.code for err in refused) == {"bad_playlist": 7, "drm": 10}
    assert all(err.remedy for err in refused)


def test_segments_carry_number_length_date_and_place() -> None:
    """Dates are carried on from segment to segment, and end at a discontinuity without a date of its own."""
    found = playlist(
        "#EXT-X-PROGRAM-DATE-TIME:2024-01-01T00:00:00Z\n#EXTINF:4.0,\na.ts\n#EXTINF:2.5,\nb.ts?x=1\n"
        "#EXT-X-DISCONTINUITY\n#EXTINF:4,\nhttps://b.example/c.ts\n"
    ).segments
    assert [(s.seq, s.duration_ns) for s in found] == [(7, ns(4)), (8, ns(2.5)), (9, ns(4))]
    assert found[0].pdt_ns is not None
    assert found[1].pdt_ns == found[0].pdt_ns + ns(4)
    assert (found[2].pdt_ns, found[2].discontinuity, found[1].discontinuity) == (None, True, False)
    assert [s.uri for s in found] == [
        "https://a.example/live/a.ts", "https://a.example/live/b.ts?x=1", "https://b.example/c.ts",
    ]  # fmt: skip
    assert found[1].name == ("https://a.example/live/b.ts", None)


def test_maps_keys_ranges_and_gaps_are_understood() -> None:
    """EXT-X-MAP holds across a discontinuity, a byte range without offset follows the last, METHOD=NONE ends a key."""
    found = playlist(
        '#EXT-X-MAP:URI="init.mp4",BYTERANGE="100@0"\n#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0x01\n'
        "#EXTINF:4,\n#EXT-X-BYTERANGE:50@100\nall.mp4\n#EXT-X-DISCONTINUITY\n#EXT-X-GAP\n#EXTINF:4,\n#EXT-X-BYTERANGE:60\n"
        "all.mp4\n#EXT-X-KEY:METHOD=NONE\n#EXTINF:4,\nplain.mp4\n#EXT-X-ENDLIST\n"
    )
    one, two, three = found.segments
    assert not found.live
    assert one.init is not None
    assert one.init.byterange == ByteRange(0, 100)
    assert two.init == one.init
    assert (one.byterange, two.byterange, three.byterange) == (ByteRange(100, 50), ByteRange(150, 60), None)
    assert (one.gap, two.gap, three.gap) == (False, True, False)
    assert one.key is not None
    assert one.key.uri == "https://a.example/live/k"
    assert one.key.iv == b"\x01"
    assert three.key is None


def test_a_stream_under_drm_is_refused_by_name() -> None:
    """SAMPLE-AES and every foreign key format say `drm`, not a decoder error."""
    for method, extra in (("SAMPLE-AES", ""), ("AES-128", ',KEYFORMAT="com.widevine"')):
        with pytest.raises(SourceRefused) as refused:
            playlist(f'#EXT-X-KEY:METHOD={method},URI="k"{extra}\n#EXTINF:4,\na.ts\n')
        assert refused.value.code == "drm"


def test_nonsense_numbers_have_sane_values() -> None:
    """No target duration, a broken one or an absurd one: the playlist is still looked at between 0.5 s and 30 s."""
    for text, target_s in (("#EXTINF:6,\na.ts\n", 6), ("", 5), ("#EXT-X-TARGETDURATION:NaN\n#EXTINF:3,\na\n", 3),
                           ("#EXT-X-TARGETDURATION:100000\n", 30), ("#EXT-X-TARGETDURATION:0.01\n", 0.5)):  # fmt: skip
        parsed = parse(f"#EXTM3U\n#EXT-X-VERSION:x\n{text}".encode(), URL)
        assert isinstance(parsed, MediaPlaylist)
        assert parsed.target_ns == ns(target_s)
    assert playlist("#EXTINF:99999999,\na.ts\n").segments[0].duration_ns == ns(600)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<html><body>Sign in</body></html>", "html_page"),
        (b"", "empty"),
        (b"<MPD></MPD>", "dash_unsupported"),
        (b"not found", "bad_playlist"),
        (b"#EXTM3U\n" + b"#EXTINF:1,\na.ts\n" * 10_001, "playlist_too_big"),
        (b"#EXTM3U\n#" + b"x" * MAX_BYTES, "playlist_too_big"),
        (b"#EXTM3U\n#EXT-X-I-FRAMES-ONLY\n#EXTINF:1,\na.ts\n", "iframes_only"),
        (b"#EXTM3U\n#EXTINF:1,\nhttp://a.example/plain.ts\n", "bad_playlist"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "bad_playlist"),
    ],
)
def test_what_is_no_playlist_is_refused_by_name(body: bytes, code: str) -> None:
    """An HTML page, a manifest of another kind, a flood, a downgrade from https, a local file."""
    with pytest.raises(BadMedia) as refused:
        parse(body, URL)
    assert refused.value.code == code


def test_a_multivariant_playlist_lists_qualities_and_sound() -> None:
    """Keyframe-only variants are left out; a rendition without a URI lies in the variant itself."""
    text = (
        '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="en",DEFAULT=YES,URI="en.m3u8"\n'
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="muxed"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=8000000,RESOLUTION=1920x1080,FRAME-RATE=60,CODECS="avc1.64002a,mp4a.40.2",AUDIO="a"\n'
        'v.m3u8\n#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="k.m3u8"\n'
    )
    parsed = parse(text.encode(), URL)
    assert isinstance(parsed, Master)
    [variant] = parsed.variants
    assert (variant.height, variant.fps, variant.codecs) == (1080, 60.0, ("avc1.64002a", "mp4a.40.2"))
    assert [r.uri for r in parsed.audio] == ["https://a.example/live/en.m3u8"]


TAGS = st.sampled_from(
    ["#EXTINF:", "#EXT-X-KEY:", "#EXT-X-MAP:", "#EXT-X-BYTERANGE:", "#EXT-X-MEDIA:", "#EXT-X-STREAM-INF:", "a.ts",
     "#EXT-X-PROGRAM-DATE-TIME:", "#EXT-X-MEDIA-SEQUENCE:", "#EXT-X-DATERANGE:", "METHOD=AES-128,URI=", "http://[",
     "BANDWIDTH="]
)  # fmt: skip


@given(st.lists(st.tuples(TAGS, st.text(max_size=20) | st.integers().map(str) | st.floats().map(str)), max_size=20))
def test_no_playlist_crashes_the_parser(lines: list[tuple[str, str]]) -> None:
    """Whatever stands behind a tag, the answer is a playlist or one of our errors."""
    text = "#EXTM3U\n" + "\n".join(tag + value for tag, value in lines)
    with contextlib.suppress(BadMedia, SourceRefused):
        assert parse(text.encode("utf-8", "replace"), URL).url == URL
