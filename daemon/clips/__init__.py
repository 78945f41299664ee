"""From edit decisions to clip files: stream-copied master, thumbnail, captions, recipe; and the folders users want.

`make_clip` cuts, measures and publishes, or refuses; `refresh_captions` takes words that came after the cut; `render`
makes the same files again; `publish_out`, `refresh_out` and `withdraw_out` keep the --out folder. Everything blocks: it
runs in the clip thread. docs/clips.md describes the files.
"""

from daemon.clips.amend import add_finished
from daemon.clips.make import make_clip
from daemon.clips.model import ClipContext, FinishedClip, Rendered
from daemon.clips.publish import publish_out, refresh_out, withdraw_out
from daemon.clips.rerender import render
from daemon.clips.subtitles import refresh_captions

__all__ = [
    "ClipContext",
    "FinishedClip",
    "Rendered",
    "add_finished",
    "make_clip",
    "publish_out",
    "refresh_captions",
    "refresh_out",
    "render",
    "withdraw_out",
]
