"""Where the two interfaces begin."""

from __future__ import annotations

from typing import Final

API: Final = "/api/v1"
INTERNAL: Final = "/internal/v1"
ID: Final = "{id:[a-z0-9][a-z0-9._-]{0,79}}"  # in a path; anything else is no id, and so not found
