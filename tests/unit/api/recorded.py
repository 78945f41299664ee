"""A session on the disk, as a worker leaves it: a journal with words, sound, chat, events and moments; a ring with a
list."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from core.game import GameEvent, GameKind
from core.ids import MomentId, SessionId
from core.media import ChatMessage, Epoch
from core.moments import Event, Family, Moment, MomentState
from core.signals import SignalChunk
from core.times import Ns, ns
from core.words import Committed, Word
from daemon.journal import Journal
from detectors import Profile
from detectors.features import AUDIO_COLUMNS, AUDIO_KIND
from ringbuffer import Ring, RingOptions
from tests.unit.ringbuffer.kit import Stream

LENGTH_S: Final = 100.0
LOUD_S: Final = 60.0


def record(data_dir: Path, session: SessionId, footage: Stream | None = None) -> Path:
    """100 s of talk with a roar at 60 s that became a clip and something at 20 s that did not; its folder."""
    folder = data_dir / "sessions" / session
    (folder / "ring").mkdir(parents=True)
    (folder / "lock").touch()
    with Journal.open_or_create(folder / "session.db", session=session) as journal:
        journal.begin_attempt()
        fill(journal)
        if footage is None:
            (folder / "ring" / "playlist.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-ENDLIST\n")
        else:
            keep(journal, folder, footage)
    return folder


def keep(journal: Journal, folder: Path, footage: Stream) -> None:
    """Its footage, in segments of a second."""
    ring = Ring.open(folder / "ring", journal, RingOptions(segment_s=1.0, flush_s=0.4), attempt=1)
    ring.begin_epoch(Epoch(number=0, start_ns=Ns(0), reason="start", by="source"), footage.tracks)
    for packet in footage.packets:
        ring.append(packet)
    ring.close()


def fill(journal: Journal) -> None:
    """What analysis wrote."""
    journal.set_meta("profile", Profile().model_dump(mode="json"))
    words = tuple(
        Word(text=f"word{at}.", start_ns=ns(at), end_ns=ns(at + 0.5), prob=0.9, vad=1.0, epoch=0) for at in range(90)
    )
    journal.add_words([Committed(seq=1, words=words, language="en", reason="endpoint", known_ns=ns(91))])
    level = np.full((1000, len(AUDIO_COLUMNS)), -40, np.float32)
    level[600:620, 0] = -10
    journal.add_signals(
        [SignalChunk(kind=AUDIO_KIND, start_ns=Ns(0), step_ns=ns(0.1), values=level, columns=AUDIO_COLUMNS)]
    )
    journal.add_chat(
        [ChatMessage(t_ns=ns(62 + at / 10), user="u", text="wow", emotes=(), kind="msg", n=1) for at in range(30)]
    )
    kill = GameEvent(
        t_ns=ns(58),
        known_ns=ns(60.5),
        kind=GameKind.KILL,
        game="arena",
        own=True,
        source="feed",
        who="me",
        victim="<b>",
    )
    other = replace(kill, t_ns=ns(57), known_ns=ns(61), own=False, who="ash", victim="bo", weapon="rifle")
    journal.add_game([kill, other])
    roar = event(LOUD_S, llr=2.5)
    journal.add_events([event(20.0, llr=0.5), event(LOUD_S, llr=1.0), roar])
    journal.add_moment(moment("m1", 20.0, MomentState.REJECTED, 0.3, "below_bar"))
    journal.add_moment(moment("m2", LOUD_S, MomentState.PROVISIONAL, 0.9, "", roar))
    journal.add_moment(moment("m2", LOUD_S, MomentState.FINAL, 0.93, "", roar))


def event(at_s: float, *, llr: float) -> Event:
    return Event(
        kind="roar", family=Family.AUDIO, start_ns=ns(at_s), end_ns=ns(at_s + 2), peak_ns=ns(at_s), llr=llr,
        surprise_per_h=1.0, quality=1.0, why="A roar", found_ns=ns(at_s + 3),
    )  # fmt: skip


def moment(id: str, at_s: float, state: MomentState, p: float, reason: str, *events: Event) -> Moment:
    return Moment(
        id=MomentId(id), state=state, start_ns=ns(at_s - 10), end_ns=ns(at_s + 10), anchor_ns=ns(at_s), p=p, bar=0.5,
        parts={"audio": 1.5}, reasons=("A roar",), decided_ns=ns(at_s + 15), reason=reason, events=events,
    )  # fmt: skip
