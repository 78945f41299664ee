"""The way in: sources of every kind onto one media time, and chat beside them."""

from daemon.ingest.api import CaptureSink, Ended, Resume, Source, SourceInfo
from daemon.ingest.chat import ChatBatch, ChatReader, open_chat
from daemon.ingest.files import scan_footage
from daemon.ingest.footage import FileFootage
from daemon.ingest.open import open_source
from daemon.ingest.seat import RoomSeat

__all__ = [
    "CaptureSink",
    "ChatBatch",
    "ChatReader",
    "Ended",
    "FileFootage",
    "Resume",
    "RoomSeat",
    "Source",
    "SourceInfo",
    "open_chat",
    "open_source",
    "scan_footage",
]
