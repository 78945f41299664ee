"""From edit decisions to clip files: stream-copied master, thumbnail, recipe; and the folders users asked for.

`make_clip` cuts, measures and publishes, or refuses; `render` makes the same master again; `publish_out` and
`withdraw_out` keep the --out folder. Everything blocks: it runs in the clip thread. docs/clips.md describes the files.
"""

from daemon.clips.make import make_clip
from daemon.clips.model import ClipContext, FinishedClip, Rendered
from daemon.clips.publish import publish_out, withdraw_out
from daemon.clips.rerender import render

__all__ = ["ClipContext", "FinishedClip", "Rendered", "make_clip", "publish_out", "render", "withdraw_out"]
