"""Asks one page through yt-dlp, for recordings; `python -m supervisor.channels.ytdlp_child`, a process a question.

The second resolver: it knows pages and recordings that streamlink does not. It is an optional part (`clipd[ytdlp]`),
used through its Python interface, which reads no configuration files. It never downloads; what it names is fetched by
ingest under the address policy. Same wire and same fence as streamlink_child.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from supervisor.channels.answers import Answer, code_of, short
from supervisor.channels.guard import Guard
from supervisor.channels.wire import Ask, decode_ask, encode_answer, kept_headers

OPTIONS: Final[Mapping[str, Any]] = {
    "allowed_extractors": ["default"],
    "cachedir": False,
    "check_formats": False,
    "compat_opts": {"no-certifi"},  # the system's certificates, or SSL_CERT_FILE, as every other part of clipd
    "enable_file_urls": False,
    "extract_flat": "in_playlist",
    "ignoreconfig": True,
    "ignoreerrors": False,
    "js_runtimes": {},
    "noplaylist": True,
    "no_warnings": True,
    "proxy": "",
    "quiet": True,
    "retries": 1,
    "extractor_retries": 1,
    "simulate": True,
    "skip_download": True,
}
PLAYLISTS: Final = ("m3u8", "m3u8_native")
FILES: Final = ("http", "https")


def installed() -> bool:
    """Whether the optional part is there."""
    return importlib.util.find_spec("yt_dlp") is not None


def load() -> Any:
    """The library, without its way around Python's sockets; to be called before the fence closes."""
    sys.modules["curl_cffi"] = None  # type: ignore[assignment]  # libcurl connects past every check of ours
    return importlib.import_module("yt_dlp")


def find(library: Any, ask: Ask) -> Answer:
    """What the page has. Raises whatever an extractor raises that is not an answer."""
    try:
        with library.YoutubeDL({**OPTIONS, "socket_timeout": ask.timeout_s}) as loader:
            found = loader.extract_info(ask.url, download=False)
    except library.utils.YoutubeDLError as err:
        text = str(err)
        return Answer(code=code_of(text) or "unsupported", message=short(f"The page has no recording: {text}"))
    if not isinstance(found, Mapping) or found.get("_type") in ("playlist", "multi_video"):
        return Answer(code="unsupported", message="The page has a list of recordings; name one of them")
    return pick(found)


def pick(found: Mapping[str, Any]) -> Answer:
    """A playlist with all qualities, else the highest file that has picture and sound in one."""
    formats = [entry for entry in found.get("formats") or [found] if isinstance(entry, Mapping)]
    for entry in formats:
        if entry.get("protocol") in PLAYLISTS and not entry.get("has_drm"):
            url = entry.get("manifest_url") or entry.get("url")
            if _fetchable(url):
                return Answer(code="live", url=str(url), headers=kept_headers(entry.get("http_headers")))
    whole = sorted(_whole(formats), key=_height)
    if whole:
        best = whole[-1]
        return Answer(code="live", url=str(best["url"]), headers=kept_headers(best.get("http_headers")))
    return Answer(code="stream_kind", message="The page gives picture and sound apart, or only as DASH")


def _whole(formats: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Files in one piece; a generic page does not say what is in its file, and ingest finds out."""
    for entry in formats:
        apart = "none" in (entry.get("vcodec"), entry.get("acodec"))
        if entry.get("protocol") in FILES and not apart and not entry.get("has_drm") and _fetchable(entry.get("url")):
            yield entry


def _height(entry: Mapping[str, Any]) -> int:
    height = entry.get("height")
    return height if isinstance(height, int) else 0


def _fetchable(url: Any) -> bool:
    return isinstance(url, str) and urlsplit(url).scheme in FILES


def main() -> None:
    """One question, one answer."""
    ask = decode_ask(sys.stdin.buffer.read())
    if installed():
        library, guard = load(), Guard(ask.policy)
        guard.enter(ask.deadline_s)
        answer = find(library, ask)
        if answer.code != "live" and guard.refused is not None:
            answer = Answer(code="address_refused", message=short(guard.refused.what))
    else:
        answer = Answer(code="ytdlp_missing")
    sys.stdout.buffer.write(encode_answer(answer))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
