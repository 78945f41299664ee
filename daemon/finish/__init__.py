"""From a master to what people post: framed, captioned, levelled, in every format that was asked for.

`finish_revision` looks at a clip, plans each format and makes it; `finish_again` makes the same files from clip.json.
`RenderQueue` is where they wait. Everything blocks and runs in render threads. docs/finish.md is for users.
"""

from daemon.finish.again import Changes, finish_again
from daemon.finish.make import Wishes, finish_revision
from daemon.finish.model import AS_SET, Finished, Style
from daemon.finish.queue import Priority, Render, RenderQueue, lower_priority

__all__ = [
    "AS_SET",
    "Changes",
    "Finished",
    "Priority",
    "Render",
    "RenderQueue",
    "Style",
    "Wishes",
    "finish_again",
    "finish_revision",
    "lower_priority",
]
