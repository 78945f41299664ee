"""Chats for the tests of the chat detector: single lines, bots, crowds with lurkers, and bursts that rise slowly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from core.media import ChatMessage
from core.moments import Event
from core.times import ns, to_s
from detectors import Profile
from detectors.chat.detector import ChatDetector
from detectors.chat.mood import Valence
from tests.synthetic_streams import feature_level as fl

AT = 1200.0  # when things happen: the chat and its accounts are known by then
DECAY_S = 40.0  # detection.md section 5


def say(
    t_s: float, text: str, user: int | str, kind: str = "msg", n: int = 1, emotes: tuple[str, ...] = ()
) -> ChatMessage:
    """One message."""
    return ChatMessage(t_ns=ns(t_s), user=f"user{user}", text=text, kind=kind, n=n, emotes=emotes)


def detector(valence: Valence | None = None, profile: Profile | None = None) -> ChatDetector:
    """A chat that has been announced."""
    chat = ChatDetector((profile or Profile()).detect, valence=valence)
    chat.set_available(True)
    return chat


def run(chat: ChatDetector, from_s: float, to_end_s: float) -> list[Event]:
    """Its events on the engine's grid."""
    return [e for step in range(int(from_s * 2) + 1, int(to_end_s * 2) + 1) for e in chat.advance(ns(step / 2))]


def watch(messages: Iterable[ChatMessage], seconds: float, valence: Valence | None = None) -> list[Event]:
    """Every event of a whole chat."""
    chat = detector(valence)
    chat.chat(sorted(messages, key=lambda message: message.t_ns))
    return run(chat, 0.0, seconds)


def last(events: Sequence[Event], kind: str = "") -> list[Event]:
    """The last version of each event from `AT` on."""
    newest = {(e.kind, e.start_ns): e for e in events if e.found_ns >= ns(AT)}
    return [e for e in newest.values() if e.kind.startswith(kind)]


def evidence(events: Sequence[Event], kind: str = "") -> float:
    """Largest evidence that is left in the end, scaled by quality as fusion does."""
    return max((e.llr * e.quality for e in last(events, kind) if e.llr > 0), default=0.0)


def bots(rng: np.random.Generator, per_min: float, texts: Sequence[str], accounts: int = 20) -> list[ChatMessage]:
    """The whole chat times five for a minute and a half, by so many accounts; `#` becomes a number."""
    times = np.sort(rng.uniform(AT, AT + 90, rng.poisson(4 * per_min * 1.5)))
    return [
        say(t, str(rng.choice(texts)).replace("#", str(rng.integers(999))), f"bot{rng.integers(accounts)}")
        for t in times
    ]


def crowd(rng: np.random.Generator, per_min: float, lurkers: float) -> list[ChatMessage]:
    """A burst of x4.5 within seconds; this share of its lines comes from people who never wrote before."""
    extra, out, joined = 3.5 * per_min / 60, [], 0
    for t in np.arange(0.0, 60.0, 0.25):
        for _ in range(rng.poisson(0.25 * extra * min(1.0, t / 2) * np.exp(-max(0.0, t - 10) / 15))):
            joined += 1
            lurks = rng.random() < lurkers
            user = f"lurker{joined * 4 // 5}" if lurks else f"{rng.integers(80)}"  # every fifth writes again
            out.append(say(AT + t, str(rng.choice(["LUL", "KEKW", "hahaha", "no way", "OMEGALUL", "wtf"])), user))
    return out


def slow(
    rng: np.random.Generator, seconds: float, per_min: float, bursts: Sequence[tuple[float, float, float]]
) -> list[ChatMessage]:
    """Bursts as they really are: (start, seconds of even rise, peak factor), half of the lines react, then decay."""
    out = fl.chat(rng, seconds, per_min)
    for at, rise_s, factor in bursts:
        for t in np.arange(0.0, rise_s + 4 * DECAY_S, 0.25):
            shape = t / rise_s if t < rise_s else np.exp(-(t - rise_s) / DECAY_S)
            for _ in range(rng.poisson(0.25 * (factor - 1) * per_min / 60 * shape)):
                text = (
                    rng.choice(["LUL", "KEKW", "hahaha", "POG"]) if rng.random() < 0.5 else f"so #{rng.integers(999)}"
                )
                out.append(say(at + t, str(text), int(rng.integers(80))))
    return sorted(out, key=lambda message: message.t_ns)


def onset_errors(seed: int, per_min: float, kind: str, rise_s: tuple[float, float]) -> tuple[list[float], list[float]]:
    """Of an hour and a half with eight slow bursts: onset minus truth, and decision minus crest, in seconds."""
    rng = np.random.default_rng([seed, 77])
    starts = [at + float(rng.uniform(0, 60)) for at in range(600, 5400, 600)]
    bursts = [(at, float(rng.uniform(*rise_s)), float(rng.uniform(3.6, 5.4))) for at in starts]
    events = watch(slow(rng, 5400.0, per_min, bursts), 5400.0)
    errors, waits = [], []
    for at, rise, _ in bursts:
        found = [e for e in events if e.kind == kind and at <= to_s(e.found_ns) <= at + rise + 30]
        if found:
            errors.append(to_s(found[0].start_ns) - at)
            waits.append(to_s(found[0].found_ns) - at - rise)
    return errors, waits
