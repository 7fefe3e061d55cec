"""Options that many commands take, and what is typed for them. Knows no command."""

from __future__ import annotations

from typing import Any

import click

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def parse_settings(settings: tuple[str, ...]) -> dict[str, Any]:
    """`FIELD=VALUE` pairs as a dict; an empty value is None."""
    given: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name.strip():
            raise click.UsageError(f"“{setting}” is not FIELD=VALUE.")
        given[name.strip()] = value.strip() or None
    return given
