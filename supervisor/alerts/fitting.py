"""Asks for the format that fits Discord, for clips that were told there and whose master does not fit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from core.ids import ClipId, SessionId
from supervisor.alerts.files import FITTED, attachment
from supervisor.alerts.senders import Aims, limit_of
from supervisor.catalog import Catalog, CatalogAway, Conflict, NotFound
from supervisor.catalog.values import ChannelRow, Due
from supervisor.orders import order_rows

log = structlog.get_logger()


class Fitting:
    """An order as `POST /clips/{id}/render` makes it, once a clip is final and was told. Its file comes with a later
    `clip` line, and so as an edit of the message. Where it cannot be made the picture stays."""

    def __init__(self, catalog: Catalog, aims: Aims) -> None:
        self._catalog, self._aims = catalog, aims
        self._asked: set[tuple[str, int]] = set()  # a second order would find the file there, and make nothing

    async def told(self, channel: ChannelRow, due: Due) -> None:
        """After a message was accepted."""
        limit, clip = limit_of(channel), due.clip
        key = (clip.id, clip.revision)
        files = clip.line.get("files")
        if (
            limit is None
            or channel.kind == "apprise"
            or clip.state != "final"
            or key in self._asked
            or not isinstance(files, Mapping)
        ):
            return
        if FITTED in files or "master" not in files:
            return
        found = await asyncio.to_thread(attachment, self._aims.data_dir, clip, limit)
        if found is not None and found.type != "image/jpeg":
            return
        self._asked.add(key)
        try:
            recorded = await self._catalog.stream(None, clip.stream)
            rows = order_rows(recorded, SessionId(clip.session), ClipId(clip.id), "render", None, source=FITTED)
            await self._catalog.add_order(*rows)
        except (CatalogAway, Conflict, NotFound) as err:
            log.info("alerts.not_fitted", clip=clip.id, why=str(err))
