"""Asks pages, each in a child process with a deadline: the libraries that do it parse what strangers wrote."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Mapping, Sequence
from typing import Final, Protocol

from core.errors import SourceRefused
from core.netpolicy import AddressPolicy
from supervisor.channels.answers import Answer, short
from supervisor.channels.wire import MAX_DOCUMENT, Ask, decode_answer, encode_ask

GENERIC: Final = frozenset({"hls", "dash", "http"})  # they match any host by the look of its path
REQUESTS: Final = 4  # a page takes about this many requests one after another, each within the time-out
GRACE_S: Final = 3.0  # for starting the interpreter and its libraries
# `-I`: no PYTHON* variables, no user packages, nothing from the folder the user stands in; `-B`: no file is written
CHILD: Final = ("-I", "-B", "-m")
KEPT_ENVIRONMENT: Final = ("LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR")
# No HOME, so no configuration, netrc or plugin folders; no PATH, so no program is found to be started
ENVIRONMENT: Final[Mapping[str, str]] = {"HOME": "/nonexistent", "PATH": "", "YTDLP_NO_PLUGINS": "1"}


class AskPage(Protocol):
    """What asks a page; never raises for what the page or the network did."""

    def __call__(self, url: str, policy: AddressPolicy, timeout_s: float, /) -> Awaitable[Answer]: ...


def is_page(url: str) -> bool:
    """Whether a plugin of streamlink's knows this URL as a page. Nothing is fetched; the first call takes 0.5 s."""
    from streamlink.exceptions import NoPluginError  # noqa: PLC0415 - 0.3 s that only URLs need
    from streamlink.session.session import Streamlink  # noqa: PLC0415

    try:
        name, _, _ = Streamlink().resolve_url(url, follow_redirect=False)
    except NoPluginError:
        return False
    return name not in GENERIC


async def ask_page(url: str, policy: AddressPolicy, timeout_s: float) -> Answer:
    """What streamlink's plugin for the page finds. `timeout_s` bounds each connection."""
    return await ask_child(child_command("supervisor.channels.streamlink_child"), url, policy, timeout_s)


async def ask_recording(url: str, policy: AddressPolicy, timeout_s: float) -> Answer:
    """What yt-dlp finds on a page; `ytdlp_missing` where it is not installed. It resolves, it downloads nothing."""
    return await ask_child(child_command("supervisor.channels.ytdlp_child"), url, policy, timeout_s)


def child_command(module: str) -> list[str]:
    """The command line of a child; what it is asked goes to its stdin."""
    return [sys.executable, *CHILD, module]


async def ask_child(command: Sequence[str], url: str, policy: AddressPolicy, timeout_s: float) -> Answer:
    """One question in one process; killed after its deadline, and when this call is cancelled."""
    try:
        policy.check_url(url)
    except SourceRefused as err:
        return Answer(code="address_refused", message=short(err.what))
    ask = Ask(url=url, policy=policy, timeout_s=timeout_s, deadline_s=REQUESTS * timeout_s)
    child = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # prose and traces about hostile pages; the answer says what matters
        start_new_session=True,  # Ctrl-C is for us: we end it
        env={**ENVIRONMENT, **{name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}},
    )
    try:
        async with asyncio.timeout(ask.deadline_s + GRACE_S):
            said = await _converse(child, encode_ask(ask))
            code = await child.wait()
    except TimeoutError:
        return Answer(code="unreachable", message=f"The page did not answer within {ask.deadline_s:g} s")
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return _answer(said, code)


async def _converse(child: asyncio.subprocess.Process, question: bytes) -> bytes:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(question)  # small: it fits the pipe
    child.stdin.close()
    said = b""
    while len(said) <= MAX_DOCUMENT and (more := await child.stdout.read(MAX_DOCUMENT)):
        said += more
    if len(said) > MAX_DOCUMENT:
        child.kill()
    return said


def _answer(said: bytes, code: int) -> Answer:
    if code == 0:
        try:
            return decode_answer(said)
        except ValueError:
            return Answer(code="unreachable", message="The page's plugin gave an answer that cannot be used")
    if code < 0:
        return Answer(code="unreachable", message="The page took too long, or too much memory, to read")
    return Answer(code="unreachable", message="The page's plugin does not understand what the page sent")
