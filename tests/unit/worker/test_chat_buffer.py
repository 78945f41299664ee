"""Chat as analysis sees it."""

from __future__ import annotations

import threading

from core.media import ChatMessage
from core.times import Ns, ns
from daemon.worker.chat import MAX_AT_ONCE, MAX_WAITING, ChatBuffer, thinned


def message(t_s: float, text: str = "hi") -> ChatMessage:
    return ChatMessage(t_ns=ns(t_s), user="u", text=text)


def test_messages_come_out_in_media_time_order_and_once() -> None:
    """Whatever order they came in."""
    chat = ChatBuffer(waits=False)
    chat.add([message(3), message(1), message(2)])
    assert [m.t_ns for m in chat.until(ns(2))] == [ns(1), ns(2)]
    assert [m.t_ns for m in chat.until(ns(9))] == [ns(3)]


def test_a_late_message_is_heard_now_and_changes_nothing_decided() -> None:
    """A live chat line from before the last step is moved to that step."""
    chat = ChatBuffer(waits=False)
    chat.until(ns(10))
    chat.add([message(4)])
    [late] = chat.until(ns(10.5))
    assert late.t_ns == ns(10) + 1


def test_a_replayed_chat_is_waited_for() -> None:
    """Decisions must not depend on whether the reader of the file or the decoder was faster."""
    chat = ChatBuffer(waits=True)
    heard: list[list[ChatMessage]] = []
    reader = threading.Thread(target=lambda: heard.append(chat.until(ns(5))))
    reader.start()
    chat.add([message(4)], Ns(ns(6)))
    reader.join(60)
    assert [m.t_ns for m in heard[0]] == [ns(4)]


def test_the_chat_delay_moves_messages_back() -> None:
    """`--chat-delay 7` says that what is read at 12 s was about what was seen at 5 s."""
    chat = ChatBuffer(waits=False, delay_ns=ns(7))
    chat.add([message(12)])
    [moved] = chat.until(ns(5))
    assert moved.t_ns == ns(5)


def test_a_flood_ahead_of_analysis_is_bounded_and_counted() -> None:
    """Memory stays flat; what was dropped can be shown."""
    chat = ChatBuffer(waits=False)
    chat.add([message(1)] * (MAX_WAITING + 7))
    assert chat.tally() == (0, {"flood": 7})


def test_a_live_chat_that_went_away_is_missing_not_silent() -> None:
    """Its family must not vote against a moment."""
    chat = ChatBuffer(waits=False)
    chat.close()
    assert not chat.available()


def test_lines_about_tomorrow_do_not_keep_out_what_is_said_now() -> None:
    """Of too many ahead the furthest go."""
    chat = ChatBuffer(waits=False)
    chat.add([message(80_000)] * MAX_WAITING)
    chat.add([message(1, "now")])
    assert [m.text for m in chat.until(ns(2))] == ["now"]
    assert chat.tally() == (1, {"flood": 1})


def test_analysis_weighs_so_many_a_second_and_no_more() -> None:
    """10,000 messages a minute all count; ten times as many are thinned evenly, and what is left out is counted."""
    busy, flood = ChatBuffer(waits=False), ChatBuffer(waits=False)
    busy.add([message(n * 60 / 10_000) for n in range(10_000)])
    flood.add([message(n * 30 / 50_000) for n in range(50_000)])
    for step in range(1, 121):
        busy.until(ns(step / 2))
        flood.until(ns(step / 2))
    assert busy.tally() == (10_000, {})
    kept, lost = flood.tally()
    assert kept == MAX_AT_ONCE + 59 * 250  # a step is half a second, and the first found room for no more
    assert lost == {"flood": 50_000 - kept}


def test_what_the_platform_announced_outlives_the_flood() -> None:
    """The raid explains the flood, so it must not drown in it; order and spread stay."""
    raid = ChatMessage(t_ns=ns(5), user="r", text="", kind="raid", n=900)
    lines = [message(n / 100) for n in range(1000)]
    kept = thinned(sorted([*lines, raid], key=lambda m: m.t_ns), 11)
    assert raid in kept
    assert [round(m.t_ns / 1e9) for m in kept if m is not raid] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert thinned([raid] * 5, 3) == [raid] * 3
    assert thinned(lines, 0) == []


def test_what_comes_too_late_is_counted() -> None:
    """A line of 40 s ago is about nothing that is being decided."""
    chat = ChatBuffer(waits=False)
    chat.until(ns(60))
    chat.add([message(20)])
    assert chat.until(ns(61)) == []
    assert chat.tally() == (0, {"late": 1})


def test_history_from_before_the_watch_is_no_loss() -> None:
    """A feed begins with its last lines, and an attempt that goes on reads the file from its start: these were told
    before what is watched here began."""
    first, second = ChatBuffer(waits=False), ChatBuffer(waits=False, since_ns=ns(100))
    first.add([message(-3)])
    second.add([message(20), message(95), message(101)])
    assert [m.t_ns for m in second.until(ns(102))] == [ns(100), ns(101)]
    assert (first.tally(), second.tally()) == ((0, {"before": 1}), (2, {"before": 1}))
