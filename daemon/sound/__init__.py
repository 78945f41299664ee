"""The sound of finished clips: measured, planned as plain values, brought to loudness and peak on the encoded output.

`measure_sound` -> `plan_sound` (pure) -> `settle_sound` -> `sound_graph` (pure) in the run that makes the clip, with
`aac_arguments`; `check_sound` measures any finished file. The settled plan stands in clip.json: making the clip again
measures nothing.
"""

from daemon.sound.graph import sound_graph
from daemon.sound.measure import audio_tracks, check_sound, measure_sound
from daemon.sound.mixing import MixRule, choose_tracks
from daemon.sound.model import Loudness, SoundMeasure, SoundPlan, SoundWishes, Span, TrackUse, Treatment
from daemon.sound.plan import plan_sound
from daemon.sound.settle import aac_arguments, settle_sound

__all__ = [
    "Loudness",
    "MixRule",
    "SoundMeasure",
    "SoundPlan",
    "SoundWishes",
    "Span",
    "TrackUse",
    "Treatment",
    "aac_arguments",
    "audio_tracks",
    "check_sound",
    "choose_tracks",
    "measure_sound",
    "plan_sound",
    "settle_sound",
    "sound_graph",
]
