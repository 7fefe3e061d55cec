"""The nouns of the knowledge base, as frozen records that every room shares.

Standard library only. Nothing here reads, writes, fetches or computes beyond what a record
can say of itself.
"""

from kb.records.events import *  # noqa: F403
from kb.records.exchange import *  # noqa: F403
from kb.records.findings import *  # noqa: F403
from kb.records.library import *  # noqa: F403
from kb.records.members import *  # noqa: F403
from kb.records.planning import *  # noqa: F403
