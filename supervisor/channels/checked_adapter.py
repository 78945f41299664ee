"""`requests` under the address policy, for libraries that fetch by themselves (streamlink's plugins).

A host is looked up once; what was checked is what is connected to, while the request and TLS keep its name. Redirects
are checked before they are followed, and a body is read to a limit. Blocking.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from functools import partial
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urljoin

from requests import Session
from requests.adapters import DEFAULT_POOLBLOCK, HTTPAdapter
from requests.exceptions import ContentDecodingError
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError

from core.errors import SourceRefused
from core.netpolicy import ADDRESS_REFUSED, Address, AddressPolicy

MAX_BODY: Final = 8_000_000  # bytes of a page or an answer of an API; YouTube's pages have 1.5 MB
MAX_REDIRECTS: Final = 5
_PIECE: Final = 1 << 16

Lookup = Callable[[str], Sequence[Address]]


def system_lookup(host: str) -> list[Address]:
    """Every address the system's resolver knows. Raises OSError."""
    infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [ip_address(str(info[4][0]).partition("%")[0]) for info in infos]


class CheckedAdapter(HTTPAdapter):
    """Mount it for `http://` and `https://` with `mount_on`; every refusal is a SourceRefused."""

    def __init__(self, policy: AddressPolicy, lookup: Lookup = system_lookup) -> None:
        self._policy = policy
        self._lookup = lookup
        super().__init__()

    def mount_on(self, session: Session) -> None:
        """Make it the only way out of a session."""
        session.trust_env = False
        session.max_redirects = MAX_REDIRECTS
        session.adapters.clear()
        session.mount("https://", self)
        session.mount("http://", self)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = DEFAULT_POOLBLOCK, **pool_kwargs: Any
    ) -> None:
        """Pools whose connections open their sockets through `connect`."""
        super().init_poolmanager(connections, maxsize, block=block, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": partial(_HttpPool, connect=self.connect),
            "https": partial(_HttpsPool, connect=self.connect),
        }

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """One request; its redirect, if it is one, has been checked when this returns."""
        url = request.url or ""
        self._policy.check_url(url)
        response = super().send(request, *args, **kwargs)
        if response.is_redirect:
            try:
                self._policy.check_url(urljoin(url, response.headers["location"]), parent=url)
            except ValueError as err:
                raise _refused("a redirect leads to no URL") from err
        if not (args[0] if args else kwargs.get("stream")):
            response._content = _bounded(response)
        return response

    def connect(self, connection: HTTPConnection) -> socket.socket:
        """A socket to one of the host's checked addresses. Raises SourceRefused, or what urllib3 would raise."""
        host = connection.host.strip("[]")
        try:
            addresses = list(dict.fromkeys(self._lookup(host)))
        except OSError as err:
            raise NewConnectionError(connection, f"{host} is not known: {err}") from err
        except ValueError as err:
            raise _refused("a host name is malformed") from err
        if host == self._policy.unsettled_host:
            self._policy = self._policy.settled(addresses)
        self._policy.check_addresses(host, addresses)
        failed: OSError | None = None
        for address in addresses:
            try:
                return self._open(connection, address)
            except OSError as err:
                failed = err
        raise NewConnectionError(connection, f"{host} cannot be reached: {failed}") from failed

    def _open(self, connection: HTTPConnection, address: Address) -> socket.socket:
        made = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_STREAM)
        try:
            for option in connection.socket_options or ():
                made.setsockopt(*option)
            if isinstance(connection.timeout, int | float):
                made.settimeout(connection.timeout)
            made.connect((str(address), connection.port))
        except OSError:
            made.close()
            raise
        return made


class _Plain(HTTPConnection):
    """Opens its socket through the adapter."""

    def __init__(self, *args: Any, connect: Callable[[HTTPConnection], socket.socket], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connect = connect

    def _new_conn(self) -> socket.socket:
        return self._connect(self)


class _Secure(HTTPSConnection):
    """The same under TLS, whose handshake and certificate are about the name."""

    def __init__(self, *args: Any, connect: Callable[[HTTPConnection], socket.socket], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connect = connect

    def _new_conn(self) -> socket.socket:
        return self._connect(self)


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Secure


def _bounded(response: Any) -> bytes:
    """The body, decoded, to MAX_BODY bytes."""
    parts, size = [], 0
    for piece in response.iter_content(_PIECE):
        parts.append(piece)
        size += len(piece)
        if size > MAX_BODY:
            response.close()
            raise ContentDecodingError(f"the answer is larger than {MAX_BODY // 1_000_000} MB")
    return b"".join(parts)


def _refused(what: str) -> SourceRefused:
    return SourceRefused(what, remedy="Check the address for typing errors.", code=ADDRESS_REFUSED)
