"""Page URLs: streamlink's plugins turn a page into a playlist's address, and do no more. Blocking; runs in a thread.

streamlink reads no configuration, loads no plugins from folders and starts no browser here, and every connection it
makes goes through the address policy (its own session knows no such policy).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from requests.exceptions import RequestException
from streamlink.exceptions import NoPluginError, NoStreamsError, PluginError, StreamError, StreamlinkError
from streamlink.session.session import Streamlink
from streamlink.stream.hls.hls import HLSStream
from streamlink.stream.http import HTTPStream

from core.errors import BadMedia, SourceRefused, SourceUnreachable
from core.netpolicy import AddressPolicy
from supervisor.channels.checked_adapter import CheckedAdapter

GENERIC: Final = frozenset({"hls", "dash", "http"})  # they match any host by the look of its path
KEPT_HEADERS: Final = ("Referer", "Origin", "User-Agent", "Cookie")  # what a CDN may ask for again


class Resolved(NamedTuple):
    """Where the media of a page is."""

    url: str
    headers: Mapping[str, str]


def is_page(url: str) -> bool:
    """Whether a plugin of streamlink's knows this URL as a page."""
    try:
        name, _, _ = Streamlink().resolve_url(url, follow_redirect=False)
    except NoPluginError:
        return False
    return name not in GENERIC


async def resolve_page(url: str, policy: AddressPolicy, timeout_s: float) -> Resolved:
    """The address of the page's stream. Raises SourceRefused (offline, private, gone) or SourceUnreachable."""
    return await asyncio.to_thread(_resolve, url, policy, timeout_s)


def _resolve(url: str, policy: AddressPolicy, timeout_s: float) -> Resolved:
    session = _session(policy, timeout_s)
    try:
        streams = session.streams(url)
    except NoPluginError as err:
        raise BadMedia("No plugin knows this page", remedy="Give the stream's own URL.", code="html_page") from err
    except (NoStreamsError, PluginError, StreamError) as err:
        raise _failed(err) from err
    except (StreamlinkError, RequestException, OSError) as err:
        raise SourceUnreachable(f"The page cannot be read: {_short(err)}", remedy="It is tried again.") from err
    return _pick(streams, dict(session.http.headers))


def _session(policy: AddressPolicy, timeout_s: float) -> Any:
    options = {"http-timeout": timeout_s, "http-trust-env": False, "webbrowser": False}  # a browser knows no policy
    session = Streamlink(options)
    CheckedAdapter(policy).mount_on(session.http)
    return session


def _pick(streams: Mapping[str, Any], headers: Mapping[str, str]) -> Resolved:
    """The playlist with all qualities where there is one, else the best quality's own."""
    best = streams.get("best")
    if best is None:
        raise SourceRefused("The page has no stream now", remedy="Wait until it is live.", code="offline")
    kept = {name: value for name, value in headers.items() if name in KEPT_HEADERS and isinstance(value, str)}
    if isinstance(best, HLSStream):
        top = best.multivariant.uri if best.multivariant is not None else None
        return Resolved(top or best.url, kept)
    if isinstance(best, HTTPStream):
        return Resolved(best.url, kept)
    raise BadMedia(
        f"The page's stream comes as {type(best).__name__}, which is not supported",
        remedy="HLS and plain http streams are.",
        code="stream_kind",
    )


def _failed(err: Exception) -> SourceRefused | SourceUnreachable:
    """streamlink wraps whatever went wrong; our own refusal inside is what counts."""
    text, cause = _short(err), err.__cause__
    if isinstance(cause, SourceRefused):
        return cause
    if isinstance(err, PluginError) and "Unable to open URL" in str(err):
        return SourceUnreachable(f"The page cannot be read: {text}", remedy="It is tried again.")
    return SourceRefused(f"The page has no stream: {text}", remedy="Check that it is live and public.", code="offline")


def _short(err: Exception) -> str:
    return " ".join(str(err).split())[:160]
