"""What may be shown of a word: cleaned text, its letters as people count them, its direction, its breaks. Pure.

A word comes from a recogniser, or a JSON file that anybody edited; what leaves `shown` can stand in an ASS event.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Literal

Direction = Literal["ltr", "rtl", ""]  # "" = no letter that decides: digits, punctuation, emoji

MAX_LETTERS: Final = 40  # of a word; German compounds of use have about 35
_MAX_MARKS: Final = 3  # on one letter; Vietnamese, Hebrew, Arabic and Thai use up to three
_ZWNJ, _ZWJ, _EMOJI_FORM = "\u200c", "\u200d", "\ufe0f"  # Persian words and families of emoji need them
_TAGS: Final = range(0xE0020, 0xE0080)
_OVERHANGING: Final = frozenset("\u034f\u035c\u035d\u035e\u035f\u0360\u0361\u0362")  # reach over the next letter
_KEYCAP: Final = re.compile("([0-9#*]?)\ufe0f?\u20e3")  # libass draws the key and the digit side by side
# ASS takes braces for overrides and the backslash for escapes, and has no way to write them as text.
_LOOK_ALIKE: Final = str.maketrans({"{": "(", "}": ")", "\\": "/"})
_DROPPED: Final = frozenset({"Cc", "Cs", "Co", "Cn", "Cf"})
# JIS X 4051 (kinsoku), the part every renderer agrees on: what may not begin a line, and what may not end one.
NO_START: Final = frozenset(
    "、。，．・：；？！ー々ゝゞヽヾ゛゜）］｝〉》」』】〕〗’”…‥,.!?:;)]%‰℃％ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ〜"
)
NO_END: Final = frozenset("（［｛〈《「『【〔〖‘“([$¥￥＄£€")


def shown(text: str) -> str:
    """One line in composed form, without control and bidi characters, ASS markup and heaps of marks.

    At most MAX_LETTERS letters; a longer one ends with an ellipsis. Empty when nothing is left to show.
    """
    rough = _KEYCAP.sub(r"\1", unicodedata.normalize("NFC", text[: 40 * MAX_LETTERS])).translate(_LOOK_ALIKE)
    kept = "".join(letter for letter in rough if letter.isspace() or _may_stay(letter))
    groups = letters(" ".join(kept.split()))
    groups = [_with_own_marks(group) for group in groups]
    groups = [group for group in groups if not _only_marks(group)]
    whole = letters(" ".join("".join(groups).split()))
    return "".join([*whole[: MAX_LETTERS - 1], "…"] if len(whole) > MAX_LETTERS else whole)


def letters(text: str) -> list[str]:
    """Grapheme clusters, by the rules of UAX 29 that captions need: marks, joiners, emoji modifiers, flags, tags."""
    groups: list[str] = []
    for letter in text:
        if groups and _extends(groups[-1], letter):
            groups[-1] += letter
        else:
            groups.append(letter)
    return groups


def direction(text: str) -> Direction:
    """Of the first letter that has one."""
    for letter in text:
        kind = unicodedata.bidirectional(letter)
        if kind in {"R", "AL"}:
            return "rtl"
        if kind == "L":
            return "ltr"
    return ""


def is_wide(letter: str) -> bool:
    """Written without spaces and breakable between letters: Chinese, Japanese, Korean in full width."""
    return unicodedata.east_asian_width(letter[0]) in "WF" and not is_emoji(letter)


def is_emoji(group: str) -> bool:
    """A pictograph or a flag."""
    code = ord(group[0])
    pictograph = 0x1F000 <= code <= 0x1FBFF or 0x2600 <= code <= 0x27BF or 0x2B00 <= code <= 0x2BFF
    return pictograph or (_EMOJI_FORM in group and not group[0].isascii())


def may_break(before: str, after: str) -> bool:
    """Whether a line may end between two pieces of text that have no space between them."""
    if not before or not after:
        return False
    return (is_wide(before[-1]) or is_wide(after[0])) and before[-1] not in NO_END and after[0] not in NO_START


def pieces(text: str) -> list[str]:
    """Parts of a word between which a line may break: of a Chinese or Japanese one every letter, else the word."""
    found: list[str] = []
    for group in letters(text):
        if found and not may_break(found[-1], group):
            found[-1] += group
        else:
            found.append(group)
    return found


def _may_stay(letter: str) -> bool:
    kept = letter in {_ZWNJ, _ZWJ} or ord(letter) in _TAGS
    return kept or unicodedata.category(letter) not in _DROPPED


def _extends(group: str, letter: str) -> bool:
    """Whether a character belongs to the letter before it."""
    code = ord(letter)
    if unicodedata.category(letter) in {"Mn", "Mc", "Me"} or letter in {_ZWJ, _ZWNJ}:
        return True
    if group[-1] == _ZWJ and is_emoji(group) and is_emoji(letter):
        return True
    if 0x1F3FB <= code <= 0x1F3FF:
        return is_emoji(group)
    flags = [0x1F1E6 <= ord(each) <= 0x1F1FF for each in (*group, letter)]
    return (all(flags) and len(group) == 1) or code in _TAGS


def _with_own_marks(group: str) -> str:
    """A letter with a few marks; a Latin, Greek or Cyrillic one without those of other scripts, which libass would set
    apart from it."""
    if is_emoji(group):
        return group[:16]
    western = ord(group[0]) < 0x0590
    marks = [mark for mark in group[1:] if not western or (0x0300 <= ord(mark) <= 0x0489 and mark not in _OVERHANGING)]
    return group[0] + "".join(marks[:_MAX_MARKS])


def _only_marks(group: str) -> bool:
    return unicodedata.category(group[0]).startswith("M") or group[0] in {_ZWJ, _ZWNJ} or ord(group[0]) in _TAGS


def is_unspaced(last: str, first: str) -> bool:
    """Whether words that meet with these letters are written without a space between them."""
    return any(letter and _has_no_spaces(letter) for letter in (last, first))


def _has_no_spaces(letter: str) -> bool:
    """Chinese and Japanese, but not Korean; Thai, Lao, Burmese, Khmer."""
    code = ord(letter)
    south_east = 0x0E00 <= code <= 0x0EFF or 0x1000 <= code <= 0x109F or 0x1780 <= code <= 0x17FF
    return south_east or (is_wide(letter) and not 0xAC00 <= code <= 0xD7A3)
