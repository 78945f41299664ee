"""Names on the cards that stand for people without a picture. A name is a stranger's text: ffmpeg gets it in a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from daemon.captioning import FontBook, caption_filter
from daemon.captioning.ass import Event, Tag, Text, script
from daemon.captioning.face import Face
from daemon.captioning.fonts import place_fonts
from daemon.captioning.setting import Setting, set_text
from daemon.ffmpeg import Filter, Name
from daemon.rooms.cover import Span
from daemon.rooms.layouts import HEIGHT, WIDTH, Box

COLOURS: Final = ("0x2B4C7E", "0x7E2B4C", "0x2B7E5D", "0x7E5D2B", "0x5D2B7E", "0x3E4A59")
SCRIPT: Final = Name("names.ass")
_OF_HEIGHT, _OF_WIDTH = 0.16, 0.86  # of its card: how high a name is at most, and how wide
_LONGEST: Final = 40  # letters of a name
_BAD: Final = str.maketrans(dict.fromkeys("{}\\"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A name in the middle of a box, and when it is seen (ms)."""

    name: str
    box: Box
    shown: tuple[Span, ...]


def write_cards(cards: Sequence[Card], folder: Path, book: FontBook) -> Filter | None:
    """Script and fonts into the child's folder; the filter that draws them. None where there is nothing to draw."""
    events: list[Event] = []
    faces: list[Face] = []
    for card in cards:
        setting = _set(card.name, book)
        if setting is not None:
            events += _events(card, setting)
            faces += [run.face for run in setting.runs]
    if not events:
        return None
    (folder / SCRIPT).write_text(script(WIDTH, HEIGHT, events), "utf-8")
    return caption_filter(SCRIPT, place_fonts(folder, faces))


def colour_of(number: int) -> str:
    """Of the n-th person's card."""
    return COLOURS[number % len(COLOURS)]


def _set(name: str, book: FontBook) -> Setting | None:
    plain = "".join(letter if letter.isprintable() else " " for letter in name.translate(_BAD))
    return set_text(" ".join(plain.split())[:_LONGEST], book)[0]


def _events(card: Card, setting: Setting) -> list[Event]:
    box = card.box
    em = min(box.h * _OF_HEIGHT, box.w * _OF_WIDTH / max(setting.width, 0.1))
    tags = (Tag("an", (5,)), Tag("pos", (box.x + box.w / 2, box.y + box.h / 2)))
    body: tuple[Text, ...] = setting.body(em)
    return [
        Event(layer=0, start_cs=round(low / 10), end_cs=round(high / 10), tags=tags, body=body)
        for low, high in card.shown
    ]
