"""`cut` and `trim` commands from outside, {"start_s", "end_s", "drop"?, "keyframes"?, "title"?}, as decisions. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

from core.edits import EditDecision, RenderSpec
from core.errors import CutRefused, UsageError
from core.ids import SessionId, manual_clip_id
from core.moments import Moment
from core.times import Ns, ns, to_s

LONGEST_NS: Final = ns(3600)
SHORTEST_PART_NS: Final = ns(0.1)  # between two ranges to drop: less is no part, and shorter than its crossfades
MOST_DROPS: Final = 63
_EXAMPLE: Final = "Example: clipd cut SESSION 61.5 84 --drop 70-73.2"


def manual_decision(session: SessionId, request: dict[str, Any]) -> EditDecision:
    """Raises UsageError on a bad range. Ranges to drop may overlap and lie at the ends: then the ends move."""
    try:
        start_ns, end_ns = ns(float(request["start_s"])), ns(float(request["end_s"]))
        drop = [(ns(float(first)), ns(float(last))) for first, last in request.get("drop") or ()]
    except (KeyError, TypeError, ValueError, OverflowError) as err:
        raise UsageError("A cut needs a start and an end in seconds", remedy=_EXAMPLE) from err
    if not 0 <= start_ns < end_ns <= start_ns + LONGEST_NS:
        raise UsageError("A cut is longer than 0 s and at most an hour", remedy="Example: clipd cut SESSION 61.5 84")
    if len(drop) > MOST_DROPS or any(last <= first for first, last in drop):
        raise UsageError(f"A range to drop ends after it begins; {MOST_DROPS} of them at most", remedy=_EXAMPLE)
    kept = _kept(start_ns, end_ns, drop)
    if not kept:
        raise UsageError("Nothing of the cut is left", remedy=_EXAMPLE)
    how = [word for word, said in (("keyframes", request.get("keyframes")), (str(kept), len(kept) > 1)) if said]
    return EditDecision(
        clip=manual_clip_id(session, kept[0][0], kept[-1][1], *how),
        revision=1,
        session=session,
        start_ns=kept[0][0],
        end_ns=kept[-1][1],
        drop=tuple((one[1], after[0]) for one, after in pairwise(kept)),
        title=str(request.get("title") or "Manual cut")[:120],
        score=1.0,
        reasons=("Cut by hand",),
    )


def anyway_decision(asked: EditDecision, moment: Moment, title: str) -> EditDecision:
    """A cut of what fell short of the bar, as it would have been; a title that was `asked` for goes before."""
    return replace(
        asked,
        title=title,
        score=moment.p,
        reasons=(*moment.reasons, *asked.reasons),
        anchor_ns=moment.anchor_ns if asked.start_ns <= moment.anchor_ns < asked.end_ns else None,
    )


def trimmed_decision(old: EditDecision, revision: int, args: Mapping[str, Any]) -> EditDecision:
    """The next revision of a clip with another span: a person's, so of no moment. What was left out of it stays out.
    Raises UsageError on a bad range."""
    asked = manual_decision(old.session, {"start_s": args.get("start_s"), "end_s": args.get("end_s")})
    within = old.anchor_ns is not None and asked.start_ns <= old.anchor_ns < asked.end_ns
    return replace(
        old,
        revision=revision,
        start_ns=asked.start_ns,
        end_ns=asked.end_ns,
        title=str(args.get("title") or old.title)[:120],
        moment=None,
        anchor_ns=old.anchor_ns if within else None,
        drop=tuple(span for span in old.drop if asked.start_ns < span[0] and span[1] < asked.end_ns),
    )


def not_buffered(decision: EditDecision, spans: Sequence[tuple[Ns, Ns]]) -> CutRefused:
    """The wanted range is not there (any more, or yet). `spans`: what is."""
    there = ", ".join(f"{to_s(start):.1f} to {to_s(end):.1f} s" for start, end in spans) or "nothing"
    return CutRefused(
        f"{to_s(decision.start_ns):.1f}-{to_s(decision.end_ns):.1f} s is not buffered",
        remedy=f"Buffered now: {there} of media time.",
        code="not_buffered",
    )


def newest(args: Mapping[str, Any], end_ns: Ns) -> dict[str, Any]:
    """A request for the last so many seconds, {"last_s"}, as one with a start and an end. Raises UsageError."""
    if args.get("last_s") is None:
        return dict(args)
    try:
        start_ns = end_ns - ns(float(args["last_s"]))
    except (TypeError, ValueError, OverflowError) as err:
        raise UsageError("last_s is no number of seconds", remedy=_EXAMPLE) from err
    return {**args, "start_s": to_s(max(0, start_ns)), "end_s": to_s(end_ns)}


def manual_spec(request: Mapping[str, Any]) -> RenderSpec:
    """Exact, unless the request says `keyframes`. Raises UsageError when ranges to drop would need exactness."""
    if not request.get("keyframes"):
        return RenderSpec(cut="exact")
    if request.get("drop"):
        raise UsageError("Ranges are dropped to the frame", remedy="Leave out --keyframes, or --drop.")
    return RenderSpec()


def _kept(start_ns: Ns, end_ns: Ns, drop: Sequence[tuple[Ns, Ns]]) -> Sequence[tuple[Ns, Ns]]:
    """What is left of a range, without parts that are too short to be one."""
    kept: list[tuple[Ns, Ns]] = []
    at_ns = start_ns
    shortest_ns = SHORTEST_PART_NS if drop else 1
    for first_ns, last_ns in [*sorted(drop), (end_ns, end_ns)]:
        if min(first_ns, end_ns) - at_ns >= shortest_ns:
            kept.append((at_ns, min(first_ns, end_ns)))
        at_ns = max(at_ns, last_ns)
    return kept
