"""What a chat line is: laughter, another reaction, a greeting, or talk. Pure; the patterns run in linear time.

Lines come from strangers: only the first 200 characters and 16 words of each are read, every pattern matches one word
as a whole and repeats single characters or character sets only, so no line can make it slow.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

_MAX_CHARS: Final = 200
_MAX_WORDS: Final = 16
_LONG_CHARS: Final = 16  # a text of this length that several people send was pasted, not felt
_ECHO_CHARS: Final = _LONG_CHARS - 1
_HELD: Final = re.compile(r"(.)\1{2,}")


class Tone(Enum):
    """The kind of a line."""

    LAUGHTER = "laughter"
    HYPE = "hype"
    GREETING = "greeting"
    TALK = "talk"


# English, Spanish, Portuguese, Russian, French, Japanese, Korean, Chinese, Thai, and the emotes of Twitch, BTTV and 7TV
_LAUGHTER: Final = re.compile(
    "[ha]{4,}|[he]{4,}|[hi]{4,}|[ja]{4,}|[je]{4,}|[ji]{4,}|[ха]{4,}|[хе]{4,}|[rs]{4,}|[lo]{3,}z?|l+u+l+w?|lmf?ao+|rofl+"
    "|kek|kek[wl]+|omega?lul+|icant|xd+|pepela(?:ugh|ff)|haha\\w{0,8}|mdr+|ptdr+|w{3,}|k{4,}|5{4,}|7{3,}|2?3{2,}|ㅋ+|ㅎ+"
    "|草+|笑+|哈{2,}|[😂🤣😹😆]+|wheez\\w{0,4}|crying|dying"
)
_HYPE: Final = re.compile(
    "pog\\w{0,10}|hypers?|hype+|let'?sg+o+|go{2,}|wo+w+|omf?g+|wtf+|insane+|cli+p+\\w{0,3}|unreal|holy|she+sh+|yo{2,}|no{3,}"
    "|wo{2,}|wha+t{2,}|monka\\w{1,6}|kreygasm|goa+l+|goo+l+|gol+a+[zç]o+|cra+zy+|clutch|cracked|\\?{3,}|!{2,}|\\w{1,20}[!?]{3,}|w+"
    "|[🔥😱😮🎉👏]+"
)
_ALONE: Final = frozenset(
    {"what", "how", "wut", "f", "d:", "no", "yes", "ez", "gg", "ggs", "rip", "oof", "huh", "bruh", "dead"}
)
_PHRASES: Final = ("lets go", "let's go", "no way", "clip it", "clip that", "oh my", "in a row", "what the")
_GREETING: Final = re.compile(
    "hi+|he+llo+|he+y+|heyo+|hola+|ola|oi+|bonjour|salut|coucou|moin|hallo+|ciao|ahoj|hej|привет|welcome|wave|o/|안녕\\w{0,4}"
    "|こんにちは|こんばんは|raid\\w{0,8}|\\w{1,12}raid"
)
_GREETINGS: Final = ("good morning", "good evening", "good afternoon", "new here", "first time")


def tone(text: str, emotes: tuple[str, ...] = ()) -> Tone:
    """The tone of one line; laughter before hype before greeting, since greetings hold the fewest surprises."""
    words = [*text[:_MAX_CHARS].lower().split()[:_MAX_WORDS], *(emote.lower() for emote in emotes[:4])]
    bare = [word.strip(".,\"'") for word in words]
    if any(_LAUGHTER.fullmatch(word) for word in bare):
        return Tone.LAUGHTER
    joined = " ".join(bare)
    alone = len(set(bare)) == 1 and bare[0].rstrip("!?") in _ALONE
    if alone or any(_HYPE.fullmatch(word) for word in bare) or any(phrase in joined for phrase in _PHRASES):
        return Tone.HYPE
    if any(_GREETING.fullmatch(word) for word in bare) or any(phrase in joined for phrase in _GREETINGS):
        return Tone.GREETING
    return Tone.TALK


def pasted(text: str) -> str | None:
    """A key under which copies of one long line meet; None for lines too short to be a paste."""
    key = " ".join(text[:_MAX_CHARS].lower().split())
    return key if len(key) >= _LONG_CHARS else None


def echo(text: str) -> str | None:
    """A key under which people meet who shout the same short thing, however long they hold it; None for longer lines.

    This finds a channel's own emotes and jokes in any language: what several people write within seconds is a reaction.
    """
    if len(text) > 3 * _ECHO_CHARS:
        return None
    key = _HELD.sub(r"\1", text.lower()).strip(" .,!?~\"'")
    return key if 0 < len(key) <= _ECHO_CHARS else None
