"""Whether a library is sound: every check a sentence, and what to do where it is not.

It looks and never mends. What a check means for search or for a quote is those rooms' business.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kb.errors import KbError
from kb.records import Status

if TYPE_CHECKING:
    from kb.knowledge_base import KnowledgeBase

State = Literal["good", "note", "bad"]

SAMPLE = 50  # raw files that are read whole unless all are asked for: seconds, at 2 MB each
ROOM = 1 << 30  # bytes free on the disk below which a larger ingest may fail
LONG_LOG = 256 << 20  # bytes of SQLite's log from which something keeps it from being taken in
LEFTOVER = 3600.0  # seconds after which a temporary file is nobody's unfinished work


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, and what was found."""

    name: str
    state: State
    found: str
    remedy: str = ""  # what to do about it


def figures(now: Status) -> dict[str, str]:
    """The library in figures by name, for people; what is left to do with the command for it."""
    return {
        "library": now.path,
        "documents": f"{now.documents:,} ({now.versions:,} versions, {now.removed:,} removed)",
        "passages": f"{now.passages:,} ({now.unembedded:,} not embedded)",
        "queued": f"{now.queued:,}" + ("  → kb ingest --retry" if now.queued else ""),
        "failed": f"{now.failed:,}" + ("  → kb ingest --failures" if now.failed else ""),
        "model": now.model,
        "index": f"generation {now.index_generation:,}, "
        + ("current" if now.index_current else "catches up at the next search"),
        "size": f"database {_size(now.database_bytes)}, files {_size(now.raw_bytes)}, "
        f"index {_size(now.index_bytes)}",
    }


def _size(count: int) -> str:
    """Bytes for people: 1,234 → 1.2 kB."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError


def checks(kb: KnowledgeBase, *, thorough: bool = False) -> Iterator[Check]:
    """Every check in turn, the most basic first. `thorough` reads every raw file whole."""
    yield _database(kb)
    yield _references(kb)
    yield _words(kb)
    yield _raw_files(kb, thorough=thorough)
    yield _quotes(kb)
    yield _vectors(kb)
    yield _index(kb)
    yield _model(kb)
    yield _queue(kb)
    yield _leftovers(kb.config.library)
    yield _log(kb.store.file)
    yield _disk(kb.config.library)


def _database(kb: KnowledgeBase) -> Check:
    damage = kb.store.integrity.damage()
    if damage:
        return Check("database", "bad", damage[0], "Restore kb.sqlite from a backup.")
    return Check("database", "good", "sound, by SQLite's own check")


def _references(kb: KnowledgeBase) -> Check:
    loose = kb.store.integrity.loose_ends()
    if loose:
        return Check("references", "bad", "; ".join(loose), "Restore kb.sqlite from a backup.")
    return Check("references", "good", "every row refers to one that is there")


def _words(kb: KnowledgeBase) -> Check:
    missing = kb.store.integrity.unlisted_words()
    if missing:
        return Check("words", "bad", f"{missing:,} passages differ from the full-text index",
                     "kb reindex")  # fmt: skip
    return Check("words", "good", "the full-text index has every passage")


def _raw_files(kb: KnowledgeBase, *, thorough: bool) -> Check:
    needed = kb.store.integrity.raw_files()
    gone = [sha for sha in needed if not kb.store.raw_files.path(sha).is_file()]
    if gone:
        keys = ", ".join(sorted({needed[sha] for sha in gone})[:3])
        return Check("sources", "bad", f"{len(gone)} of {len(needed)} are missing, as of {keys}",
                     "Restore the folder raw from a backup, or kb ingest --refresh.")  # fmt: skip
    some = list(needed) if thorough else random.sample(list(needed), min(SAMPLE, len(needed)))
    damaged = [sha for sha in some if _sha256(kb.store.raw_files.path(sha)) != sha]
    if damaged:
        return Check("sources", "bad", f"{len(damaged)} are damaged, as of {needed[damaged[0]]}",
                     "Restore the folder raw from a backup.")  # fmt: skip
    read = "all were read" if len(some) == len(needed) else f"{len(some)} were read"
    return Check("sources", "good", f"{len(needed):,} files are there; {read} and are unchanged")


def _quotes(kb: KnowledgeBase) -> Check:
    verdicts = kb.workbench.verify()
    fallen = [each for each in verdicts if not each.stands]
    stale = [each for each in verdicts if each.stands and each.newest in {"changed", "gone"}]
    if fallen:
        return Check("quotes", "bad", f"{len(fallen)} of {len(verdicts)} cannot be read again",
                     "kb verify says which.")  # fmt: skip
    if stale:
        return Check("quotes", "note", f"all {len(verdicts)} stand; {len(stale)} say something "
                     "else in a newer version", "kb verify says which.")  # fmt: skip
    return Check("quotes", "good", f"all {len(verdicts)} stand")


def _vectors(kb: KnowledgeBase) -> Check:
    left = kb.status().unembedded
    if left:
        return Check("vectors", "note", f"{left:,} passages are found by their words alone",
                     "The next kb ingest embeds them; so does kb reindex.")  # fmt: skip
    return Check("vectors", "good", "every passage has one")


def _index(kb: KnowledgeBase) -> Check:
    now = kb.status()
    if not now.index_current:
        return Check("index", "note", "its file is behind the vectors",
                     "The next search brings it up to date.")  # fmt: skip
    return Check("index", "good", f"answers for every vector (generation {now.index_generation})")


def _model(kb: KnowledgeBase) -> Check:
    if kb.store.settings.active_model() is None:
        return Check("model", "note", "none yet", "The first kb ingest takes the configured one.")
    try:
        held = kb.embedder()
    except KbError as error:
        return Check("model", "bad", str(error), "kb model says what there is.")
    return Check("model", "good", f"{held.name} loads, as it was when the library was indexed")


def _queue(kb: KnowledgeBase) -> Check:
    now = kb.status()
    if now.queued or now.failed:
        return Check("ingest", "note", f"{now.queued} wait, {now.failed} failed",
                     "kb ingest --retry, or kb ingest --failures for the reasons.")  # fmt: skip
    return Check("ingest", "good", "nothing waits and nothing has failed")


def _leftovers(library: Path) -> Check:
    """Temporary files that a crash has left: harmless, and disk."""
    found = [
        file
        for pattern in ("raw/??/.*", "index/*.part")
        for file in library.glob(pattern)
        if file.is_file() and time.time() - file.stat().st_mtime > LEFTOVER
    ]
    if found:
        return Check("leftovers", "note", f"{len(found)} unfinished files, as {found[0]}",
                     "They may be deleted.")  # fmt: skip
    return Check("leftovers", "good", "none")


def _log(database: Path) -> Check:
    log = database.with_name(f"{database.name}-wal")
    size = log.stat().st_size if log.exists() else 0
    if size > LONG_LOG:
        return Check("log", "note", f"SQLite's log has {size >> 20} MB",
                     "Close what keeps the library open; then run any command.")  # fmt: skip
    return Check("log", "good", f"{size >> 10} KB")


def _disk(library: Path) -> Check:
    free = shutil.disk_usage(library).free
    said = f"{free / 1e9:.1f} GB free"
    if free < ROOM:
        return Check("disk", "bad", said, "Make room before the next ingest.")
    return Check("disk", "good", said)


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError:
        return ""
