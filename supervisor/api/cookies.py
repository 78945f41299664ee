"""The page's cookie, and what tells our own page's requests from a stranger's. Pure.

The cookie is HttpOnly and SameSite=Strict. Cookies know no ports, so another program on the same host counts as the
same site: requests that change something also carry a text that only our page can have read from `GET /me`, and come
from our own origin.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

COOKIE: Final = "clipd_session"
CSRF: Final = "X-Clipd-Csrf"
SAFE: Final = frozenset({"GET", "HEAD"})


def csrf_of(text: str) -> str:
    """What belongs to a cookie's text, and does not give it away."""
    return hmac.digest(text.encode("utf-8", "replace"), b"clipd csrf", hashlib.sha256).hex()


def has_csrf(request: web.Request, text: str) -> bool:
    """In constant time."""
    sent = request.headers.get(CSRF, "").encode("utf-8", "replace")
    return hmac.compare_digest(sent, csrf_of(text).encode())


def is_same_origin(request: web.Request, public_url: str) -> bool | None:
    """Whether our own page asks, as the browser says; None where none says so."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin")
    if origin is None:
        return None
    ours = {request.headers.get("Host", "").lower()}
    if public_url:
        ours.add(urlsplit(public_url).netloc.lower())
    try:
        return urlsplit(origin).netloc.lower() in ours - {""}
    except ValueError:
        return False


def set_cookie(text: str, *, lasts_s: float, public_url: str) -> str:
    """The header's value; "" and 0 s take it away."""
    secure = "; Secure" if public_url.startswith("https:") else ""
    return f"{COOKIE}={text}; Max-Age={int(lasts_s)}; Path=/; HttpOnly; SameSite=Strict{secure}"
