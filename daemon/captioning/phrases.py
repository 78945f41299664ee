"""Words to phrases: what stands on the screen together, and from when to when. Pure, but for the fonts that measure it.

Short-form captions show three to six words at a time. They end with sentences and at pauses, are rather cut between
clauses, and each is gone when the speaker is silent. The Netflix and BBC rules of the .srt (daemon/clips/captions.py)
are for reading along; these are for hearing along.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from core.breaking import best_parts
from core.times import Ns, ns
from core.words import Word, closes_sentence
from daemon.captioning.fonts import FontBook, Missing
from daemon.captioning.masking import masked, swear_words
from daemon.captioning.options import CaptionOptions
from daemon.captioning.setting import Setting, set_text
from daemon.captioning.text import is_unspaced, letters, may_break, pieces, shown

PAUSE_NS: Final = ns(0.5)  # as long as this, the phrase is over: half a second of silence is heard as an end
LINGER_NS: Final = ns(0.3)  # a phrase stays so long after its last word, so that it does not blink away
CLOSE_NS: Final = ns(0.5)  # a gap shorter than this between phrases is closed: less would flicker
LONGEST_NS: Final = ns(4.0)
_CLAUSE_PAUSE_NS: Final = ns(0.15)
_CLAUSE_ENDS: Final = tuple(",;:.?!…，、；：。？！،؛؟")
_BROKEN_CLAUSE: Final = 0.12  # what a break inside a clause costs, in squares of a phrase's free room
_LETTERS_A_WORD: Final = 3.0  # of scripts without spaces: about as long as a word is said
_LONG_WORD: Final = 6  # letters of such a script from which a word is cut into parts of ...
_PART: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One thing that lights up: a word, or a part of one in a script without spaces. `word` is its place in the input.

    `glued` says that no space stands before it, `breakable` that a line may begin with it.
    """

    word: int
    start_ns: Ns
    end_ns: Ns
    setting: Setting
    speaker: int | None
    glued: bool
    breakable: bool
    ends_clause: bool
    ends_sentence: bool

    @property
    def weight(self) -> float:
        """In words."""
        text = self.setting.text
        return len(letters(text)) / _LETTERS_A_WORD if is_unspaced(text[-1], text[0]) else 1.0


@dataclass(frozen=True, slots=True)
class Phrase:
    """Tokens shown together, in the order they are said."""

    tokens: tuple[Token, ...]
    start_ns: Ns
    end_ns: Ns


def tokens_of(
    words: Sequence[Word],
    length_ns: Ns,
    options: CaptionOptions,
    book: FontBook,
    speakers: Mapping[int, int] | None = None,
) -> tuple[list[Token], list[Missing]]:
    """What is shown of the words of a clip of `length_ns`, cut to it, by their time; and the letters without a font."""
    swear = swear_words(options.languages) if options.mask != "off" else None
    capitals = options.dressed().capitals
    tokens: list[Token] = []
    missing: list[Missing] = []
    for number, word in sorted(enumerate(words), key=lambda pair: pair[1].start_ns):
        start_ns, end_ns = Ns(max(0, word.start_ns)), Ns(min(length_ns, word.end_ns))
        text = shown(word.text)
        if start_ns >= length_ns or end_ns < start_ns or not text:
            continue
        text = masked(text, options.mask, swear) if swear else text
        text = shown(text.upper()) if capitals else text  # capitals can be longer: ß becomes SS
        parts = _parts(text, start_ns, end_ns)
        for part, first_ns, last_ns in parts:
            setting, lost = set_text(part, book)
            missing += lost
            if setting is not None:
                speaker = (speakers or {}).get(number)
                tokens.append(_token(tokens, number, setting, first_ns, last_ns, speaker))
    return tokens, missing


def phrases_of(tokens: Sequence[Token], length_ns: Ns, at_most: int, capacity: float) -> list[Phrase]:
    """Phrases of at most so many words, of two lines with `capacity` em each, none over another."""
    parts: list[tuple[Token, ...]] = []
    for run in _runs(tokens):
        parts += [tuple(run[first:end]) for first, end in _cut(run, at_most, capacity)]
    found = []
    for number, part in enumerate(parts):
        following = parts[number + 1][0].start_ns if number + 1 < len(parts) else length_ns
        said_ns = max(token.end_ns for token in part)
        end_ns = following if following - said_ns < CLOSE_NS else said_ns + LINGER_NS
        found.append(Phrase(part, part[0].start_ns, Ns(min(end_ns, following, length_ns))))
    return found


