"""Spoken orders for a clip, as data, and the rules that tell an order from talk about clips. Pure.

An order is one of ORDERS, with nothing before it in its sentence that makes it a report, a question, a refusal or a
thing ("they said clip that", "did you clip that", "don't clip that", "paper clip"), and nothing after it that goes on
about a clip ("clip that I saw yesterday"). The words that may and may not stand there are tables, per language.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from core.times import ns
from detectors.speech.words import Transcript, closes_clause, token

_SENTENCE_NS: Final = ns(0.8)  # core.words.SENTENCE_PAUSE_NS
_LOOK_BACK: Final = 6  # words of the sentence before the order that are read


def _words(text: str) -> frozenset[str]:
    return frozenset(token(word) for word in text.split())


def _phrases(*texts: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(token(word) for word in text.split()) for text in texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """One language's orders.

    `never`: anywhere before it in the sentence, it is no order. `not_before`: directly before it. `needs`: a word that,
    directly before it, makes it an order only after one of those words ("to" after "need", "you" after "can").
    `after`: what may follow without a pause; anything else means that the sentence is about something else.
    """

    orders: tuple[tuple[str, ...], ...]
    never: frozenset[str]
    not_before: frozenset[str]
    needs: dict[str, frozenset[str]]
    after: frozenset[str]


_EN_MODALS: Final = _words("can could will would should must please lets gotta better can't couldn't wanna to")
_EN_URGES: Final = _words(
    "you someone somebody chat guys need needs have has got want wants gotta remember make sure going supposed"
)
_ADDRESSED: Final = _words(
    "chat guys mods mod someone somebody everyone bro dude man please pls now right quick editor editors"
)

ENGLISH: Final = Grammar(
    orders=_phrases(
        "clip that", "clip it", "clip this", "clip that one", "clip this one", "clip that moment", "clip that please",
        "clip that shit", "clip that up", "clip it up", "clip it and ship it", "clip and ship", "clip it and ship",
        "make a clip", "make a clip of that", "make a clip of this", "make a clip from that", "get a clip of that",
        "take a clip", "take a clip of that", "get that clip", "get that clipped", "i need that clipped",
        "i want that clipped", "make that a clip", "grab that clip", "save that clip",
        "that's a clip", "that is a clip", "this is a clip", "that's getting clipped",
        "that has to be a clip", "that's gotta be a clip", "that's going to be a clip", "that's gonna be a clip",
        "that's definitely a clip", "mark that", "mark this", "mark that moment", "mark that one",
    ),
    never=_words(
        "don't dont never not didn't doesn't won't wouldn't shouldn't cannot said says say saying told tell tells "
        "asked ask did does do if when whenever why because wish used forgot tried hope hoped stop until before "
        "after yesterday nobody ain't isn't wasn't unless instead refuse without whoever quote typed types typing "
        "spam spamming spammed wrote write"
    ),
    not_before=_words(
        "a an the paper video film movie hair bull binder money tie nail another every each which what my his her "
        "their your our of from in on question check check-mark he she they i it audio sound old last first "
        "second same any some no's for like always usually often question book bench land water stretch skid high "
        "low good great nice best favorite favourite funny short little whole full new"
    ),
    needs={
        "to": _EN_URGES, "you": _EN_MODALS, "we": _EN_MODALS, "people": _EN_MODALS,
    },
    after=_ADDRESSED | _words(
        "for there and oh my thing yo ok okay so holy what wow lol haha thanks thank quickly immediately too "
        "everybody again whoever boys boy girl ladies buddy honey sir moment clip"
    ),
)  # fmt: skip
SPANISH: Final = Grammar(
    orders=_phrases(
        "clipea eso", "clipea esto", "clipeen eso", "clipeen esto", "clipéalo", "clipéenlo", "clipeenlo", "clipealo",
        "clipead eso", "haz clip", "haz un clip", "hazme un clip", "hagan clip", "hagan un clip", "haced clip",
        "haced un clip", "clip de eso", "saca clip", "saquen clip", "saca un clip", "eso es clip", "eso es un clip",
    ),
    never=_words("no nunca dijo dijeron dice dicen digo dije si cuando por porque ayer sin jamás tampoco quien quién"),
    not_before=_words("el la un una los del mi tu su"),
    needs={},
    after=_ADDRESSED | _words("por favor ya ahora de eso esto rápido alguien gente chicos porfa de-eso y"),
)  # fmt: skip
PORTUGUESE: Final = Grammar(
    orders=_phrases(
        "clipa isso", "clipa essa", "clipa aí", "clipa esse", "clipem isso", "clipem essa", "clipem aí", "faz clipe",
        "faz clip", "faz um clipe", "faz um clip", "faz o clipe", "faz o clip", "façam um clipe", "façam um clip",
        "façam clipe", "tira clipe", "isso é clipe", "isso é um clipe",
    ),
    never=_words("não nao nunca disse disseram diz dizem falou falaram se quando porque ontem sem nem quem"),
    not_before=_words("o a um os do meu seu"),
    needs={},
    after=_ADDRESSED | _words("por favor agora aí disso isso rápido alguém galera gente mano cara pelo amor e chat"),
)  # fmt: skip
GERMAN: Final = Grammar(
    orders=_phrases(
        "clip das", "clippt das", "clippe das", "clipt das", "clipp das", "clip das mal", "clippt das mal",
        "mach einen clip", "macht einen clip", "mach mal einen clip", "macht mal einen clip", "mach nen clip",
        "macht nen clip", "macht mal nen clip", "mach ein clip", "macht ein clip", "das ist ein clip", "clip it",
    ),
    never=_words("nicht nie niemals kein keinen sagte sagt sagten gesagt wenn warum weil gestern hat haben ohne ob"),
    not_before=_words("der den dem ein einen der-den mein dein video dieser diesen"),
    needs={},
    after=_ADDRESSED | _words("bitte mal jetzt sofort jemand leute davon daraus schnell junge alter und"),
)  # fmt: skip
FRENCH: Final = Grammar(
    orders=_phrases(
        "clip ça", "clippe ça", "clippez ça", "clipez ça", "clipe ça", "clippe-moi ça", "clippez-moi ça",
        "faites un clip", "fais un clip", "faites le clip", "fais-moi un clip", "ça c'est un clip", "ça c'est clip",
    ),
    never=_words("pas ne jamais dit disait ont disent si quand pourquoi hier sans personne n'a"),
    not_before=_words("le la un une les du mon ton son"),
    needs={},
    after=_ADDRESSED | _words("s'il te vous plaît stp svp maintenant vite quelqu'un les gars là de et"),
)  # fmt: skip
GRAMMARS: Final = (ENGLISH, SPANISH, PORTUGUESE, GERMAN, FRENCH)


class Order(NamedTuple):
    """Where an order's words are, and whether it is one; None while the sentence is not over."""

    first: int
    last: int
    sure: bool | None


