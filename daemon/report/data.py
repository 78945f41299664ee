"""What a report says, as values. The worker fills it from the journal; nothing here reads files or clocks.

All times are media time. Texts may come from strangers (chat, titles, source names): the page shows them as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.media import Gap
from core.times import Ns
from core.words import Word


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportClip:
    """One clip that was made. `p` and `bar` are probabilities, `parts` logits by family (penalties negative).

    `p` and `bar` are None for a manual cut; `latency_s` is None in a replay. `state` is provisional, final or
    withdrawn. Paths are linked relative to the report; None where the file is not there.
    """

    id: str
    revision: int
    state: str
    title: str
    start_ns: Ns
    end_ns: Ns
    anchor_ns: Ns | None
    p: float | None
    bar: float | None
    strength: str  # how sure, in words: a probability is worth showing only with the labels behind it
    parts: Mapping[str, float]
    reasons: tuple[str, ...]
    master: Path | None
    thumbnail: Path | None
    finished: tuple[Path, ...] = ()  # vertical.mp4 and the like
    latency_s: float | None = None
    waited_for_chat: bool = False
    av_head_ms: float | None = None
    av_tail_ms: float | None = None
    notes: tuple[str, ...] = ()  # codes of daemon.clips.model
    words: tuple[Word, ...] = field(default=(), repr=False)  # what is said in it


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMiss:
    """A moment that was not shown: `reason` is the code of its rejection, `why` the strongest evidence first."""

    start_ns: Ns
    end_ns: Ns
    anchor_ns: Ns
    p: float
    bar: float
    reason: str
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One signal over time: ascending (media time, value) points; `unit` is printed as it is."""

    name: str
    unit: str
    points: tuple[tuple[Ns, float], ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochMark:
    """Where an epoch after the first began, and why (`reason` of core.media.Epoch)."""

    start_ns: Ns
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GameMark:
    """Something that a game showed; `text` holds names read off the screen."""

    t_ns: Ns
    own: bool
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shed:
    """Analysis that was left out because it fell behind; footage was not."""

    stage: str
    start_ns: Ns
    end_ns: Ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A line of the transcript."""

    start_ns: Ns
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSpeech:
    """What listening came to. `sentences` may be the first of `sentence_count`; `gaps` is speech nobody transcribed.

    `language` is the one most words are in, "" when there are none; `command` prints the whole transcript.
    """

    model: str
    language: str
    words: int
    speech_s: float
    sentences: tuple[Sentence, ...]
    sentence_count: int
    gaps: tuple[Gap, ...]
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """A warning of the session."""

    code: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportData:
    """Everything on the page. `source` is already redacted; `started` is a finished text (UTC) or "".

    `lag_s`: how far analysis was behind the live edge at the end, None where there is no live edge. `why_no_clips` is
    shown when `clips` is empty: a sentence such as "nothing over the bar: ...". `cut_options` are appended to the
    `clipd cut` commands (`--data-dir` and its value, when it is not the default). `speech` is None when it was off.
    """

    session: str
    source: str
    profile: str
    started: str
    media_ns: Ns
    wall_s: float
    lag_s: float | None
    ended: str  # why it ended: endlist, eof, stopped, ...
    streams: tuple[str, ...]
    clips: tuple[ReportClip, ...]
    near_misses: tuple[NearMiss, ...]
    curves: tuple[Curve, ...]
    epochs: tuple[EpochMark, ...]
    gaps: tuple[Gap, ...]
    sheds: tuple[Shed, ...]
    warnings: tuple[Warned, ...]
    versions: Mapping[str, str]
    why_no_clips: str = ""
    cut_options: tuple[str, ...] = ()
    speech: ReportSpeech | None = None
    game: tuple[GameMark, ...] = ()
