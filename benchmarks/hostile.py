"""Broken, encrypted, fuzzed and odd PDFs through the worker processes: none may hang or kill a run.

    python -m benchmarks.hostile [FOLDER] [--workers N] [--seconds S] [--memory BYTES] [--each]

Prints how they ended, with the reasons counted, the slowest, and the most memory a worker used.
"""

from __future__ import annotations

import argparse
import re
import resource
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ingest.from_pdf import Pdf
from ingest.parser_pool import ParserPool
from ingest.source import Raw
from kb.records import Parsed
from tests.conftest import shared_folder


def read_pdf(raw: Raw) -> Parsed:
    """What the workers run: they need no other source."""
    return Pdf().parse(raw)


def raws(files: list[Path]) -> Iterator[Raw]:
    for file in files:
        yield Raw(str(file), "pdf", "", "", "application/pdf", file.read_bytes())


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--memory", type=int, default=1024**3)
    parser.add_argument("--each", action="store_true", help="print every file's end")
    arguments = parser.parse_args()
    folder = arguments.folder
    if folder is None:
        shared = shared_folder()
        if shared is None:
            parser.error("the shared data folder is not here: name a folder of PDFs")
        folder = shared / "hostile" / "pdf"
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".pdf")
    ends: Counter[str] = Counter()
    pages = 0
    gaps: list[tuple[float, str]] = []
    # read by reference: run as a script, this module is `__main__`, which no worker can import
    from benchmarks.hostile import read_pdf as read

    started = last = time.perf_counter()
    with ParserPool(arguments.workers, arguments.seconds, arguments.memory, read=read) as pool:
        for raw, result in pool.map(raws(files)):
            now = time.perf_counter()
            gaps.append((now - last, raw.locator))
            last = now
            if isinstance(result, Parsed):
                pages += len(result.pages)
                ends["text"] += 1
            else:
                ends[
                    re.sub(
                        r"its (only page|\d+ pages) (shows?|is a picture|are pictures)",
                        "its pages …",
                        result.reason,
                    )
                ] += 1
            if arguments.each:
                how = f"{len(result.text)} characters" if isinstance(result, Parsed) else result
                print(f"{Path(raw.locator).relative_to(folder)}: {how}")
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"| files | {len(files)} |\n|---|---|")
    print(f"| ended, one way or the other | {sum(ends.values())} |")
    print(f"| pages read | {pages} |")
    print(f"| seconds | {seconds:.1f} |")
    slowest, where = max(gaps)
    print(f"| longest wait for a result | {slowest:.1f} s ({Path(where).name}) |")
    print(f"| most memory of a worker | {peak:.0f} MiB, of {arguments.memory / 1024**2:.0f} |")
    print("\n| how they ended | files |\n|---|---|")
    for reason, count in ends.most_common():
        print(f"| {reason} | {count} |")


if __name__ == "__main__":
    main()
