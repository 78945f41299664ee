"""More of the same: values of a parametrised test that only `make soak` runs."""

from __future__ import annotations

from typing import Any

import pytest


def more(*values: Any) -> list[Any]:
    """To be put behind those that `make test` runs; a tuple is one set of arguments."""
    return [
        pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.soak) for value in values
    ]
