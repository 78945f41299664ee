"""What the program says about itself: log events on stderr, metrics, and the machine's clock. No media, no settings."""

from telemetry.clock import SystemClock
from telemetry.logs import configure_logging
from telemetry.metrics import Metrics
from telemetry.redaction import redact_text, redact_url

__all__ = ["Metrics", "SystemClock", "configure_logging", "redact_text", "redact_url"]
