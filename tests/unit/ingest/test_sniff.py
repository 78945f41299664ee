"""What bytes are, by their beginning."""

from __future__ import annotations

import pytest

from core.errors import BadMedia
from daemon.ingest.sniff import media_format, sniff

TS = b"\x47" + b"\0" * 187


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"", "empty"),
        (TS * 5, "mpegts"),
        (b"\0" * 100 + TS * 5, "mpegts"),
        (TS, "mpegts"),
        (b"\0\0\0\x18ftypmp42", "mov"),
        (b"\0\0\0\x18moof", "mov"),
        (b"\x1a\x45\xdf\xa3", "matroska"),
        (b"FLV\x01\x05", "flv"),
        (b"OggS\0", "ogg"),
        (b"RIFF\0\0\0\0WAVEfmt ", "wav"),
        (b"RIFF\0\0\0\0AVI LIST", "avi"),
        (b"fLaC", "flac"),
        (b"\xff\xf1\x50\x80", "aac"),
        (b"\xff\xfb\x90\x00", "mp3"),
        (b"ID3\x04\0\0\0\0\0\x02xx\xff\xf1\x50\x80", "aac"),
        (b"ID3\x04\0\0\0\0\x7f\x7f", "mp3"),
        (b"#EXTM3U\n", "playlist"),
        (b"\xef\xbb\xbf\n#EXTM3U\n", "playlist"),
        (b'<?xml version="1.0"?><MPD xmlns="x">', "dash"),
        (b"\n<!DOCTYPE html><html>", "html"),
        (b"hello world", "unknown"),
        (b"\xff\xff\xff\xff", "unknown"),
        (b"G", "unknown"),
    ],
)
def test_the_kind_is_told_by_the_first_bytes(head: bytes, kind: str) -> None:
    """Every container we read, every text we refuse, and nothing guessed."""
    assert sniff(head) == kind


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"", "empty"),
        (b"#EXTM3U", "not_media"),
        (b"<html>", "html_page"),
        (b"<MPD", "dash_unsupported"),
        (b"?", "not_media"),
    ],
)
def test_what_is_no_media_is_refused_by_name(head: bytes, code: str) -> None:
    """A playlist inside a .ts file is refused, never opened: reliability.md finding 4."""
    with pytest.raises(BadMedia) as refused:
        media_format(head, "x.ts")
    assert refused.value.code == code
