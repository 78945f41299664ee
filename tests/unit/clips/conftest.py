"""Media of the clip tests: made once a session, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import pytest

from core.edits import EditDecision, RenderSpec
from core.ids import ClipId, SessionId
from core.times import ns
from daemon.clips import ClipContext, FinishedClip, make_clip
from tests.unit.clips.footage import EXACT_MEDIA, MEDIA, ListFootage, encode, open_footage


@pytest.fixture(scope="session")
def media_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the media of this session lies."""
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="session")
def media_file(media_folder: Path) -> Callable[[str], Path]:
    """A file by its name in MEDIA."""

    def make(name: str) -> Path:
        if name == "rotated":
            return _rotated(make("h264"), media_folder / "rotated.mp4")
        suffix, arguments = (MEDIA | EXACT_MEDIA)[name]
        return encode(media_folder / f"{name}{suffix}", arguments)

    return make


@pytest.fixture
def footage(media_file: Callable[[str], Path]) -> Callable[[str], ListFootage]:
    """Footage by its name in MEDIA."""
    return lambda name: open_footage(media_file(name))


@pytest.fixture
def cut(tmp_path: Path) -> Callable[..., FinishedClip]:
    """Cut seconds out of footage, as revision 1 unless told otherwise."""

    def make(
        footage: ListFootage,
        start_s: float,
        end_s: float,
        *,
        anchor_s: float | None = None,
        context: ClipContext | None = None,
        **changes: object,
    ) -> FinishedClip:
        decision = decide(start_s, end_s, anchor_s=anchor_s, **changes)
        where = tmp_path / "clips" / decision.clip
        return make_clip(footage, decision, RenderSpec(), where, context or ClipContext(source="test"))

    return make


def decide(start_s: float, end_s: float, *, anchor_s: float | None = None, **changes: object) -> EditDecision:
    """An edit decision in seconds."""
    values: dict[str, object] = {
        "clip": ClipId("c0123456789ab"),
        "revision": 1,
        "session": SessionId("s20260101t000000-abcdef"),
        "start_ns": ns(start_s),
        "end_ns": ns(end_s),
        "anchor_ns": None if anchor_s is None else ns(anchor_s),
        "title": "A moment",
        "score": 0.9,
        "reasons": ("because",),
    }
    return EditDecision(**(values | changes))  # type: ignore[arg-type]


def _rotated(source: Path, target: Path) -> Path:
    """A phone's file: the same pictures with a display matrix that turns them."""
    if target.exists():
        return target
    with av.open(str(source)) as media, av.open(str(target), "w") as out:
        streams = {s.index: out.add_stream_from_template(s) for s in (*media.streams.video, *media.streams.audio)}
        out.streams.video[0].set_display_rotation(-90)
        for packet in media.demux(*media.streams.video, *media.streams.audio):
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    return target
