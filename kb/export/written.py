"""Writing exports: kb replaces the files that it wrote itself, and no others.

It knows which file it wrote with which content. It does not know what is in them.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from kb.errors import UsageError

_SHOWN = 3  # files named in a message; the others are counted


class Written:
    """What was written where, kept in a file of the user's: path → sha256 of the content."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def write(self, files: Mapping[Path, bytes], *, force: bool = False) -> None:
        """Write all files, or none: UsageError where one is there that kb did not write as it is.

        `force` replaces such files too.
        """
        known = self._known()
        if not force:
            _refuse(path for path, content in files.items() if _foreign(path, content, known))
        for path, content in files.items():
            _put(path, content)
            known[str(path)] = _sha256(content)
        self._keep(known)

    def write_folder(
        self, folder: Path, files: Mapping[str, bytes], *, force: bool = False
    ) -> list[Path]:
        """Make `files` what kb has written in `folder`. What others put there stays.

        Files that an earlier export wrote and this one does not are removed, unless somebody has
        changed them: those are returned.
        """
        folder = folder.absolute()
        wanted = {folder / _inside(name): content for name, content in files.items()}
        self.write(wanted, force=force)
        known, left = self._known(), []
        for path in [Path(name) for name in known if Path(name).is_relative_to(folder)]:
            if path in wanted:
                continue
            if _content(path) == known[str(path)]:
                path.unlink()
                _remove_empty(path.parent, folder)
            elif path.exists():
                left.append(path)
            del known[str(path)]
        self._keep(known)
        return left

    def _known(self) -> dict[str, str]:
        with suppress(OSError, ValueError):
            found = json.loads(self._file.read_text(encoding="utf-8"))
            if isinstance(found, dict):
                return {str(path): str(content) for path, content in found.items()}
        return {}

    def _keep(self, known: Mapping[str, str]) -> None:
        still = {path: content for path, content in known.items() if Path(path).exists()}
        _put(self._file, json.dumps(still, indent=1, sort_keys=True).encode())


def _inside(name: str) -> Path:
    """A relative path as this system writes it. Exporters never leave their folder: a bug else."""
    path = PurePosixPath(name)
    assert not path.is_absolute(), name
    assert ".." not in path.parts, name
    return Path(*path.parts)


def _foreign(path: Path, content: bytes, known: Mapping[str, str]) -> bool:
    """Whether something is at `path` that kb did not write, or that was changed since."""
    if not os.path.lexists(path):
        return False
    return _content(path) not in (known.get(str(path)), _sha256(content))


def _refuse(paths: Iterable[Path]) -> None:
    foreign = list(paths)
    if foreign:
        names = ", ".join(str(path) for path in foreign[:_SHOWN])
        more = f" and {len(foreign) - _SHOWN} more" if len(foreign) > _SHOWN else ""
        one = len(foreign) == 1
        raise UsageError(
            f"{names}{more} {'is' if one else 'are'} there already, and kb did not write "
            f"{'it' if one else 'them'} so. Nothing was written. Name another place with --to, or "
            "replace with --force."
        )


def _content(path: Path) -> str:
    """The sha256 of a file's content; "" for what is no file."""
    try:
        return _sha256(path.read_bytes())
    except OSError:
        return ""


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _put(path: Path, content: bytes) -> None:
    """Put the file in place in one step. UsageError where that cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror or error}. Name another place with --to."
        ) from error


def _remove_empty(folder: Path, top: Path) -> None:
    """Remove folders that have become empty, up to `top`, which stays."""
    while folder != top:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
