"""The bundled ffmpeg as a child process: where it is, what it may open and cost, and filter graphs of typed values.

Nothing a user or a stream wrote gets into a command: media and texts lie in files with names of ours, filters are built
from numbers, words of a fixed form and such names (`graph`), inputs have their protocol, format and decoders named
(`media`), and the child has limits, no environment and no shell (`child`). reliability.md section 4.
"""

from daemon.ffmpeg.child import FfmpegFailed, Limits, ffmpeg_path, run_ffmpeg
from daemon.ffmpeg.encoders import Encoder, VideoCoding, choose_encoder, coding_arguments, usable_encoder
from daemon.ffmpeg.graph import Chain, Expression, Filter, Graph, Name, Value, chain
from daemon.ffmpeg.media import RECORDED, read_media

__all__ = [
    "RECORDED",
    "Chain",
    "Encoder",
    "Expression",
    "FfmpegFailed",
    "Filter",
    "Graph",
    "Limits",
    "Name",
    "Value",
    "VideoCoding",
    "chain",
    "choose_encoder",
    "coding_arguments",
    "ffmpeg_path",
    "read_media",
    "run_ffmpeg",
    "usable_encoder",
]
