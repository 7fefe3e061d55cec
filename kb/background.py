"""Ingest in a process of its own, started by the page and outliving the session that started it.

It knows processes, their logs, and which files may be handed to them. It does not know what an
ingest does: the process reports through the store, and this module never opens that.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kb.config import Config
from kb.errors import UsageError

UPLOAD_SUFFIXES = (".pdf", ".md", ".txt", ".html", ".htm", ".bib", ".ris", ".json")
LOGS_KEPT = 20  # older ones are deleted when an ingest starts
CLOCK_SLACK = 60.0
"""Seconds by which the system's boot time and the clock may disagree, see `is_alive`."""

_LOCATOR = re.compile(
    r"https?://\S+"
    r"|(arxiv:\s*)?(\d{4}\.\d{4,5}|[a-z-]+(\.[a-z]{2})?/\d{7})(v\d+)?"
    r"|(doi:\s*)?10\.\d{4,9}/\S+"
    r"|feed:\s*https?://\S+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Job:
    """An ingest process that was started here, as its log file tells."""

    pid: int
    started_at: str  # ISO 8601, UTC
    alive: bool
    log: Path

    @property
    def last_words(self) -> str:
        """The last line it wrote, without the program's name; "" where it wrote none."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1].removeprefix("kb: ") if lines else ""


def start_ingest(
    config: Config,
    locators: Sequence[str] = (),
    *,
    project: str | None = None,
    retry: bool = False,
    sample: bool = False,
) -> Job:
    """Start `kb ingest` for `locators` and return at once.

    The same call again while the first is still at work gives that one back: a double click does
    no double work. Raises UsageError where nothing is named, and for a retry while any ingest of
    this library runs, since it would take up what that one has queued.
    """
    if not (locators or retry or sample):
        raise UsageError("Name something to take in: an arXiv id, an address or a file.")
    arguments = ["ingest", *(["--retry"] if retry else []), *(["--sample"] if sample else [])]
    arguments += ["--from", "-"] if locators else []
    arguments += ["--project", project] if project else []
    digest = hashlib.sha256("\0".join([*arguments, *sorted(locators)]).encode()).hexdigest()[:12]
    with _starting:
        for job in jobs(config.library):
            if job.alive and digest in job.log.name:
                return job
            if job.alive and retry:
                raise UsageError("An ingest is at work. Retry when it has finished.")
        return _start(config, arguments, "\n".join(locators), digest)


_starting = threading.Lock()  # two sessions of one server


def _start(config: Config, arguments: list[str], text: str, digest: str) -> Job:
    folder = config.library / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    for old in sorted(folder.glob("ingest-*.log"))[: -LOGS_KEPT or None]:
        old.unlink(missing_ok=True)
    started = datetime.now(UTC)
    log = folder / f"ingest-{started:%Y%m%dT%H%M%S.%f}-{digest}.log"
    command = [sys.executable, "-m", "kb.cli.main", "--library", str(config.library)]
    command += ["--member", config.member, *arguments]
    with log.open("wb") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,  # an arXiv id is never mistaken for a file that happens to lie here
            start_new_session=True,  # Ctrl-C on the page's terminal is not meant for it
        )
    named = log.with_name(f"{log.stem}-{child.pid}.log")
    log.rename(named)
    threading.Thread(target=child.communicate, args=(text.encode(),), daemon=True).start()
    return Job(child.pid, started.isoformat(), True, named)


def jobs(library: Path) -> list[Job]:
    """The ingests that were started here, newest first; those of earlier servers too."""
    found = []
    for log in sorted((library / "logs").glob("ingest-*.log"), reverse=True):
        parts = re.fullmatch(r"ingest-([\dT.]+)-[0-9a-f]{12}-(\d+)", log.stem)
        if parts:
            started = datetime.strptime(parts[1], "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)
            at, pid = started.isoformat(), int(parts[2])
            found.append(Job(pid, at, is_alive(pid, at), log))
    return found


def is_alive(pid: int, since: str) -> bool:
    """Whether the process that had `pid` at the time `since` (ISO 8601) still runs.

    A number that was given to a younger process does not count, where the system tells its age
    (Linux); nor does one that has ended and waits to be collected.
    """
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's, and therefore there
        pass
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        up = float(Path("/proc/uptime").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return True
    began = time.time() - up + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return fields[0] not in "ZX" and began <= datetime.fromisoformat(since).timestamp() + (
        CLOCK_SLACK
    )


# -- what may be handed over ---------------------------------------------------------------------


def read_locators(text: str) -> list[str]:
    """The arXiv ids and addresses in `text`, one a line; blank lines and # comments left out.

    Raises UsageError naming the first line that is neither. Paths are refused: whoever opens the
    page may add what is public, and need not be allowed to read this machine's files.
    """
    lines = [re.split(r"(?:^|\s)#", line)[0].strip() for line in text.splitlines()]
    found = list(dict.fromkeys(line for line in lines if line))
    for line in found:
        if not _LOCATOR.fullmatch(line):
            raise UsageError(
                f"“{line[:80]}” is neither an arXiv id (1706.03762) nor an address "
                "(https://…). Write one a line; files are uploaded below."
            )
    return found


def save_upload(config: Config, name: str, content: bytes) -> Path:
    """Keep an uploaded file in the library's `uploads` folder and return where.

    The name is made harmless and carries a hash of the content. Raises UsageError where the file
    is too large, or is not what its name says.
    """
    path = Path(name.replace("\\", "/").rpartition("/")[2])
    suffix = path.suffix.lower()
    if suffix not in UPLOAD_SUFFIXES:
        raise UsageError(f"“{name[:80]}” is of no kind known here: {', '.join(UPLOAD_SUFFIXES)}.")
    if len(content) > config.fetch_bytes:
        limit = config.fetch_bytes // 1024**2
        raise UsageError(f"“{name[:80]}” is larger than {limit} MB (set fetch_bytes to allow it).")
    if not content.strip():
        raise UsageError(f"“{name[:80]}” is empty.")
    if not _is_what_it_says(suffix, content):
        raise UsageError(f"“{name[:80]}” is not a {suffix} file inside. Check it, or rename it.")
    digest = hashlib.sha256(content).hexdigest()[:8]
    target = config.library / "uploads" / f"{_harmless_name(path.stem)}-{digest}{suffix}"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return target


def _harmless_name(stem: str) -> str:
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:60] or "upload"


def _is_what_it_says(suffix: str, content: bytes) -> bool:
    pdf = b"%PDF-" in content[:1024]
    if suffix == ".pdf":
        return pdf
    sample = content[:4096]
    if pdf or (b"\0" in sample and not sample.startswith((b"\xff\xfe", b"\xfe\xff"))):
        return False
    if suffix in {".html", ".htm"}:
        return b"<" in sample.replace(b"\0", b"")
    if suffix == ".bib":
        return b"@" in content
    if suffix == ".ris":
        return re.search(rb"^\s*(?:\xef\xbb\xbf)?TY  ?-", content, re.MULTILINE) is not None
    return suffix != ".json" or _is_csl(content)


def _is_csl(content: bytes) -> bool:
    """Whether JSON may be a bibliography: a list of objects with a type."""
    try:
        items = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return False
    return isinstance(items, list) and any(isinstance(i, dict) and "type" in i for i in items)
