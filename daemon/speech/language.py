"""Which language a session speaks: found once, and changed only on evidence that lasts. Pure.

A window taken for another language is lost (faster-whisper #1322: 20 s at one flip), so one window decides nothing.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping
from typing import Final

from core.times import Ns
from core.words import LanguageChanged

AUTO: Final = "auto"
LOCK_S: Final = 5.0  # of speech; speech.md section 4
LOCK_PROB: Final = 0.7
GUESS_PROB: Final = 0.5  # below, the engine's own look at each window is the better guess
RECHECK_S: Final = 30.0
SWITCH_S: Final = 3.0  # a shorter utterance is too little to know a language by
SWITCH_PROB: Final = 0.8
BORROWED_LETTERS: Final = 12  # "OK", "GG" and names are written in Latin everywhere

# Scripts by the first word of Unicode's names of their letters
_SCRIPTS: Final[Mapping[str, frozenset[str]]] = {
    language: frozenset(scripts.split())
    for scripts, languages in (
        ("LATIN", "af ca cs cy da de en es et eu fi fo fr gl ha haw hr ht hu id is it jw la lb ln lt lv mg mi ms mt"),
        ("LATIN", "nl nn no oc pl pt ro sk sl sn so sq su sv sw tl tr vi yo"),
        ("CYRILLIC", "be bg kk mk mn ru tg tt uk"),
        ("CYRILLIC LATIN", "bs sr"),
        ("ARABIC", "ar fa ps sd ur"),
        ("DEVANAGARI", "hi mr ne sa"),
        ("BENGALI", "as bn"),
        ("HEBREW", "he yi"),
        ("CJK", "zh yue"),
        ("CJK HIRAGANA KATAKANA", "ja"),
        ("CJK HANGUL", "ko"),
        ("ARMENIAN", "hy"),
        ("ETHIOPIC", "am"),
        ("GEORGIAN", "ka"),
        ("GREEK", "el"),
        ("GUJARATI", "gu"),
        ("GURMUKHI", "pa"),
        ("KANNADA", "kn"),
        ("KHMER", "km"),
        ("LAO", "lo"),
        ("MALAYALAM", "ml"),
        ("MYANMAR", "my"),
        ("SINHALA", "si"),
        ("TAMIL", "ta"),
        ("TELUGU", "te"),
        ("THAI", "th"),
        ("TIBETAN", "bo"),
    )
    for language in languages.split()
}


class LanguageTracker:
    """One per session. `configured` is a language code, which then stays, or `auto`."""

    def __init__(self, configured: str) -> None:
        self._auto = configured == AUTO
        self._locked: str | None = None if self._auto else configured
        self._evidence: dict[str, float] = {}  # probability times seconds
        self._evidence_s = 0.0
        self._unchecked_s = 0.0
        self._rival: tuple[str, float] | None = None

    @property
    def language(self) -> str | None:
        """What to decode with; None: let the engine detect it."""
        if self._locked is not None or not self._evidence:
            return self._locked
        guess, prob = self._best()
        return guess if prob >= GUESS_PROB else None

    def wants_detection(self, utterance_s: float) -> bool:
        """Whether the decode of an utterance of this length should tell language probabilities too."""
        if not self._auto or self._locked is None:
            return self._auto
        due = self._rival is not None or self._unchecked_s + utterance_s >= RECHECK_S
        return due and utterance_s >= SWITCH_S

    def heard(self, language: str, prob: float | None, seconds: float, t_ns: Ns) -> LanguageChanged | None:
        """An utterance is finished. `prob` is None where detection was not asked for."""
        if not self._auto:
            return None
        if self._locked is None:
            return None if prob is None else self._search(language, prob, seconds, t_ns)
        self._unchecked_s += seconds
        if prob is None or seconds < SWITCH_S:
            return None
        self._unchecked_s = 0.0
        return self._check(self._locked, language, prob, t_ns)

    def _search(self, language: str, prob: float, seconds: float, t_ns: Ns) -> LanguageChanged | None:
        if self._evidence_s + seconds > RECHECK_S:  # minutes of music or crosstalk must not outvote clear speech
            keep = max(0.0, RECHECK_S - seconds) / RECHECK_S
            self._evidence_s *= keep
            self._evidence = {name: weight * keep for name, weight in self._evidence.items()}
        self._evidence[language] = self._evidence.get(language, 0.0) + prob * seconds
        self._evidence_s += seconds
        best, average = self._best()
        if self._evidence_s < LOCK_S or average < LOCK_PROB:
            return None
        self._locked = best
        return LanguageChanged(t_ns=t_ns, language=best, prob=average, before=None)

    def _check(self, locked: str, language: str, prob: float, t_ns: Ns) -> LanguageChanged | None:
        rival, self._rival = self._rival, None
        if language == locked or prob < SWITCH_PROB:
            return None
        if rival is None or rival[0] != language:
            self._rival = (language, prob)
            return None
        self._locked = language
        return LanguageChanged(t_ns=t_ns, language=language, prob=min(prob, rival[1]), before=locked)

    def _best(self) -> tuple[str, float]:
        language = max(self._evidence, key=lambda name: self._evidence[name])
        return language, self._evidence[language] / self._evidence_s


def script_fits(text: str, language: str) -> bool:
    """Whether most letters are of a script the language is written in. An unknown language fits anything."""
    scripts = _SCRIPTS.get(language)
    if scripts is None:
        return True
    counts = Counter(
        unicodedata.name(letter, "").partition(" ")[0]
        for letter in unicodedata.normalize("NFKC", text)
        if unicodedata.category(letter) in ("Lu", "Ll", "Lt", "Lo")
    )
    total = counts.total()
    foreign = total - sum(counts[script] for script in scripts)
    if foreign == counts["LATIN"] <= BORROWED_LETTERS:
        return True
    return 2 * foreign < total or not total
