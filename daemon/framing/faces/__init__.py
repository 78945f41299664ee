"""Faces in one picture: what a finder answers, and the two that do: BlazeFace (carried along) and YuNet (when its file
is configured). Models run nowhere else."""

from daemon.framing.faces.blazeface import BlazeFace
from daemon.framing.faces.finder import Face, FaceFinder, Picture
from daemon.framing.faces.yunet import YuNet

__all__ = ["BlazeFace", "Face", "FaceFinder", "Picture", "YuNet"]
