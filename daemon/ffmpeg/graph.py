"""Filter graphs as values, and the one function that writes them in ffmpeg's language.

A graph is built from filters on a list of ours with numbers, fixed words, expressions and names of files that we wrote.
There is no way to put a text of a user into one: overlay text lies in files (ASS), images are re-encoded under names of
ours (reliability.md section 4, "Overlay text").
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

# What is used, and no more. Filters that read files or take commands from outside (movie, sendcmd, zmq, drawtext, ...)
# are never on it.
ALLOWED: Final = frozenset(
    {
        "acrossfade", "aevalsrc", "afftdn", "aformat", "alimiter", "amix", "amultiply", "anull", "apad",
        "aresample", "asetpts", "asplit", "ass", "atrim", "color", "colorchannelmixer", "concat", "crop", "ebur128",
        "eq", "equalizer", "fade", "format", "fps", "gblur", "highpass", "hstack", "hwupload", "null", "overlay",
        "pad", "scale", "setpts", "setsar", "sidechaincompress", "sine", "split", "ssim", "thumbnail", "tile",
        "tpad", "trim", "volume", "vstack",
    }
)  # fmt: skip
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:[|+x:][A-Za-z0-9_]+)*\Z")
_COLOUR: Final = re.compile(r"0x[0-9A-Fa-f]{6}(?:[0-9A-Fa-f]{2})?\Z")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]*(?:\.[a-z0-9]+)*\Z")
_EXPRESSION: Final = re.compile(r"[A-Za-z0-9_+\-*/(),.<> ]*\Z")
_INSTANCE: Final = re.compile(r"[a-z][a-z0-9_]*\Z")
_PAD: Final = re.compile(r"(?:[a-z][a-z0-9_]*|[0-9]+:[av](?::[0-9]+)?)\Z")


class Name(str):
    """A file in the child's folder. Raises ValueError unless it is a plain generated name."""

    __slots__ = ()

    def __new__(cls, text: str) -> Name:
        """Checked once, here."""
        if not _NAME.match(text):
            raise ValueError(f"{text[:40]!r} is not a generated name")
        return super().__new__(cls, text)


class Expression(str):
    """An expression of ffmpeg's over frame number, time and sizes, written by our code. Raises ValueError."""

    __slots__ = ()

    def __new__(cls, text: str) -> Expression:
        """Checked once, here; quoting is done when the graph is written."""
        if not _EXPRESSION.match(text):
            raise ValueError(f"{text[:40]!r} is not an expression")
        return super().__new__(cls, text)


Value = int | float | Fraction | Name | Expression | str  # a plain str is a fixed word or a colour such as 0xFFCC00


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter; `instance` is what sendcmd calls it. Raises ValueError for one that is not on the list."""

    name: str
    options: tuple[tuple[str, Value], ...] = ()
    instance: str = ""

    @classmethod
    def of(cls, name: str, instance: str = "", /, **options: Value) -> Filter:
        """`Filter.of("scale", w=1080, h=1920)`."""
        return cls(name, tuple(options.items()), instance)

    def __post_init__(self) -> None:
        if self.name not in ALLOWED:
            raise ValueError(f"{self.name!r} is not a filter we use")
        if self.instance and not _INSTANCE.match(self.instance):
            raise ValueError(f"{self.instance!r} is no instance name")


@dataclass(frozen=True, slots=True)
class Chain:
    """Filters one after another between named pads: `0:v` is an input's picture, others are names of ours."""

    inputs: tuple[str, ...]
    filters: tuple[Filter, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """A whole `-filter_complex`."""

    chains: tuple[Chain, ...]

    def text(self) -> str:
        """In ffmpeg's language, safe to pass as one argument. Raises ValueError for a value of another form."""
        return ";".join(_chain(chain) for chain in self.chains)

    def __add__(self, other: Graph) -> Graph:
        """Both, one after the other."""
        return Graph(self.chains + other.chains)


def chain(inputs: Sequence[str] | str, filters: Sequence[Filter], outputs: Sequence[str] | str) -> Chain:
    """A chain; single pads may be given as plain strings."""
    pads = [(pads,) if isinstance(pads, str) else tuple(pads) for pads in (inputs, outputs)]
    return Chain(pads[0], tuple(filters), pads[1])


def _chain(one: Chain) -> str:
    pads = ["".join(f"[{_pad(pad)}]" for pad in pads) for pads in (one.inputs, one.outputs)]
    return f"{pads[0]}{','.join(_filter(each) for each in one.filters)}{pads[1]}"


def _pad(pad: str) -> str:
    if not _PAD.match(pad):
        raise ValueError(f"{pad!r} is no pad")
    return pad


def _filter(one: Filter) -> str:
    head = f"{one.name}@{one.instance}" if one.instance else one.name
    options = ":".join(_options(one))
    return f"{head}={options}" if options else head


def _options(one: Filter) -> Iterator[str]:
    for key, value in one.options:
        if not _INSTANCE.match(key.lower()):
            raise ValueError(f"{key!r} is no option")
        yield f"{key}={_value(value)}"


def _value(value: Value) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, Name):
        return f"'{value}'"
    if isinstance(value, Expression):
        return f"'{value}'"
    if isinstance(value, str):
        if _COLOUR.match(value):
            return value
        if not _WORD.match(value):
            raise ValueError(f"{value[:40]!r} is not a fixed word")
        return f"'{value}'"
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number")
    return repr(value) if isinstance(value, int) else f"{value:.9g}"
