"""Workers' figures on the supervisor's /metrics: read, checked against what workers may say, and written anew. Pure.

A worker parses hostile media, so its text is not passed on: only families of `telemetry.Metrics` with exactly their
labels are taken, and the label `stream` is the claim's, never the worker's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from telemetry import Metrics

MAX_CHARACTERS: Final = 256 << 10  # of one worker's text; a real one has about 15,000
MAX_LINES: Final = 4000
MAX_LABEL: Final = 64  # characters of a label's value
MAX_SERIES: Final = 1000  # of one worker
_LABEL: Final = r'[a-zA-Z_][a-zA-Z0-9_]{0,39}="(?:[^"\\\n]|\\[\\"n]){0,128}"'
_LINE: Final = re.compile(
    rf"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]{{0,99}})(?:\{{(?P<labels>(?:{_LABEL}(?:,{_LABEL}){{0,7}})?),?\}})?"
    r" (?P<value>[-+0-9.eE]{1,32}|\+Inf)(?: -?[0-9]{1,20})?"
)
_PAIR: Final = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_ESCAPES: Final = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


@dataclass(frozen=True, slots=True)
class Family:
    """What workers may say under one name: its type, its text, its labels by the sample's ending."""

    name: str
    kind: str
    text: str
    labels: tuple[str, ...]


@cache
def known() -> Mapping[str, Family]:
    """The family of each sample's name, from the metrics that workers themselves register."""
    found: dict[str, Family] = {}
    for collector in vars(Metrics()).values():
        for described in collector.describe() if hasattr(collector, "_labelnames") else ():
            family = Family(
                described.name, described.type, described.documentation, tuple(getattr(collector, "_labelnames", ()))
            )
            for ending in _ENDINGS.get(described.type, ("",)):
                found[described.name + ending] = family
    return found


_ENDINGS: Final[Mapping[str, tuple[str, ...]]] = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}


def worker_samples(text: str, stream: str) -> Iterator[tuple[Family, Sample]]:
    """What of a worker's text counts, labelled by its stream. Never raises; what is strange is left out."""
    if len(text) > MAX_CHARACTERS:
        return
    taken: dict[tuple[str, tuple[tuple[str, str], ...]], tuple[Family, Sample]] = {}
    for line in text.split("\n")[:MAX_LINES]:
        read = _read(line, stream)
        if read is not None:
            _, sample = read
            taken[sample.name, tuple(sorted(sample.labels.items()))] = read
            if len(taken) >= MAX_SERIES:
                break
    yield from taken.values()


def _read(line: str, stream: str) -> tuple[Family, Sample] | None:
    match = _LINE.fullmatch(line)
    family = known().get(match["name"]) if match else None
    if match is None or family is None:
        return None
    labels = {name: _unescaped(value) for name, value in _PAIR.findall(match["labels"] or "")}
    is_bucket = family.kind == "histogram" and match["name"].endswith("_bucket")
    if labels.keys() != {*family.labels, *(("le",) if is_bucket else ())}:
        return None
    if any(len(value) > MAX_LABEL or not value.isprintable() for value in labels.values()):
        return None
    try:
        value = float(match["value"])
        bound = float(labels["le"]) if is_bucket else 0.0
    except ValueError:
        return None
    if not math.isfinite(value) or math.isnan(bound):
        return None
    return family, Sample(match["name"], {"stream": stream, **labels}, value)


def _unescaped(value: str) -> str:
    return re.sub(r"\\.", lambda match: _ESCAPES[match[0]], value)


class _Merged(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterator[Metric]:
        """As they were merged."""
        yield from self._families


def exposition(own: CollectorRegistry, workers: Mapping[str, str]) -> bytes:
    """One text of our figures and those of the workers, given by stream; each family stands once."""
    families: dict[str, Metric] = {family.name: family for family in own.collect()}
    for stream, text in sorted(workers.items()):
        for known_as, sample in worker_samples(text, stream):
            family = families.get(known_as.name)
            if family is None:
                family = families[known_as.name] = Metric(known_as.name, known_as.text, known_as.kind)
            if family.type == known_as.kind:
                family.samples.append(sample)
    merged = CollectorRegistry()
    merged.register(_Merged(families.values()))
    return generate_latest(merged)
