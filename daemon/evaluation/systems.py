"""Runs a profile over a session's log, whole or without a family of evidence: what `clipd eval` compares."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from core.ids import SessionId
from core.moments import Family
from core.times import Ns
from core.words import Word
from daemon.evaluation.candidates import Run, candidates_of
from daemon.evaluation.truth import Truth
from daemon.worker.detection import open_detection
from daemon.worker.relive import NOBODY, SignalLog, family_of, relive
from detectors import LagEstimate, Profile

FAMILIES: Final = (
    Family.CHAT,
    Family.AUDIO,
    Family.SPEECH,
    Family.VISION,
    Family.GAME,
)  # commands are in chat and words


def decide(
    log: SignalLog,
    truth: Truth,
    profile: Profile,
    *,
    stream: str,
    end_ns: Ns,
    has_chat: bool,
    has_game: bool = False,
    words: Sequence[Word] = (),
    without: frozenset[Family] = NOBODY,
    lag: LagEstimate | None = None,
) -> Run:
    """What this profile decides about a stream.

    `words` are what was said, to see which cuts go through one; `lag` is what the channel's chat had taught before.
    """
    began = time.process_time()
    engine = open_detection(profile, SessionId(stream), lag=lag)
    history = relive(
        engine, log, has_chat=has_chat, has_game=has_game, until_ns=end_ns, finish=True, without=without
    ).history
    return Run(
        stream=stream,
        end_ns=end_ns,
        truth=truth,
        candidates=candidates_of(history, words),
        pre_s=profile.clip.pre_s,
        post_s=profile.clip.post_s,
        target_per_h=profile.clips_per_hour,
        has_chat=has_chat and Family.CHAT not in without,
        machine_s=time.process_time() - began,
    )


def families_in(log: SignalLog) -> list[Family]:
    """Which families have left anything in a log, so that leaving them out means something."""
    there = {family_of(chunk.kind) for chunk in log.signals()}
    if next(iter(log.chat()), None) is not None:
        there.add(Family.CHAT)
    if next(iter(log.committed()), None) is not None:
        there.add(Family.SPEECH)
    if next(iter(log.game()), None) is not None:
        there.add(Family.GAME)
    return [family for family in FAMILIES if family in there]
