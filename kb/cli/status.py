"""`kb status`: the library in figures."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from kb.cli.options import as_json_option
from kb.config import Config
from kb.health import figures
from kb.knowledge_base import KnowledgeBase


@click.command()
@as_json_option
@click.pass_obj
def status(config: Config, as_json: bool) -> None:
    """Say what the library holds and what is left to do."""
    with KnowledgeBase(config) as kb:
        now = kb.status()
    if as_json:
        click.echo(json.dumps(asdict(now), indent=2))
        return
    for name, value in figures(now).items():
        click.echo(f"{click.style(f'{name:>10}', dim=True)}  {value}")
