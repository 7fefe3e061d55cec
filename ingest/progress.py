"""How an ingest looks while it runs: a bar with rate and what is being done, on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kb.cli.show import harmless

if TYPE_CHECKING:
    from ingest.pipeline import Progress


@contextmanager
def progress_bar() -> Iterator[Callable[[Progress], None]]:
    """A function that draws a Progress; nothing is drawn where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    bar = Bar(
        TextColumn("{task.fields[what]}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[doing]}", markup=True),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    documents = bar.add_task("", total=None, what="documents", rate="", doing="")
    passages = bar.add_task("", total=None, what="passages ", rate="", doing="")

    def show(now: Progress) -> None:
        bar.update(
            documents,
            completed=now.done,
            total=now.total or None,
            rate=_rate(bar.tasks[documents].elapsed, now.done, "min", 60),
            doing=harmless(now.doing)[:60].replace("[", "("),
        )
        bar.update(
            passages,
            completed=now.embedded,
            total=max(now.written, now.embedded) or None,
            rate=_rate(bar.tasks[passages].elapsed, now.embedded, "s", 1),
        )

    with bar:
        yield show


def _rate(elapsed: float | None, count: int, unit: str, seconds: int) -> str:
    return f"{count / elapsed * seconds:.0f}/{unit}" if elapsed and count else ""
