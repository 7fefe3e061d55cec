"""The system of record: SQLite for everything but raw bytes, which lie beside it by sha256.

The only SQL of the project is in this folder, one module for each group of tables.
"""

from kb.store.store import Store

__all__ = ["Store"]
