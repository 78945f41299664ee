"""The sets of rows of the reliability table, each on an installation of its own."""

from benchmarks.survival.sets import SETS, Volumes

__all__ = ["SETS", "Volumes"]
