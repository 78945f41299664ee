"""Roles and their order."""

from __future__ import annotations

from typing import Final

from supervisor.catalog.values import Role

ROLES: Final[tuple[Role, ...]] = ("viewer", "editor", "admin", "owner")


def rank(role: Role) -> int:
    """The higher, the more it may."""
    return ROLES.index(role)
