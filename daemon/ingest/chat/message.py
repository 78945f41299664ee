"""What every chat brings: a message and its time. Everything from outside is cut to size here. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from core.chat import hashed
from core.media import ChatMessage
from core.times import Ns

KINDS: Final = frozenset({"msg", "sub", "raid", "bits", "announcement"})
MAX_LINE: Final = 16 << 10  # bytes; Twitch's longest: 8,191 of tags and 512 of text
MAX_TEXT: Final = 500  # Twitch's own limit for a message
MAX_EMOTES: Final = 50
MAX_EMOTE: Final = 64
MAX_ID: Final = 64  # characters; a UUID has 36
MAX_N: Final = 1_000_000


class Post(NamedTuple):
    """A message as its chat tells it. `wall_ns`: UTC ns since 1970, media time is then still to be found; None: the
    message is on media time already. `id`: its platform's name for it, "" where there is none."""

    wall_ns: int | None
    message: ChatMessage
    id: str = ""

    def at(self, t_ns: Ns) -> ChatMessage:
        """The message, put on media time."""
        return replace(self.message, t_ns=t_ns)


def post(
    *, t_ns: Ns | None, wall_ns: int | None, user: Any, text: str, emotes: Sequence[str], kind: str, n: int
) -> Post:
    """A message within the limits; `user` is a name or number of the platform's, and leaves as a hash."""
    return Post(
        wall_ns,
        ChatMessage(
            t_ns=Ns(0) if t_ns is None else t_ns,
            user=hashed(user),
            text=clean(text)[:MAX_TEXT],
            emotes=tuple(clean(emote)[:MAX_EMOTE] for emote in emotes[:MAX_EMOTES]),
            kind=kind if kind in KINDS else "msg",
            n=min(max(1, n), MAX_N),
        ),
    )


def clean(text: str) -> str:
    """Every character that is not printable becomes a space, so that positions stay what they were."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
