"""Fences a resolving child in: libraries in it parse hostile pages, and none of them knows our address policy.

Every connection is held against the policy at the socket itself, on the address that is really connected to; programs
cannot be started; nothing can be written to a file; memory, CPU and wall time are limited. Audit hooks cannot be
removed again, so only a process made for one question may enter.
"""

from __future__ import annotations

import resource
import signal
import socket
import sys
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, Final

from core.errors import SourceRefused
from core.netpolicy import Address, AddressPolicy

MEMORY_BYTES: Final = 1 << 30  # of address space; streamlink with its plugins takes 250 MB of it
OPEN_FILES: Final = 256
FORBIDDEN: Final = frozenset(
    ("subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "pty.spawn")
)
SENDING: Final = frozenset(("socket.connect", "socket.sendto", "socket.sendmsg"))


class Guard:
    """What the fence has seen; `refused` is the first refusal, which libraries may have swallowed."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy
        self._lookup = socket.getaddrinfo
        self._granted: set[Address] = set()
        self.refused: SourceRefused | None = None

    def enter(self, deadline_s: float) -> None:
        """Fence this process in, until it ends. SIGALRM ends it after the deadline whatever it does."""
        for what, limit in (
            (resource.RLIMIT_AS, MEMORY_BYTES),
            (resource.RLIMIT_CPU, int(deadline_s) + 1),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_NOFILE, OPEN_FILES),
            (resource.RLIMIT_CORE, 0),
        ):
            resource.setrlimit(what, (limit, limit))
        signal.setitimer(signal.ITIMER_REAL, deadline_s)
        socket.getaddrinfo = self._resolve
        sys.addaudithook(self._audit)

    def _resolve(self, host: Any, *args: Any, **kwargs: Any) -> Any:
        """The system's answer, once every address in it has passed; those are what may be connected to."""
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
        infos = self._lookup(host, *args, **kwargs)
        found = [_plain(info[4][0]) for info in infos]
        self._check(name, found)
        self._granted.update(found)
        return infos

    def _check(self, host: str, addresses: Sequence[Address]) -> None:
        try:
            self._policy.check_addresses(host, addresses)
        except SourceRefused as err:
            self.refused = self.refused or err
            raise

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if event in FORBIDDEN:
            raise PermissionError(f"{event} is not allowed here")
        if event in SENDING:
            target = args[1]
            if not isinstance(target, tuple):
                raise PermissionError(f"{event} without an internet address is not allowed here")
            address = _plain(target[0])
            if address not in self._granted:
                self._check(str(address), [address])


def _plain(text: Any) -> Address:
    return ip_address(str(text).partition("%")[0])
