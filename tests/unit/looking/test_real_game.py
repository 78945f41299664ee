"""All of a real game's recording, against the frag counter that its engine wrote down."""

from __future__ import annotations

import json

from benchmarks.hud_run import compare, joined, look
from core.game import GameKind
from tests.media import media
from tests.synthetic_streams.huds.stream import Happened


def test_every_own_kill_of_ninety_seconds_is_read() -> None:
    """Seven, some of whose rows others push out before their time. One more is read: the player killed another and
    himself at once, and the counter stood still."""
    recording = media("fx-game/dm_seed7.mp4")
    logged = json.loads(recording.with_name("dm_seed7.mp4.json").read_text())
    frags = [
        Happened(event["t"], GameKind.KILL, True)
        for event in logged["events"]
        if event["event"] == "fragcount" and event["delta"] > 0
    ]
    run = look(recording, "freedoom", logged["player"])
    own = [event for event in joined(run.events) if event.own and event.kind is GameKind.KILL]
    score = compare(frags, own)
    assert (score.happened, score.missed) == (7, [])
    assert max(map(abs, score.errors_s)) <= 0.5
    assert score.false <= 1
