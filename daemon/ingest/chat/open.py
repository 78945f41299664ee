"""Finds out what a chat is: a Twitch channel, a URL or a file."""

from __future__ import annotations

from pathlib import Path

from configs.ingest import IngestOptions
from core.chat import chat_channel
from core.errors import BadMedia
from core.netpolicy import AddressPolicy
from core.protocols import Clock
from core.spec import Origin
from daemon.ingest.chat.jsonl import JsonLines, file_lines, url_lines
from daemon.ingest.chat.reader import Align, ChatFeed, ChatReader
from daemon.ingest.chat.twitch import TwitchChat, Warn
from daemon.ingest.http import Http, Lookup, system_lookup


def open_chat(
    spec: str,
    *,
    clock: Clock,
    options: IngestOptions,
    follow: bool,
    align: Align,
    origin: Origin,
    warn: Warn,
    allow: tuple[str, ...] = (),
    lookup: Lookup = system_lookup,
) -> ChatReader:
    """`spec` is `twitch:NAME`, an http(s) URL or a path. `follow`: the source is live, so a file may grow and a URL is
    reconnected. `align` turns UTC ns into media time; None while it is unknown. `warn` is told when a live chat stays
    away. Raises SourceRefused by the address policy, and BadMedia when a path is no readable file or a recording is
    given a live chat.
    """

    def http(url: str) -> Http:
        policy = AddressPolicy.for_source(url, origin, allow)
        return Http(policy, clock=clock, timeout_s=options.timeout_s, lookup=lookup)

    channel, path = chat_channel(spec), Path(spec)
    feed: ChatFeed
    if channel is not None:
        if not follow:
            raise BadMedia(
                f"{spec} is a live chat, and this is a recording",
                remedy="Give the recording's own chat as a file of JSON lines.",
                code="chat_is_live",
            )
        url = options.twitch_chat_url
        feed = TwitchChat(channel, url, http(url), clock=clock, warn=warn)
    elif spec.startswith(("http://", "https://")):
        AddressPolicy.for_source(spec, origin, allow).check_url(spec)
        feed = JsonLines(lambda repeats: url_lines(spec, http(spec), clock, repeats, follow=follow))
    elif path.is_file():
        feed = JsonLines(lambda repeats: file_lines(path, clock, repeats, follow=follow))
    else:
        raise BadMedia(f"{path} is no chat file", remedy="Give a file of JSON lines.", code="no_chat")
    return ChatReader(feed, align=align, clock=clock, complete=not follow)
