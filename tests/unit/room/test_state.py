"""Who is in a room and who may do what: the rules, and that no order of events breaks them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.spec import MAX_PEOPLE
from recorder.room.messages import Level, Mark, Message, Moderate, Mute, Pid, Record, RecState, Role, SetLayout, UplCtl
from recorder.room.state import (
    MAX_KNOWN,
    MAX_LOBBY,
    Joined,
    Laid,
    Left,
    Marked,
    Muted,
    NotAllowed,
    RoomState,
    Take,
    Tell,
)

HOST, ANN, BEN = Pid("host"), Pid("ann"), Pid("ben")


def room_with_host(**options: Any) -> RoomState:
    room = RoomState(**options)
    room.enter(HOST, "Host", "host")
    return room


def refused(room: RoomState, pid: Pid, message: Message) -> str:
    with pytest.raises(NotAllowed) as why:
        room.act(pid, message)
    return why.value.code


def moderate(kind: Any, pid: Pid) -> Moderate:
    return Moderate(id="1", type=kind, pid=pid)


def test_a_guest_waits_in_the_lobby_until_a_host_lets_them_in() -> None:
    """Meanwhile they see only themselves, and may publish nothing."""
    room = room_with_host()
    assert room.enter(ANN, "Ann", "guest") == []
    assert [each["pid"] for each in room.peers(ANN)] == [ANN]
    assert {each["pid"] for each in room.peers(HOST)} == {HOST, ANN}
    with pytest.raises(NotAllowed, match="let in"):
        room.may_publish(ANN)
    assert refused(room, ANN, moderate("admit", ANN)) == "forbidden"
    assert room.act(HOST, moderate("admit", ANN)) == [Tell(ANN, {"type": "admitted"}), Joined(ANN)]
    room.may_publish(ANN)
    assert room.act(HOST, moderate("admit", ANN)) == []  # told twice, done once


def test_who_was_let_in_comes_back_without_waiting_and_who_was_removed_does_not() -> None:
    """After a restart of the worker, too."""
    room = room_with_host()
    room.enter(ANN, "Ann", "guest")
    room.act(HOST, moderate("admit", ANN))
    assert room.leave(ANN, "lost") == [Left(ANN, "lost")]
    assert room.enter(ANN, "Ann", "guest") == [Joined(ANN)]
    assert room.act(HOST, moderate("kick", ANN)) == [Left(ANN, "kicked")]
    with pytest.raises(NotAllowed) as why:
        room.enter(ANN, "Ann", "guest")
    assert why.value.code == "kicked"
    later = RoomState(admitted=[BEN], kicked=[ANN])
    assert later.enter(BEN, "Ben", "guest") == [Joined(BEN)]
    with pytest.raises(NotAllowed):
        later.enter(ANN, "Ann", "guest")


def test_who_is_denied_has_left() -> None:
    """A host is not removed."""
    room = room_with_host()
    room.enter(ANN, "Ann", "guest")
    assert room.act(HOST, moderate("deny", ANN)) == [Left(ANN, "denied")]
    assert refused(room, HOST, moderate("admit", ANN)) == "nobody"
    assert refused(room, HOST, moderate("kick", HOST)) == "forbidden"


def test_a_full_room_lets_nobody_in() -> None:
    """Neither its lobby."""
    room = room_with_host(max_people=1)
    room.enter(ANN, "Ann", "guest")
    assert refused(room, HOST, moderate("admit", ANN)) == "room_full"
    with pytest.raises(NotAllowed):
        room.enter(BEN, "Ben", "producer")
    for number in range(MAX_LOBBY - 1):
        room.enter(Pid(f"g{number}"), "G", "guest")
    with pytest.raises(NotAllowed) as why:
        room.enter(BEN, "Ben", "guest")
    assert why.value.code == "room_full"


def test_people_mute_themselves_and_heads_mute_others() -> None:
    """Nobody is unmuted by others."""
    room = room_with_host()
    room.enter(ANN, "Ann", "producer")
    room.enter(BEN, "Ben", "guest")
    room.act(HOST, moderate("admit", BEN))
    assert room.act(BEN, Mute(id="1", track="mic", on=False)) == [Muted(BEN, "mic", False, BEN)]
    assert room.act(ANN, Mute(id="2", track="mic", on=False, pid=BEN)) == []
    assert refused(room, ANN, Mute(id="3", track="mic", on=True, pid=BEN)) == "forbidden"
    assert refused(room, BEN, Mute(id="4", track="mic", on=False, pid=ANN)) == "forbidden"
    assert room.act(BEN, Mute(id="5", track="mic", on=True)) == [Muted(BEN, "mic", True, BEN)]
    assert room.act(ANN, Mute(id="6", track="cam", on=False, pid=BEN)) == [Muted(BEN, "cam", False, ANN)]


def test_heads_record_mark_and_lay_out() -> None:
    """Each once, however often it is asked for."""
    room = room_with_host()
    start, stop = Record(id="1", type="rec.start"), Record(id="2", type="rec.stop")
    assert room.act(HOST, stop) == []
    assert refused(room, HOST, Mark(id="3", text="x")) == "not_recording"
    assert room.act(HOST, start) == [Take(True, HOST)]
    room.recording("t1", 5.0)
    assert room.act(HOST, start) == []
    assert room.act(HOST, Mark(id="3", text="x")) == [Marked("x", HOST)]
    assert room.act(HOST, SetLayout(id="4", layout="split")) == [Laid("split", HOST)]
    assert room.act(HOST, SetLayout(id="5", layout="split")) == []
    assert room.act(HOST, stop) == [Take(False, HOST)]
    room.enter(ANN, "Ann", "guest")
    assert refused(room, ANN, start) == "forbidden"


def test_a_local_recording_that_fails_is_told_to_heads() -> None:
    """And stands in the list of people."""
    room = room_with_host()
    failed = RecState(id="1", take="t1", seg="s1", track="cam", state="failed")
    [told] = room.act(HOST, failed)
    assert isinstance(told, Tell)
    assert (told.pid, told.body["code"]) == (HOST, "local_recording_failed")
    assert room.peers(HOST)[0]["tracks"]["cam"]["rec"] == "failed"


def test_uploads_are_paused_by_heads() -> None:
    """Which the person is told."""
    room = room_with_host()
    room.enter(ANN, "Ann", "guest")
    paused = room.act(HOST, UplCtl(id="1", pid=ANN, op="pause"))
    assert paused == [Tell(ANN, {"type": "upl.ctl", "op": "pause"})]
    assert refused(room, ANN, UplCtl(id="2", pid=HOST, op="pause")) == "forbidden"


def test_levels_do_not_change_what_has_to_be_seen_at_once() -> None:
    """They go out twice a second, whatever pages send."""
    room = room_with_host()
    before = (room.version, room.loudness)
    room.act(HOST, Level(id="1", peak=0.5, rms=0.1, clip=False))
    assert (room.version, room.loudness) == (before[0], before[1] + 1)


PIDS = st.sampled_from([Pid(f"p{number}") for number in range(9)])
ROLES: st.SearchStrategy[Role] = st.sampled_from(["host", "guest", "guest", "producer"])
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), PIDS, ROLES),
        st.tuples(st.just("leave"), PIDS, ROLES),
        st.tuples(st.just("stall"), PIDS, ROLES),
        st.tuples(st.sampled_from(["admit", "deny", "kick", "start", "stop", "mute"]), PIDS, PIDS),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(EVENTS)
def test_no_order_of_events_breaks_the_rules(events: list[tuple[str, Pid, Any]]) -> None:
    """Never more people than the room holds; nobody inside who was neither let in nor a head; the removed stay out;
    only heads' wishes have effects; what is told is told to somebody who is known."""
    room = RoomState(max_people=4)
    for what, pid, other in events:
        before = room.version
        try:
            effects = happen(room, what, pid, other)
        except NotAllowed:
            continue
        assert (
            room.version > before
            or not [each for each in effects if isinstance(each, Joined | Left)]
            or (
                what == "enter"  # somebody who is inside has connected again
            )
        )
        assert len(room.inside) <= 4 <= MAX_PEOPLE
        assert len(room.people) <= MAX_KNOWN
        assert not room.kicked & {each.pid for each in room.inside}
        assert all(each.role in ("host", "producer") or each.pid in room.admitted for each in room.inside)


def happen(room: RoomState, what: str, pid: Pid, other: Any) -> list[Any]:
    if what == "enter":
        return room.enter(pid, "x", other)
    if what == "leave":
        return room.leave(pid, "lost")
    if what == "stall":
        room.stall(pid, True)
        return []
    if what == "mute":
        return room.act(pid, Mute(id="1", track="mic", on=False, pid=other))
    if what in ("start", "stop"):
        effects = room.act(pid, Record(id="1", type="rec.start" if what == "start" else "rec.stop"))
        if effects:
            room.recording("t", 0.0) if what == "start" else room.stopped()
        return effects
    return room.act(pid, moderate(what, other))
