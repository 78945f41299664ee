"""Rows of the catalog as answers: times as dates, sources without secrets, no paths of this machine. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, Final, TypeVar

from core.times import to_s
from supervisor.api.links import clip_links
from supervisor.api.models import (
    Audited,
    Clip,
    ClipHistory,
    Job,
    Listed,
    MadeStream,
    Member,
    Revision,
    Session,
    Step,
    Stream,
    Token,
    Used,
    Verdict,
    Workspace,
)
from supervisor.api.signing import Signer
from supervisor.api.sources import public_options
from supervisor.catalog.values import (
    AuditRow,
    ClaimRow,
    ClipRow,
    JobRow,
    MemberRow,
    Page,
    SessionRow,
    StreamRow,
    TokenRow,
    UsageRow,
    VerdictRow,
    WorkspaceRow,
)
from telemetry import redact_text, redact_url

Row = TypeVar("Row")
Item = TypeVar("Item")
_PATHS: Final = frozenset({"files", "path", "folder", "report"})  # of a clip's line: served by name, never as paths
_FIRST_NS: Final = 0
_LAST_NS: Final = 253_402_300_799 * 1_000_000_000  # the year 9999: where dates end


def date(at_ns: int) -> datetime:
    """Wall-clock ns as a date, UTC."""
    return datetime.fromtimestamp(to_s(min(max(at_ns, _FIRST_NS), _LAST_NS)), UTC)


def date_or_none(at_ns: int | None) -> datetime | None:
    """None and 0 are no time."""
    return date(at_ns) if at_ns else None


def listed(page: Page[Row], answer: Callable[[Row], Item]) -> Listed[Item]:
    """A page of rows."""
    return Listed(items=[answer(row) for row in page.rows], next=page.next)


def stream_answer(row: StreamRow, claim: ClaimRow | None) -> Stream:
    """With the state of its newest worker."""
    return Stream(**_stream_fields(row, claim))


def made_stream(row: StreamRow, key: str | None) -> MadeStream:
    """With its key, this once."""
    return MadeStream(**_stream_fields(row, None), key=key)


def _stream_fields(row: StreamRow, claim: ClaimRow | None) -> dict[str, Any]:
    options = public_options(row.options)
    if isinstance(options.get("chat"), str):
        options["chat"] = redact_url(options["chat"])
    return {
        "id": row.id,
        "name": row.name,
        "source": redact_url(row.source),
        "kind": row.kind,
        "origin": row.origin,
        "rights": row.rights,
        "wanted": row.wanted,
        "priority": row.priority,
        "options": options,
        "created": date(row.created_ns),
        "state": None if claim is None else claim.state,
        "reason": redact_text(row.reason or (claim.reason if claim else "")),
        "session": None if claim is None else claim.session,
    }


def session_answer(row: SessionRow) -> Session:
    """One watch."""
    return Session(
        id=row.id,
        stream=row.stream,
        state=row.state,
        reason=redact_text(row.reason),
        started=date_or_none(row.started_ns),
        ended=date_or_none(row.ended_ns),
        media_s=row.media_s,
        summary=public_line(row.summary),
    )


def clip_answer(row: ClipRow, signer: Signer) -> Clip:
    """The names of its files are there and links to them, not where they lie."""
    return Clip(**_clip_fields(row, signer))


def clip_history(
    row: ClipRow,
    revisions: Sequence[ClipRow],
    renders: Sequence[JobRow],
    verdicts: Sequence[VerdictRow],
    signer: Signer,
) -> ClipHistory:
    """A clip with what was made of it."""
    return ClipHistory(
        **_clip_fields(row, signer),
        revisions=[revision_answer(each) for each in revisions],
        renders=[job_answer(each) for each in renders],
        verdicts=[
            Verdict(revision=each.revision, review=each.verdict, by=each.actor, note=each.note, at=date(each.at_ns))
            for each in verdicts
        ],
    )


def revision_answer(row: ClipRow) -> Revision:
    """What a clip was at one time."""
    return Revision(revision=row.revision, state=row.state, created=date(row.created_ns), line=public_line(row.line))


def _clip_fields(row: ClipRow, signer: Signer) -> dict[str, Any]:
    return {
        "id": row.id,
        "stream": row.stream,
        "session": row.session,
        "revision": row.revision,
        "state": row.state,
        "review": row.review,
        "reviewed_revision": row.reviewed_revision,
        "revised_after_approval": row.revised_since,
        "title": row.title,
        "score": row.score,
        "created": date(row.created_ns),
        "line": public_line(row.line),
        "files": clip_links(row, signer),
    }


def job_answer(row: JobRow) -> Job:
    """With its steps."""
    asked, told = job_order(row), row.told or {}
    return Job(
        id=row.id,
        stream=row.stream,
        source=redact_url(row.source) if row.clip is None else "",
        kind=asked["kind"],
        session=row.session,
        clip=row.clip,
        revision=told.get("revision"),
        formats=asked.get("formats", []),
        layout=asked.get("layout"),
        captions=asked.get("captions"),
        start_s=asked.get("start_s"),
        end_s=asked.get("end_s"),
        state=row.state,
        cancel=row.cancel,
        error=redact_text(row.error),
        message=redact_text(str(told.get("message", ""))),
        created=date(row.created_ns),
        ended=date_or_none(row.ended_ns),
        steps=[
            Step(
                name=step.name,
                state=step.state,
                attempts=step.attempts,
                started=date_or_none(step.started_ns),
                ended=date_or_none(step.ended_ns),
                progress=step.progress,
                error=redact_text(step.error),
            )
            for step in row.steps
        ],
    )


def job_order(row: JobRow) -> Mapping[str, Any]:
    """What is asked for, with its kind; a plain render's formats are its source."""
    if row.clip is None:
        return {"kind": "recording"}
    return row.asked or {"kind": "render", "formats": row.source.split(",")}


