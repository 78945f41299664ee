"""Captions drawn into finished clips: words to phrases, phrases to places, places to an ASS script of typed values.

`caption_script` is a pure function of what stands in clip.json (words and the captions object), the stage and the
fonts; `Captions.write` puts its files into a job's folder. Files for players (.srt, .vtt) are made in daemon/clips.
"""

from daemon.captioning.fonts import FontBook, Missing
from daemon.captioning.masking import masked_spans
from daemon.captioning.options import CaptionOptions, caption_options, caption_words, word_speakers
from daemon.captioning.script import Captions, caption_filter, caption_script
from daemon.captioning.stage import Stage
from daemon.captioning.style import Style, styles

__all__ = [
    "CaptionOptions",
    "Captions",
    "FontBook",
    "Missing",
    "Stage",
    "Style",
    "caption_filter",
    "caption_options",
    "caption_script",
    "caption_words",
    "masked_spans",
    "styles",
    "word_speakers",
]
