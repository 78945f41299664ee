"""Hook phrases: what people say when something happens, as data, and how they are found among words. Pure.

A bare phrase is weak evidence: "goal" is said ten times for every goal (detection.md section 0, 5). So a match only
says that it was said; whether it was felt is the detector's question.

Scripts written without spaces have no phrases here: their recognised pieces do not line up with words.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from core.times import Ns, ns
from detectors.speech.words import Transcript, token

_JOINED_NS: Final = ns(1.0)  # words of one phrase: drawn out, but said in one breath
_END: Final = ""  # key of a phrase's text in the tree; no token is empty there

# A phrase with "$" counts only where the sentence ends: "what the", but not "what the weather does".
PHRASES: Final[dict[str, tuple[str, ...]]] = {
    "en": (
        "no way", "oh my god", "oh my gosh", "oh my goodness", "omg", "oh my days", "let's go", "let's fucking go",
        "let's freaking go", "what the$", "what the hell", "what the heck", "what the fuck", "what the frick",
        "are you kidding", "are you serious", "are you for real", "you're kidding", "you gotta be kidding",
        "you've got to be kidding", "that's insane", "that was insane", "that's crazy", "that was crazy",
        "this is insane", "this is crazy", "I can't believe", "unbelievable", "unreal", "we did it", "I did it",
        "we won", "he's dead", "she's dead", "he is dead", "got him", "holy shit", "holy moly", "holy cow",
        "holy crap", "did you see that", "what just happened", "what was that", "what a shot", "what a goal",
        "what a play", "what a save", "shut up$", "get out of here", "come on$", "I'm crying", "I'm dying",
        "I'm dead$", "oh no no no",
    ),
    "es": (
        "no puede ser", "no me lo creo", "no lo puedo creer", "dios mío", "madre mía", "vamos$", "vámonos$",
        "qué locura", "qué golazo", "golazo", "es una locura", "lo hicimos", "ganamos$", "está muerto",
        "qué ha sido eso", "qué fue eso", "hostia puta", "no manches", "es increíble", "qué dices$", "me muero$",
    ),
    "pt": (
        "não acredito", "meu deus", "não é possível", "que isso$", "caralho", "vamos$", "bora$", "que loucura",
        "que golaço", "golaço", "conseguimos", "ganhamos$", "tá morto", "está morto", "mentira$", "é inacreditável",
        "puta merda", "sem chance$",
    ),
    "de": (
        "auf keinen fall", "oh mein gott", "ach du scheiße", "ach du heilige", "das gibt's nicht",
        "das gibt es nicht", "kann nicht wahr sein", "das ist verrückt", "das ist krank", "wie krank", "unfassbar",
        "unglaublich", "los geht's", "wir haben es geschafft", "wir haben's geschafft", "er ist tot", "was zum",
        "willst du mich verarschen", "was war das",
    ),
    "fr": (
        "c'est pas possible", "oh mon dieu", "mon dieu", "c'est pas vrai", "allez$", "on y va$", "c'est dingue",
        "c'est un truc de fou", "c'est incroyable", "j'y crois pas", "je n'y crois pas", "on l'a fait", "on a gagné",
        "il est mort", "tu te fous de moi", "putain de merde", "mais non$", "la dinguerie",
    ),
    "it": (
        "non ci credo", "oh mio dio", "mamma mia", "non è possibile", "andiamo$", "che gol",
        "è incredibile", "abbiamo vinto",
    ),
    "ru": ("не может быть", "боже мой", "да ладно$", "охренеть", "погнали$", "мы сделали это", "поехали$"),
}  # fmt: skip
_REPORTS: Final = frozenset(
    map(
        token,
        [
            "said",
            "says",
            "say",
            "saying",
            "quote",
            "goes",
            "dijo",
            "dice",
            "decía",
            "disse",
            "diz",
            "falou",
            "sagte",
            "sagt",
            "meinte",
            "dit",
            "disait",
            "disse",
            "dicono",
        ],
    )
)


class Match(NamedTuple):
    """A phrase where it was said: its text as in the table, the places of its words."""

    text: str
    first: int
    last: int


Tree = dict[str, "Tree | str"]


def _tree() -> tuple[Tree, int]:
    root: Tree = {}
    longest = 1
    for text in {phrase for phrases in PHRASES.values() for phrase in phrases}:
        node, tokens = root, [token(word) for word in text.split()]
        longest = max(longest, len(tokens))
        for word in tokens:
            below = node.setdefault(word, {})
            assert isinstance(below, dict)
            node = below
        node[_END] = text
    return root, longest


_ROOT, LONGEST = _tree()


def find(said: Transcript, touched: range) -> Iterator[Match]:
    """The longest phrase from each word on that a change of these places may have completed.

    One lookup a word unless a phrase begins there.
    """
    tokens, root = said.tokens, _ROOT
    for first in range(max(touched.start - LONGEST + 1, 0), touched.stop):
        node = root.get(tokens[first])
        if node is not None:
            match = _walk(said, first, node)
            if match is not None and not (
                first and said.tokens[first - 1] in _REPORTS and said.joined(first - 1, _JOINED_NS)
            ):
                yield match


def _walk(said: Transcript, first: int, node: Tree | str) -> Match | None:
    found: Match | None = None
    place = first
    while isinstance(node, dict):
        text = node.get(_END)
        if isinstance(text, str):
            found = Match(text, first, place)
        if place + 1 >= len(said.words) or not said.joined(place, _JOINED_NS):
            break
        below = node.get(said.tokens[place + 1]) if said.tokens[place + 1] else None
        if below is None:
            break
        place, node = place + 1, below
    return found


def complete(said: Transcript, match: Match) -> bool | None:
    """Whether a phrase that has to end its sentence does; None while that is not known."""
    return said.ends_after(match.last, _ENDS_NS) if match.text.endswith("$") else True


_ENDS_NS: Final[Ns] = ns(0.5)
