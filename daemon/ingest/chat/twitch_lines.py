"""What Twitch's IRC lines mean: messages, bits, subscriptions, raids, announcements. Pure.

https://dev.twitch.tv/docs/chat/irc/ (tags of PRIVMSG and USERNOTICE, ids of NOTICE). Moderation (CLEARCHAT, CLEARMSG)
changes nothing here: what was said was a reaction.
"""

from __future__ import annotations

from typing import Final

from core.times import NS_PER_S
from daemon.ingest.chat.irc import IrcLine
from daemon.ingest.chat.message import MAX_EMOTES, MAX_N, Post, post

FINAL_NOTICES: Final = frozenset(
    {"msg_channel_suspended", "msg_channel_blocked", "msg_room_not_found", "msg_banned", "tos_ban"}
)  # NOTICE ids after which this chat will not be ours however often we ask
_SUBS: Final = frozenset(
    {
        "sub", "resub", "subgift", "anonsubgift", "giftpaidupgrade", "anongiftpaidupgrade", "primepaidupgrade",
        "standardpayforward", "communitypayforward", "extendsub",
    }
)  # fmt: skip
_GIFTS: Final = frozenset({"submysterygift", "anonsubmysterygift"})
_ACTION: Final = "\x01ACTION "  # `/me`; emote positions count from after it
_MAX_MS: Final = 10**14  # the year 5138


def to_post(line: IrcLine, now_ns: int) -> Post | None:
    """The message of a PRIVMSG or USERNOTICE; None for everything else, and for what another channel's viewers wrote in
    a shared chat: they watch another stream. `now_ns`: UTC, for a line without a time of its own."""
    tags = line.tags
    if tags.get("source-room-id", tags.get("room-id")) != tags.get("room-id"):
        return None
    if line.command == "PRIVMSG" and len(line.params) == 2:
        kind, n = ("bits", bits) if (bits := _count(tags.get("bits"))) else ("msg", 1)
        text = line.text
    elif line.command == "USERNOTICE" and line.params and (noticed := _noticed(line)):
        kind, n = noticed
        text = line.text if len(line.params) == 2 else ""
    else:
        return None
    if text.startswith(_ACTION):
        text = text[len(_ACTION) :].removesuffix("\x01")
    return post(
        t_ns=None,
        wall_ns=_sent_ns(tags.get("tmi-sent-ts"), now_ns),
        user=tags.get("user-id") or tags.get("login") or line.sender,
        text=text,
        emotes=emote_names(tags.get("emotes", ""), text),
        kind=kind,
        n=n,
    )


def _noticed(line: IrcLine) -> tuple[str, int] | None:
    """(kind, size) of a USERNOTICE that says something about the crowd; a gift's size is its subscriptions, a raid's
    its viewers."""
    what, tags = line.tags.get("msg-id"), line.tags
    if what in _SUBS:
        return "sub", 1
    if what in _GIFTS:
        return "sub", _count(tags.get("msg-param-mass-gift-count")) or 1
    if what == "raid":
        return "raid", _count(tags.get("msg-param-viewerCount")) or 1
    return ("announcement", 1) if what == "announcement" else None


def emote_names(ranges: str, text: str) -> tuple[str, ...]:
    """The names that `25:0-4,12-16/1902:6-10` cuts out of a text, in its order. Positions count code points; Twitch
    sends some that lie outside the text (twitchdev/issues 104), which name nothing."""
    found: list[tuple[int, str]] = []
    for emote in ranges.split("/", MAX_EMOTES)[:MAX_EMOTES] if ranges else ():
        for span in emote.partition(":")[2].split(",", MAX_EMOTES)[:MAX_EMOTES]:
            first, _, last = span.partition("-")
            if not (_is_number(first) and _is_number(last)):
                continue
            start, end = int(first), int(last) + 1
            if start < end <= len(text):
                found.append((start, text[start:end]))
    return tuple(name for _, name in sorted(found)[:MAX_EMOTES])


def _is_number(text: str) -> bool:
    return len(text) <= 6 and text.isascii() and text.isdecimal()


def _count(text: str | None) -> int:
    """A size, 0 where there is none."""
    return min(int(text), MAX_N) if text and len(text) <= 9 and text.isascii() and text.isdecimal() else 0


def _sent_ns(text: str | None, now_ns: int) -> int:
    """UTC ns of `tmi-sent-ts`, which is in ms."""
    if text and len(text) <= 15 and text.isascii() and text.isdecimal() and int(text) < _MAX_MS:
        return int(text) * (NS_PER_S // 1000)
    return now_ns
