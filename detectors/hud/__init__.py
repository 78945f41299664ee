"""Reads a game's HUD off small crops of the picture: data in, events out. No files, no clock.

Importing this package costs nothing but pydantic; `detectors.hud.reader` brings OpenCV, and is imported where a game is
set only.
"""
