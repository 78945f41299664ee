"""Names of workers: folders, cgroups and containers are called by them."""

from __future__ import annotations

import re
from typing import Final

_NAME: Final = re.compile(r"^w-[a-z0-9][a-z0-9._-]{0,120}$")  # a stream's id has 80 characters, a token 20 digits


def is_worker_name(text: str) -> bool:
    """`w-<stream>-<claim token>`: no separators, no dot-dot."""
    return bool(_NAME.match(text)) and ".." not in text
