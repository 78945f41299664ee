"""The values that make_clip takes and gives, and the codes it notes. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from core.edits import CutResult
from core.ids import ClipId
from core.media import Gap
from core.moments import Moment
from core.spec import Rights
from core.words import Word

NAMES: Final = {"master": "master.mp4", "thumbnail": "thumbnail.jpg", "clip": "clip.json"}
CAPTIONS: Final = {"srt": "captions.srt", "vtt": "captions.vtt"}  # of a clip in which somebody speaks

EVICTED_HEAD: Final = "evicted_head"  # the wanted start is no longer buffered
EPOCH_LIMITED: Final = "epoch_limited"  # the source restarted inside the wanted span
GAP_AT_HEAD: Final = "gap_at_head"  # the wanted start lies in a hole: it would have been a frozen picture
GAP_AT_TAIL: Final = "gap_at_tail"
UNCLEAN_HEAD: Final = "unclean_head"  # the keyframe at the start did not decode: the clip starts on the next one
AUDIO_AT_HEAD: Final = "head_moved_to_audio"  # there is no sound at the wanted start
AUDIO_AT_TAIL: Final = "tail_moved_to_audio"
NO_AUDIO: Final = "no_audio"
NO_VIDEO: Final = "no_video"
DAMAGED_TAIL: Final = "damaged_tail"  # the source's last frames carry errors
TRANSCODED: Final = {"video": "transcoded_video", "audio": "transcoded_audio"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipContext:
    """What clip.json says beside the decision. `source` is already redacted; `profile` is its JSON form with `name`.

    `gaps` are those that touch the decision's span. `words` may reach beyond the clip: a cut may begin earlier than was
    wanted. `speech` names who heard them: model, sha256, compute_type, language. `rights`: what the owner of the
    stream has allowed. `room`: what a recording room's clip was composed of (docs/rooms.md).
    """

    source: str
    gaps: tuple[Gap, ...] = ()
    moment: Moment | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)
    words: tuple[Word, ...] = ()
    speech: Mapping[str, str] | None = None
    rights: Rights = "watch-only"
    room: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedClip:
    """A clip whose files are durable. `files` holds absolute paths by kind: master, thumbnail, clip, srt, vtt."""

    clip: ClipId
    revision: int
    folder: Path  # clips/<clip>/r<N>
    files: Mapping[str, Path]
    cut: CutResult
    sha256: str  # of the master


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What `render` made, and whether it equals the first rendering to the byte."""

    path: Path
    sha256: str
    identical: bool
