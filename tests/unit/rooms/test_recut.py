"""Clips of a room: composed while backups are all there is, cut anew under the same id from local tracks."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from core.edits import EditDecision, RenderSpec
from core.ids import ClipId, SessionId
from core.times import Ns, ns
from daemon.clips import ClipContext
from daemon.clips import render as render_clip
from daemon.journal import Journal
from daemon.rooms.footage import session_footage
from daemon.worker.desk import ClipDesk
from daemon.worker.desktools import DeskTools, NoPins
from daemon.worker.emitter import Emitter
from daemon.worker.offline import cut_finished
from daemon.worker.ordered import read_order
from daemon.worker.planner import ClipPlanner, Due
from telemetry import Metrics, SystemClock
from tests.room_takes import SESSION, MadeTake, beeps, flashes, sound_of

CLIP = ClipId("c000000000001")
ORDER = {"order": "j000000000001", "clip": "t1", "room": "rmtest", "take": "t1"}


@pytest.fixture
def folder(take: MadeTake) -> Path:
    """The folder of the room's session, which has ended; its ring is gone."""
    session = take.folder.parents[2] / "sessions" / SESSION
    session.mkdir(parents=True)
    with Journal.open_or_create(session / "session.db", session=SessionId(SESSION)) as journal:
        journal.set_meta("room", "rmtest")
        journal.set_meta("source", "room:")
        journal.set_meta("profile", {"name": "test"})
    return session


def worked(folder: Path, *, promised: EditDecision | None = None, order: dict[str, Any] | None = None) -> list[Any]:
    """What a worker of the session says that has these to do, and no more."""
    clock, told = SystemClock(), io.StringIO()
    with Journal.open(folder / "session.db") as journal:
        journal.begin_attempt()
        tools = DeskTools(
            journal=journal,
            footage=session_footage(folder, journal.meta("room"), SESSION, None),
            pins=NoPins(),
            emitter=Emitter(told, SessionId(SESSION), clock),
            arrivals=None,
            clock=clock,
            metrics=Metrics(),
            spec=RenderSpec(),
            session_dir=folder,
            out_dir=None,
            context=lambda *_: ClipContext(source="room:"),
            orders_only=True,
        )
        desk = ClipDesk(tools, ClipPlanner(SessionId(SESSION), {}, lambda *_: []))
        if promised is not None:
            journal.open_clip(promised)
        desk.start([] if promised is None else [Due(promised, None, "provisional")])
        if order is not None:
            desk.order(read_order("conform", order))
        desk.finish(Ns(0))
    return [json.loads(line) for line in told.getvalue().splitlines()]


def decision(start_s: float, end_s: float) -> EditDecision:
    return EditDecision(
        clip=CLIP,
        revision=1,
        session=SessionId(SESSION),
        start_ns=ns(start_s),
        end_ns=ns(end_s),
        title="They laugh",
        score=0.8,
        reasons=("laughter",),
    )


def clip_json(line: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(line["files"]["clip"]).read_bytes())
    return found


def out_of_step_ms(master: Path, start_s: float, *tones: float) -> float:
    """95 % of a clip's flashes are nearer than this to a beep; both were on whole seconds of the take."""
    shown = [at + start_s for at in flashes(master)]
    heard = [at + start_s for hz in tones for at in beeps(sound_of(master), hz)]
    assert len(shown) >= 3
    return float(np.percentile([min(abs(at - beep) for beep in heard) for at in shown], 95)) * 1000


def test_a_clip_is_composed_live_and_cut_anew_from_local_tracks(
    take: MadeTake, conformed: MadeTake, folder: Path
) -> None:
    """Revision 1 is of the server's backups, revision 2 of local tracks, with their names and hashes."""
    [first] = [line for line in worked(folder, promised=decision(2.5, 7.5)) if line["type"] == "clip"]
    room = clip_json(first)["room"]
    assert (first["revision"], room["source"], room["layout"]) == (1, "server backups", "speaker")
    assert {track["name"] for track in room["tracks"]} == {"Ada Lovelace", "Grace Hopper", "Voice only"}
    master = Path(first["files"]["master"])
    with av.open(str(master)) as media:
        assert (media.streams.video[0].width, media.streams.video[0].height) == (1280, 720)
    assert out_of_step_ms(master, 2.5, 880, 1320) <= 80
    assert colours(master, (0.3, 4.3)) == ["0x204060", "0x602040"], "who speaks is seen"

    shutil.copytree(conformed.folder, take.folder, dirs_exist_ok=True)  # what the order would make, to save time
    lines = worked(folder, order=ORDER)
    [settled] = [line for line in lines if line["type"] == "order"]
    assert (settled["id"], settled["state"]) == (ORDER["order"], "done")
    [second] = [line for line in lines if line["type"] == "clip"]
    document = clip_json(second)
    assert (second["id"], second["revision"], document["title"]) == (CLIP, 2, "They laugh")
    assert document["room"]["source"] == "local tracks"
    hashes = {row["sha256"] for row in json.loads((take.folder / "local.json").read_bytes())}
    assert {track["sha256"] for track in document["room"]["tracks"]} == hashes
    assert out_of_step_ms(Path(second["files"]["master"]), 2.5, 880, 1320) <= 40
    assert render_clip(Path(second["files"]["clip"]), None).identical, "its source is kept"
    assert not (folder / "composed").exists() or not list((folder / "composed").iterdir())

    again = worked(folder, order=ORDER | {"order": "j000000000002"})
    assert not [line for line in again if line["type"] == "clip"], "nothing is better than it was"


def test_a_cut_by_hand_of_an_ended_session_is_composed_too(folder: Path) -> None:
    """`clipd cut` shows people, and a card for who is only heard."""
    record = cut_finished(folder, {"start_s": 3.4, "end_s": 5.4}, None)
    assert clip_json(record)["room"]["source"] == "server backups"
    with av.open(record["files"]["master"]) as media:
        assert {stream.type for stream in media.streams} == {"video", "audio"}


def test_an_order_about_no_take_of_ours_is_refused_and_told(folder: Path) -> None:
    """The error shape of every order."""
    [told] = [line for line in worked(folder, order=ORDER | {"clip": "t9", "take": "t9"}) if line["type"] == "order"]
    assert (told["state"], told["reason"]) == ("failed", "unknown_take")


def colours(master: Path, at_s: tuple[float, ...]) -> list[str]:
    """The colour nearest to the picture's mean, of those that people here have."""
    known = {"0x204060": (0x20, 0x40, 0x60), "0x602040": (0x60, 0x20, 0x40)}
    found: list[str] = []
    with av.open(str(master)) as media:
        for frame in media.decode(video=0):
            if len(found) < len(at_s) and float(frame.time or 0) >= at_s[len(found)]:
                mean = frame.reformat(32, 18, "rgb24").to_ndarray().mean(axis=(0, 1))
                found.append(min(known, key=lambda name: float(np.abs(mean - known[name]).sum())))
    return found
