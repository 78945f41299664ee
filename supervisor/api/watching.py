"""What a session's pages show: words, lines over time, moments and near-misses, with what is still buffered of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from aiohttp import web

from core.game import GameEvent
from core.ids import SessionId
from core.lines import word_fields
from core.times import FOREVER_NS, NS_PER_S, Ns, ns, to_s
from detectors.game.telling import tell
from supervisor.api.call import Done, UserCall
from supervisor.api.models import Listing, Moment, Played, SaidWord, Signals, Span, SpanPoints, Transcript
from supervisor.api.rows import date_or_none, listed
from supervisor.catalog import NotFound
from supervisor.catalog.limits import is_number
from supervisor.catalog.values import MomentRow, SessionRow
from supervisor.sessions_reader import Subtitles
from telemetry import redact_text

T = TypeVar("T")
_TYPES: Final[Mapping[Subtitles, str]] = {"srt": "application/x-subrip", "vtt": "text/vtt"}
_SLACK_NS: Final = NS_PER_S  # a moment may reach a little over what is closed so far
MOST_PARTS: Final = 20


async def transcript(call: UserCall) -> Done:
    """GET /sessions/{id}/transcript, and .json."""
    row = await _session(call)
    said = await read(call, lambda: call.services.sessions.words(row.id, *_span(call.query)))
    return Done(
        Transcript(
            words=[SaidWord(**word_fields(word)) for word in said.words],
            language=said.language,
            next_s=None if said.next_ns is None else to_s(said.next_ns),
        )
    )


async def transcript_srt(call: UserCall) -> web.StreamResponse:
    """GET /sessions/{id}/transcript.srt."""
    return await _subtitles(call, "srt")


async def transcript_vtt(call: UserCall) -> web.StreamResponse:
    """GET /sessions/{id}/transcript.vtt."""
    return await _subtitles(call, "vtt")


async def signals(call: UserCall) -> Done:
    """GET /sessions/{id}/signals."""
    query: SpanPoints = call.query
    row = await _session(call)
    found = await read(call, lambda: call.services.sessions.curves(row.id, *_span(query), query.points))
    return Done(
        Signals(
            start_s=to_s(found.start_ns),
            step_s=to_s(found.step_ns),
            series={name: list(values) for name, values in found.series.items()},
            p=list(found.p),
            bar=list(found.bar),
            game=[_played(event) for event in found.game],
        )
    )


def _played(event: GameEvent) -> Played:
    return Played(
        t_s=to_s(event.t_ns),
        kind=event.kind.value,
        own=event.own,
        source=event.source,
        count=event.count,
        who=event.who,
        victim=event.victim,
        weapon=event.weapon,
        text=tell(event),
    )


async def moments(call: UserCall) -> Done:
    """GET /sessions/{id}/moments."""
    return await _moments(call, None)


async def near_misses(call: UserCall) -> Done:
    """GET /sessions/{id}/near-misses: what was weighed and rejected."""
    return await _moments(call, "rejected")


async def read(call: UserCall, look: Callable[[], T]) -> T:
    """In a thread, a few at a time: looks into journals share the machine with workers."""
    async with call.services.looks:
        return await asyncio.to_thread(look)


async def _session(call: UserCall) -> SessionRow:
    return await call.services.catalog.session(call.workspace, SessionId(call.path["id"]))


def _span(query: Span) -> tuple[Ns, Ns]:
    return ns(query.from_s), FOREVER_NS if query.to_s is None else ns(query.to_s)


async def _subtitles(call: UserCall, kind: Subtitles) -> web.Response:
    row = await _session(call)
    text = await read(call, lambda: call.services.sessions.subtitles(row.id, *_span(call.query), kind))
    headers = {"Content-Disposition": f'attachment; filename="{row.id}.{kind}"'}
    return web.Response(text=text, content_type=_TYPES[kind], charset="utf-8", headers=headers)


async def _moments(call: UserCall, state: str | None) -> Done:
    query: Listing = call.query
    row = await _session(call)
    page = await call.services.catalog.moments(
        call.workspace, row.id, state=state, limit=query.limit, after=query.after
    )
    kept = await _footage(call, row)
    return Done(listed(page, lambda moment: _moment(moment, kept)))


@dataclass(frozen=True, slots=True)
class _Kept:
    """What footage there is, on media time, and until when (wall clock) it stays: as a whole, or from a media time's
    own time on."""

    span: tuple[Ns, Ns] | None
    over_until_ns: int | None = None
    live_offset_ns: int | None = None

    def holds(self, start_ns: int, end_ns: int) -> bool:
        return self.span is not None and self.span[0] <= start_ns + _SLACK_NS and end_ns <= self.span[1] + _SLACK_NS

    def until_ns(self, start_ns: int) -> int | None:
        return start_ns + self.live_offset_ns if self.live_offset_ns is not None else self.over_until_ns


async def _footage(call: UserCall, row: SessionRow) -> _Kept:
    """Of a session that runs, footage goes as new comes; of one that is over, after `retention.ring_h`."""
    services = call.services
    try:
        span = await read(call, lambda: services.sessions.footage(row.id))
    except NotFound:
        return _Kept(None)
    if span is None:
        return _Kept(None)
    if row.ended_ns is not None:
        return _Kept(span, over_until_ns=row.ended_ns + ns(services.settings.retention.ring_h * 3600))
    if row.state in ("live", "gap"):
        return _Kept(span, live_offset_ns=services.clock.wall_ns() - span[1] + services.settings.ring.keep_ns)
    return _Kept(span)


def _moment(row: MomentRow, kept: _Kept) -> Moment:
    """A worker's line, believed as far as it is one."""
    line = row.line
    start_s, end_s = _number(line.get("start_s")), _number(line.get("end_s"))
    start_ns, has = ns(start_s), kept.holds(ns(start_s), ns(end_s))
    parts = line.get("parts")
    named: Mapping[str, Any] = parts if isinstance(parts, Mapping) else {}
    return Moment(
        id=row.id,
        state=row.state,
        start_s=start_s,
        end_s=end_s,
        anchor_s=_number(line.get("anchor_s")),
        p=_number(line.get("p")),
        bar=_number(line.get("bar")),
        reason=redact_text(str(line.get("reason", ""))[:200]),
        parts={name[:40]: _number(value) for name, value in list(named.items())[:MOST_PARTS]},
        has_footage=has,
        footage_until=date_or_none(kept.until_ns(start_ns)) if has else None,
    )


def _number(value: object) -> float:
    return float(value) if is_number(value) else 0.0
