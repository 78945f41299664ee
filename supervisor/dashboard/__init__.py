"""The control room: a page of plain ES modules, served beside the API it talks to."""

from supervisor.dashboard.serving import asset, page

__all__ = ["asset", "page"]
