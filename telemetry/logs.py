"""Log events on stderr through structlog: `thing.past_tense`, values as fields. stdout belongs to the JSON lines.

Every event passes one row of processors, those of the libraries' own `logging` too: secrets out, a person's words out,
control characters escaped, length capped. A terminal gets warnings in colour; anything else gets every event as JSON.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, Processor

from telemetry.redaction import MASK, is_secret_field, redact_text

MAX_TEXT: Final = 2_000  # characters of one field
MAX_TRACE: Final = 20_000
MAX_DEPTH: Final = 4
PII: Final = "pii_"  # fields that carry a person's words: chat, titles, transcripts

# C0, DEL, C1, line separators and the characters that turn text around: a log line must not rewrite its neighbours
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CONTROL_BUT_NEWLINE: Final = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


def configure_logging(*, as_json: bool | None = None, stream: TextIO | None = None) -> None:
    """Send log events of this process to `stream` (stderr); `as_json` None: JSON unless that is a terminal."""
    out = sys.stderr if stream is None else stream
    wants_json = not out.isatty() if as_json is None else as_json
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        clean,
    ]
    renderer: Processor = structlog.processors.JSONRenderer() if wants_json else structlog.dev.ConsoleRenderer()
    level = logging.INFO if wants_json else logging.WARNING
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )


def clean(_logger: object, _method: str, event: EventDict) -> EventDict:
    """The processor that nothing passes by: redaction, `pii_` fields, control characters, length."""
    return {_text(name): _field(name, value) for name, value in event.items()}


def _field(name: str, value: Any) -> Any:
    if name.startswith("_"):  # structlog's own record keys
        return value
    if name == "exception":
        return _CONTROL_BUT_NEWLINE.sub(_escape, redact_text(str(value)))[-MAX_TRACE:]
    return _value(name, value, MAX_DEPTH)


def _value(name: str, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if name.startswith(PII):
        return f"<{len(str(value))} characters>"
    if is_secret_field(name):
        return MASK
    if depth and isinstance(value, Mapping):
        return {_text(str(inner)): _value(str(inner), item, depth - 1) for inner, item in value.items()}
    if depth and isinstance(value, list | tuple | set | frozenset):
        return [_value(name, item, depth - 1) for item in value]
    return _text(str(value))


def _text(text: str) -> str:
    shown = _CONTROL.sub(_escape, redact_text(text))
    return shown if len(shown) <= MAX_TEXT else f"{shown[:MAX_TEXT]}... ({len(shown)} characters)"


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
