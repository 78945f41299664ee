"""report.html: one file that plays the clips beside it and asks nothing of any network.

Style and script stand in the page and are allowed by hash; everything else the browser is told to refuse. Texts are
text nodes (autoescape), without the control and direction characters that could make them look like something else.
"""

from __future__ import annotations

import base64
import hashlib
import math
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from core.times import Ns, clock_text, to_s
from core.words import Word, sentences, text_of
from daemon.files import make_folder, publish_file
from daemon.report.data import NearMiss, ReportClip, ReportData
from daemon.report.strip import draw_strip

TEMPLATES: Final = Path(__file__).parent.parent / "templates"
_NOT_TEXT: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_TEXT_LIMIT: Final = 500
_QUOTED_AROUND: Final = 24  # words of a clip before and after the sentence at its anchor
_LOGIT_SCALE: Final = 5.0  # a part's bar is full at 5 logits: odds of 150 to 1

_NOTES: Final = {
    "evicted_head": "starts late: the beginning was no longer buffered",
    "epoch_limited": "ends where the source restarted",
    "gap_at_head": "starts after a hole in the stream",
    "gap_at_tail": "ends at a hole in the stream",
    "unclean_head": "starts on a later keyframe: the first was damaged",
    "head_moved_to_audio": "starts where the sound does",
    "tail_moved_to_audio": "ends where the sound does",
    "no_audio": "no sound",
    "no_video": "no picture",
    "damaged_tail": "the source's last frames are damaged",
    "transcoded_video": "picture converted to H.264",
    "transcoded_audio": "sound converted to AAC",
}
_REJECTIONS: Final = {
    "below_bar": "below the bar",
    "budget": "the hour's clips were spent",
    "cooldown": "too soon after another",
    "contradicted": "later evidence spoke against it",
    "superseded": "a stronger one covers it",
    "merged": "part of another",
}


@dataclass(frozen=True, slots=True)
class Quote:
    """What is said in a clip: the sentence at its anchor and some words around it."""

    before: str
    key: str
    after: str


@dataclass(frozen=True, slots=True)
class LatencyRow:
    """Percentiles of `latency_s` over some clips."""

    name: str
    count: int
    p50_s: float
    p95_s: float
    worst_s: float


def write_report(path: Path, data: ReportData) -> None:
    """Publish the page whole. Links are relative to its folder. Raises StorageError."""
    make_folder(path.absolute().parent)
    html = render_report(data, path.absolute().parent)
    publish_file(path.absolute(), lambda partial: _write(partial, html))


def render_report(data: ReportData, folder: Path) -> str:
    """The page as it would lie in `folder`."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(text=clean_text, clock=_clock, note=_note, why_not=_why_not, percent=_percent, ms=_ms)
    style, script = ((TEMPLATES / name).read_text(encoding="utf-8").strip() for name in ("report.css", "report.js"))
    ranked = sorted(data.clips, key=lambda clip: (clip.state == "withdrawn", -(clip.p or 0.0), clip.start_ns))
    numbers = {clip.id: number for number, clip in enumerate(data.clips, 1)}
    return environment.get_template("report.html.j2").render(
        data=data,
        strip=draw_strip(data),
        cards=[_card(clip, numbers[clip.id], folder) for clip in ranked],
        near_misses=[_near_miss(near, data) for near in sorted(data.near_misses, key=lambda near: near.bar - near.p)],
        latencies=latency_rows(data.clips),
        lost_s=sum(to_s(gap.end_ns - gap.start_ns) for gap in data.gaps),
        style=style,
        script=script,
        policy=_policy(style, script),
    )


def latency_rows(clips: Sequence[ReportClip]) -> list[LatencyRow]:
    """Clips that had to wait for chat stand in a row of their own (DESIGN.md section 8)."""
    rows: list[LatencyRow] = []
    for name, waited in (("last frame to playable clip", False), ("the same, waited for chat", True)):
        values = sorted(c.latency_s for c in clips if c.latency_s is not None and c.waited_for_chat is waited)
        if values:
            rows.append(LatencyRow(name, len(values), _rank(values, 0.5), _rank(values, 0.95), values[-1]))
    return rows


def clean_text(value: object) -> str:
    """A stranger's text without characters that hide or reorder others, cut at 500."""
    text = _NOT_TEXT.sub("\ufffd", str(value))
    return text if len(text) <= _TEXT_LIMIT else text[:_TEXT_LIMIT] + "…"


