"""The runtime that the settings name."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from configs import Settings
from core.errors import MissingPart, UsageError
from core.protocols import Clock
from supervisor.runtimes.api import Runtime, RuntimeAway
from supervisor.runtimes.docker import DockerRuntime
from supervisor.runtimes.process import ProcessRuntime


async def open_runtime(
    settings: Settings, data_dir: Path, installation: str, clock: Clock
) -> tuple[Runtime, str | None]:
    """The runtime, and this machine's address on the workers' own network, where they have one.

    Raises UsageError, and MissingPart where the engine does not answer.
    """
    options = settings.supervisor
    if options.runtime == "process":
        return ProcessRuntime(data_dir / "run", installation, clock), None
    ports = {settings.api.port, *(urlsplit(url).port or 80 for url in options.urls)}
    if 0 in ports:
        raise UsageError(
            "Workers in containers need a fixed port of the API", remedy="Set api.port.", code="port_needed"
        )
    allow = [network for network in map(ip_network, settings.net.allow) if isinstance(network, IPv4Network)]
    runtime = DockerRuntime(
        data_dir, installation, clock, image=options.image, control_ports=sorted(ports), allow=allow
    )
    try:
        return runtime, str(await runtime.gateway())
    except RuntimeAway as err:
        await runtime.close()
        raise MissingPart(
            f"The Docker engine does not answer ({err})",
            remedy="Start it, or set supervisor.runtime to process.",
            code="no_docker",
        ) from err
