"""`kb model …`: the encoder, made ready before it is needed."""

from __future__ import annotations

import click

from kb.cli.show import say
from kb.config import Config


@click.group()
def model() -> None:
    """Make the encoder ready, and say which one is used."""


@model.command()
@click.argument("name", required=False)
@click.pass_obj
def prepare(config: Config, name: str | None) -> None:
    """Export the model NAME (default: the configured one) to ONNX, once, and check it."""
    from kb.search.models import load_embedder

    embedder = load_embedder(config, name or config.model, say=say)
    click.echo(
        f"{embedder.name} is ready: revision {embedder.revision}, {embedder.dimension} numbers a "
        f"vector, {embedder.max_tokens} tokens a text."
    )