def token_answer(row: TokenRow) -> Token:
    """Without its secret, which nobody has."""
    return Token(**token_fields(row))


def token_fields(row: TokenRow) -> dict[str, Any]:
    """What answers say of a token."""
    return {
        "id": row.id,
        "role": row.role,
        "name": row.name,
        "created": date(row.created_ns),
        "expires": date_or_none(row.expires_ns),
        "revoked": row.revoked,
        "scopes": list(row.scopes),
        "last_used": date_or_none(row.used_ns),
        "previous_until": date_or_none(row.old_until_ns),
    }


def member_answer(row: MemberRow) -> Member:
    """Without a password, which nobody has."""
    return Member(id=row.id, name=row.name, role=row.role, created=date(row.created_ns))


def workspace_answer(row: WorkspaceRow) -> Workspace:
    """Its name."""
    return Workspace(**workspace_fields(row))


def workspace_fields(row: WorkspaceRow) -> dict[str, Any]:
    """What answers say of a workspace."""
    return {"id": row.id, "name": row.name, "created": date(row.created_ns)}


def audit_answer(row: AuditRow) -> Audited:
    """An action."""
    return Audited(
        id=row.id, at=date(row.at_ns), actor=row.actor, action=row.action, target=row.target, detail=dict(row.detail)
    )


def usage_answer(row: UsageRow) -> Used:
    """A day."""
    return Used(
        day=row.day,
        minutes=round(max(0.0, row.minutes), 3),
        stored_bytes=row.bytes,
        clips=row.clips,
        renders=row.renders,
        llm_usd=dollars(row.llm_usd),
        accepted=row.accepted,
        llm_usd_per_accepted_clip=dollars(row.llm_usd / row.accepted) if row.accepted else None,
    )


def dollars(usd: float) -> float:
    """To a millionth: sums of floats are never quite zero."""
    return round(max(0.0, usd), 6)


def public_line(line: Mapping[str, Any]) -> dict[str, Any]:
    """A worker's line without paths of this machine: of files their names stay."""
    shown = {name: value for name, value in line.items() if name not in _PATHS}
    files = line.get("files")
    if isinstance(files, Mapping):
        shown["files"] = sorted(str(name) for name in files)
    if isinstance(line.get("source"), str):
        source = line["source"]
        shown["source"] = PurePosixPath(source).name if source.startswith("/") else redact_url(source)
    return shown
