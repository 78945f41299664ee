"""Asks one page through streamlink's plugins; `python -m supervisor.channels.streamlink_child`, a process a question.

stdin: an Ask, stdout: an Answer (see wire). No configuration, no plugin folders, no plugin cache, no cookies file, no
web browser, no proxies from the environment. A plugin that fails on what a page sent ends the process, and the parent
says so: nothing here tries to go on.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urljoin

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.exceptions import RequestException
from streamlink.exceptions import NoPluginError, StreamlinkError
from streamlink.session.session import Streamlink
from streamlink.stream.hls.hls import HLSStream
from streamlink.stream.http import HTTPStream

from core.errors import SourceRefused
from supervisor.channels.answers import NO_WORD, Answer, Code, code_of, short
from supervisor.channels.guard import Guard
from supervisor.channels.wire import Ask, bounded_pause, decode_ask, encode_answer, kept_headers

MAX_SAID: Final = 8  # messages kept of one plugin
OPTIONS: Final[Mapping[str, Any]] = {
    "http-trust-env": False,
    "no-plugin-cache": True,
    "webbrowser": False,
    "ffmpeg-no-validation": True,
}


class CheckedAdapter(HTTPAdapter):
    """Refuses a request whose URL or host may not be reached, and notes what servers said about their own state."""

    def __init__(self, ask: Ask) -> None:
        self._policy = ask.policy
        self.refused: SourceRefused | None = None
        self.trouble: Answer | None = None
        super().__init__()

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Every request and every redirect comes through here; where one leads is checked before it is followed."""
        url = request.url or ""
        self.check(url)
        response = super().send(request, *args, **kwargs)
        self.note(response)
        if response.is_redirect:
            self.check(urljoin(url, response.headers["Location"]), parent=url)
        return response

    def check(self, url: str, *, parent: str | None = None) -> None:
        """Raises SourceRefused, and remembers it: plugins swallow errors. The Guard checks the connection itself."""
        try:
            self._check(url, parent)
        except SourceRefused as err:
            self.refused = self.refused or err
            raise

    def _check(self, url: str, parent: str | None) -> None:
        host = self._policy.check_url(url, parent=parent)
        infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        self._policy.check_addresses(host, [ip_address(str(info[4][0]).partition("%")[0]) for info in infos])

    def note(self, response: Response) -> None:
        """429 and 5xx mean that nobody knows whether there is a stream, whatever the plugin makes of them."""
        if response.status_code == 429 or response.status_code >= 500:
            self.trouble = Answer(
                code="rate_limited" if response.status_code == 429 else "unreachable",
                message=short(f"The platform answered {response.status_code}"),
                retry_after_s=_retry_after(response.headers),
            )


def find(ask: Ask, adapter: CheckedAdapter) -> Answer:
    """What the page says. Raises whatever a plugin raises that is not an answer."""
    session = open_session(ask, adapter)
    with _listening() as said:
        try:
            streams = session.streams(ask.url)
        except NoPluginError:
            return Answer(code="unsupported")
        except (StreamlinkError, RequestException, OSError) as err:
            return _failed(err, adapter, said)
    if "best" in streams:
        return pick(streams["best"], session.http.headers)
    if adapter.refused is not None:
        return Answer(code="address_refused", message=short(adapter.refused.what))
    known = _first_known(said)
    if adapter.trouble is not None and (known is None or known.code in NO_WORD):
        return adapter.trouble
    return known or Answer(code="offline", message=short(said[0]) if said else "")


def open_session(ask: Ask, adapter: CheckedAdapter) -> Streamlink:
    """A session whose every request goes through the adapter."""
    session = Streamlink({**OPTIONS, "http-timeout": ask.timeout_s})
    session.http.trust_env = False
    session.http.verify = os.environ.get("SSL_CERT_FILE") or True  # as every other part of clipd
    for prefix in list(session.http.adapters):
        del session.http.adapters[prefix]  # file:// among them
    session.http.mount("https://", adapter)
    session.http.mount("http://", adapter)
    return session


def pick(best: Any, headers: Mapping[str, str | bytes]) -> Answer:
    """The playlist with all qualities where there is one, else the best quality's own."""
    if isinstance(best, HLSStream):
        top = best.multivariant.uri if best.multivariant is not None else None
        return Answer(code="live", url=top or best.url, headers=kept_headers(headers))
    if isinstance(best, HTTPStream):
        return Answer(code="live", url=best.url, headers=kept_headers(headers))
    return Answer(code="stream_kind", message=f"The page's stream comes as {type(best).__name__}"[:100])


def _failed(err: Exception, adapter: CheckedAdapter, said: list[str]) -> Answer:
    """streamlink wraps whatever went wrong; a refusal of ours or a server's trouble inside is what counts."""
    if adapter.refused is not None:
        return Answer(code="address_refused", message=short(adapter.refused.what))
    if adapter.trouble is not None:
        return adapter.trouble
    known = _first_known([str(err), *said])
    if known is not None:
        return known
    code: Code = "unreachable" if isinstance(err, RequestException | OSError) else "offline"
    return Answer(code=code, message=short(f"The page has no stream: {err}"))


def _first_known(said: list[str]) -> Answer | None:
    for text in said:
        code = code_of(text)
        if code is not None:
            return Answer(code=code, message=short(text))
    return None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After; a date counts from the server's own Date."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return bounded_pause(int(text[:9]))
    try:
        apart = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return bounded_pause(apart.total_seconds())


class _Ears(logging.Handler):
    """Plugins tell people why there is no stream, and return none."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.said) < MAX_SAID:
            self.said.append(record.getMessage()[:2000])


@contextmanager
def _listening() -> Iterator[list[str]]:
    ears, logger = _Ears(), logging.getLogger("streamlink")
    logger.addHandler(ears)
    try:
        yield ears.said
    finally:
        logger.removeHandler(ears)


def main() -> None:
    """One question, one answer."""
    ask = decode_ask(sys.stdin.buffer.read())
    guard = Guard(ask.policy)
    guard.enter(ask.deadline_s)
    answer = find(ask, CheckedAdapter(ask))
    if answer.code != "live" and guard.refused is not None:
        answer = Answer(code="address_refused", message=short(guard.refused.what))
    sys.stdout.buffer.write(encode_answer(answer))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
