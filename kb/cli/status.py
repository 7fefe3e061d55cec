"""`kb status`: the library in figures."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from kb.config import Config
from kb.knowledge_base import KnowledgeBase


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_obj
def status(config: Config, as_json: bool) -> None:
    """Say what the library holds and what is left to do."""
    with KnowledgeBase(config) as kb:
        now = kb.status()
    if as_json:
        click.echo(json.dumps(asdict(now), indent=2))
        return
    rows = {
        "library": now.path,
        "documents": f"{now.documents:,} ({now.versions:,} versions, {now.removed:,} removed)",
        "passages": f"{now.passages:,} ({now.unembedded:,} not embedded)",
        "queued": f"{now.queued:,}" + ("  → kb ingest --retry" if now.queued else ""),
        "failed": f"{now.failed:,}" + ("  → kb ingest --failures" if now.failed else ""),
        "model": now.model,
        "index": f"generation {now.index_generation:,}, "
        + ("current" if now.index_current else "catches up at the next search"),
        "size": f"database {size(now.database_bytes)}, files {size(now.raw_bytes)}, "
        f"index {size(now.index_bytes)}",
    }
    for name, value in rows.items():
        click.echo(f"{click.style(f'{name:>10}', dim=True)}  {value}")


def size(count: int) -> str:
    """Bytes for people: 1,234 → 1.2 kB."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError
