"""Editor hand-off: a clip as a timeline in the formats editors open, and its words as transcripts.

`media_facts` looks at the files, `clip_timeline` makes the value, `timeline_files` and `transcript_files` the bytes.
Rates are exact fractions and positions whole frames throughout. docs/editors.md says how to open each file.
"""

from daemon.handoff.build import Footage, Spot, clip_timeline
from daemon.handoff.files import NAMES, timeline_files, transcript_files
from daemon.handoff.model import Clip, Marker, Media, Picture, Sound, Space, Timeline, Track
from daemon.handoff.probe import MediaFacts, media_facts
from daemon.handoff.rates import Rate, nominal_rate

__all__ = [
    "NAMES",
    "Clip",
    "Footage",
    "Marker",
    "Media",
    "MediaFacts",
    "Picture",
    "Rate",
    "Sound",
    "Space",
    "Spot",
    "Timeline",
    "Track",
    "clip_timeline",
    "media_facts",
    "nominal_rate",
    "timeline_files",
    "transcript_files",
]
