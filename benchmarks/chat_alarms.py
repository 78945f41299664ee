"""Do chat alarms come as often as asked? Real message counts and a real chat: python -m benchmarks.chat_alarms

208 hours of one channel's counts per 10 s; who wrote what is not known, so lines by 400 equal users stand for it. Of
every stream the first half hour is left out. Even VODs are those that were looked at, odd ones are held out. "asked" is
the profile's `detect.chat.rate.alarms_per_h`; intervals come from a bootstrap over VODs. A second table holds what the
alarms say of themselves ("about twice an hour") against how often they said so.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from benchmarks.common import render_table, write_json
from configs import load_profile
from core.media import ChatMessage
from core.moments import Event
from core.times import NS_PER_S, Ns, ns, to_s
from detectors import Profile
from detectors.chat.detector import ChatDetector
from tests.media import MEDIA

ASKED: Final = (2.0, 4.0, 6.0, 12.0)
CLAIMS: Final = (0.75, 1.5, 2.5, 4.0)
SETTLED_S: Final = 1800.0
USERS: Final = 400
RESAMPLES: Final = 2000
REAL_S: Final = 2925.0


class Alarms(NamedTuple):
    """The rate alarms of one stream after its first half hour: how often each says that its like comes."""

    number: int  # of the VOD
    hours: float
    claims: tuple[float, ...]

    @property
    def per_h(self) -> float:
        """How often they came."""
        return len(self.claims) / self.hours


def asking(profile: Profile, per_h: float) -> Profile:
    """The same profile with another number of rate alarms asked for, starting where its prior tail puts them."""
    detect, rate = profile.detect, profile.detect.chat.rate
    start = rate.start + rate.tail_scale * float(np.log(rate.alarms_per_h / per_h))
    start = min(max(start, rate.lowest), rate.highest)
    chat = detect.chat.model_copy(update={"rate": rate.model_copy(update={"alarms_per_h": per_h, "start": start})})
    return profile.model_copy(update={"detect": detect.model_copy(update={"chat": chat})})


def vods() -> list[dict[str, Any]]:
    """The counts; none where the media is absent."""
    path = MEDIA / "fx-chat-counts" / "activity.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def messages_of(vod: dict[str, Any]) -> list[ChatMessage]:
    """Counts as lines that say nothing, by users who are all alike."""
    rng = np.random.default_rng(int(vod["vod_id"]) % 1000)
    return [
        ChatMessage(t_ns=ns(10 * i + t), user=f"u{rng.integers(USERS)}", text=f"line {rng.integers(10**6)}")
        for i, count in enumerate(vod["counts"])
        for t in np.sort(rng.uniform(0, 10, int(count)))
    ]


def watch(messages: Sequence[ChatMessage], seconds: float, profile: Profile) -> Iterator[Event]:
    """Every event of the chat detector on the engine's grid."""
    detector = ChatDetector(profile.detect)
    detector.set_available(True)
    detector.chat(messages)
    for step in range(1, int(2 * seconds)):
        yield from detector.advance(Ns(step * NS_PER_S // 2))


def alarms_of(messages: Sequence[ChatMessage], seconds: float, profile: Profile, number: int = 0) -> Alarms:
    """Rate alarms that were worth an event; one that goes on counts once, with what it said first."""
    first: dict[Ns, Event] = {}
    for event in watch(messages, seconds, profile):
        if event.kind == "chat_rate" and to_s(event.found_ns) >= SETTLED_S:
            first.setdefault(event.start_ns, event)
    claims = tuple(event.surprise_per_h for event in first.values())
    return Alarms(number, (seconds - SETTLED_S) / 3600, claims)


def pooled(streams: Sequence[Alarms]) -> float:
    """Alarms an hour over all streams."""
    return sum(len(s.claims) for s in streams) / sum(s.hours for s in streams)


def interval(streams: Sequence[Alarms]) -> tuple[float, float]:
    """95 % of the pooled rate, by a bootstrap over streams."""
    rng = np.random.default_rng(0)
    counts, hours = np.array([len(s.claims) for s in streams]), np.array([s.hours for s in streams])
    picks = rng.integers(len(streams), size=(RESAMPLES, len(streams)))
    rates = counts[picks].sum(axis=1) / hours[picks].sum(axis=1)
    low, high = np.percentile(rates, [2.5, 97.5])
    return float(low), float(high)


def rate_row(name: str, streams: Sequence[Alarms], asked: float) -> list[object]:
    """Observed over asked, pooled and over streams."""
    low, high = interval(streams)
    long = [s.per_h / asked for s in streams if s.hours >= 1.0]  # in a shorter one a single alarm is the whole rate
    spread = np.percentile(long, [10, 50, 90])
    cells = [pooled(streams) / asked, low / asked, high / asked, *spread, sum(s.hours for s in streams)]
    return [name, asked, *(round(float(cell), 2) for cell in cells)]


def claim_rows(name: str, streams: Sequence[Alarms], asked: float) -> Iterator[list[object]]:
    """Alarms that say their like comes at most so often an hour: how often they came."""
    hours = sum(s.hours for s in streams)
    for claim in CLAIMS:
        if claim < asked:
            found = sum(value <= claim for s in streams for value in s.claims)
            yield [name, asked, claim, round(found / hours, 2)]


def real_rows(profile: Profile) -> Iterator[list[object]]:
    """A real chat of 49 minutes: alarms of every kind after its first five minutes. Too short for a rate."""
    log = MEDIA / "fx-chat" / "twitch_chat_48min.jsonl"
    if not log.is_file():
        return
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    messages = [ChatMessage(t_ns=ns(row["t"]), user=row["user"], text=row["text"], emotes=_emotes(row)) for row in rows]
    events = [e for e in watch(messages, REAL_S, profile) if to_s(e.found_ns) >= 300]
    for kind in ("chat_rate", "chat_reaction", "chat_clip", "chat_flood"):
        starts = {event.start_ns for event in events if event.kind == kind}
        yield [kind, len(starts), round(len(starts) * 3600 / (REAL_S - 300), 1)]


def _emotes(row: dict[str, Any]) -> tuple[str, ...]:
    """The log holds places in the text: first and last character."""
    return tuple(row["text"][first : last + 1] for first, last in row["emotes"] or ())


def halves(streams: Sequence[Alarms]) -> Iterable[tuple[str, Sequence[Alarms]]]:
    """Looked at, held out, and both."""
    even, odd = [s for s in streams if s.number % 2 == 0], [s for s in streams if s.number % 2]
    return [part for part in (("even VODs", even), ("odd VODs, held out", odd), ("all VODs", streams)) if part[1]]


def main() -> None:
    """Print the tables; write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="gaming")
    parser.add_argument("--asked", type=float, nargs="+", default=ASKED)
    parser.add_argument("--even", action="store_true", help="leave the held out half alone")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    profile = load_profile(args.profile)
    lines = [(i, messages_of(vod), 10.0 * len(vod["counts"])) for i, vod in enumerate(vods())]
    lines = [line for line in lines if line[2] > SETTLED_S and not (args.even and line[0] % 2)]
    rates: list[list[object]] = []
    claims: list[list[object]] = []
    for asked in args.asked if lines else ():
        streams = [alarms_of(messages, seconds, asking(profile, asked), i) for i, messages, seconds in lines]
        for name, part in halves(streams):
            rates.append(rate_row(name, part, asked))
            claims += claim_rows(name, part, asked)
    claimed = ("streams", "asked/h", "said at most/h", "came/h")
    columns = ("streams", "asked/h", "observed/asked", "low", "high", "p10", "p50", "p90", "hours")
    print(render_table(columns, rates))
    print()
    print(render_table(claimed, claims))
    print()
    print(render_table(("real chat, 44 min", "alarms", "per hour"), list(real_rows(profile))))
    if args.out:
        named = [dict(zip(columns, row, strict=True)) for row in rates]
        write_json(args.out, named, profile=profile.name, claims=claims, real=list(real_rows(profile)))


if __name__ == "__main__":
    main()
