"""What the places where clips are posted take: presets as data, how to code for one, why a file does not fit one."""

from daemon.platforms.catalog import load_platform, platform_names, read_platform
from daemon.platforms.coding import Coding, bitrate_for, plan_coding, tightened
from daemon.platforms.facts import read_facts
from daemon.platforms.lint import FileFacts, Misfit, fits
from daemon.platforms.model import Canvas, Platform

__all__ = [
    "Canvas",
    "Coding",
    "FileFacts",
    "Misfit",
    "Platform",
    "bitrate_for",
    "fits",
    "load_platform",
    "plan_coding",
    "platform_names",
    "read_facts",
    "read_platform",
    "tightened",
]
