"""HLS playlists as text (RFC 8216). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.times import Ns, to_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A segment as a playlist names it. `wall_ns` is UTC ns since 1970 of its first frame."""

    uri: str
    duration_ns: Ns
    wall_ns: int
    discontinuity: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What the master playlist says of the one variant there is; width 0 for a stream without video."""

    bandwidth: int
    codecs: str
    width: int
    height: int
    fps: float
    uri: str
    audio_uri: str = ""


def media_playlist(
    listed: Sequence[Listed],
    *,
    sequence: int,
    discontinuity_sequence: int,
    ended: bool,
    vod: bool,
    init_uri: str = "",
) -> str:
    """A media playlist: live until `ended`, then with ENDLIST. The target duration is that of the longest segment."""
    target_s = max([round(to_s(s.duration_ns)) for s in listed], default=2)
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{7 if init_uri else 3}",
        f"#EXT-X-TARGETDURATION:{target_s}",
        f"#EXT-X-MEDIA-SEQUENCE:{sequence}",
    ]
    if vod:
        lines.append("#EXT-X-PLAYLIST-TYPE:VOD")
    if discontinuity_sequence or any(s.discontinuity for s in listed):
        lines.append(f"#EXT-X-DISCONTINUITY-SEQUENCE:{discontinuity_sequence}")
    if init_uri:
        lines.append(f'#EXT-X-MAP:URI="{init_uri}"')
    for s in listed:
        if s.discontinuity:
            lines.append("#EXT-X-DISCONTINUITY")
        lines += [f"#EXT-X-PROGRAM-DATE-TIME:{_iso(s.wall_ns)}", f"#EXTINF:{to_s(s.duration_ns):.3f},", s.uri]
    return "\n".join([*lines, *(["#EXT-X-ENDLIST"] if ended else []), ""])


def master_playlist(variant: Variant) -> str:
    """A master playlist of one variant, with an audio rendition of its own where there is one."""
    lines = ["#EXTM3U", "#EXT-X-INDEPENDENT-SEGMENTS"]
    facts = [f"BANDWIDTH={variant.bandwidth}", f'CODECS="{variant.codecs}"']
    if variant.width:
        facts += [f"RESOLUTION={variant.width}x{variant.height}", f"FRAME-RATE={variant.fps:.3f}"]
    if variant.audio_uri:
        sound = 'TYPE=AUDIO,GROUP-ID="sound",NAME="main",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2"'
        lines.append(f'#EXT-X-MEDIA:{sound},URI="{variant.audio_uri}"')
        facts.append('AUDIO="sound"')
    return "\n".join([*lines, f"#EXT-X-STREAM-INF:{','.join(facts)}", variant.uri, ""])


def _iso(wall_ns: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=round(wall_ns / 1e6))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
