"""Playlists as values. The grammar is streamlink's parser; limits, and the meaning of what is missing, are ours.

Pure. Every URI is absolute, and may still point anywhere: fetching checks it.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

from streamlink.stream.hls.m3u8 import M3U8Parser, parse_tag

from core.errors import BadMedia, SourceRefused
from core.times import NS_PER_S, utc_ns
from daemon.ingest.hls.ads import AdTags
from daemon.ingest.sniff import media_format, sniff

MAX_BYTES: Final = 2_000_000  # reliability.md row 44
MAX_ENTRIES: Final = 10_000
MAX_SEGMENT_S: Final = 600.0  # RFC 8216 sets no limit; more is a typing error, and would become a gap of that length
DEFAULT_TARGET_S: Final = 5.0  # for playlists that state none and have no segment yet

F = TypeVar("F", bound=Callable[..., object])

_log = logging.getLogger("streamlink")
_log.addHandler(logging.NullHandler())  # its warnings quote the playlist: a stranger's text, as often as he likes
_log.propagate = False


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Part of a resource."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class KeyRef:
    """Where the AES-128 key of a segment is; `iv` None means: the media sequence number."""

    uri: str = field(repr=False)
    iv: bytes | None


@dataclass(frozen=True, slots=True)
class InitMap:
    """The initialisation section of a fragmented MP4."""

    uri: str
    byterange: ByteRange | None
    key: KeyRef | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One media file of a playlist. `ad`: advertising stands in the stream's place; `pdt_ns`: UTC of its start, where
    the playlist dates it or a segment before it."""

    seq: int
    uri: str
    duration_ns: int
    discontinuity: bool = False
    gap: bool = False
    ad: bool = False
    byterange: ByteRange | None = None
    init: InitMap | None = None
    key: KeyRef | None = None
    pdt_ns: int | None = None

    @property
    def name(self) -> tuple[str, ByteRange | None]:
        """What tells two segments apart: tokens in the query change, the path does not."""
        return self.uri.partition("?")[0], self.byterange


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaPlaylist:
    """Segments in order. `live`: more may follow."""

    url: str
    segments: tuple[Segment, ...]
    target_ns: int
    live: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """An alternative sound track with a playlist of its own."""

    uri: str
    group: str
    name: str
    default: bool
    autoselect: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One quality of the stream. `codecs` as stated, empty when nothing is."""

    uri: str
    bandwidth: int
    width: int
    height: int
    fps: float
    codecs: tuple[str, ...]
    audio_group: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Master:
    """A multivariant playlist."""

    url: str
    variants: tuple[Variant, ...]
    audio: tuple[Rendition, ...]


def parse(data: bytes, url: str) -> Master | MediaPlaylist:
    """Raises BadMedia when the bytes are no playlist or break a limit, SourceRefused when it is locked by DRM."""
    if len(data) > MAX_BYTES or data.count(b"#EXTINF") + data.count(b"#EXT-X-STREAM-INF") > MAX_ENTRIES:
        raise BadMedia(
            f"The playlist has more than {MAX_ENTRIES} entries or {MAX_BYTES // 1_000_000} MB",
            remedy="This is no normal stream; check the address.",
            code="playlist_too_big",
        )
    if sniff(data[:4096]) != "playlist":
        raise _no_playlist(data)
    text = data.lstrip(b"\xef\xbb\xbf \t\r\n").decode("utf-8", errors="replace")
    try:
        parser = _Parser(url)
        parsed = parser.parse(text)
        return _master(parsed, url) if parsed.is_master else _media(parsed, parser, url)
    except (ValueError, ArithmeticError, LookupError, TypeError, AttributeError) as err:
        raise BadMedia(
            f"The playlist cannot be read: {str(err)[:120]}",
            remedy="The server sends a broken playlist; try another quality or address.",
            code="bad_playlist",
        ) from err


def _no_playlist(data: bytes) -> BadMedia:
    kind = sniff(data[:4096])
    if kind in ("html", "dash", "empty"):
        try:
            media_format(data[:4096], "The answer")
        except BadMedia as err:
            return err
    return BadMedia("The answer is no HLS playlist", remedy="Check the address.", code="bad_playlist")


def _tag(name: str) -> Callable[[F], F]:
    """streamlink's decorator, with a type."""
    return cast("Callable[[F], F]", parse_tag(name))


