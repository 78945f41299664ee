"""Reframing: what a clip shows on a canvas of another shape. See docs/framing.md.

`observe` looks (decoding, models), `plan_framing` decides and is pure, `framing_graph` writes the decision as filters.
"""

from daemon.framing.faces import BlazeFace, Face, FaceFinder, Picture, YuNet
from daemon.framing.filters import framing_graph
from daemon.framing.observations import Observations
from daemon.framing.observe import observe
from daemon.framing.plan import plan_framing
from daemon.framing.rule import LayoutRule
from daemon.framing.values import Canvas, Framing, Knot, Pane, Place, Scene

__all__ = [
    "BlazeFace",
    "Canvas",
    "Face",
    "FaceFinder",
    "Framing",
    "Knot",
    "LayoutRule",
    "Observations",
    "Pane",
    "Picture",
    "Place",
    "Scene",
    "YuNet",
    "framing_graph",
    "observe",
    "plan_framing",
]
