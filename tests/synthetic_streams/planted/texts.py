"""The shape of a family's texts: what is said, and what a chat writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Pool = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """Words that sentences of ordinary talk are made of, and the lines that have their place."""

    openers: Pool
    subjects: Pool
    verbs: Pool
    adjectives: Pool
    nouns: Pool
    places: Pool
    hedges: Pool
    superlatives: Pool  # flat and meaningless: about 4 an hour (detection.md section 0, 5)
    hooks: Pool  # said with a raised voice at a moment
    cries: Pool  # fill a raised phrase up
    commands: Pool
    quotes: Pool  # a hook or a command in flat talk that means nothing
    advert: Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """A family's pools. Chat pools are by language; `en` is always among them. `{w}` is a noun, `{n}` a number."""

    talk: Talk
    calm: Mapping[str, Pool]
    laugh: Mapping[str, Pool]
    hype: Mapping[str, Pool]
    about: Mapping[str, Pool]
    emotes: Pool
    jokes: Pool  # one of them is the channel's own
    greetings: Pool
    welcomes: Pool
    thanks: Pool
    adverts: Pool
    pastas: Pool

    def pools(self) -> dict[str, set[str]]:
        """Every pool by name, for comparing families."""
        talk = {name: set(getattr(self.talk, name)) for name in Talk.__slots__}
        chat: dict[str, set[str]] = {}
        for name in set(Texts.__slots__) - {"talk"}:
            pool = getattr(self, name)
            chat[name] = {text for texts in pool.values() for text in texts} if isinstance(pool, Mapping) else set(pool)
        return talk | chat