def quote_of(words: Sequence[Word], anchor_ns: Ns | None) -> Quote | None:
    """None for a clip in which nobody speaks. Without an anchor nothing is emphasised."""
    said = sentences(words)
    if not said:
        return None
    if anchor_ns is None:
        return Quote("", "", _cut_after(words))
    at = min(range(len(said)), key=lambda index: _distance_ns(said[index], anchor_ns))
    before, after = ([word for sentence in part for word in sentence] for part in (said[:at], said[at + 1 :]))
    cut = "… " if len(before) > _QUOTED_AROUND else ""
    return Quote(cut + text_of(before[-_QUOTED_AROUND:]), text_of(said[at]), _cut_after(after))


def _cut_after(words: Sequence[Word]) -> str:
    return text_of(words[:_QUOTED_AROUND]) + (" …" if len(words) > _QUOTED_AROUND else "")


def _distance_ns(sentence: Sequence[Word], at_ns: Ns) -> int:
    """0 while it is said."""
    return max(0, sentence[0].start_ns - at_ns, at_ns - sentence[-1].end_ns)


def _card(clip: ReportClip, number: int, folder: Path) -> dict[str, Any]:
    return {
        "clip": clip,
        "number": number,
        "master": _link(clip.master, folder),
        "finished": [(path.stem, _link(path, folder)) for path in clip.finished],
        "thumbnail": _link(clip.thumbnail, folder),
        "quote": quote_of(clip.words, clip.anchor_ns),
        "parts": _parts(clip.parts),
        "length_s": to_s(clip.end_ns - clip.start_ns),
        "manual": clip.p is None,
    }


def _parts(parts: Mapping[str, float]) -> list[dict[str, Any]]:
    """Strongest first; bars grow from the middle of 100 units, penalties to the left."""
    rows = []
    for family, logit in sorted(parts.items(), key=lambda part: -part[1]):
        half = min(1.0, abs(logit) / _LOGIT_SCALE) * 50
        rows.append(
            {"family": family, "logit": logit, "x": round(50 - half if logit < 0 else 50, 1), "w": round(half, 1)}
        )
    return rows


def _near_miss(near: NearMiss, data: ReportData) -> dict[str, Any]:
    """With the command that cuts it by hand, rounded outwards to a tenth."""
    start_s, end_s = math.floor(to_s(near.start_ns) * 10) / 10, math.ceil(to_s(near.end_ns) * 10) / 10
    command = shlex.join(["clipd", "cut", data.session, f"{start_s:g}", f"{end_s:g}", *data.cut_options])
    return {"near": near, "short": near.bar - near.p, "command": command}


def _link(path: Path | None, folder: Path) -> str | None:
    """A relative URL; a name can hold anything, so it is quoted. `./` keeps a colon from looking like a scheme."""
    if path is None:
        return None
    return "./" + quote(os.path.relpath(path.absolute(), folder))


def _policy(style: str, script: str) -> str:
    """Nothing is fetched but media beside the page. `file:` is the page's own origin when it is opened from disk."""
    return "; ".join(
        (
            "default-src 'none'",
            "media-src 'self' file:",
            "img-src 'self' file:",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _rank(ordered: Sequence[float], share: float) -> float:
    """Nearest-rank percentile of sorted values."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _clock(value_ns: int) -> str:
    return clock_text(value_ns)[:-2]


def _note(code: str) -> str:
    return _NOTES.get(code, code)


def _why_not(code: str) -> str:
    return _REJECTIONS.get(code, code)


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:+.0f} ms"


def _write(path: Path, html: str) -> None:
    path.write_text(html, encoding="utf-8")
