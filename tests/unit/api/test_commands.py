"""`clipd add`, `ls` and the others against a real server: in this process, and as a user starts them."""

from __future__ import annotations

import asyncio
import json
import queue
import subprocess
import threading
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner

from core.errors import ClipdError
from daemon.cli.main import app
from supervisor.api import ensure_owner
from supervisor.uploads import CHUNK
from tests.scenario.command import clipd_argv, environment
from tests.unit.api.stage import Stage, stage
from tests.unit.api.test_reviews import told

PAGE = "https://www.twitch.tv/ann"


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    error: ClipdError | None

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Of `--json`."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Shell:
    """Somebody whose data folder is the server's."""

    api: Stage
    home: Path
    env: Mapping[str, str]
    logs: list[Any]
    loop: asyncio.AbstractEventLoop

    def given(self, work: Coroutine[Any, Any, object]) -> None:
        """Done in the server's thread."""
        asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> Ran:
        """In this process."""
        told = CliRunner().invoke(app, arguments, env={**self.env, **(env or {})})
        if told.exception is not None and not isinstance(told.exception, ClipdError | SystemExit):
            raise told.exception
        error = told.exception if isinstance(told.exception, ClipdError) else None
        return Ran(error.exit_code if error else told.exit_code, told.stdout, error)

    def process(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """As a user does."""
        environ = environment(self.home, {**self.env, **(env or {})})
        return subprocess.run(
            clipd_argv(*arguments), env=environ, capture_output=True, text=True, timeout=120, check=False
        )


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A server in a thread of its own, with its owner token in the data folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("CLIPD_TOKEN", "CLIPD_API__URL"):
        monkeypatch.delenv(name, raising=False)
    data = tmp_path / "data"
    data.mkdir()
    ready: queue.Queue[tuple[Stage, asyncio.AbstractEventLoop, asyncio.Event]] = queue.Queue()

    async def serve() -> None:
        async with stage(data) as api:
            await ensure_owner(api.catalog, data)
            stop = asyncio.Event()
            ready.put((api, asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="server")
    with structlog.testing.capture_logs() as logs:  # the server's, which shares our stdout
        thread.start()
        api, loop, stop = ready.get(timeout=60)
        yield Shell(api, tmp_path, {"CLIPD_DATA_DIR": str(data), "CLIPD_API__URL": api.url}, logs, loop)
        loop.call_soon_threadsafe(stop.set)
        thread.join()


def test_a_stream_from_add_to_rm(shell: Shell) -> None:
    """By its name or its id; the token is found in the data folder."""
    assert shell.run("add", PAGE, "--profile", "podcast", "--rights", "own", "--chat", "off").code == 0
    [stream] = shell.run("ls", "--json").lines
    assert (stream["name"], stream["options"]) == ("ann", {"profile": "podcast", "chat": "off"})
    assert stream["id"] in shell.run("ls").out
    assert "wanted paused" in shell.run("pause", "ann").out
    assert "wanted running" in shell.run("resume", stream["id"]).out
    refused = shell.run("clip-now", "ann", "--last", "20")
    assert (refused.code, refused.error and refused.error.code) == (2, "not_running")
    assert shell.run("rm", "ann").code == 0
    assert shell.run("ls", "--json").lines == []
    gone = shell.run("rm", "ann")
    assert (gone.code, gone.error and gone.error.code) == (2, "not_found")


def test_a_pushed_stream_shows_its_key_once(shell: Shell, tmp_path: Path) -> None:
    """Or takes one from a file: a key in argv would be seen by everybody on the machine."""
    (tmp_path / "key").write_text("a-key-of-16-letters\n")
    assert "a-key-of-16-letters" in shell.run("add", "door:live", "--name", "one", "--key-file", "key").out
    [made] = shell.run("add", "door:studio", "--name", "two", "--json").lines
    assert len(made["key"]) == 32
    assert f"Publish to {shell.api.url}/api/v1/whip" in shell.run("add", "whip:", "--name", "obs").out
    assert made["key"] not in shell.run("ls", "--json").out


def test_jobs_from_add_to_retry(shell: Shell) -> None:
    """The state machine is not ours: what is asked for is there to be read."""
    [made] = shell.run("jobs", "add", "https://example.org/a.mp4", "--json").lines
    assert made["state"] == "created"
    assert shell.run("jobs", "show", made["id"]).out.count("waiting") == 5
    assert shell.run("jobs", "cancel", made["id"]).code == 0
    assert [job["cancel"] for job in shell.run("jobs", "ls", "--json").lines] == [True]
    again = shell.run("jobs", "retry", made["id"])
    assert (again.code, again.error and again.error.code) == (2, "job_not_over")


def test_a_recording_is_brought_from_here(shell: Shell, tmp_path: Path) -> None:
    """In chunks, checked on the other side; the job is made of what came whole."""
    data = bytes(range(256)) * (CHUNK // 256) + b"the end"
    (tmp_path / "talk.mp4").write_bytes(data)
    [made] = shell.run("jobs", "add", str(tmp_path / "talk.mp4"), "--upload", "--json").lines
    [kept] = (Path(shell.api.services.settings.data_dir) / "uploads").glob("*/media")
    assert kept.read_bytes() == data
    assert (made["state"], made["source"]) == ("created", f"upload:{kept.parent.name}")
    missing = shell.run("jobs", "add", str(tmp_path / "none.mp4"), "--upload")
    assert (missing.code, missing.error and missing.error.code) == (2, "no_file")


def test_a_clip_is_approved_rejected_and_trimmed(shell: Shell) -> None:
    """A trim is a job."""
    assert shell.run("clips", "ls", "--json").lines == []
    shell.given(told(shell.api, 1))
    assert "c1 r1 approved" in shell.run("clips", "approve", "c1").out
    assert "c1 r1 rejected" in shell.run("clips", "reject", "c1", "--note", "too long").out
    [clip] = shell.run("clips", "ls", "--json").lines
    assert (clip["id"], clip["review"]) == ("c1", "rejected")
    assert "c1 will be trimmed" in shell.run("clips", "trim", "c1", "1:02", "1:20").out
    [job] = shell.run("jobs", "ls", "--json").lines
    assert (job["kind"], job["start_s"], job["end_s"]) == ("trim", 62.0, 80.0)
    gone = shell.run("clips", "approve", "c2")
    assert (gone.code, gone.error and gone.error.code) == (2, "not_found")


def test_a_token_from_new_to_revoke(shell: Shell) -> None:
    """CLIPD_TOKEN goes before the file; its secret is all that `new` prints."""
    secret = shell.run("tokens", "new", "--role", "viewer", "--name", "wall", "--days", "1").out.strip()
    as_viewer = {"CLIPD_TOKEN": secret}
    assert shell.run("ls", env=as_viewer).code == 0
    denied = shell.run("add", PAGE, env=as_viewer)
    assert (denied.code, denied.error and denied.error.code) == (2, "forbidden")
    [wall] = [token for token in shell.run("tokens", "ls", "--json").lines if token["name"] == "wall"]
    assert shell.run("tokens", "revoke", wall["id"]).code == 0
    assert shell.run("ls", env=as_viewer).code == 2


def test_a_narrow_token_is_rotated(shell: Shell) -> None:
    """It may what its scopes say; the secret before ends at once where no overlap is wanted."""
    before = shell.run("tokens", "new", "--role", "editor", "--scope", "streams:read", "--name", "ci").out.strip()
    assert shell.run("ls", env={"CLIPD_TOKEN": before}).code == 0
    denied = shell.run("add", PAGE, env={"CLIPD_TOKEN": before})
    assert (denied.code, denied.error and denied.error.code) == (2, "scope")
    [made] = [token for token in shell.run("tokens", "ls", "--json").lines if token["name"] == "ci"]
    after = shell.run("tokens", "rotate", made["id"], "--hours", "0").out.strip()
    assert [shell.run("ls", env={"CLIPD_TOKEN": each}).code for each in (before, after)] == [2, 0]


def test_the_owners_file_is_for_this_machine_only(shell: Shell) -> None:
    """Another server gets a token that was meant for it, or none."""
    ran = shell.run("ls", "--url", "https://clips.example")
    assert (ran.code, ran.error and ran.error.code) == (2, "no_token")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("add", "http://127.0.0.1/x.m3u8"), 3),
        (("add", "/etc/passwd"), 3),
        (("add", PAGE, "--rights", "mine"), 2),
        (("jobs", "show", "../../tokens"), 2),
        (("ls", "--url", "ftp://x"), 2),
    ],
)
def test_exit_codes_say_whose_fault_it_is(arguments: tuple[str, ...], code: int, shell: Shell) -> None:
    """3: the source is refused; 2: what was asked for cannot be meant."""
    assert shell.run(*arguments).code == code


