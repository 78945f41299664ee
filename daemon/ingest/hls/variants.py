"""Which quality of a stream is taken, and which sound belongs to it. Pure."""

from __future__ import annotations

from typing import Final

from core.errors import BadMedia
from daemon.ingest.hls.playlist import Master, Rendition, Variant

VIDEO: Final = ("avc1", "avc3", "hvc1", "hev1", "av01", "vp09", "vp9", "vp8")
AUDIO: Final = ("mp4a", "opus", "ac-3", "ec-3", "flac", "mp3", "vorbis")


def ranked(master: Master, max_height: int | None) -> list[Variant]:
    """Acceptable variants, best first: picture before sound only, within `max_height`, then bandwidth, size and rate.

    A stream with nothing as low as `max_height` gives its lowest picture. Raises BadMedia when no codec is accepted.
    """
    usable = [variant for variant in master.variants if _accepted(variant)]
    if not usable:
        codecs = sorted({codec for variant in master.variants for codec in variant.codecs})
        raise BadMedia(
            f"None of the stream's qualities can be used ({', '.join(codecs)[:200] or 'it has none'})",
            remedy="Accepted: H.264, H.265, AV1, VP9 with AAC, Opus, AC-3, MP3 or FLAC.",
            code="no_variant",
        )
    limit = max_height or max(variant.height for variant in usable)

    def order(variant: Variant) -> tuple[bool, bool, int, int, float]:
        too_high = variant.height > limit
        size = -variant.height if too_high else variant.bandwidth
        return _has_video(variant), not too_high, size, variant.height, variant.fps

    return sorted(usable, key=order, reverse=True)


def sound_of(master: Master, variant: Variant) -> Rendition | None:
    """The rendition with the variant's sound; None when the sound is in the variant's own segments."""
    group = [rendition for rendition in master.audio if rendition.group == variant.audio_group]
    found = min(group, key=lambda r: (not r.default, not r.autoselect), default=None)
    return None if found is None or found.uri == variant.uri else found


def _accepted(variant: Variant) -> bool:
    return all(codec.lower().startswith((*VIDEO, *AUDIO)) or _is_text(codec) for codec in variant.codecs)


def _is_text(codec: str) -> bool:
    return codec.lower().startswith(("stpp", "wvtt"))


def _has_video(variant: Variant) -> bool:
    stated = any(codec.lower().startswith(VIDEO) for codec in variant.codecs)
    return stated or variant.height > 0 or not variant.codecs
