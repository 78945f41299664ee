"""Words for a stream's slots: ordinary talk, hooks, adverts, commands; and what a live recogniser makes of them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from core.times import Ns, ns
from core.words import Committed, Word
from tests.synthetic_streams.planted.assemble import Phrase, Sound
from tests.synthetic_streams.planted.bed import Role
from tests.synthetic_streams.planted.stream import Floats
from tests.synthetic_streams.planted.texts import Talk
from tests.synthetic_streams.planted.traits import Traits

_SUPERLATIVE: Final = 0.005  # of sentences: about 4 an hour (detection.md section 0, 5)
_PAUSE_S: Final = 0.7  # after a phrase: its sentence is mostly over
_JITTER_S: Final = 0.04  # sd of a recogniser's word times; judgement
_TRIES: Final = 8
_ARTICLES: Final = ("the", "a", "that", "this", "my")
_COMMIT_WORDS: Final = (3, 8)


class Speaker:
    """Sentences without end. Lower case but for their first letter, `I`, and what is in the lists."""

    def __init__(self, rng: random.Random, talk: Talk) -> None:
        self._rng, self._talk = rng, talk
        self._queue: list[str] = []
        self._scraps = (*talk.hedges, *talk.openers)

    def words(self, count: int, *, close: bool) -> list[str]:
        """The next words; with `close` a sentence ends with them. One that does not fit goes on, or is broken off."""
        out: list[str] = []
        while len(out) < count:
            if not self._queue:
                self._queue = self._fitting(count - len(out)) if close else self._compose()
            size = min(count - len(out), len(self._queue))
            out += self._queue[:size]
            self._queue = self._queue[size:]
        if close and self._queue:
            out[-1] = out[-1].rstrip(",") + "..."
            self._queue = []
        return out

    def hook(self, count: int) -> list[str]:
        """A hook of at most so many words, said again or filled up with cries."""
        talk, rng = self._talk, self._rng
        fitting = [hook.split() for hook in talk.hooks if len(hook.split()) <= count] or [[talk.cries[0]]]
        hook = rng.choice(fitting)
        out = list(hook)
        while len(out) < count:
            again = len(out) + len(hook) <= count and rng.random() < 0.5
            out += hook if again else [rng.choice(talk.cries)]
        return _sentence(out, "!")

    def advert(self, count: int) -> list[str]:
        """Words of an advert from a random place on."""
        pool = self._talk.advert
        first = self._rng.randrange(len(pool))
        return _sentence([pool[(first + i) % len(pool)] for i in range(count)], ".")

    def interrupted(self, line: str, count: int) -> list[str]:
        """A line, and ordinary talk after it up to a number of words."""
        self._queue = []
        out = _sentence(line.split(), ".")
        return out + self.words(count - len(out), close=True) if count > len(out) else out

    def _fitting(self, room: int) -> list[str]:
        """A sentence, or a scrap, that fills the room or leaves enough for another."""
        for _ in range(_TRIES):
            made = self._compose() if room >= 4 else _sentence(self._rng.choice(self._scraps).split(), ".")
            if len(made) == room or len(made) <= room - 4:
                return made
        return made

    def _compose(self) -> list[str]:
        talk, rng = self._talk, self._rng
        if rng.random() < _SUPERLATIVE:
            return _sentence(rng.choice(talk.superlatives).split(), ".")
        parts = [rng.choice(talk.openers)] if rng.random() < 0.45 else []
        parts += [rng.choice(talk.subjects), rng.choice(talk.verbs), rng.choice(_ARTICLES)]
        parts += [rng.choice(talk.adjectives)] if rng.random() < 0.4 else []
        parts.append(rng.choice(talk.nouns))
        parts += [rng.choice(talk.places)] if rng.random() < 0.6 else []
        parts += [rng.choice(talk.hedges)] if rng.random() < 0.3 else []
        return _sentence(" ".join(parts).split(), "?" if rng.random() < 0.1 else ".")


def _sentence(words: Sequence[str], mark: str) -> list[str]:
    out = list(words)
    out[0] = out[0][0].upper() + out[0][1:]
    out[-1] += mark
    return out


def say(rng: np.random.Generator, traits: Traits, sound: Sound, lines: Mapping[int, str], end_s: float) -> list[Word]:
    """Every word of the stream. `lines` are said instead of ordinary talk, by the number of the phrase."""
    speaker = Speaker(random.Random(int(rng.integers(2**62))), traits.texts.talk)
    texts: list[str] = []
    slots = sound.slots
    for number, phrase in enumerate(sound.phrases):
        count = phrase.last - phrase.first
        if phrase.copies is not None:
            texts += texts[phrase.copies : phrase.copies + count]
        elif number in lines:
            texts += speaker.interrupted(lines[number], count)
        elif phrase.role == Role.HOOK:
            texts += speaker.hook(count)
        elif phrase.role == Role.ADVERT:
            texts += speaker.advert(count)
        else:
            after = slots[phrase.last, 0] if phrase.last < len(slots) else np.inf
            pause = after - slots[phrase.last - 1, 1] > _PAUSE_S
            texts += speaker.words(count, close=bool(pause and rng.random() < 0.7))
    return _words(rng, texts, slots, end_s)


def _words(rng: np.random.Generator, texts: Sequence[str], slots: Floats, end_s: float) -> list[Word]:
    prob = rng.beta(9, 1.2, len(texts)).round(3).tolist()
    vad = rng.beta(25, 1.5, len(texts)).round(3).tolist()
    return [
        Word(text=text, start_ns=ns(a), end_ns=ns(b), prob=p, vad=v, epoch=0)
        for text, (a, b), p, v in zip(texts, slots.tolist(), prob, vad, strict=True)
        if b <= end_s
    ]


def phrase_of(sound: Sound, from_s: float, to_s: float, count: int, taken: Mapping[int, str]) -> int | None:
    """The first ordinary phrase of at least so many words that begins between two times."""
    for number, phrase in enumerate(sound.phrases):
        start = sound.slots[phrase.first, 0]
        if start > to_s:
            return None
        free = phrase.role == Role.HOST and phrase.copies is None and number not in taken
        if free and start >= from_s and phrase.last - phrase.first >= count:
            return number
    return None


def span(sound: Sound, phrase: Phrase) -> tuple[float, float]:
    """From its first word's start to its last one's end."""
    return float(sound.slots[phrase.first, 0]), float(sound.slots[phrase.last - 1, 1])


def recognise(rng: np.random.Generator, traits: Traits, said: Sequence[Word]) -> Iterator[Committed]:
    """Small commits, some seconds late; times are a little off, some words are missing or heard as others."""
    heard = _heard(rng, traits, said)
    group: list[Word] = []
    known, seq, size = Ns(0), 0, 5
    for word, after in zip(heard, [*heard[1:], None], strict=True):
        group.append(word)
        pause = after is None or after.start_ns - word.end_ns >= ns(0.5)
        if len(group) < size and not pause:
            continue
        known = Ns(max(known, word.end_ns + ns(float(rng.uniform(*traits.commit_s)))))
        reason = "endpoint" if pause else "agreed"
        yield Committed(seq=seq, words=tuple(group), language="en", reason=reason, known_ns=known)  # type: ignore[arg-type]
        group, seq, size = [], seq + 1, int(rng.integers(_COMMIT_WORDS[0], _COMMIT_WORDS[1] + 1))


def _heard(rng: np.random.Generator, traits: Traits, said: Sequence[Word]) -> list[Word]:
    fate = rng.random(len(said))
    shift = np.clip(rng.normal(0, _JITTER_S, (len(said), 2)), -0.1, 0.1).tolist()
    other = rng.integers(0, max(1, len(said)), len(said)).tolist()
    out: list[Word] = []
    for word, how, (a, b), place in zip(said, fate.tolist(), shift, other, strict=True):
        if how < 0.4 * traits.word_errors:
            continue
        wrong = how < traits.word_errors
        start = max(word.start_ns + ns(a), out[-1].end_ns if out else 0)
        out.append(
            Word(
                text=said[place].text if wrong else word.text,
                start_ns=Ns(start),
                end_ns=Ns(max(start + ns(0.04), word.end_ns + ns(b))),
                prob=round(word.prob * 0.6, 3) if wrong else word.prob,
                vad=word.vad,
                epoch=0,
            )
        )
    return out
