"""The ring buffer of one stream: segments on disk by media time, retention, pins, recovery. No decoding, no clock."""

from ringbuffer.disk import Disk, OsDisk
from ringbuffer.linked import LinkedFootage
from ringbuffer.options import RingOptions
from ringbuffer.recovery import RecoveryReport, newest_attempt
from ringbuffer.ring import Ring

__all__ = ["Disk", "LinkedFootage", "OsDisk", "RecoveryReport", "Ring", "RingOptions", "newest_attempt"]
