"""`clipd transcript SESSION`: the words of a session as text, subtitles or JSON; also while it runs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from configs import load_settings
from core.errors import UsageError
from core.lines import word_fields
from core.media import Gap
from core.times import FOREVER_NS, Ns, clock_text, ns, to_s
from core.words import Word, one_line, sentences, text_of
from daemon.cli import options as o
from daemon.cli.cut import parse_time
from daemon.clips.captions import cues, spoken, srt, vtt
from daemon.files import make_folder, publish_file
from daemon.journal import Journal
from daemon.worker.offline import session_folder


class Format(StrEnum):
    """What --format takes."""

    TEXT = "text"
    SRT = "srt"
    VTT = "vtt"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """What was said in a span of a session, on its media time, and what of it was not transcribed.

    `language` is the one most of the session is in; `why_empty` tells people why there are no words.
    """

    session: str
    language: str | None
    words: Sequence[Word]
    gaps: Sequence[Gap]
    why_empty: str = ""


def transcript(
    session: Annotated[str, typer.Argument(help="The session's id, or how it begins.")],
    format_: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.TEXT,
    from_: Annotated[str, typer.Option("--from", help="Media time: seconds, m:ss or h:mm:ss.")] = "0",
    to: Annotated[str | None, typer.Option("--to", help="Media time; the end unless given.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="A file to write instead of stdout.")] = None,
    data_dir: o.DataDir = None,
    config: o.Config = None,
) -> None:
    """What was said, with times; of a running session, what is final so far."""
    start_ns, end_ns = ns(parse_time(from_)), FOREVER_NS if to is None else ns(parse_time(to))
    if end_ns <= start_ns:
        raise UsageError(f"--to {to} is not after --from {from_}", remedy="Swap them, or leave --to out.")
    settings = load_settings(config=config, data_dir=data_dir)
    folder = session_folder(Path(settings.data_dir).expanduser(), session)
    with Journal.open(folder / "session.db", read_only=True) as journal:
        found = _read(journal, start_ns, end_ns)
    text = _WRITERS[format_](found)
    if out is None:
        typer.echo(text, nl=False)
    else:
        make_folder(out.absolute().parent)
        publish_file(out.absolute(), partial(Path.write_bytes, data=text.encode()))
    if found.why_empty:
        typer.echo(found.why_empty, err=True)


def _read(journal: Journal, start_ns: Ns, end_ns: Ns) -> Transcript:
    languages: Counter[str] = Counter()
    for commit in journal.committed():
        languages[commit.language] += len(commit.words)
    words = spoken(journal.words(start_ns, end_ns), start_ns, end_ns)
    all_gaps = journal.speech_gaps()
    return Transcript(
        session=journal.session,
        language=next((language for language, _ in languages.most_common(1)), None),
        words=words,
        gaps=[gap for gap in all_gaps if gap.start_ns < end_ns and gap.end_ns > start_ns],
        why_empty="" if words else _why_empty(journal, bool(languages), all_gaps),
    )


def _why_empty(journal: Journal, some: bool, gaps: Sequence[Gap]) -> str:
    if some:
        return "No words in this span; without --from and --to there are some."
    if gaps:
        reasons = ", ".join(sorted({gap.reason for gap in gaps}))
        return f"No words: what was said was not transcribed ({reasons})."
    if journal.meta("speech") is None:
        return "No words: nothing listened for speech in this session (speech.enabled, or an older clipd)."
    return "No words: no speech was heard so far."


def _text(found: Transcript) -> str:
    said = [
        (run[0].start_ns, f"[{_clock(run[0].start_ns)}] {one_line(text_of(run))}") for run in sentences(found.words)
    ]
    missing = [
        (gap.start_ns, f"[not transcribed {_clock(gap.start_ns)}-{_clock(gap.end_ns)}: {gap.reason}]")
        for gap in found.gaps
    ]
    return "".join(f"{line}\n" for _, line in sorted([*said, *missing], key=lambda pair: pair[0]))


def _json(found: Transcript) -> str:
    document: dict[str, Any] = {
        "session": found.session,
        "language": found.language,
        "words": [word_fields(word) for word in found.words],
        "gaps": [
            {"start_s": round(to_s(gap.start_ns), 3), "end_s": round(to_s(gap.end_ns), 3), "reason": gap.reason}
            for gap in found.gaps
        ],
    }
    return json.dumps(document, ensure_ascii=False) + "\n"


def _clock(t_ns: Ns) -> str:
    return clock_text(t_ns)[:-4]


_WRITERS: Final = {
    Format.TEXT: _text,
    Format.SRT: lambda found: srt(cues(found.words, Ns(0), FOREVER_NS)),
    Format.VTT: lambda found: vtt(cues(found.words, Ns(0), FOREVER_NS)),
    Format.JSON: _json,
}
