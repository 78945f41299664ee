"""`clipd replay` for `clipd up`: one session in a child process, at low priority, for so long at most."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import structlog

from configs.loader import PREFIX, TOKEN_VARIABLE
from core.ids import SessionId
from core.times import to_s
from daemon.finish.queue import NICE
from supervisor.local import KEPT_ENVIRONMENT

MOST: Final = 1 << 20  # bytes of an answer; a clip takes some hundred
log = structlog.get_logger()


class ReplayChild:
    """A Replays (supervisor/api/call.py), with the settings that this program was started with."""

    def __init__(self, config: Path | None, data_dir: Path) -> None:
        self._options = ["--data-dir", str(data_dir), *(["--config", str(config)] if config else [])]

    async def __call__(self, profile: str, session: SessionId, limit_ns: int) -> Mapping[str, Any]:
        """What `clipd replay --json` says of a session; {"error": code} where it says nothing: `no_journal` (gone, or
        not to be read), `time_limit`."""
        command = [sys.executable, "-P", "-m", "daemon.cli.main", "replay", session, "--profile", profile, "--json"]
        child = await asyncio.create_subprocess_exec(
            *command,
            *self._options,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            env={name: value for name, value in os.environ.items() if _kept(name)},
        )
        try:
            with contextlib.suppress(ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, child.pid, NICE)
            async with asyncio.timeout(to_s(limit_ns)):
                assert child.stdout is not None
                said = await child.stdout.read(MOST)
                code = await child.wait()
        except TimeoutError:
            return {"error": "time_limit"}
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        return _answer(said, code)


def _answer(said: bytes, code: int) -> Mapping[str, Any]:
    try:
        found = json.loads(said)
    except ValueError:
        found = None
    if code == 0 and isinstance(found, dict):
        return found
    log.warning("replay.failed", code=code)
    return {"error": "no_journal"}


def _kept(name: str) -> bool:
    return name in KEPT_ENVIRONMENT or (name.startswith(PREFIX) and name != TOKEN_VARIABLE)
