"""What a leader does for alerts, as one of its chores."""

from __future__ import annotations

from collections.abc import Callable

from configs import Settings
from core.protocols import Clock
from supervisor.alerts.drainer import Drainer
from supervisor.alerts.fitting import Fitting
from supervisor.alerts.outgoing import Outgoing
from supervisor.alerts.senders import Aims, Senders
from supervisor.catalog import Catalog
from telemetry.metrics import SupervisorMetrics


class Alerts:
    """`run` for as long as this process leads."""

    def __init__(
        self, catalog: Catalog, settings: Settings, clock: Clock, held: Callable[[], bool], metrics: SupervisorMetrics
    ) -> None:
        self._catalog, self._settings, self._clock = catalog, settings, clock
        self._held, self._metrics = held, metrics

    async def run(self) -> None:
        """Until cancelled: connections are this term's own."""
        aims = Aims.of(self._settings)
        async with Outgoing(self._settings.net.allow) as out:
            senders = Senders(out, aims, self._clock)
            fitting = Fitting(self._catalog, aims)
            await Drainer(self._catalog, senders, self._clock, self._held, self._metrics, fitting).run()
