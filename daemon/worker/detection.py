"""The detection engine as workers, replays and evaluations build it: one place, so that they decide alike."""

from __future__ import annotations

from core.ids import SessionId
from daemon.worker.valence import vader
from detectors import Engine, LagEstimate, Profile


def open_detection(profile: Profile, session: SessionId, *, lag: LagEstimate | None = None) -> Engine:
    """`lag` is what an earlier session of the channel learned about its chat."""
    return Engine(profile, session, lag=lag, valence=vader())
