"""Finds moments: signals and chat in, events and fused, explained moments out. No I/O, no clock, replayable."""

from detectors.engine import Decisions, Engine
from detectors.features import AudioFeatures, SceneFeatures
from detectors.fusion.lag import LagEstimate
from detectors.options import Profile

__all__ = ["AudioFeatures", "Decisions", "Engine", "LagEstimate", "Profile", "SceneFeatures"]
