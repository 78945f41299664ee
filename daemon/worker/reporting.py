"""Fills the report of a session from its journal."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from core.game import GameEvent
from core.ids import MomentId
from core.media import ChatMessage
from core.moments import Moment, MomentState
from core.signals import SignalChunk
from core.times import Ns, ns
from core.words import sentences, text_of
from daemon.clips.captions import spoken
from daemon.journal import Journal
from daemon.report import (
    Curve,
    EpochMark,
    GameMark,
    NearMiss,
    ReportClip,
    ReportData,
    ReportSpeech,
    Sentence,
    Shed,
    Warned,
    write_report,
)
from daemon.report.lines import chat_rate, loudness
from detectors.fusion.calibration import Calibration
from detectors.game.telling import tell

POINTS: Final = 1200  # of one curve: more than a screen has columns
SHOWN_NEAR_MISSES: Final = 50
SHOWN_MARKS: Final = 2000  # of a game: some hours of a busy one
SHOWN_SENTENCES: Final = 2000  # three hours of talk; a browser shows them at once
LONG_SENTENCE: Final = 40  # words; longer ones, of a recogniser that forgot its full stops, become several lines
VERSIONS: Final = ("clipd", "av", "numpy", "streamlink")
REPORT: Final = "report.html"


def write_session_report(
    journal: Journal, folder: Path, summary: Mapping[str, Any], *, ended: str, lag_s: float | None, data_dir: Path
) -> Path:
    """`report.html` in `folder`; returns its path."""
    path = folder / REPORT
    folder.mkdir(parents=True, exist_ok=True)
    write_report(path, _data(journal, summary, ended=ended, lag_s=lag_s, data_dir=data_dir))
    return path.absolute()


def _data(
    journal: Journal, summary: Mapping[str, Any], *, ended: str, lag_s: float | None, data_dir: Path
) -> ReportData:
    moments = {moment.id: moment for moment in journal.moments()}
    epochs = journal.epochs()
    cut_options = ("--data-dir", str(data_dir))
    return ReportData(
        session=journal.session,
        source=str(journal.meta("source")),
        profile=str((journal.meta("profile") or {}).get("name", "")),
        started=str(journal.meta("started") or ""),
        media_ns=ns(summary["media_s"]),
        wall_s=float(summary["wall_s"]),
        lag_s=lag_s,
        ended=ended,
        streams=tuple(journal.meta("streams") or ()),
        clips=tuple(_clip(record, journal, moments) for record in journal.clips()),
        near_misses=_near_misses(list(moments.values())),
        curves=_curves(list(journal.signals()), list(journal.chat())),
        epochs=tuple(EpochMark(start_ns=epoch.start_ns, reason=epoch.reason) for epoch in epochs[1:]),
        gaps=tuple(journal.gaps()),
        sheds=tuple(Shed(stage=stage, start_ns=start, end_ns=end) for stage, start, end in journal.sheds()),
        warnings=tuple(Warned(**warning) for warning in journal.warnings()),
        versions={name: version(name) for name in VERSIONS},
        why_no_clips=str(summary["why_no_clips"]),
        cut_options=cut_options,
        speech=_speech(journal, summary, shlex.join(["clipd", "transcript", journal.session, *cut_options])),
        game=_game(journal.game()),
    )


def _game(events: Iterable[GameEvent]) -> tuple[GameMark, ...]:
    """The streamer's own first: where there are too many, others' are left out."""
    marks = [GameMark(t_ns=event.t_ns, own=event.own, text=tell(event)) for event in events]
    return tuple(sorted(marks, key=lambda mark: not mark.own)[:SHOWN_MARKS])


def _speech(journal: Journal, summary: Mapping[str, Any], command: str) -> ReportSpeech | None:
    engine = journal.meta("speech")
    if engine is None:
        return None
    commits = list(journal.committed())
    languages = Counter(commit.language for commit in commits for _ in commit.words)
    words = sorted((word for commit in commits for word in commit.words), key=lambda word: word.start_ns)
    lines = [
        sentence[at : at + LONG_SENTENCE]
        for sentence in sentences(words)
        for at in range(0, len(sentence), LONG_SENTENCE)
    ]
    return ReportSpeech(
        model=", ".join(str(engine[key]) for key in ("model", "compute_type", "device") if engine.get(key)),
        language=languages.most_common(1)[0][0] if languages else "",
        words=len(words),
        speech_s=float(summary["speech_s"]),
        sentences=tuple(Sentence(start_ns=line[0].start_ns, text=text_of(line)) for line in lines[:SHOWN_SENTENCES]),
        sentence_count=len(lines),
        gaps=tuple(journal.speech_gaps()),
        command=command,
    )


def _clip(record: Mapping[str, Any], journal: Journal, moments: Mapping[MomentId, Moment]) -> ReportClip:
    decision = journal.decision(record["id"], int(record["revision"]))
    moment = moments.get(decision.moment) if decision and decision.moment else None
    files = {name: Path(path) for name, path in record["files"].items()}
    start_ns, end_ns = ns(record["start_s"]), ns(record["end_s"])
    return ReportClip(
        id=record["id"],
        revision=int(record["revision"]),
        state=record["state"],
        title=record["title"],
        start_ns=start_ns,
        end_ns=end_ns,
        anchor_ns=None if record["anchor_s"] is None else ns(record["anchor_s"]),
        p=moment.p if moment else None,
        bar=moment.bar if moment else None,
        strength=calibration_of(journal).wording(moment.p) if moment else "",
        parts=moment.parts if moment else {},
        reasons=moment.reasons if moment else tuple(record["reasons"]),
        master=_there(files.get("master")),
        thumbnail=_there(files.get("thumbnail")),
        finished=tuple(
            path for kind, path in files.items() if kind != "master" and path.suffix == ".mp4" and _there(path)
        ),
        latency_s=record["latency_s"],
        waited_for_chat=bool(record["waited_for_chat"]),
        av_head_ms=record["av_head_ms"],
        av_tail_ms=record["av_tail_ms"],
        notes=tuple(record["notes"]),
        words=tuple(spoken(journal.words(start_ns, end_ns), start_ns, end_ns)),
    )


def calibration_of(journal: Journal) -> Calibration:
    """What stands behind this session's probabilities; sessions of older versions have none."""
    detect = (journal.meta("profile") or {}).get("detect", {})
    return Calibration.model_validate(detect.get("calibration", {}))


