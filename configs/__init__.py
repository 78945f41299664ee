"""The settings tree and its loader; profiles lie in `profiles/`."""

from configs.loader import load_profile, load_settings, profile_names
from configs.settings import ClipsOptions, NetOptions, Settings

__all__ = ["ClipsOptions", "NetOptions", "Settings", "load_profile", "load_settings", "profile_names"]
