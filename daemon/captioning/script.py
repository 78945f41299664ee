"""Words, options and a stage to a whole ASS script. A pure function of them and of the fonts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from core.errors import UsageError
from core.times import Ns
from core.words import Word
from daemon.captioning import ass
from daemon.captioning.ass import Event
from daemon.captioning.face import Face
from daemon.captioning.fonts import FontBook, Missing, joined, place_fonts
from daemon.captioning.layout import capacity, place
from daemon.captioning.motion import Cast, Paint, Times, phrase_box, word_events
from daemon.captioning.options import CaptionOptions
from daemon.captioning.phrases import Phrase, Token, phrases_of, tokens_of
from daemon.captioning.stage import Stage
from daemon.captioning.style import Style
from daemon.ffmpeg import Filter, Name

SCRIPT: Final = Name("captions.ass")
_HOLD_CS: Final = 30  # a word stays lit over a shorter silence, so that the eye has something to follow
# Whisper gives some words no time at all. Such a word lights up for three frames, and the next is so much later.
_LEAST_CS: Final = 6
_LATE_CS: Final = 7
_NS_PER_CS: Final = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Captions:
    """A script, the fonts it names, and the letters that it leaves out. `said_cs` is when each word that is shown
    lights up or appears, in hundredths of a second, by its place among the words that were given."""

    script: str
    events: tuple[Event, ...]
    said_cs: Mapping[int, int]
    faces: tuple[Face, ...]
    missing: tuple[Missing, ...]

    def write(self, folder: Path, name: Name = SCRIPT) -> Filter:
        """Put script and fonts into a job's folder; returns the filter that draws them there."""
        (folder / name).write_text(self.script, "utf-8")
        return caption_filter(name, place_fonts(folder, self.faces))


def caption_filter(script: Name, fonts: Name) -> Filter:
    """Draws a script with the fonts of a folder, both in the child's folder; its times are those of the frames."""
    return Filter.of("ass", filename=script, fontsdir=fonts, shaping="complex")


def caption_script(
    words: Sequence[Word],
    length_ns: Ns,
    options: CaptionOptions,
    stage: Stage,
    book: FontBook,
    speakers: Mapping[int, int] | None = None,
) -> Captions:
    """Captions of a clip of `length_ns`; words count from its first frame, `speakers` maps their places to numbers.

    Raises UsageError(`too_many_captions`) when a script of so many words would be unreasonable.
    """
    style = options.dressed()
    tokens, missing = tokens_of(words, length_ns, options, book, speakers)
    events: list[Event] = []
    for phrase in phrases_of(tokens, length_ns, style.words, capacity(style, stage)):
        events += _phrase_events(phrase, style, stage, options)
        if len(events) > ass.MAX_EVENTS:
            raise UsageError(
                "The clip has too many words for captions",
                remedy="Cut a shorter clip, or use the style plain.",
                code="too_many_captions",
            )
    return Captions(
        script=ass.script(stage.width, stage.height, events),
        events=tuple(event for event in events if event.end_cs > event.start_cs),
        said_cs={token.word: _cs(token.start_ns) for token in reversed(tokens)},
        faces=tuple(dict.fromkeys(run.face for token in tokens for run in token.setting.runs)),
        missing=joined(missing),
    )


def _phrase_events(phrase: Phrase, style: Style, stage: Stage, options: CaptionOptions) -> list[Event]:
    placed = place(phrase, style, stage, options.place)
    first, last = _cs(phrase.start_ns), _cs(phrase.end_ns)
    events: list[Event] = []
    paint = _paint(style, phrase.tokens[0].speaker, options)
    if paint.box is not None and paint.box.of == "line":
        events.append(phrase_box(placed, paint.box, first, last))
    times = _times(phrase.tokens, first, last)
    for one in sorted(placed, key=lambda one: phrase.tokens.index(one.token)):
        events += word_events(Cast(style, stage, paint, one, times[phrase.tokens.index(one.token)]))
    return events


def _times(tokens: Sequence[Token], first: int, last: int) -> list[Times]:
    starts = [max(first, min(last, _cs(token.start_ns))) for token in tokens]
    for at in range(1, len(starts)):
        starts[at] = min(last, max(starts[at], min(starts[at - 1] + _LEAST_CS, starts[at] + _LATE_CS)))
    found = []
    for token, (start, following) in zip(tokens, pairwise([*starts, last]), strict=True):
        end = max(start, _cs(token.end_ns))
        over = following if token is not tokens[-1] and following - end < _HOLD_CS else min(end, following)
        found.append(Times(first, start, over, last))
    return found


def _paint(style: Style, speaker: int | None, options: CaptionOptions) -> Paint:
    active = style.active.colour if style.active else style.colour
    if speaker is None:
        return Paint(style.colour, active, style.box)
    own = options.speaker_colour(speaker)
    return Paint(style.colour, own, style.box) if style.active else Paint(own, own, style.box)


def _cs(time_ns: int) -> int:
    return (time_ns + _NS_PER_CS // 2) // _NS_PER_CS
