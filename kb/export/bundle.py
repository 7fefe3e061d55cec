"""A project as one archive that can be checked without kb's library: state, documents, sources.

It knows the archive's layout, its checksums, and what an archive from elsewhere may not be. What is
in the documents is the formats' business.

    project.json           the state, for kb import
    documents/…            the formats
    sources/SHA256.pdf     the bytes of every version that is cited, by their checksum
    README.txt             what this is
    SHA256SUMS             of all of these, as sha256sum -c reads them
"""

from __future__ import annotations

import hashlib
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from kb.errors import UsageError
from kb.export.json_plan import json_plan, quote_problems, read_project

SUMS, PROJECT, README = "SHA256SUMS", "project.json", "README.txt"
MOST_FILES = 100_000
MOST_BYTES = 16 * 1024**3  # of all files unpacked; a library of 5,000 papers has a tenth of it
MOST_JSON = 1024**3  # of project.json, which is held in memory
MOST_DENSE = 100 * 1024**2  # from this size on a file that packs better than DENSITY is a bomb
DENSITY = 200  # deflate reaches 1,032; JSON of our own 10, text 5
_WHEN = (1980, 1, 1, 0, 0, 0)  # of every file: the same content gives the same bytes
_UNSAFE = re.compile(r"[\\:\x00-\x1f\x7f]")
_SOURCE = re.compile(r"sources/([0-9a-f]{64})(?:\.[a-z0-9]{1,8})?")
_SUFFIXES = {
    "application/pdf": ".pdf", "text/html": ".html", "text/markdown": ".md",
    "text/plain": ".txt", "application/json": ".json",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Checked:
    """What checking an archive has found."""

    project: str
    files: int
    quotes: int
    problems: tuple[str, ...]  # sentences; none: all is as it was exported


# -- writing -----------------------------------------------------------------------------------


def write_bundle(
    file: IO[bytes],
    state: Mapping[str, Any],
    documents: Mapping[str, bytes],
    source: Callable[[str], bytes],
) -> None:
    """Write the archive; `source` gives the bytes of a version by its sha256.

    The same project and documents give the same bytes.
    """
    sums: dict[str, str] = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:

        def put(name: str, content: bytes) -> None:
            info = zipfile.ZipInfo(name, _WHEN)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3  # Unix, wherever it is written
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(info, content)
            sums[name] = hashlib.sha256(content).hexdigest()

        put(README, _readme(state).encode())
        put(PROJECT, json_plan(state))
        for name in sorted(documents):
            put(f"documents/{name}", documents[name])
        for sha256, media_type in sorted(cited_versions(state).items()):
            put(f"sources/{sha256}{_SUFFIXES.get(media_type, '')}", source(sha256))
        put(SUMS, "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode())


def cited_versions(state: Mapping[str, Any]) -> dict[str, str]:
    """The sha256 of every version that is cited, and its media type."""
    cited = {(row["document"], row["sha256"]) for row in state["evidence"]}
    return {
        version["sha256"]: version["media_type"]
        for document in state["documents"]
        for version in document["versions"]
        if (document["key"], version["sha256"]) in cited
    }


def _readme(state: Mapping[str, Any]) -> str:
    name = " ".join(str(state["project"]["name"]).split())
    return (
        f"The project “{name}”, as it was exported by kb.\n\n"
        "documents/    what people read: begin with plan.html or plan.md\n"
        "project.json  the whole project: kb import FILE brings it into a library\n"
        "sources/      the works that are cited, each under its SHA-256 checksum\n"
        "SHA256SUMS    checksums of all files: sha256sum -c SHA256SUMS\n\n"
        "kb verify --bundle FILE checks all of this, and that every quote stands in its source.\n"
    )


# -- reading -----------------------------------------------------------------------------------


def looks_like_bundle(head: bytes) -> bool:
    """Whether a file that begins so is an archive."""
    return head.startswith(b"PK\x03\x04")


def check_bundle(file: Path) -> Checked:
    """Compare every file with its checksum, and read every quote in the text that it cites.

    UsageError where the archive is none of kb's, or is made to do harm.
    """
    with _opened(file) as archive:
        sums = _sums(archive)
        problems = list(_sum_problems(archive, sums))
        state = read_project(_content(archive, PROJECT), quotes=False)
        problems += _source_problems(state, sums)
        problems += [f"{why[0].upper()}{why[1:]}." for _, why in quote_problems(state)]
        return Checked(state["project"]["name"], len(sums), len(state["evidence"]), tuple(problems))


def read_bundle(file: Path) -> tuple[dict[str, Any], Iterator[bytes]]:
    """The state in an archive, and the bytes of its sources, read one after the other.

    UsageError where anything is not as it was exported.
    """
    for problem in check_bundle(file).problems:
        raise UsageError(f"{problem} Nothing was imported.")
    with _opened(file) as archive:
        return read_project(_content(archive, PROJECT)), _sources(file)


def _sources(file: Path) -> Iterator[bytes]:
    with _opened(file) as archive:
        for name in archive.namelist():
            if _SOURCE.fullmatch(name):
                yield archive.read(name)


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    """The archive, once it is known to be harmless. Nothing of it is ever unpacked to disk."""
    try:
        with zipfile.ZipFile(file) as archive:
            _refuse_harm(archive.infolist())
            yield archive
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        raise UsageError(f"{file.name} is damaged, or no archive: {error}.") from error
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}.") from error


def _refuse_harm(infos: Sequence[zipfile.ZipInfo]) -> None:
    """UsageError for an archive that kb has not made so, before anything of it is unpacked."""
    why = ""
    names = [info.filename for info in infos]
    if len(infos) > MOST_FILES or sum(info.file_size for info in infos) > MOST_BYTES:
        why = "it unpacks to more than kb takes"
    elif len(set(names)) < len(names):
        why = "two of its files have one name"
    for info in infos:
        if _UNSAFE.search(info.filename) or {"", ".", ".."} & set(info.filename.split("/")):
            why = f"it has a file “{info.filename[:80]}”, which would lie outside of its folder"
        elif stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
            why = f"“{info.filename[:80]}” in it is no plain file"
        elif info.flag_bits & 1:
            why = "it is encrypted"
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            why = "it is packed in another way"
        elif info.file_size > max(MOST_DENSE, DENSITY * info.compress_size):
            why = f"“{info.filename[:80]}” in it unpacks to far more than it is"
    if why:
        raise UsageError(f"This archive is not opened, since {why}. Ask for a new kb bundle.")


def _content(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        info = archive.getinfo(name)
    except KeyError as error:
        raise UsageError(f"This is no bundle of kb: it has no {name}.") from error
    if info.file_size > MOST_JSON:
        raise UsageError(f"{name} in this archive is larger than kb takes.")
    return archive.read(info)


def _sums(archive: zipfile.ZipFile) -> dict[str, str]:
    """The checksums of all files but the list of them, as they are now."""
    found = {}
    for name in archive.namelist():
        if name != SUMS:
            with archive.open(name) as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    return found


def _sum_problems(archive: zipfile.ZipFile, sums: Mapping[str, str]) -> Iterator[str]:
    listed = {}
    for line in _content(archive, SUMS).decode("utf-8", "replace").splitlines():
        checksum, _, name = line.partition("  ")
        listed[name] = checksum
    for name in sorted(listed.keys() - sums.keys()):
        yield f"{name} is missing from the archive."
    for name in sorted(sums.keys() - listed.keys()):
        yield f"{name} was added to the archive."
    for name in sorted(sums.keys() & listed.keys()):
        if sums[name] != listed[name]:
            yield f"{name} was changed: its checksum is wrong."


def _source_problems(state: Mapping[str, Any], sums: Mapping[str, str]) -> Iterator[str]:
    """The cited versions whose bytes are not there, or are not those that were cited."""
    named = {found[1]: name for name in sums if (found := _SOURCE.fullmatch(name))}
    for sha256 in cited_versions(state):
        if sha256 not in named:
            yield f"The source {sha256[:12]}…, which is cited, is not in the archive."
    for sha256, name in named.items():
        if sums[name] != sha256:
            yield f"{name} is not the source that was cited: its checksum is another."
