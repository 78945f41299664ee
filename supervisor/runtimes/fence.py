"""Firewall rules of the workers' bridge: out to public addresses, the control address and `net.allow`, no further.

Two chains of our own, named after the bridge: what the machine forwards for it (called from DOCKER-USER, which Docker
leaves to us and runs before its own rules) and what is meant for the machine itself (called from INPUT). They are
replaced in one transaction, so a worker is never without them once they stand. The bridge has no IPv6.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Final

from core.errors import UsageError
from core.netpolicy import refused_v4

_LIMIT_S: Final = 5.0
_LOCK_S: Final = "3"  # for xtables' lock, which Docker takes too


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """`control`: where the supervisors answer workers. `names`: name servers. `allow`: the setting `net.allow`."""

    bridge: str
    control: tuple[tuple[IPv4Address, int], ...]
    names: tuple[IPv4Address, ...] = ()
    allow: tuple[IPv4Network, ...] = ()

    def table(self) -> str:
        """Both chains, as iptables-restore reads them."""
        forward, own = f"CLIPD-F-{self.bridge}", f"CLIPD-I-{self.bridge}"
        lines = ["*filter", f":{forward} - [0:0]", f":{own} - [0:0]"]
        lines += [f"-A {forward} {rule}" for rule in self._forward()]
        lines += [f"-A {own} {rule}" for rule in self._input()]
        return "\n".join([*lines, "COMMIT", ""])

    def hooks(self) -> tuple[tuple[str, ...], ...]:
        """From where the two are called."""
        return (
            ("DOCKER-USER", "-i", self.bridge, "-j", f"CLIPD-F-{self.bridge}"),
            ("INPUT", "-i", self.bridge, "-j", f"CLIPD-I-{self.bridge}"),
        )

    def _open(self) -> Iterator[str]:
        yield "-m conntrack --ctstate ESTABLISHED,RELATED -j RETURN"
        for address, port in self.control:
            yield f"-p tcp -d {address} --dport {port} -j RETURN"
        for address in self.names:
            yield from (f"-p {way} -d {address} --dport 53 -j RETURN" for way in ("udp", "tcp"))

    def _forward(self) -> Iterator[str]:
        metadata, special = refused_v4()
        yield from self._open()
        yield from (f"-d {network} -j REJECT" for network in metadata)
        yield from (f"-d {network} -j RETURN" for network in self.allow)
        yield from (f"-d {network} -j REJECT" for network in special)
        yield "-j RETURN"

    def _input(self) -> Iterator[str]:
        yield from self._open()
        yield "-j REJECT"


def name_servers(path: Path = Path("/etc/resolv.conf")) -> tuple[IPv4Address, ...]:
    """Those of this machine that a container can ask; Docker leaves out the ones on loopback."""
    words = (line.split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines())
    found = []
    for each in words:
        if each[:1] == ["nameserver"] and len(each) > 1:
            try:
                found.append(IPv4Address(each[1]))
            except ValueError:
                continue  # IPv6: the bridge has none
    return tuple(address for address in found if not address.is_loopback)


def put_up(fence: Fence) -> None:
    """Idempotent. Raises UsageError(`no_firewall`) where we may not, or have no iptables."""
    _run("iptables-restore", "-w", _LOCK_S, "--noflush", stdin=fence.table())
    for chain, *rule in fence.hooks():
        if not _has(chain, rule):
            _run("iptables", "-w", _LOCK_S, "-I", chain, "1", *rule)


def take_down(fence: Fence) -> None:
    """Both chains and their hooks."""
    for chain, *rule in fence.hooks():
        while _has(chain, rule):
            _run("iptables", "-w", _LOCK_S, "-D", chain, *rule)
        for what in ("-F", "-X"):
            _run("iptables", "-w", _LOCK_S, what, rule[-1])


def _has(chain: str, rule: Sequence[str]) -> bool:
    return _call(["iptables", "-w", _LOCK_S, "-C", chain, *rule], "").returncode == 0


def _run(*command: str, stdin: str = "") -> None:
    done = _call(command, stdin)
    if done.returncode != 0:
        raise _no_firewall(done.stderr.strip()[-200:])


def _call(command: Sequence[str], stdin: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which(command[0], path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if program is None:
        raise _no_firewall(f"{command[0]} is missing")
    try:
        # S603: generated names, addresses that have been parsed and numbers; no shell
        return subprocess.run(
            [program, *command[1:]], input=stdin, capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as err:
        raise _no_firewall(str(err)) from err


def _no_firewall(why: str) -> UsageError:
    return UsageError(
        f"The workers' network cannot be fenced in: {why}",
        remedy="Run the supervisor with CAP_NET_ADMIN and iptables, or set supervisor.docker.firewall to off.",
        code="no_firewall",
    )