def line_width(tokens: Sequence[Token], space: float) -> float:
    """Of tokens on one line, in em."""
    spaces = sum(not token.glued for token in tokens[1:])
    return sum(token.setting.width for token in tokens) + spaces * space


def best_lines(tokens: Sequence[Token], capacity: float, space: float) -> tuple[tuple[Token, ...], ...] | None:
    """One line, or two of like length, rather broken between clauses; None when they don't fit."""
    if line_width(tokens, space) <= capacity:
        return (tuple(tokens),)
    options = []
    for at in range(1, len(tokens)):
        widths = [line_width(part, space) for part in (tokens[:at], tokens[at:])]
        if tokens[at].breakable and max(widths) <= capacity:
            broken = 0.0 if tokens[at - 1].ends_clause else _BROKEN_CLAUSE
            options.append((abs(widths[0] - widths[1]) / capacity + broken, at))
    if not options:
        return None
    at = min(options)[1]
    return (tuple(tokens[:at]), tuple(tokens[at:]))


SPACE: Final = 0.34  # em between words; more than Montserrat's own 0.26, for outlines and for a word that grows


def _token(
    before: Sequence[Token], number: int, setting: Setting, start_ns: Ns, end_ns: Ns, speaker: int | None
) -> Token:
    text = setting.text
    last = before[-1].setting.text if before else ""
    glued = bool(last) and (is_unspaced(last[-1], text[0]) or before[-1].word == number)
    return Token(
        word=number,
        start_ns=start_ns,
        end_ns=end_ns,
        setting=setting,
        speaker=speaker,
        glued=glued,
        breakable=not glued or may_break(last, text) or not any(map(is_unspaced, (last[-1], text[0]), ("", ""))),
        ends_clause=text.endswith(_CLAUSE_ENDS),
        ends_sentence=closes_sentence(text) or text.endswith("؟"),
    )


def _parts(text: str, start_ns: Ns, end_ns: Ns) -> list[tuple[str, Ns, Ns]]:
    """A long word of a script without spaces in parts that a line can be broken between, its time shared by letters."""
    groups = pieces(text)
    if len(groups) < _LONG_WORD:
        return [(text, start_ns, end_ns)]
    joined = ["".join(groups[at : at + _PART]) for at in range(0, len(groups), _PART)]
    total, done, found = len(text), 0, []
    for part in joined:
        first = Ns(start_ns + (end_ns - start_ns) * done // total)
        done += len(part)
        found.append((part, first, Ns(start_ns + (end_ns - start_ns) * done // total)))
    return found


def _runs(tokens: Sequence[Token]) -> list[list[Token]]:
    """Cut where a sentence or a speaker ends, and at pauses."""
    runs: list[list[Token]] = [[*tokens[:1]]] if tokens else []
    for before, token in pairwise(tokens):
        pause = token.start_ns - before.end_ns >= PAUSE_NS
        if (before.ends_sentence and before.word != token.word) or pause or token.speaker != before.speaker:
            runs.append([])
        runs[-1].append(token)
    return runs


def _cut(run: Sequence[Token], at_most: int, capacity: float) -> list[tuple[int, int]]:
    def fits(first: int, end: int) -> bool:
        part = run[first:end]
        short = sum(token.weight for token in part) <= at_most and part[-1].end_ns - part[0].start_ns <= LONGEST_NS
        return short and best_lines(part, capacity, SPACE) is not None

    def cost(first: int, end: int) -> float:
        free = 1 - sum(token.weight for token in run[first:end]) / at_most
        unbroken = end == len(run) or run[end - 1].ends_clause
        unbroken = unbroken or run[end].start_ns - run[end - 1].end_ns >= _CLAUSE_PAUSE_NS
        torn = end < len(run) and not run[end].breakable  # never with what may not begin a line, if it can be helped
        return free * free + (0.0 if unbroken else _BROKEN_CLAUSE) + 2.0 * torn

    return best_parts(len(run), fits, cost)
