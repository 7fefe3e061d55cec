"""What has become of a project that came from another library."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Keep = Literal["ours", "theirs"]
"""Whose state counts where both have changed a row."""


@dataclass(slots=True)
class Taken:
    """What an import has done; it is filled in while that goes on."""

    project: str
    added: dict[str, int] = field(default_factory=dict)  # by kind of row
    changed: dict[str, int] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)  # what both have changed, in sentences
    unsplit: int = 0  # documents that search does not find until kb reindex has run
