"""How WebRTC peers find this machine, by the settings."""

from __future__ import annotations

from configs.rooms import RoomsOptions
from recorder.rtc.options import IceOptions, IceServer


def ice_options(rooms: RoomsOptions) -> IceOptions:
    """The key `rooms`, as recorder takes it."""
    return IceOptions(
        servers=tuple(
            IceServer(urls=one.urls, username=one.username or None, credential=one.credential or None)
            for one in rooms.ice_servers
        ),
        public_ip=rooms.public_ip or None,
    )
