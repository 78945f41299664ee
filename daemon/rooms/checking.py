"""Whether a local track is what it says: read and decoded to its end by ffmpeg in a fenced child, at low priority."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from core.times import Ns, to_s
from daemon.ffmpeg import RECORDED, FfmpegFailed, Limits, read_media, run_ffmpeg
from daemon.finish.queue import NICE
from supervisor.roomkeeper import Checked

# Of what cannot be decoded: a browser that dropped a frame has made a file that is good all the same
MAX_ERRORS: Final = "0.02"
LIMITS: Final = Limits(cpu_s=4 * 3600, wall_s=6 * 3600, nice=NICE)
REASONS: Final = {"ffmpeg_slow": "slow"}


class TrackCheck:
    """A CheckTrack (supervisor/roomkeeper.py)."""

    async def __call__(self, media: Path, mime: str) -> Checked:
        """Raises MissingPart where there is no ffmpeg."""
        return await asyncio.to_thread(check, media, "mov" if "mp4" in mime.partition(";")[0] else "matroska")


def check(media: Path, demuxer: str) -> Checked:
    """Decode all of it; the names are ours, the format is the one that was announced. Blocks."""
    reached: list[Ns] = [Ns(0)]
    source = read_media(media.name, demuxer, decoders=RECORDED)
    arguments = ["-v", "error", "-max_error_rate", MAX_ERRORS, *source, "-map", "0:v?", "-map", "0:a?"]
    try:
        said = run_ffmpeg([*arguments, "-f", "null", "-"], folder=media.parent, limits=LIMITS, progress=reached.append)
    except FfmpegFailed as err:
        return Checked(reason=REASONS.get(err.code, "undecodable"), report={"duration_s": to_s(reached[-1])})
    report = {"duration_s": round(to_s(max(reached)), 3), "errors": len(said.splitlines())}
    return Checked(reason="" if report["duration_s"] else "empty", report=report)
