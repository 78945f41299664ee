"""What a chat line is: laughter, another reaction, a greeting, a call for a clip, or talk. Pure; linear in the line.

Lines come from strangers: only the first 200 characters and 16 words of each are read, every pattern matches one word
as a whole and repeats single characters or character sets only, so no line can make it slow. What was read of a word or
a line is remembered for the next time, in caches of fixed size.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple

_MAX_CHARS: Final = 200
_MAX_WORDS: Final = 16
_MAX_EMOTES: Final = 4
_LONG_CHARS: Final = 16  # a text of this length that several people send was pasted, not felt
_ECHO_CHARS: Final = _LONG_CHARS - 1
_SHOUT_CHARS: Final = 40
_SHOUT_LETTERS: Final = 4  # fewer are an abbreviation
_HELD: Final = re.compile(r"(.)\1{2,}")
_SHINGLE: Final = 5  # letters: shorter ones are shared by chance, longer ones break at every changed word
_SKETCH: Final = 4  # smallest shingle hashes kept of a text ...
_ALIKE: Final = 2  # ... and shared by texts that are near-duplicates (a Jaccard index of about a half)


class Tone(Enum):
    """The kind of a line."""

    LAUGHTER = "laughter"
    HYPE = "hype"
    GREETING = "greeting"
    TALK = "talk"


# English, Spanish, Portuguese, Russian, French, Japanese, Korean, Chinese, Thai, and the emotes of Twitch, BTTV and 7TV
_LAUGHTER: Final = re.compile(
    "[ha]{4,}|[he]{4,}|[hi]{4,}|[ja]{4,}|[je]{4,}|[ji]{4,}|[ха]{4,}|[хе]{4,}|[rs]{4,}|[lo]{3,}z?|l+u+l+w?|lmf?ao+|rofl+"
    "|kek|kek[wl]+|omega?lul+|icant|xd+|pepela(?:ugh|ff)|haha\\w{0,8}|mdr+|ptdr+|w{3,}|k{3,}|5{4,}|7{3,}|23{2,}|3{3,}|ㅋ+|ㅎ+"
    "|草+|笑+|哈{2,}|[😂🤣😹😆]+|wheez\\w{0,4}|crying|dying"
)
_HYPE: Final = re.compile(
    "pog\\w{0,10}|hypers?|hype+|let'?sg+o+|go{2,}|wo+w+|omf?g+|wtf+|insane+|cli+p+\\w{0,3}|unreal|holy|she+sh+|yo{2,}|no{3,}"
    "|wo{2,}|wha+t{2,}|monka\\w{1,6}|kreygasm|goa+l+|goo+l+|gol+a+[zç]o+|cra+zy+|clutch|cracked|goated|\\?{3,}|!{2,}"
    "|\\w{1,20}[!?]{3,}|w+|[🔥😱😮🎉👏]+"
    # Spanish, Portuguese, French, German, Italian, Russian, Turkish, Polish
    "|va+mo+s*|incre[ií]ble|locura|bra+bo+|caraca|caralho|incroyable|dingue|krass|wahnsinn|alter|digga|pazzesco|incredibile"
    "|жесть|офигеть|ахуеть|вау+|имба|efsane|çılgın|masakra"
    # Japanese, Korean, Chinese
    "|すごい|すげ[えー]*|やば[いー]*|うま[いー]*|きた[ー!]*|8{4,}|대박|미쳤다|와+|레전드|牛逼|卧槽|6{3,}|太强了"
)
_HELD_LETTER: Final = re.compile(r"([^\W\d_hmwxz])\1\1")  # "siiii", "vamooo": said at the top of one's voice
_ALONE: Final = frozenset(
    {
        "what", "how", "wut", "f", "d:", "no", "yes", "ez", "gg", "ggs", "rip", "oof", "huh", "bruh", "dead",
        "absurdo", "monstro", "quoi", "was", "nein", "что", "なに", "えっ", "뭐야",
    }
)  # fmt: skip
_PHRASES: Final = (
    "lets go", "let's go", "no way", "clip it", "clip that", "oh my", "in a row", "what the", "just happened",
    "that was so", "im dead", "i'm dead", "can't breathe", "cant breathe", "holy ", "no lo creo", "que locura",
    "qué locura", "madre mia", "madre mía", "dios mio", "dios mío", "meu deus", "que isso", "nossa senhora",
    "oh mon dieu", "c'est pas vrai", "mein gott", "was war das", "mamma mia", "o mój boże", "о боже", "ничего себе",
)  # fmt: skip
_GREETING: Final = re.compile(
    "hi+|he+llo+|he+y+|heyo+|hola+|ola|oi+|bonjour|salut|coucou|moin|hallo+|ciao|ahoj|hej|привет|welcome|wave|o/|안녕\\w{0,4}"
    "|こんにちは|こんばんは|raid\\w{0,8}|\\w{1,12}raid"
)
_GREETINGS: Final = ("good morning", "good evening", "good afternoon", "new here", "first time")
_CLIP: Final = re.compile("cli+p+")
_CLIP_ALONE: Final = re.compile("cli+p+(?:ped)?")
_CLIP_WHAT: Final = frozenset({"it", "that", "this", "dat", "dis", "itt", "thatt"})
_NOT: Final = frozenset({"dont", "don't", "not", "never", "no", "cant", "can't", "nobody"})


class Reading(NamedTuple):
    """All that is asked of one line. `echo` and `paste` are keys under which equal lines meet."""

    tone: Tone
    echo: str | None
    paste: str | None
    calls: bool  # for a clip


def read(text: str, emotes: tuple[str, ...] = ()) -> Reading:
    """Everything about one line."""
    if len(text) > 3 * _ECHO_CHARS:
        return _read(text, emotes)  # long lines hardly repeat
    return _read_short(text, emotes)


def _read(text: str, emotes: tuple[str, ...]) -> Reading:
    one = _one_word(text, emotes)
    return Reading(tone(text, emotes), _echo(text, emotes, one), _pasted(text, emotes, one), clip_call(text))


_read_short: Final = lru_cache(maxsize=4096)(_read)


@lru_cache(maxsize=8192)
def _kind(word: str) -> Tone:
    """The tone of a single word."""
    bare = word.rstrip("!?~")
    if _LAUGHTER.fullmatch(bare):
        return Tone.LAUGHTER
    if _HYPE.fullmatch(word) or _HYPE.fullmatch(bare) or _HELD_LETTER.search(word):
        return Tone.HYPE
    return Tone.GREETING if _GREETING.fullmatch(word) else Tone.TALK


def tone(text: str, emotes: tuple[str, ...] = ()) -> Tone:
    """The tone of one line; laughter before hype before greeting, since greetings hold the fewest surprises."""
    words = [*text[:_MAX_CHARS].lower().split()[:_MAX_WORDS], *(emote.lower() for emote in emotes[:_MAX_EMOTES])]
    bare = [word.strip(".,\"'") for word in words]
    kinds = {_kind(word) for word in bare}
    if Tone.LAUGHTER in kinds:
        return Tone.LAUGHTER
    joined = " ".join(bare)
    alone = len(set(bare)) == 1 and bare[0].rstrip("!?") in _ALONE
    if alone or Tone.HYPE in kinds or any(phrase in joined for phrase in _PHRASES):
        return Tone.HYPE
    if Tone.GREETING not in kinds and (shouted(text) or emote_only(text, emotes)):
        return Tone.HYPE
    if Tone.GREETING in kinds or any(phrase in joined for phrase in _GREETINGS):
        return Tone.GREETING
    return Tone.TALK


def shouted(text: str) -> bool:
    """Whether a short line is in capitals throughout: a cheer in any language that has them."""
    return len(text) <= _SHOUT_CHARS and text.isupper() and sum(map(str.isalpha, text)) >= _SHOUT_LETTERS


def clip_call(text: str) -> bool:
    """Whether somebody asks for a clip: "clip it", "someone CLIP THAT", "!clip", "clip"; not "don't clip that"."""
    words = [word.strip(".,!?\"'") for word in text[:_MAX_CHARS].lower().split()[:_MAX_WORDS]]
    if not any("cli" in word for word in words):
        return False
    if text.lstrip().lower().startswith("!clip") or all(_CLIP_ALONE.fullmatch(word) for word in words):
        return True
    for at, word in enumerate(words[:-1]):
        if words[at + 1] in _CLIP_WHAT and _CLIP.fullmatch(word):
            return _NOT.isdisjoint(words[max(at - 3, 0) : at])
    return False


def emote_only(text: str, emotes: Sequence[str]) -> bool:
    """Whether the line is nothing but emotes."""
    return bool(emotes) and all(word in emotes for word in text[:_MAX_CHARS].split())


def _one_word(text: str, emotes: Sequence[str]) -> str | None:
    """The word or emote that the line is nothing but repeats of, or the first emote of a line of emotes."""
    if len(text) > _MAX_CHARS:
        return None
    if emote_only(text, emotes):
        return (text.split() or list(emotes))[0].lower()
    words = set(text.lower().split())
    return words.pop() if len(words) == 1 else None


def pasted(text: str, emotes: tuple[str, ...] = ()) -> str | None:
    """The text of a line long enough for a paste, evenly spaced; None for short ones and for one word or emote again
    and again, which many shout without copying."""
    return _pasted(text, emotes, _one_word(text, emotes))


def _pasted(text: str, emotes: Sequence[str], one: str | None) -> str | None:
    if one is not None and (len(one) < _LONG_CHARS or emotes):
        return None
    key = " ".join(text[:_MAX_CHARS].lower().split())
    return key if len(key) >= _LONG_CHARS else None


def echo(text: str, emotes: tuple[str, ...] = ()) -> str | None:
    """A key under which people meet who shout the same short thing, however long they hold it; None for longer lines.

    This finds a channel's own emotes and jokes in any language: what several people write within seconds is a reaction.
    """
    return _echo(text, emotes, _one_word(text, emotes))


def _echo(text: str, emotes: Sequence[str], one: str | None) -> str | None:
    if emote_only(text, emotes):
        return one
    if one is None and len(text) > 3 * _ECHO_CHARS:
        return None
    key = _HELD.sub(r"\1", text.lower() if one is None else one).strip(" .,!?~\"'")
    return key if 0 < len(key) <= _ECHO_CHARS else None


@lru_cache(maxsize=2048)
def sketch(paste: str) -> tuple[int, ...]:
    """A text's smallest shingle hashes; digits, spaces and punctuation don't count: a changed link changes little."""
    letters = "".join(filter(str.isalpha, paste))
    letters = letters if len(letters) >= _LONG_CHARS // 2 else paste  # a drawing: only its copies are like it
    places = range(max(len(letters) - _SHINGLE + 1, 1))
    hashes = {zlib.crc32(letters[at : at + _SHINGLE].encode()) for at in places}
    return tuple(sorted(hashes)[:_SKETCH])


def copies(pastes: Iterable[str]) -> int:
    """How many of these texts repeat an earlier one, a few words or a number changed or not."""
    seen: set[int] = set()
    found = 0
    for paste in pastes:
        hashes = sketch(paste)
        found += sum(h in seen for h in hashes) >= min(_ALIKE, len(hashes))
        seen.update(hashes)
    return found
