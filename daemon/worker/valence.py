"""How a chat line feels, by the lexicon of VADER and one of emotes: the detectors' `Valence`. Works offline.

On comments from Twitch VADER alone is right about half the time, with emotes and emoji about two times in three
(detection.md section 2, signal 9). That is too little for a line and enough for the mean of a crowd.
"""

from __future__ import annotations

import string
from functools import lru_cache
from typing import Final

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer  # type: ignore[import-untyped]

from detectors.chat.mood import Valence
from detectors.chat.text import Tone, read

_MAX_CHARS: Final = 200
_MAX_EMOTES: Final = 8
_CACHED: Final = 4096  # lines; a chat repeats its short ones
_LAUGH: Final = "haha"  # VADER's own word for laughter in any language
_DEAD: Final = "kekw"  # an emoji that VADER takes for death or grief, and chats for laughter

# Judgement, on VADER's scale from -4 to 4: what these emotes of Twitch, BTTV, FFZ and 7TV are written for.
_EMOTES: Final = {
    "lul": 2.0, "lulw": 2.0, "omegalul": 2.4, "kekw": 2.2, "icant": 1.8, "pepelaugh": 1.4, "hahaa": 1.2, "pepega": -0.4,
    "pog": 2.6, "pogchamp": 2.8, "poggers": 2.6, "pogu": 2.6, "pogging": 2.4, "hypers": 2.6, "hype": 2.2,
    "ez": 1.2, "gg": 1.6, "ggs": 1.6, "w": 1.8, "dub": 1.6, "goat": 2.4, "goated": 2.2, "cracked": 2.0, "insane": 1.6,
    "sick": 1.6, "clutch": 2.2, "based": 1.6, "catjam": 1.6, "pepejam": 1.6, "peepohappy": 2.2, "feelsgoodman": 2.4,
    "peepoclap": 2.0, "clap": 1.6, "kreygasm": 2.4, "seemsgood": 1.8, "bloodtrail": 1.2, "heyguys": 1.6,
    "peepolove": 2.6, "widepeepohappy": 2.4, "feelsstrongman": 1.2, "gachihyper": 1.6, "4head": 1.0, "kappa": 0.2,
    "kappapride": 1.6,
    "biblethump": -1.6, "sadge": -2.0, "feelsbadman": -2.2, "pepehands": -2.4, "peeposad": -2.0, "notlikethis": -2.0,
    "failfish": -1.6, "residentsleeper": -1.8, "wutface": -1.8, "dansgame": -1.8, "babyrage": -1.6, "swiftrage": -1.4,
    "monkas": -1.0, "monkaw": -1.2, "monkagiga": -1.2, "weirdchamp": -1.8, "madge": -1.8, "aware": -0.8, "copium": -0.6,
    "l": -1.6, "ff": -1.2, "rip": -1.2, "oof": -1.2, "cringe": -2.0, "yikes": -1.6, "trash": -2.0, "malding": -1.6,
    "jebaited": -0.4, "d:": -1.0,
}  # fmt: skip


def vader() -> Valence:
    """The lexicons, loaded once, with their own memory of lines."""
    analyzer = SentimentIntensityAnalyzer()
    analyzer.lexicon.update(_EMOTES)
    analyzer.emojis.update({"💀": _DEAD, "☠": _DEAD, "😭": _DEAD, "🤣": _DEAD, "😂": _DEAD})

    laugh = float(analyzer.polarity_scores(_LAUGH)["compound"])

    def neutral(text: str) -> bool:
        """Whether no lexicon knows any of it, as is true of most lines: then it is 0 without any rule of VADER's."""
        words = text.lower().split()
        bare = [word.strip(string.punctuation) for word in words]
        lexicon, emojis = analyzer.lexicon.keys(), analyzer.emojis.keys()
        return bool(lexicon.isdisjoint(words) and lexicon.isdisjoint(bare) and emojis.isdisjoint(text))

    @lru_cache(maxsize=_CACHED)
    def compound(text: str) -> float:
        found = 0.0 if neutral(text) else float(analyzer.polarity_scores(text)["compound"])
        return laugh if found == 0.0 and read(text).tone is Tone.LAUGHTER else found

    def valence(text: str, emotes: tuple[str, ...]) -> float:
        """-1..1 for one line; emotes that the platform leaves out of the text are put behind it."""
        said = text[:_MAX_CHARS]
        if not emotes:
            return compound(said)
        apart = [emote for emote in emotes[:_MAX_EMOTES] if emote not in said]
        return compound(" ".join([said, *apart]))

    return valence
