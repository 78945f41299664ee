"""Everything else, through apprise: a child process for each message, killed after its time."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any, Final

from supervisor.alerts.errand import Errand, encode
from supervisor.alerts.outcome import Outcome
from supervisor.channels.pages import CHILD, KEPT_ENVIRONMENT

DEADLINE_S: Final = 60.0  # of the child's work, an attachment on a slow line included
GRACE_S: Final = 5.0  # to start, and to import
MAX_SAID: Final = 1 << 14


async def speak(errand: Errand) -> Outcome:
    """One message. The service's own words do not come out: apprise says yes or no."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, *CHILD, "supervisor.alerts.apprise_child",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        env={"HOME": "/nonexistent", "PATH": "", **{n: os.environ[n] for n in KEPT_ENVIRONMENT if n in os.environ}},
    )  # fmt: skip
    try:
        async with asyncio.timeout(errand.deadline_s + GRACE_S):
            said = await _converse(child, encode(errand))
            await child.wait()
    except TimeoutError:
        return Outcome(how="retry", what=f"apprise took longer than {errand.deadline_s:g} s")
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return _outcome(said)


async def _converse(child: asyncio.subprocess.Process, question: bytes) -> bytes:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(question)
    child.stdin.close()
    return await child.stdout.read(MAX_SAID)


def _outcome(said: bytes) -> Outcome:
    try:
        found: Any = json.loads(said)
    except ValueError:
        return Outcome(how="retry", what="apprise failed, or took too long")
    if found.get("ok") is True:
        return Outcome(how="sent", remote={"told": True})
    return Outcome(how="gone" if found.get("refused") else "retry", what=str(found.get("what", ""))[:300])
