"""Whether a clip was lost: what the journals call finished is in the catalog once, and its file can be played."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

import imageio_ffmpeg

from tests.chaos.site import Site, until

DELIVERY_LIMIT_S: Final = 90.0


@dataclass(frozen=True)
class Counted:
    """`untold`: rows of outboxes that nobody has taken at the end."""

    finished: int = 0
    missing: int = 0
    doubled: int = 0
    broken: int = 0
    untold: int = 0

    def __add__(self, other: Counted) -> Counted:
        """Of two installations."""
        return Counted(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    @property
    def lost(self) -> int:
        """What must be none."""
        return self.missing + self.doubled + self.broken + self.untold


async def count_clips(site: Site, *, limit_s: float = DELIVERY_LIMIT_S) -> Counted:
    """Over all sessions on the disk, once their outboxes are empty or `limit_s` is over."""

    async def told() -> bool:
        return all(site.journal(session).waiting == 0 for session in site.sessions())

    with contextlib.suppress(AssertionError):  # counted below
        await until(told, "empty outboxes", limit_s=limit_s)
    journals = [site.journal(session) for session in site.sessions()]
    finished = {clip: json.loads(record) for each in journals for clip, (_, record) in each.clips.items()}
    listed = Counter(await site.clips())
    broken = [clip for clip, record in finished.items() if not await plays(Path(record["files"]["master"]))]
    return Counted(
        finished=len(finished),
        missing=sum(listed[clip] == 0 for clip in finished),
        doubled=sum(listed[clip] > 1 for clip in listed),
        broken=len(broken),
        untold=sum(each.waiting for each in journals),
    )


async def plays(master: Path) -> bool:
    """Every frame of it decodes without a complaint."""
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    child = await asyncio.create_subprocess_exec(
        ffmpeg, "-nostdin", "-v", "error", "-xerror", "-i", f"file:{master}", "-f", "null", "-",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        _, said = await child.communicate()
    return child.returncode == 0 and not said
