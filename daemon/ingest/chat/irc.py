"""One line of IRC with IRCv3 tags, as Twitch writes it. Pure; what is not such a line is None.

https://ircv3.net/specs/extensions/message-tags and RFC 1459, section 2.3.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from daemon.ingest.chat.message import MAX_LINE

MAX_TAGS: Final = 64  # Twitch sends about twenty
MAX_PARAMS: Final = 15  # RFC 1459
_COMMAND: Final = re.compile(r"[A-Z]{2,20}|[0-9]{3}")
_ESCAPED: Final = re.compile(r"\\(.?)", re.DOTALL)
_ESCAPES: Final = {":": ";", "s": " ", "r": "\r", "n": "\n"}


class IrcLine(NamedTuple):
    """Its tags (unescaped; a tag without a value is ""), the sender's nick or server, the command, its parameters."""

    tags: Mapping[str, str]
    sender: str
    command: str
    params: tuple[str, ...]

    @property
    def text(self) -> str:
        """The last parameter: what was said."""
        return self.params[-1] if self.params else ""


def parse_irc(line: bytes) -> IrcLine | None:
    """The parts of a line without its line break; bytes that are no UTF-8 become U+FFFD."""
    if len(line) > MAX_LINE:
        return None
    text = line.decode("utf-8", "replace")
    tags: Mapping[str, str] = {}
    if text.startswith("@"):
        head, _, text = text[1:].partition(" ")
        tags = _tags(head)
    text, sender = text.lstrip(" "), ""
    if text.startswith(":"):
        prefix, _, text = text[1:].partition(" ")
        sender = prefix.partition("!")[0]
    middle, colon, trailing = text.lstrip(" ").partition(" :")
    command, *params = middle.split(" ", MAX_PARAMS)
    if not _COMMAND.fullmatch(command):
        return None
    params = [param for param in params if param]
    return IrcLine(tags, sender, command, (*params, trailing) if colon else tuple(params))


def _tags(text: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text.split(";", MAX_TAGS)[:MAX_TAGS])
    return {key: _unescaped(value) for key, _, value in pairs if key}


def _unescaped(value: str) -> str:
    return _ESCAPED.sub(lambda match: _ESCAPES.get(match[1], match[1]), value) if "\\" in value else value