def test_as_processes(shell: Shell) -> None:
    """One line of message with its remedy where nothing listens; the token is in no argument and in no output."""
    added = shell.process("add", PAGE, "--json")
    assert added.returncode == 0, added.stderr
    assert json.loads(added.stdout)["name"] == "ann"
    token = (shell.home / "data" / "owner-token").read_text().strip()
    away = shell.process("ls", env={"CLIPD_API__URL": "http://127.0.0.1:9", "CLIPD_TOKEN": token})
    assert away.returncode == 4
    assert "Start it with `clipd up`" in away.stderr
    assert "Traceback" not in away.stderr
    assert token not in added.stdout + added.stderr + away.stdout + away.stderr + str(shell.logs)


def test_rooms_from_add_to_rm(shell: Shell) -> None:
    """By name or id; a link is printed alone, so that it can be piped into a message."""
    assert shell.run("rooms", "ls", "--json").lines == []
    assert "studio" in shell.run("rooms", "add", "studio", "--layout", "split", "--max-people", "3").out
    [room] = shell.run("rooms", "ls", "--json").lines
    assert (room["name"], room["layout"], room["max_people"], room["state"]) == ("studio", "split", 3, "open")
    link = shell.run("rooms", "invite", "studio", "--role", "host", "--hours", "2").out.strip()
    assert link.startswith(f"{shell.api.url}/room/{room['id']}#")
    [invite] = shell.run("rooms", "invites", room["id"], "--json").lines
    assert (invite["role"], invite["uses"]) == ("host", 1)
    assert "revoked" in shell.run("rooms", "revoke", "studio", invite["id"]).out
    shell.given(shell.api.worker(room["stream"]))
    assert shell.run("rooms", "start", "studio").out.startswith("take t")
    assert shell.run("rooms", "stop", "studio").code == 0
    assert shell.run("rooms", "takes", "studio").code == 0
    busy = shell.run("rooms", "rm", "studio")
    assert (busy.code, busy.error and busy.error.code) == (2, "room_open")
    assert "is closed" in shell.run("rooms", "close", "studio").out
    shell.given(shell.api.leading.set_claim(room["stream"], 1, state="done"))
    assert "is open" in shell.run("rooms", "open", "studio").out
    assert shell.run("rooms", "rm", room["id"]).code == 0
    gone = shell.run("rooms", "start", "studio")
    assert (gone.code, gone.error and gone.error.code) == (2, "not_found")
