"""Checking what people fill in: fields with types, and sentences for what does not fit.

Knows how any set of fields is checked. Which fields there are is each room's own.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kb.errors import UsageError

Hours = Annotated[float, Field(ge=0)]
Text = Annotated[str, Field(max_length=2000)]


class Fields(BaseModel):
    """Unknown fields are refused by name; empty means unknown; a number is a finite one."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, allow_inf_nan=False)


class MetricMapping(Fields):
    """What a gain on another metric is worth on the project's own, as its team states it."""

    factor: float
    reason: Annotated[str, Field(min_length=1, max_length=2000)]


def checked(model: type[Fields], given: dict[str, Any], what: str) -> dict[str, object]:
    """`given` typed as JSON holds it, without what is as it would be anyway.

    UsageError, beginning with `what` (“A project”), names what does not fit.
    """
    try:
        typed = model(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            names = ", ".join(model.model_fields)
            raise UsageError(f"{what} has no field “{name}”. Its fields are: {names}.") from error
        if first["type"] in {"missing", "string_too_short"}:
            raise UsageError(f"{what}'s {name.replace('_', ' ')} is missing.") from error
        raise UsageError(f"{what}'s {name} does not fit: {first['msg']}.") from error
    return typed.model_dump(mode="json", exclude_defaults=True)
