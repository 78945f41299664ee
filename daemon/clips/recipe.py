"""clip.json: the recipe of a clip, and reading it back. The fields are described in docs/clips.md.

No time of day and no machine's path goes in, except the path of a referenced local file: same inputs, same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import av
import imageio_ffmpeg

from core.edits import EditDecision, RenderSpec
from core.errors import UsageError
from core.media import Gap
from core.moments import Moment
from core.protocols import SourceRef
from core.times import Ns, to_s
from core.words import Word
from daemon.clips.captions import words_of
from daemon.clips.master import Master
from daemon.clips.measure import Measured
from daemon.clips.model import TRANSCODED, ClipContext
from daemon.clips.plan import CutPicks
from daemon.clips.smart.model import ExactPicks, picks_from_json, picks_json

SCHEMA: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What `render` needs of a clip.json."""

    clip: str
    title: str
    kept: tuple[tuple[Ns, Ns], ...]
    picks: CutPicks | ExactPicks
    read_from_ns: Ns
    read_to_ns: Ns
    segments: tuple[SourceRef, ...]
    words: tuple[Word, ...]
    sha256: Mapping[str, str]  # of the files as they were first made, by kind


def clip_document(
    decision: EditDecision,
    spec: RenderSpec,
    context: ClipContext,
    master: Master,
    *,
    read: tuple[Ns, Ns],
    words: Sequence[Mapping[str, object]],
    segments: Sequence[SourceRef],
    files: Mapping[str, Mapping[str, object]],
) -> dict[str, Any]:
    """The document; JSON values only."""
    return {
        "schema": SCHEMA,
        "id": decision.clip,
        "revision": decision.revision,
        "session": decision.session,
        "source": context.source,
        "rights": context.rights,
        "title": decision.title,
        "score": decision.score,
        "reasons": list(decision.reasons),
        "decision": {
            "start_ns": decision.start_ns,
            "end_ns": decision.end_ns,
            "anchor_ns": decision.anchor_ns,
            "moment": decision.moment,
            "drop": [list(span) for span in decision.drop],
        },
        "moment": _moment(context.moment),
        "profile": {"name": str(context.profile.get("name", "")), "sha256": profile_hash(context.profile)},
        "spec": {"formats": list(spec.formats), "max_av_offset_ns": spec.max_av_offset_ns, "cut": spec.cut},
        "cut": {**_cut(master), "read_from_ns": read[0], "read_to_ns": read[1]},
        "gaps": [_gap(gap) for gap in context.gaps],
        "words": list(words),
        "speech": None if context.speech is None else dict(context.speech),
        **({} if context.room is None else {"room": dict(context.room)}),
        "segments": [asdict(segment) for segment in segments],
        "files": {kind: dict(facts) for kind, facts in files.items()},
        "versions": _versions(converted=_used_ffmpeg(master)),
    }


def encode(document: Mapping[str, Any]) -> bytes:
    """Readable, and the same bytes for the same document."""
    return (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read_recipe(path: Path) -> Recipe:
    """Raises UsageError on anything that is not a clip.json of this schema."""
    document = read_document(path)
    try:
        cut = document["cut"]
        return Recipe(
            clip=str(document["id"]),
            title=str(document["title"]),
            kept=kept_of(document),
            picks=picks_from_json(cut["exact"]) if "exact" in cut else _picks(cut["picks"]),
            read_from_ns=Ns(int(cut["read_from_ns"])),
            read_to_ns=Ns(int(cut["read_to_ns"])),
            segments=tuple(SourceRef(**segment) for segment in document["segments"]),
            words=tuple(words_of(document["words"])),
            sha256={kind: str(file["sha256"]) for kind, file in document["files"].items()},
        )
    except (ArithmeticError, ValueError, KeyError, TypeError, AttributeError) as err:
        raise _not_a_recipe(path, str(err)) from err


def read_document(path: Path) -> dict[str, Any]:
    """A clip.json of this schema as JSON; its fields are not checked. Raises UsageError."""
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
        if document["schema"] != SCHEMA:
            raise _not_a_recipe(path, f"schema {document['schema']!r}, this version reads {SCHEMA}")
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise _not_a_recipe(path, str(err)) from err
    return document


def kept_of(document: Mapping[str, Any]) -> tuple[tuple[Ns, Ns], ...]:
    """The ranges that the clip shows; documents of older versions have one and don't list it."""
    cut = document["cut"]
    spans = cut.get("kept") or [(cut["start_ns"], cut["end_ns"])]
    return tuple((Ns(int(start_ns)), Ns(int(end_ns))) for start_ns, end_ns in spans)


def profile_hash(profile: Mapping[str, Any]) -> str:
    """SHA-256 of the profile's canonical JSON: two clips with the same hash were judged by the same constants."""
    canonical = json.dumps(profile, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _cut(master: Master) -> dict[str, Any]:
    picks = master.picks
    found = {"picks": asdict(picks)} if isinstance(picks, CutPicks) else {"exact": picks_json(picks)}
    return {
        "start_ns": master.start_ns,
        "end_ns": master.end_ns,
        "start_s": to_s(master.start_ns),
        "end_s": to_s(master.end_ns),
        "kept": [list(span) for span in master.kept],
        **_measured(master.measured),
        "notes": list(master.notes),
        **found,
    }


def _picks(document: Mapping[str, Any]) -> CutPicks:
    return CutPicks(**{name: int(value) for name, value in document.items()})  # type: ignore[arg-type]  # Ns is an int


def _used_ffmpeg(master: Master) -> bool:
    if isinstance(master.picks, CutPicks):
        return bool(set(master.notes) & set(TRANSCODED.values()))
    coded = any(piece.head.count or piece.tail.count for piece in master.picks.pieces)
    return coded or master.picks.sound == "coded"


def _measured(measured: Measured) -> dict[str, Any]:
    return {
        "duration_s": measured.duration_s,
        "fps": measured.fps,
        "rotation": measured.rotation,
        "av_head_ms": measured.av_head_ms,
        "av_tail_ms": measured.av_tail_ms,
        "streams": list(measured.streams),
    }


def _moment(moment: Moment | None) -> dict[str, Any] | None:
    if moment is None:
        return None
    return {
        "id": moment.id,
        "state": str(moment.state),
        "start_ns": moment.start_ns,
        "end_ns": moment.end_ns,
        "anchor_ns": moment.anchor_ns,
        "p": moment.p,
        "bar": moment.bar,
        "parts": dict(moment.parts),
        "reasons": list(moment.reasons),
        "decided_ns": moment.decided_ns,
        "waited_for_chat": moment.waited_for_chat,
    }


def _gap(gap: Gap) -> dict[str, Any]:
    return {"start_ns": gap.start_ns, "end_ns": gap.end_ns, "reason": gap.reason, "track": gap.track}


def _versions(*, converted: bool) -> dict[str, str]:
    libraries = {name: ".".join(map(str, numbers)) for name, numbers in sorted(av.library_versions.items())}
    ffmpeg = {"ffmpeg": str(imageio_ffmpeg.get_ffmpeg_version())} if converted else {}
    return {"clipd": version("clipd"), "av": av.__version__, **libraries, **ffmpeg}


def _not_a_recipe(path: Path, why: str) -> UsageError:
    return UsageError(
        f"{path.name} is not a clip recipe ({why[:200]})", remedy="Name the clip.json beside a master.mp4."
    )
