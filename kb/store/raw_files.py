"""The fetched bytes, each under the name of its sha256. A file never changes or moves."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from kb.errors import LibraryError


class RawFiles:
    """A folder of files by content: `raw/ab/abcdef…`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: bytes) -> str:
        """Keep `content` and return its sha256. Durable when it returns; doing it twice is free."""
        name = hashlib.sha256(content).hexdigest()
        path = self.path(name)
        if path.exists() and path.stat().st_size == len(content):
            return name
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return name

    def get(self, sha256: str) -> bytes:
        """The bytes kept under `sha256`; LibraryError where they are gone or changed."""
        try:
            content = self.path(sha256).read_bytes()
        except OSError as error:
            raise LibraryError(
                f"The stored file {sha256[:12]}… is missing from {self.folder}. Restore it from a "
                "backup, or take the document in again with kb ingest --refresh."
            ) from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise LibraryError(
                f"The stored file {sha256[:12]}… in {self.folder} is damaged. Restore it from a "
                "backup, or delete it and take the document in again with kb ingest --refresh."
            )
        return content

    def path(self, sha256: str) -> Path:
        """Where the file of that sha256 lies or would lie."""
        return self.folder / sha256[:2] / sha256

    def total_bytes(self) -> int:
        """The size of all files together."""
        return sum(p.stat().st_size for p in self.folder.glob("??/*") if p.is_file())
