"""A live HLS origin that breaks by script: what platforms, networks and encoders do to a stream, one fault a script."""

from tests.synthetic_streams.broken.media import Shelf, make_shelf
from tests.synthetic_streams.broken.origin import BrokenOrigin
from tests.synthetic_streams.broken.scripts import SCRIPTS, Script

__all__ = ["SCRIPTS", "BrokenOrigin", "Script", "Shelf", "make_shelf"]