def _starts() -> dict[str, list[tuple[tuple[str, ...], Grammar]]]:
    starts: dict[str, list[tuple[tuple[str, ...], Grammar]]] = {}
    for grammar in GRAMMARS:
        for order in grammar.orders:
            starts.setdefault(order[0], []).append((order, grammar))
    for orders in starts.values():
        orders.sort(key=lambda entry: -len(entry[0]))
    return starts


_STARTS: Final = _starts()
LONGEST: Final = max(len(order) for grammar in GRAMMARS for order in grammar.orders)


def find(said: Transcript, touched: range, pause_ns: int) -> Iterator[Order]:
    """Orders that begin near these places; one lookup a word unless one may begin there."""
    tokens = said.tokens
    for first in range(max(touched.start - LONGEST - _LOOK_BACK, 0), touched.stop):
        for order, grammar in _STARTS.get(tokens[first], ()):
            last = first + len(order) - 1
            if tuple(tokens[first : last + 1]) == order and _in_one_breath(said, first, last):
                if _led(said, first, grammar):
                    yield Order(first, last, _ends(said, last, grammar, pause_ns))
                break


def _in_one_breath(said: Transcript, first: int, last: int) -> bool:
    """No clause ends inside it ("Mark, that was close"), and no pause lies in it."""
    inside = range(first, last)
    return all(said.joined(at, _SENTENCE_NS) and not closes_clause(said.words[at].text) for at in inside)


def _led(said: Transcript, first: int, grammar: Grammar) -> bool:
    """Whether what stands before it in the sentence lets it be an order."""
    before: list[str] = []
    at = first - 1
    while at >= 0 and len(before) < _LOOK_BACK and said.joined(at, _SENTENCE_NS) and not said.words[at].ends_sentence:
        before.append(said.tokens[at])
        at -= 1
    if not before:
        return True
    if grammar.never.intersection(before):
        return False
    if closes_clause(said.words[first - 1].text):
        return True  # "oh my god, clip that"
    wanted = grammar.needs.get(before[0])
    if wanted:
        return len(before) > 1 and before[1] in wanted and before[2:3] != ["no"]  # "no need to clip that"
    return before[0] not in grammar.not_before


def _ends(said: Transcript, last: int, grammar: Grammar, pause_ns: int) -> bool | None:
    """Whether nothing follows that makes it talk about a clip; None while that is not known."""
    over = said.ends_after(last, pause_ns)
    if over is not False:
        return over
    return said.tokens[last + 1] in grammar.after
