"""What really happened in a stream: the truth file of DESIGN.md section 5, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.times import Ns, ns, to_s

Span = tuple[Ns, Ns]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueMoment:
    """Something worth a clip. `families` names the evidence it left; `level` is weak, middle, strong or ""."""

    start_ns: Ns
    end_ns: Ns
    peak_ns: Ns
    kind: str = ""
    families: tuple[str, ...] = ()
    level: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueNegative:
    """Something loud, busy or quoted that is not worth a clip."""

    start_ns: Ns
    end_ns: Ns
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Everything an annotator or a generator knows. Moments overlapping an `unsure` span are ignored both ways."""

    moments: tuple[TrueMoment, ...] = ()
    negatives: tuple[TrueNegative, ...] = ()
    quiet: tuple[Span, ...] = ()
    unsure: tuple[Span, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The truth file's content; seconds, since it is a file for people."""
        return {
            "moments": [
                {**_span(m.start_ns, m.end_ns), "peak_s": round(to_s(m.peak_ns), 3), "kind": m.kind}
                | {"families": list(m.families), "level": m.level}
                for m in self.moments
            ],
            "negatives": [{**_span(n.start_ns, n.end_ns), "kind": n.kind} for n in self.negatives],
            "quiet": [[round(to_s(a), 3), round(to_s(b), 3)] for a, b in self.quiet],
            "unsure": [[round(to_s(a), 3), round(to_s(b), 3)] for a, b in self.unsure],
        }


def truth_from(data: Mapping[str, Any]) -> Truth:
    """From a truth file's content; raises KeyError, TypeError or ValueError when it is none."""
    moments = tuple(
        TrueMoment(
            start_ns=ns(m["start_s"]),
            end_ns=ns(m["end_s"]),
            peak_ns=ns(m.get("peak_s", m["start_s"])),
            kind=str(m.get("kind", "")),
            families=tuple(map(str, m.get("families", ()))),
            level=str(m.get("level", "")),
        )
        for m in data["moments"]
    )
    negatives = tuple(
        TrueNegative(start_ns=ns(n["start_s"]), end_ns=ns(n["end_s"]), kind=str(n.get("kind", "")))
        for n in data.get("negatives", ())
    )
    return Truth(
        moments=moments, negatives=negatives, quiet=_spans(data.get("quiet", ())), unsure=_spans(data.get("unsure", ()))
    )


def _spans(pairs: Any) -> tuple[Span, ...]:
    return tuple((ns(a), ns(b)) for a, b in pairs)


def _span(start_ns: Ns, end_ns: Ns) -> dict[str, float]:
    return {"start_s": round(to_s(start_ns), 3), "end_s": round(to_s(end_ns), 3)}
