"""RTMP ingest: publish only, no play."""

from daemon.doors.rtmp.server import DoorLimits, RtmpDoor

__all__ = ["DoorLimits", "RtmpDoor"]
