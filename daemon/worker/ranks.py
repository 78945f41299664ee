"""Asks for clips' ranks: marks records, gathers clips, asks in a thread of its own, hands the answers to `ranklines`.

No clip waits for it: a clip is told of with its heuristic rank, and what a model says comes as a later line of the same
revision. What was answered stands in the journal, so a restarted worker does not ask again.
"""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog

from configs.ranking import RankingOptions
from core.ids import ClipId, clip_id
from core.moments import Moment
from core.times import Ns, ns
from core.words import text_of
from daemon.journal import Journal
from daemon.ranking import Candidate, Groups, Model, Outcome, Prompt, heuristic_rank, load_prompt, rank_group
from daemon.ranking.bounds import held, moved
from daemon.ranking.fence import new_key
from daemon.ranking.groups import Waiting, is_unsure
from daemon.ranking.ranker import ranked
from daemon.ranking.values import GROUP
from daemon.worker.chat import thinned

CHAT_NS: Final = ns(20)  # chat is late; what it says then is about the clip
LINES: Final = 12
KEY: Final = "fence_key"  # in the journal's meta
TRIES: Final = 3  # with later groups, where the gateway was away or its answer was none
_WAITING: Final = 64  # groups behind one that takes its time; more are not asked about
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """What ranks a session's clips. Without a model `why` says so in every rank."""

    options: RankingOptions
    prompt: Prompt
    shadow: Prompt | None
    model: Model | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of asking about one clip."""

    clip: ClipId
    outcome: Outcome
    shadow: Outcome | None


def ranking_of(options: RankingOptions, model: Model | None) -> Ranking:
    """Prompts are read before the stream begins. Raises UsageError."""
    shadow = options.shadow
    return Ranking(
        options=options,
        prompt=load_prompt(options.prompt, options.wish),
        shadow=load_prompt(shadow.prompt, shadow.wish) if shadow.prompt else None,
        model=model if options.enabled else None,
        why="" if options.enabled and model else "no_gateway" if options.enabled else "off",
    )


def rank_states(records: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many clips are ranked in which way, for the summary."""
    return dict(Counter(record["rank"]["state"] for record in records if record.get("rank")))


