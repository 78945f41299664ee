"""The demo's stream and its HLS origin: a recipe from a seed, its sound, chat and media, served over loopback."""

from daemon.demo.origin import LiveOrigin
from daemon.demo.recipe import Recipe

__all__ = ["LiveOrigin", "Recipe"]
