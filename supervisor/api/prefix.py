"""Where the two interfaces begin."""

from __future__ import annotations

from typing import Final

API: Final = "/api/v1"
INTERNAL: Final = "/internal/v1"