class Ranks:
    """`mark`, `offer` and `drop` come from the clip thread, `advance` from analysis; `done` is called from the
    ranker's thread."""

    def __init__(self, ranking: Ranking, journal: Journal, done: Callable[[Found], None]) -> None:
        self._ranking, self._journal, self._done = ranking, journal, done
        self._groups = Groups(size=ranking.options.group, every_ns=ns(ranking.options.every_s))
        self._gathering = threading.Lock()
        self._asked: Counter[ClipId] = Counter()
        self._t_ns = Ns(0)
        self._away: Outcome | None = None  # what the last question came to, where nobody answered it
        self._queue: queue.Queue[tuple[Waiting, ...]] = queue.Queue(_WAITING)
        self._closed = False
        self._over = threading.Event()  # all is answered, or nobody waits for it any more
        self._thread = threading.Thread(target=self._run, name="ranks", daemon=True)

    def start(self) -> None:
        """Begin, where there is a model to ask."""
        if self._ranking.model is None:
            self._over.set()
        else:
            self._thread.start()

    def mark(self, record: dict[str, Any], moment: Moment, before: Mapping[str, Any] | None) -> None:
        """Give a record its rank by what was measured; what a model said of the clip `before` stays."""
        base = self._heuristic(record, moment)
        told = (before or {}).get("rank") or base
        if told["state"] != "heuristic":
            score = moved(base["p"], told["shift"])
            virality = round(100 * held(base["p"], self._ranking.options.bound, told["virality"] / 100))
            newer = {"p": base["p"], "bar": base["bar"], "score": round(score, 4), "virality": virality}
            base = {**told, **newer}
        _put(record, base)

    def offer(self, record: Mapping[str, Any]) -> None:
        """A clip was told of. It is asked about with its group, unless that was done."""
        rank = record.get("rank")
        if rank is None or rank["state"] == "ranked" or record["state"] == "withdrawn":
            return
        clip, unsure = ClipId(record["id"]), is_unsure(rank["p"], rank["bar"], self._ranking.options.band)
        with self._gathering:
            if not self._asked[clip]:
                self._send(self._groups.add(clip, self._t_ns, unsure=unsure))

    def advance(self, t_ns: Ns) -> None:
        """Media has come to here."""
        with self._gathering:
            self._t_ns = t_ns
            self._send(self._groups.advance(t_ns))

    def drop(self, clip: ClipId) -> None:
        """A clip was withdrawn."""
        with self._gathering:
            self._groups.drop(clip)

    def close(self) -> None:
        """The session's last clip is there: ask about what waits, then end."""
        with self._gathering:
            self._send(self._groups.close())
            self._closed = True
            self._send(())

    def join(self) -> None:
        """Wait for the answers; each question has its deadline."""
        self._over.wait()

    def leave(self) -> None:
        """Wait for nothing more: what was not answered is the next attempt's to ask."""
        self._closed = True
        self._over.set()
        self._send(())

    def applied(self, record: dict[str, Any], found: Found) -> bool:
        """Write into a clip's record what came of asking; False where that changes nothing."""
        base, outcome, shadow = record.get("rank"), found.outcome, found.shadow
        if base is None or base["state"] == "ranked" or outcome.state == "heuristic":
            return False
        if outcome.state == "ranked":
            rank = ranked(base, outcome.verdicts[found.clip], outcome)
        else:
            rank = {**base, "state": outcome.state, "why": outcome.why, "prompt": outcome.prompt}
        rank["shadow"] = None if shadow is None else _shadowed(base, found.clip, shadow)
        if rank == base:
            return False  # still nobody answers
        _put(record, rank)
        return True

    # -- the thread

    def _send(self, group: tuple[Waiting, ...]) -> None:
        """`()` for the end. A clip counts as asked about from here on; one of a group that finds no room stays as it
        is."""
        if self._ranking.model is None or bool(group) == self._closed:
            return
        self._asked.update(each.clip for each in group if each.unsure)
        try:
            self._queue.put_nowait(group)
        except queue.Full:
            log.warning("ranks.full", clips=len(group))
            if not group:
                self._over.set()

    def _run(self) -> None:
        """Boundary of the ranker: whatever goes wrong with a group, its clips keep the rank they have."""
        while group := self._queue.get():
            if self._over.is_set():
                return
            try:
                for first in range(0, len(group), GROUP):
                    self._rank(group[first : first + GROUP])
            except Exception:
                if self._over.is_set():  # nobody waited, and the journal is closed
                    return
                log.exception("ranks.failed", clips=len(group))
        self._over.set()

    def _rank(self, group: Sequence[Waiting]) -> None:
        ranking = self._ranking
        assert ranking.model is not None  # the thread is not started without
        moments = {clip_id(moment.id): moment for moment in self._journal.moments()}
        found = [self._candidate(each, moments) for each in group]
        candidates = [each for each in found if each is not None]
        if not any(each.moves for each in candidates):
            return
        key, bound = self._key(), ranking.options.bound
        outcome, shadow = self._away if self._closed else None, None  # at the end nobody is waited for twice
        if outcome is None:
            outcome = rank_group(candidates, ranking.prompt, ranking.model, key=key, bound=bound)
        away = outcome.state in ("unavailable", "budget") and not outcome.why.startswith("refused_")
        self._away = outcome if away else None
        if outcome.state == "ranked" and ranking.shadow is not None:
            shadow = rank_group(candidates, ranking.shadow, ranking.model, key=key, bound=bound)
        log.info("ranks.asked", clips=len(candidates), state=outcome.state, why=outcome.why)
        asked = [each.clip for each in candidates if each.moves]
        if outcome.state in ("unavailable", "budget"):
            self._again(asked)
        for clip in asked:
            self._done(Found(clip, outcome, shadow))

    def _key(self) -> str:
        """Of this session's fences; kept, so that a question that is asked again is the same."""
        key = self._journal.meta(KEY)
        if key is None:
            key = new_key()
            self._journal.set_meta(KEY, key)
        return str(key)

    def _again(self, clips: Sequence[ClipId]) -> None:
        """With the next group."""
        with self._gathering:
            for clip in clips:
                if not self._closed and self._asked[clip] < TRIES:
                    self._groups.put_back(clip, self._t_ns)

    def _candidate(self, each: Waiting, moments: Mapping[ClipId, Moment]) -> Candidate | None:
        record, moment = self._journal.clip(each.clip), moments.get(each.clip)
        if record is None or moment is None or record["state"] == "withdrawn" or not record.get("rank"):
            return None
        start_ns, end_ns, rank = ns(record["start_s"]), ns(record["end_s"]), record["rank"]
        chat = [message for message in self._journal.chat(start_ns) if message.t_ns <= end_ns + CHAT_NS]
        return Candidate(
            clip=each.clip,
            duration_s=record["end_s"] - record["start_s"],
            title=record["title"],
            said=text_of(self._journal.words(start_ns, end_ns)),
            chat=tuple(message.text for message in thinned(chat, LINES)),
            reasons=tuple(record["reasons"]),
            parts=moment.parts,
            language=str((self._journal.meta("speech") or {}).get("language", "")),
            p=rank["p"],
            bar=rank["bar"],
            moves=each.unsure,
        )

    def _heuristic(self, record: Mapping[str, Any], moment: Moment) -> dict[str, Any]:
        start_ns, end_ns, p = ns(record["start_s"]), ns(record["end_s"]), round(moment.p, 4)
        bar = round(moment.bar, 4)
        sure = not is_unsure(p, bar, self._ranking.options.band)
        speaking = [each for each in moment.events if each.llr > 0]  # what spoke against it is no hashtag
        return heuristic_rank(
            why=self._ranking.why or ("sure" if sure else "unsure"),
            p=p,
            bar=bar,
            title=record["title"],
            start_ns=start_ns,
            end_ns=end_ns,
            anchor_ns=moment.anchor_ns,
            parts=moment.parts,
            reasons=moment.reasons,
            kinds=[each.kind for each in sorted(speaking, key=lambda each: -each.llr * each.quality)],
            words=self._journal.words(start_ns, end_ns),
        ).to_json()


def _put(record: dict[str, Any], rank: Mapping[str, Any]) -> None:
    """The rank, and what the clip's own fields say with it."""
    record["rank"] = dict(rank)
    record["score"] = record["rank"]["score"] = round(rank["score"], 4)
    record["title"] = rank["title"]


def _shadowed(base: Mapping[str, Any], clip: ClipId, shadow: Outcome) -> dict[str, Any]:
    """What the second prompt would have made of it; for the report, never told."""
    if shadow.state != "ranked":
        return {"state": shadow.state, "why": shadow.why, "prompt": shadow.prompt}
    rank = ranked(base, shadow.verdicts[clip], shadow)
    kept = ("state", "prompt", "model", "virality", "shift", "title")
    return {name: rank[name] for name in kept} | {"score": round(rank["score"], 4)}
