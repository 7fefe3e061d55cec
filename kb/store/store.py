"""The store: the groups of tables of one library on one connection."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from kb.records import Role
from kb.store.arrival import Arrival
from kb.store.axes import Axes
from kb.store.candidates import Candidates
from kb.store.connection import Connection
from kb.store.decisions import Decisions
from kb.store.documents import Documents
from kb.store.events import Events
from kb.store.exchange import Exchange
from kb.store.experiments import Experiments
from kb.store.factor_ratings import FactorRatings
from kb.store.findings import Findings
from kb.store.fits import Fits
from kb.store.integrity import Integrity
from kb.store.locators import Locators
from kb.store.members import Members
from kb.store.passages import Passages
from kb.store.projects import Projects
from kb.store.raw_files import RawFiles
from kb.store.saved_searches import SavedSearches
from kb.store.settings import Settings
from kb.store.suggestions import Suggestions
from kb.store.trials import Trials
from kb.store.vectors import Vectors
from kb.store.visits import Visits


class Store:
    """One library, opened by one thread. A second thread or process opens its own."""

    def __init__(self, library: Path, *, member: str = "me", role: Role = "admin") -> None:
        """Open the library in the folder `library`, creating it where there is none.

        What `member` does is noted under that name, and bounded by `role`: a reader's connection
        refuses every write.
        """
        self.library = library
        self.file = library / "kb.sqlite"
        only_read = f"“{member}” may only read here: ask an admin." if role == "reader" else ""
        self._connection = Connection(self.file, only_read=only_read)
        self.raw_files = RawFiles(library / "raw")
        self.settings = Settings(self._connection)
        self.integrity = Integrity(self._connection)
        self.events = Events(self._connection, member, role)
        self.visits = Visits(self._connection)
        self.saved_searches = SavedSearches(self._connection, self.events)
        self.members = Members(self._connection, self.events)
        self.documents = Documents(self._connection, self.events)
        self.passages = Passages(self._connection)
        self.vectors = Vectors(self._connection)
        self.locators = Locators(self._connection, member)
        self.projects = Projects(self._connection, self.events, self.documents)
        self.findings = Findings(self._connection, self.events, self.documents)
        self.axes = Axes(self._connection, self.events)
        self.suggestions = Suggestions(self._connection, self.events, self.documents)
        told = (self._connection, self.events, self.findings, self.projects)
        self.candidates = Candidates(*told)
        self.experiments = Experiments(*told)
        self.factor_ratings = FactorRatings(*told)
        self.fits = Fits(*told)
        self.decisions = Decisions(*told)
        self.trials = Trials(self._connection, self.events, self.projects)
        self.exchange = Exchange(self._connection)
        self.arrival = Arrival(self._connection, self.events)

    def transaction(self) -> AbstractContextManager[None]:
        """Everything inside is written, or nothing."""
        return self._connection.transaction()

    def close(self) -> None:
        """Close the connection; the store cannot be used afterwards."""
        self._connection.raw.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
