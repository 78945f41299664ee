"""A real PostgreSQL that a test starts, kills and freezes: its own folder, its own port, as the user postgres."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.needs import is_root, require_root

SETTINGS = (
    "listen_addresses = '127.0.0.1'", "max_connections = 60", "shared_buffers = 16MB", "fsync = off",
    "unix_socket_directories = ''", "autovacuum = off",
)  # fmt: skip


def programs() -> Path:
    """The folder of initdb and postgres; Debian keeps them off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        said = "initdb is missing; apt-get install postgresql"
        if is_root():
            pytest.fail(said)
        pytest.skip(f"no-program: {said}")
    return found[-1].parent


@dataclass
class Postgres:
    """One server. `fsync` is off: what is tried here is processes that die, not machines."""

    folder: Path
    port: int
    bin: Path

    @classmethod
    def make(cls) -> Postgres:
        """A new cluster, not yet started. The server refuses to run as root, so it runs as postgres."""
        require_root()
        server = cls(Path(tempfile.mkdtemp(prefix="clipd-pg-")), _free_port(), programs())
        os.chmod(server.folder, 0o755)
        user = pwd.getpwnam("postgres")
        os.chown(server.folder, user.pw_uid, user.pw_gid)
        server._run("initdb", "-D", str(server.data), "-A", "trust", "-U", "clipd", "--no-sync", "-E", "UTF8")
        with (server.data / "postgresql.conf").open("a") as conf:
            conf.write("\n".join((*SETTINGS, f"port = {server.port}", "")))
        return server

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        """Return when it answers."""
        self._run("pg_ctl", "-D", str(self.data), "-l", str(self.folder / "log"), "-w", "-t", "30", "start")

    def kill(self) -> None:
        """SIGKILL, to every process of it: no goodbye to anyone."""
        self._signal(signal.SIGKILL)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def freeze(self) -> None:
        """It keeps its connections, accepts new ones, and answers none."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """As if nothing had been."""
        self._signal(signal.SIGCONT)

    def remove(self) -> None:
        """Stop at once and forget."""
        if (self.data / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def emptied(self) -> str:
        """The URL of its database, with nothing in it: quicker than a new one each time."""
        empty = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
        self._run("psql", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", "clipd", "-d", "postgres", "-c", empty)
        return f"postgresql://clipd@127.0.0.1:{self.port}/postgres"

    def _signal(self, number: signal.Signals) -> None:
        """To the postmaster and its children: one of them may end by itself meanwhile."""
        first = int((self.data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        for pid in (first, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.bin / program), *arguments]
        ran = subprocess.run(
            command, user="postgres", group="postgres", extra_groups=[], cwd=self.folder, check=False, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60,
        )  # fmt: skip
        assert ran.returncode == 0, f"{program}: {ran.stderr}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
