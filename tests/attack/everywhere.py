"""A network where every address of the internet is this machine: a namespace of its own whose routes all end here.

Whatever a client connects to, one listener sees it, and sees for which address it was meant. The attacker's own public
servers are addresses there like any other. The namespace ends with its process; nothing has to be cleaned up.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Any, Final

from tests.needs import require, require_root

ROOT: Final = Path(__file__).resolve().parents[2]
PORTS: Final = (22, 25, 80, 443, 2375, 3306, 5432, 6379, 8080, 8443, 9200, 11211)
ATTACKER: Final = "93.184.216.34"
ATTACKER6: Final = "2606:2800:220:1::1"
PUBLIC: Final = frozenset({ATTACKER, ATTACKER6})
SECRET: Final = b"CANARY-7f3a9c51-SECRET"
_SET_UP: Final = (
    'ip link set lo up && ip route add local default dev lo && ip -6 route add local ::/0 dev lo && exec "$@"'
)


def run_everywhere(module: str, *arguments: str, timeout_s: float = 500) -> Any:
    """Run a module of ours in such a network; what it prints as JSON. Skips for those who are not root."""
    require_root()
    command = [require("unshare"), "--net", "sh", "-c", _SET_UP, "sh", sys.executable, "-m", module, *arguments]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False)
    assert ran.returncode == 0, f"{module} failed:\n{ran.stdout[-1000:]}\n{ran.stderr[-3000:]}"
    return json.loads(ran.stdout)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the attacker's server says to one path: `body`, `repeat` times."""

    body: bytes = b""
    repeat: int = 1
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Everywhere:
    """Every port of PORTS on every address. Connections to PUBLIC are answered from `routes`, all others are `touched`
    canaries, which answer with a secret."""

    routes: dict[str, Answer | list[Answer]] = field(default_factory=dict)
    touched: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one answer."""
        host, port = writer.get_extra_info("sockname")[:2]
        address = ip_address(str(host).partition("%")[0])
        plain = address.ipv4_mapped if isinstance(address, IPv6Address) and address.ipv4_mapped else address
        canary = str(plain) not in PUBLIC
        if canary:
            self.touched.append(f"{plain} port {port}")
        try:
            first = await reader.readexactly(1)
            if first == b"\x16":
                return  # TLS; that somebody came is all we want to know
            head = first + await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].decode("latin-1")
            if not canary:
                self.asked.append(path)
            await _reply(writer, Answer(SECRET) if canary else self._answer(path.partition("?")[0]))
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, IndexError):
            pass
        finally:
            writer.close()

    def _answer(self, path: str) -> Answer:
        """A list is one answer after the other; its last one stays."""
        found = self.routes.get(path, Answer(status=404))
        if isinstance(found, list):
            return found.pop(0) if len(found) > 1 else found[0]
        return found


async def _reply(writer: asyncio.StreamWriter, answer: Answer) -> None:
    headers = {"Content-Length": str(len(answer.body) * answer.repeat), "Connection": "close", **answer.headers}
    lines = [f"HTTP/1.1 {answer.status} X", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    for _ in range(answer.repeat):
        writer.write(answer.body)
        await writer.drain()


@asynccontextmanager
async def everywhere() -> AsyncIterator[Everywhere]:
    """Listen, inside the namespace."""
    place = Everywhere()
    servers = []
    for port in PORTS:
        listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=100)
        servers.append(await asyncio.start_server(place.serve, sock=listener))
    try:
        yield place
    finally:
        for server in servers:
            server.close()
