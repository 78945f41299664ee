"""The report of a session: one HTML file beside the clips. `ReportData` says what stands in it."""

from daemon.report.data import (
    Curve,
    EpochMark,
    GameMark,
    NearMiss,
    ReportClip,
    ReportData,
    ReportSpeech,
    Sentence,
    Shed,
    Warned,
)
from daemon.report.page import write_report

__all__ = [
    "Curve",
    "EpochMark",
    "GameMark",
    "NearMiss",
    "ReportClip",
    "ReportData",
    "ReportSpeech",
    "Sentence",
    "Shed",
    "Warned",
    "write_report",
]
