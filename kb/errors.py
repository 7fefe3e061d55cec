"""The tree of things a user can act on.

    KbError
    ├── UsageError          what was asked cannot be understood: say it differently
    ├── NotFound            no such document, page, model: the message lists what exists
    ├── Conflict            somebody else has changed it meanwhile: the message says who and what
    ├── Forbidden           the member's role does not allow it, or the library may only be read
    ├── LibraryError        the library cannot be opened, or is newer than this program
    ├── ModelError          the encoder cannot be found, checked, exported or loaded
    └── IngestFailure       one locator could not be taken in, with its stage and whether to retry
        ├── FetchFailure    stage "fetch"
        └── ParseFailure    stage "parse"

Every message is a sentence that says what to do next. Anything else that is raised is a bug and
keeps its traceback.
"""

from __future__ import annotations

from typing import ClassVar

from kb.records import Stage

__all__ = [
    "Conflict",
    "FetchFailure",
    "Forbidden",
    "IngestFailure",
    "KbError",
    "LibraryError",
    "ModelError",
    "NotFound",
    "ParseFailure",
    "UsageError",
]


class KbError(Exception):
    """Base of everything a user can act on. `str(error)` is the sentence to show."""


class UsageError(KbError):
    """What was asked cannot be understood or is out of range."""


class NotFound(KbError):
    """A key, page or model does not exist; the message lists near or existing ones."""


class Conflict(KbError):
    """What was to be changed has been changed by somebody else since it was read."""


class Forbidden(KbError):
    """The member may not do this: the message says who may."""


class LibraryError(KbError):
    """The library folder or its database cannot be used."""


class ModelError(KbError):
    """An encoder cannot be found, verified, exported or loaded."""


class IngestFailure(KbError):
    """One locator could not be taken in. It ends as a row, and never stops the others."""

    stage: ClassVar[Stage] = "fetch"

    def __init__(self, reason: str, *, retry: bool = False) -> None:
        """`reason` is a sentence; `retry` is true where the same call may succeed later."""
        super().__init__(reason)
        self.reason = reason
        self.retry = retry


class FetchFailure(IngestFailure):
    """The bytes could not be had."""

    stage = "fetch"


class ParseFailure(IngestFailure):
    """The bytes are there and no text could be read from them."""

    stage = "parse"
