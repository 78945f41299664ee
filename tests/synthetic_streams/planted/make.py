"""Puts a stream together: what is planted, its sound, words, chat and pictures, and the truth about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from core.times import Ns, ns
from daemon.evaluation.truth import Span, TrueMoment, TrueNegative, Truth
from tests.synthetic_streams.planted import schedule, talk
from tests.synthetic_streams.planted.assemble import Sound, assemble
from tests.synthetic_streams.planted.bed import settings
from tests.synthetic_streams.planted.chat import Room, channel
from tests.synthetic_streams.planted.library import library
from tests.synthetic_streams.planted.scenes import make_scenes
from tests.synthetic_streams.planted.schedule import Plan
from tests.synthetic_streams.planted.stream import FAMILIES, Family, FeatureStream
from tests.synthetic_streams.planted.traits import TRAITS, Traits

_COMMAND_S: Final = (5.0, 20.0)  # after a moment: the brief
_BEFORE_S, _AFTER_S, _AFTER_CHAT_S = 10.0, 20.0, 150.0  # kept off the quiet stretches; a late burst with its decay
_LEAST_QUIET_S: Final = 30.0


class _Done(NamedTuple):
    """Plans as they came to lie, the peak of each moment, and lines to be said in place of talk."""

    moments: list[Plan]
    peaks: list[float]
    negatives: list[Plan]
    lines: dict[int, str]


def make_stream(
    seed: int,
    *,
    family: Family,
    hours: float = 1.0,
    plants_per_h: float = 6,
    negatives_per_h: float = 12,
    chat_per_min: float | None = None,
) -> FeatureStream:
    """A stream with moments and hard negatives. `chat_per_min` 0 is a stream without chat; None draws a channel."""
    traits, seconds = TRAITS[family], round(hours * 3600.0, 1)
    rng = np.random.default_rng([seed, FAMILIES.index(family)])
    stock = library(family, place_of(seed, family))
    of_chat = channel(rng, traits, chat_per_min)
    has_chat = of_chat.per_min > 0
    moments = schedule.plants(rng, stock, seconds, round(plants_per_h * hours), has_chat=has_chat)
    negatives = schedule.negatives(rng, stock, seconds, round(negatives_per_h * hours), moments, has_chat=has_chat)
    heard = sorted((p for p in (*moments, *negatives) if p.piece), key=lambda plan: plan.at_s)
    sound = assemble(rng, stock, seconds, heard, float(rng.uniform(*traits.gain_db)))
    done = _settle(rng, traits, sound, heard, moments, negatives)
    said = talk.say(rng, traits, sound, done.lines, seconds)
    spans = [(n.kind, n.at_s, n.end_s) for n in done.negatives]
    scene_ns, scene = make_scenes(rng, traits, seconds, spans, _copies(done))
    room = Room(rng, traits, of_chat)
    return FeatureStream(
        seed=seed,
        family=family,
        end_ns=ns(seconds),
        truth=_truth(done, seconds),
        said=tuple(said),
        channel=of_chat.name,
        sound=sound.rows,
        scene_ns=scene_ns,
        scene=scene,
        messages=room.messages(seconds, done.moments, done.negatives) if has_chat else (),
        commits=tuple(talk.recognise(rng, traits, said)),
    )


def place_of(seed: int, family: Family) -> int:
    """Which of the family's settings a seed's stream is heard in."""
    return int(np.random.default_rng([seed, FAMILIES.index(family), 1]).integers(len(settings(family))))


def quiet_stream(seed: int, *, family: Family, hours: float = 1.0) -> FeatureStream:
    """Talk, a game, a calm chat; nothing planted."""
    return make_stream(seed, family=family, hours=hours, plants_per_h=0, negatives_per_h=0)


def _settle(
    rng: np.random.Generator,
    traits: Traits,
    sound: Sound,
    heard: Sequence[Plan],
    moments: Sequence[Plan],
    negatives: Sequence[Plan],
) -> _Done:
    """Where everything came to lie: sound has moved plans a little, and what is only said takes the next phrase."""
    lines: dict[int, str] = {}
    found = {id(plan): event for plan, event in zip(heard, sound.events, strict=True)}
    settled: dict[int, Plan] = {}
    peaks: list[float] = []
    for moment in moments:
        start, end, peak = found.get(id(moment), (moment.at_s, moment.end_s, moment.at_s + 0.5 * moment.length_s))
        moved = replace(moment, at_s=start, length_s=end - start)
        if "command" in moment.families and not _command(rng, traits, sound, lines, end):
            rest = tuple(f for f in moment.families if f != "command")
            moved = replace(moved, families=rest, kind="+".join(rest))
        settled[id(moment)] = moved
        peaks.append(peak)
    others: list[Plan] = []
    for negative in negatives:
        if negative.kind == "quoted_keyword":
            others += _quote(rng, traits, sound, lines, negative)
            continue
        start, end, _ = found.get(id(negative), (negative.at_s, negative.end_s, 0.0))
        source = None if negative.source is None else settled[id(negative.source)]
        others.append(replace(negative, at_s=start, length_s=end - start, source=source))
    return _Done(list(settled.values()), peaks, others, lines)


def _command(rng: np.random.Generator, traits: Traits, sound: Sound, lines: dict[int, str], end_s: float) -> bool:
    """Have the host ask for a clip soon after a moment; False when there is no phrase to say it in."""
    line = str(rng.choice(traits.texts.talk.commands))
    low, high = _COMMAND_S
    number = talk.phrase_of(sound, end_s + low, end_s + high - 2.0, len(line.split()), lines)
    if number is not None:
        lines[number] = line
    return number is not None


def _quote(rng: np.random.Generator, traits: Traits, sound: Sound, lines: dict[int, str], plan: Plan) -> list[Plan]:
    """Say a hook or a command in flat talk, in the first phrase with room for it; none, if the host is silent."""
    quotes = [str(quote) for quote in rng.permutation(traits.texts.talk.quotes)]
    for quote in sorted(quotes[:3], key=lambda text: -len(text.split())):
        number = talk.phrase_of(sound, plan.at_s, plan.end_s - 6.0, len(quote.split()), lines)
        if number is not None:
            lines[number] = quote
            start, end = talk.span(sound, sound.phrases[number])
            return [replace(plan, at_s=start, length_s=end - start)]
    return []


def _copies(done: _Done) -> list[tuple[float, float, float]]:
    """Pictures shown again, with a few seconds around the moment."""
    return [(n.at_s - 4.0, n.end_s + 4.0, n.source.at_s - 4.0) for n in done.negatives if n.source is not None]


def _truth(done: _Done, seconds: float) -> Truth:
    moments = tuple(
        TrueMoment(
            start_ns=ns(m.at_s), end_ns=ns(m.end_s), peak_ns=ns(peak), kind=m.kind, families=m.families, level=m.level
        )
        for m, peak in zip(done.moments, done.peaks, strict=True)
    )
    others = sorted(done.negatives, key=lambda plan: plan.at_s)
    negatives = tuple(TrueNegative(start_ns=ns(n.at_s), end_ns=ns(n.end_s), kind=n.kind) for n in others)
    return Truth(moments=moments, negatives=negatives, quiet=_quiet(done, seconds))


def _quiet(done: _Done, seconds: float) -> tuple[Span, ...]:
    """Stretches of half a minute and more that nothing planted and none of its chat touches."""
    busy = [(m.at_s - _BEFORE_S, m.end_s + (_AFTER_CHAT_S if "chat" in m.families else _AFTER_S)) for m in done.moments]
    busy += [(n.at_s - _BEFORE_S, n.end_s + _AFTER_S) for n in done.negatives]
    free, t = [], 0.0
    for start, end in sorted([*busy, (seconds, seconds)]):
        if start - t >= _LEAST_QUIET_S:
            free.append((Ns(ns(t)), Ns(ns(start))))
        t = max(t, end)
    return tuple(free)