def _there(path: Path | None) -> Path | None:
    return path if path is not None and path.exists() else None


def _near_misses(moments: Sequence[Moment]) -> tuple[NearMiss, ...]:
    """The nearest first, and not more than a person reads."""
    rejected = sorted((m for m in moments if m.state is MomentState.REJECTED), key=lambda m: m.bar - m.p)
    return tuple(
        NearMiss(
            start_ns=moment.start_ns,
            end_ns=moment.end_ns,
            anchor_ns=moment.anchor_ns,
            p=moment.p,
            bar=moment.bar,
            reason=moment.reason,
            why=moment.reasons,
        )
        for moment in rejected[:SHOWN_NEAR_MISSES]
    )


def _curves(chunks: Sequence[SignalChunk], chat: Sequence[ChatMessage]) -> tuple[Curve, ...]:
    lines = (loudness(chunks), chat_rate([message.t_ns for message in chat]))
    return tuple(
        Curve(name=line.name, unit=line.unit, points=_thin(line.times_ns, line.values)) for line in lines if len(line)
    )


def _thin(times: np.ndarray[Any, Any], values: np.ndarray[Any, Any]) -> tuple[tuple[Ns, float], ...]:
    """At most POINTS points, each the maximum of its stretch: a peak must not vanish between two columns."""
    step = max(1, -(-len(values) // POINTS))
    return tuple(
        (Ns(int(times[min(i + step, len(values)) - 1])), round(float(values[i : i + step].max()), 2))
        for i in range(0, len(values), step)
    )