class _Parser(M3U8Parser[Any, Any, Any]):
    """streamlink's parser plus EXT-X-GAP; EXT-X-MAP holds across a discontinuity, as RFC 8216 4.3.2.5 has it. Numbers
    that are none are left out, and tags we have no use for cannot fail."""

    def __init__(self, base_uri: str) -> None:
        super().__init__(base_uri)
        self._gap = False
        self.gaps: list[bool] = []  # by segment
        self.cued: list[bool] = []  # by segment
        self.ads = AdTags()

    @_tag("EXT-X-GAP")
    def parse_tag_ext_x_gap(self, _value: str) -> None:
        self._gap = True

    @_tag("EXT-X-DISCONTINUITY")
    def parse_tag_ext_x_discontinuity(self, _value: str) -> None:
        self._discontinuity = True

    @_tag("EXT-X-TARGETDURATION")
    def parse_tag_ext_x_targetduration(self, value: str) -> None:
        target_s = self.parse_float(value)
        self.m3u8.targetduration = target_s if target_s is not None and math.isfinite(target_s) else None

    @_tag("EXT-X-MEDIA-SEQUENCE")
    def parse_tag_ext_x_media_sequence(self, value: str) -> None:
        self.m3u8.media_sequence = int(value) if value.isdecimal() and len(value) < 20 else None

    @_tag("EXT-X-VERSION")
    def parse_tag_ext_x_version(self, _value: str) -> None:
        pass

    @_tag("EXT-X-DATERANGE")
    def parse_tag_ext_x_daterange(self, value: str) -> None:
        self.ads.daterange(self.parse_attributes(value))

    @_tag("EXT-X-CUE-OUT")
    def parse_tag_ext_x_cue_out(self, value: str) -> None:
        self.ads.cue_out(value)

    @_tag("EXT-X-CUE-OUT-CONT")
    def parse_tag_ext_x_cue_out_cont(self, value: str) -> None:
        self.ads.cue_out_cont(value)

    @_tag("EXT-X-CUE-IN")
    def parse_tag_ext_x_cue_in(self, _value: str) -> None:
        self.ads.cue_in()

    @_tag("EXT-X-START")
    def parse_tag_ext_x_start(self, _value: str) -> None:
        pass

    def get_segment(self, uri: str, **data: Any) -> Any:
        self.gaps.append(self._gap)
        self._gap = False
        segment = super().get_segment(uri, **data)
        self.cued.append(self.ads.cued(_duration_ns(segment)))
        return segment


def _master(parsed: Any, url: str) -> Master:
    variants = []
    for playlist in parsed.playlists:
        info = playlist.stream_info
        if playlist.is_iframe:
            continue
        variants.append(
            Variant(
                uri=playlist.uri,
                bandwidth=info.bandwidth,
                width=info.resolution.width if info.resolution else 0,
                height=info.resolution.height if info.resolution else 0,
                fps=info.framerate or 0.0,
                codecs=tuple(codec.strip() for codec in info.codecs if codec.strip()),
                audio_group=info.audio,
            )
        )
    audio = [
        Rendition(uri=m.uri, group=m.group_id, name=m.name, default=m.default, autoselect=m.autoselect)
        for m in parsed.media
        if m.type == "AUDIO" and m.uri
    ]
    return Master(url=url, variants=tuple(variants), audio=tuple(audio))


def _duration_ns(raw: Any) -> int:
    duration_s = float(raw.duration)
    return round(min(max(duration_s, 0.0), MAX_SEGMENT_S) * NS_PER_S)


def _media(parsed: Any, parser: _Parser, url: str) -> MediaPlaylist:
    if parsed.iframes_only:
        raise BadMedia(
            "The playlist holds keyframes only", remedy="Give the stream's own playlist.", code="iframes_only"
        )
    segments: list[Segment] = []
    ends: dict[str, int] = {}  # where the last byte range of a resource ended
    pdt_ns: int | None = None
    for raw, gap, cued in zip(parsed.segments, parser.gaps, parser.cued, strict=True):
        duration_ns = _duration_ns(raw)
        if raw.date is not None:
            pdt_ns = utc_ns(raw.date)
        elif raw.discontinuity:
            pdt_ns = None  # a date says nothing about what is beyond a break
        segments.append(
            Segment(
                seq=raw.num,
                uri=raw.uri,
                duration_ns=duration_ns,
                discontinuity=raw.discontinuity,
                gap=gap,
                ad=cued or parser.ads.dated(pdt_ns),
                byterange=_byterange(raw.byterange, raw.uri, ends),
                init=_init(raw.map),
                key=_key(raw.key),
                pdt_ns=pdt_ns,
            )
        )
        pdt_ns = None if pdt_ns is None else pdt_ns + duration_ns
    return MediaPlaylist(url=url, segments=tuple(segments), target_ns=_target_ns(parsed), live=not parsed.is_endlist)


def _target_ns(parsed: Any) -> int:
    """How often to look again: between half a second and 30 s, whatever the playlist says."""
    target_s = parsed.targetduration or max((s.duration for s in parsed.segments), default=0.0) or DEFAULT_TARGET_S
    return round(min(max(target_s, 0.5), 30.0) * NS_PER_S)


def _byterange(raw: Any, uri: str, ends: dict[str, int]) -> ByteRange | None:
    if raw is None or raw.range <= 0:
        return None
    offset = raw.offset if raw.offset is not None else ends.get(uri, 0)
    ends[uri] = offset + raw.range
    return ByteRange(offset, raw.range)


def _init(raw: Any) -> InitMap | None:
    if raw is None:
        return None
    return InitMap(raw.uri, _byterange(raw.byterange, raw.uri, {}), _key(raw.key))


def _key(raw: Any) -> KeyRef | None:
    if raw is None or raw.method == "NONE":
        return None
    if raw.method != "AES-128" or raw.key_format not in (None, "identity") or not raw.uri:
        raise SourceRefused(
            f"The stream is locked ({raw.method[:40]})",
            remedy="Streams under DRM cannot be watched; only plain AES-128 is decrypted.",
            code="drm",
        )
    return KeyRef(raw.uri, raw.iv)
