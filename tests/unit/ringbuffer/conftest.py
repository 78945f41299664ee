"""One folder of made media for all tests of the ring."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.ringbuffer.kit import Stream, encode, load


@pytest.fixture(scope="session")
def ring_media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `encode` keeps what it made."""
    return tmp_path_factory.mktemp("ring-media")


@pytest.fixture(scope="session")
def talk(ring_media: Path) -> Stream:
    """Eight seconds of H.264 with B-frames, a keyframe every second, and AAC."""
    return load(encode(ring_media, "h264_aac"))


@pytest.fixture(scope="session")
def endless(ring_media: Path) -> Stream:
    """The same in a single GOP."""
    return load(encode(ring_media, "h264_endless"))
