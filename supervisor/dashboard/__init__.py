"""The control room: a page of plain ES modules, as files of this package. supervisor.api.page serves it."""

from supervisor.dashboard.assets import PAGE, POLICY, Asset, assets

__all__ = ["PAGE", "POLICY", "Asset", "assets"]
