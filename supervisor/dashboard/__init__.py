"""The control room and the rooms' page: plain ES modules, as files of this package. supervisor.api.page serves them."""

from supervisor.dashboard.assets import DEVICES, PAGE, POLICY, ROOM_PAGE, Asset, assets

__all__ = ["DEVICES", "PAGE", "POLICY", "ROOM_PAGE", "Asset", "assets"]
