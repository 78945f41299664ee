"""Where a participant's local files lie on the room's clock, found by their sound. Pure numpy: no files, no clock.

`align_file` compares a local file's sound with the same person's live backup (GCC-PHAT over windows, a robust line,
steps between windows); `coarse_file` is what is left where nobody speaks; `lay_sound` puts sound onto the room's clock
with drift taken out. docs/rooms.md, "Sync and files".
"""

from recorder.align.gcc import RATE
from recorder.align.plan import START_BOUND_MS, AlignedFile, Edit, StartBiases, align_file, coarse_file
from recorder.align.resample import lay_sound
from recorder.align.sound import TimedSound

__all__ = [
    "RATE",
    "START_BOUND_MS",
    "AlignedFile",
    "Edit",
    "StartBiases",
    "TimedSound",
    "align_file",
    "coarse_file",
    "lay_sound",
]
