"""What goes to a resolving child on stdin and comes back on stdout: one JSON document each. Pure.

What comes back was written by a process that has read a hostile page: every field is checked and bounded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from ipaddress import ip_network
from math import isnan
from typing import Any, Final
from urllib.parse import urlsplit

from core.netpolicy import AddressPolicy
from supervisor.channels.answers import CODES, MAX_URL, Answer, short

MAX_DOCUMENT: Final = 1 << 16
MAX_HEADER: Final = 4096
KEPT_HEADERS: Final = ("Referer", "Origin", "User-Agent", "Cookie")  # what a CDN may ask for again
MAX_PAUSE_S: Final = 3600.0  # a Retry-After beyond it is no answer that a watcher can follow


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One question. `timeout_s` bounds every connection, `deadline_s` the whole child."""

    url: str
    policy: AddressPolicy
    timeout_s: float
    deadline_s: float


def encode_ask(ask: Ask) -> bytes:
    """For the child's stdin."""
    policy = ask.policy
    return json.dumps(
        {
            "url": ask.url,
            "origin": policy.origin,
            "typed_host": policy.typed_host,
            "typed_own": policy.typed_own,
            "allow": [str(network) for network in policy.allow],
            "timeout_s": ask.timeout_s,
            "deadline_s": ask.deadline_s,
        }
    ).encode()


def decode_ask(data: bytes) -> Ask:
    """In the child; raises ValueError, KeyError or TypeError on anything else."""
    found = json.loads(data)
    return Ask(
        url=str(found["url"]),
        policy=AddressPolicy(
            origin=found["origin"],
            typed_host=found["typed_host"],
            typed_own=bool(found["typed_own"]),
            allow=tuple(ip_network(text) for text in found["allow"]),
        ),
        timeout_s=float(found["timeout_s"]),
        deadline_s=float(found["deadline_s"]),
    )


def encode_answer(answer: Answer) -> bytes:
    """For the child's stdout."""
    return json.dumps(asdict(answer)).encode()


def decode_answer(data: bytes) -> Answer:
    """Raises ValueError on anything that is not exactly an answer within its bounds."""
    try:
        found: Any = json.loads(data) if len(data) <= MAX_DOCUMENT else None
    except RecursionError as err:
        raise ValueError("no answer") from err
    if not isinstance(found, dict) or str(found.get("code")) not in CODES:
        raise ValueError("no answer")
    url, pause = found.get("url", ""), found.get("retry_after_s")
    if not isinstance(url, str) or len(url) > MAX_URL or bool(url) != (found["code"] == "live"):
        raise ValueError("an answer with a bad url")
    if url and (urlsplit(url).scheme not in ("http", "https") or not url.isprintable() or " " in url):
        raise ValueError("an answer with a bad url")
    return Answer(
        code=found["code"],
        message=short(str(found.get("message", ""))),
        url=url,
        headers=kept_headers(found.get("headers", {})),
        retry_after_s=bounded_pause(pause),
    )


def kept_headers(headers: Any) -> dict[str, str]:
    """Those of KEPT_HEADERS that are short, printable text: no line break ever reaches a request."""
    if not isinstance(headers, Mapping):
        return {}
    named = {str(name).lower(): value for name, value in headers.items()}
    found = {name: named.get(name.lower()) for name in KEPT_HEADERS}
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, str) and value.isprintable() and value.isascii() and 0 < len(value) <= MAX_HEADER
    }


def bounded_pause(value: Any) -> float | None:
    """Seconds of a Retry-After within 0..MAX_PAUSE_S; None for anything that is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or isnan(value if isinstance(value, float) else 0):
        return None
    return float(min(max(0, value), MAX_PAUSE_S))  # cut first: a very long integer is no float
