"""How a change to what people write is told: as text before and after, and to who came second.

Knows records and events. It changes nothing itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass

from kb.errors import Conflict
from kb.store.events import Events


def json_text(value: object) -> str:
    """A value as it is kept in a column: JSON with its keys in order."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=_plain)


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{type(value).__name__} has no place in JSON")


def changes(old: object, new: object, names: Sequence[str]) -> tuple[str, str]:
    """What differs between two states of a record, as text before and after; "" for nothing."""
    changed = [name for name in names if getattr(old, name) != getattr(new, name)]
    before = {name: getattr(old, name) for name in changed}
    after = {name: getattr(new, name) for name in changed}
    return (json_text(before), json_text(after)) if changed else ("", "")


def expect(events: Events, have: int, wanted: int, *, subject: str, name: str) -> None:
    """Conflict, with who changed what, unless the subject is still at the revision `wanted`."""
    if have != wanted:
        last = events.last_change(subject) or {}
        raise Conflict(
            f"“{name}” has been changed by {last.get('who', 'somebody')} meanwhile "
            f"({last.get('before', '')} → {last.get('after', '')}). Look at it again, then "
            "make your change."
        )
