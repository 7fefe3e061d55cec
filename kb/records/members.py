"""Who works with a library on a team's server, and what each may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["reader", "editor", "admin"]

ROLES: tuple[Role, ...] = ("reader", "editor", "admin")
"""What each may do, the least first: read; also add, tag and plan; also members and settings."""


@dataclass(frozen=True, slots=True)
class Member:
    """A person with an account."""

    name: str
    role: Role
    created_at: str = ""
    created_by: str = ""
    disabled_at: str | None = None

    def may(self, role: Role) -> bool:
        """Whether what `role` may do is allowed to this member."""
        return self.disabled_at is None and ROLES.index(self.role) >= ROLES.index(role)
